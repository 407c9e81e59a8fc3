module github.com/mongo-monorail/monorail/cmd/monorail

go 1.26
