module github.com/mongo-monorail/monorail/monorailtest

go 1.26
