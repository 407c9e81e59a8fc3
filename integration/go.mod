module github.com/mongo-monorail/monorail/integration

go 1.26
