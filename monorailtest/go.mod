module github.com/mongo-monorail/monorail/monorailtest

go 1.26

require (
	// The names of BSON types that $type knows, and the marker of a field that is missing.
	github.com/256dpi/lungo v0.4.0
	// Regular expressions of PCRE, which RE2 lacks: back references, look-around.
	github.com/dlclark/regexp2 v1.12.0
	// OP_COMPRESSED: snappy and zstd, which the standard library lacks.
	github.com/klauspost/compress v1.20.3
	// Ordered indexes with lookups in logarithmic time.
	github.com/tidwall/btree v1.8.2
	// Authentication: the server's side of SCRAM, from the library whose client the driver has.
	github.com/xdg-go/scram v1.4.0
	// BSON; version 1, whose types lungo's are.
	go.mongodb.org/mongo-driver v1.17.9
	// Tests only: the driver that the server is tested with.
	go.mongodb.org/mongo-driver/v2 v2.10.0
	// Package delay: a timer finer than the millisecond that the runtime sleeps in.
	golang.org/x/sys v0.47.0
	// Collations: the weights of characters in the languages, which the standard library lacks.
	golang.org/x/text v0.41.0
)

require (
	github.com/shopspring/decimal v1.4.0 // indirect
	github.com/xdg-go/stringprep v1.0.4 // indirect
	github.com/youmark/pkcs8 v0.0.0-20240726163527-a2c0da244d78 // indirect
	golang.org/x/crypto v0.54.0 // indirect
	golang.org/x/sync v0.22.0 // indirect
)
