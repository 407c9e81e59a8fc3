module github.com/mongo-monorail/monorail/integration

go 1.26

require (
	github.com/mongo-monorail/monorail v0.0.0
	github.com/mongo-monorail/monorail/monorailtest v0.0.0
	go.mongodb.org/mongo-driver/v2 v2.10.0
	pgregory.net/rapid v1.3.0 // random programs for the model of the contract, made small when they fail
)

require (
	github.com/256dpi/lungo v0.4.0 // indirect
	github.com/dlclark/regexp2 v1.12.0 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/shopspring/decimal v1.4.0 // indirect
	github.com/tidwall/btree v1.8.2 // indirect
	github.com/xdg-go/scram v1.4.0 // indirect
	github.com/xdg-go/stringprep v1.0.4 // indirect
	github.com/youmark/pkcs8 v0.0.0-20240726163527-a2c0da244d78 // indirect
	go.mongodb.org/mongo-driver v1.17.9 // indirect
	golang.org/x/crypto v0.54.0 // indirect
	golang.org/x/sync v0.22.0 // indirect
	golang.org/x/text v0.41.0 // indirect
)

replace (
	github.com/mongo-monorail/monorail => ../
	github.com/mongo-monorail/monorail/monorailtest => ../monorailtest
)
