module github.com/mongo-monorail/monorail

go 1.26
