// Package snapshot keeps what a server holds in one file.
//
// A file is a header of 32 bytes (magic, version, length, checksum) and a series of BSON documents: the server with its
// users, then each collection with its options and indexes, its documents behind it as they are, and an end. It is written
// beside the old one, and put in its place when the disk has it. It is read whole, or not at all.
package snapshot
