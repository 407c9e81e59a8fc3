"""Aggregation: stages, accumulators, expressions, cursors and errors."""

import datetime

from pymongo.errors import OperationFailure

from checks import check, equal, raises, true


def sales(db):
    db.sales.insert_many([
        {"_id": 1, "item": "a", "price": 10, "quantity": 2, "at": datetime.datetime(2020, 1, 1), "tags": ["x", "y"]},
        {"_id": 2, "item": "b", "price": 20, "quantity": 1, "at": datetime.datetime(2020, 1, 2), "tags": ["y"]},
        {"_id": 3, "item": "a", "price": 10, "quantity": 5, "at": datetime.datetime(2020, 2, 1), "tags": []},
        {"_id": 4, "item": "c", "price": 5, "quantity": 10, "at": datetime.datetime(2020, 2, 3)},
    ])
    return db.sales


@check
def group(server, db):
    found = list(sales(db).aggregate([
        {"$match": {"price": {"$gte": 10}}},
        {"$group": {"_id": "$item", "total": {"$sum": {"$multiply": ["$price", "$quantity"]}}, "n": {"$sum": 1},
                    "average": {"$avg": "$quantity"}, "most": {"$max": "$quantity"}, "ids": {"$push": "$_id"}}},
        {"$sort": {"_id": 1}},
    ]))
    equal(found, [
        {"_id": "a", "total": 70, "n": 2, "average": 3.5, "most": 5, "ids": [1, 3]},
        {"_id": "b", "total": 20, "n": 1, "average": 1.0, "most": 1, "ids": [2]},
    ])


@check
def reshape(server, db):
    found = list(sales(db).aggregate([
        {"$sort": {"_id": 1}}, {"$skip": 1}, {"$limit": 2},
        {"$project": {"item": {"$toUpper": "$item"}, "month": {"$month": "$at"}, "cheap": {"$cond": [{"$lt": ["$price", 15]}, "yes", "no"]}}},
        {"$addFields": {"label": {"$concat": ["$item", "-", "$cheap"]}}}, {"$unset": "cheap"},
    ]))
    equal(found, [{"_id": 2, "item": "B", "month": 1, "label": "B-no"}, {"_id": 3, "item": "A", "month": 2, "label": "A-yes"}])


@check
def unwind(server, db):
    found = list(sales(db).aggregate([{"$unwind": "$tags"}, {"$sortByCount": "$tags"}]))
    equal(found, [{"_id": "y", "count": 2}, {"_id": "x", "count": 1}])
    found = list(db.sales.aggregate([{"$unwind": {"path": "$tags", "includeArrayIndex": "i", "preserveNullAndEmptyArrays": True}}, {"$sort": {"_id": 1, "i": 1}}, {"$project": {"i": 1}}]))
    equal(found, [{"_id": 1, "i": 0}, {"_id": 1, "i": 1}, {"_id": 2, "i": 0}, {"_id": 3, "i": None}, {"_id": 4, "i": None}])


@check
def lookup(server, db):
    sales(db)
    db.items.insert_many([{"_id": "a", "name": "apple"}, {"_id": "b", "name": "pear"}])
    found = list(db.sales.aggregate([
        {"$lookup": {"from": "items", "localField": "item", "foreignField": "_id", "as": "it"}},
        {"$sort": {"_id": 1}}, {"$project": {"names": "$it.name"}},
    ]))
    equal(found, [{"_id": 1, "names": ["apple"]}, {"_id": 2, "names": ["pear"]}, {"_id": 3, "names": ["apple"]}, {"_id": 4, "names": []}])
    found = list(db.items.aggregate([
        {"$lookup": {"from": "sales", "let": {"item": "$_id"}, "as": "n", "pipeline": [
            {"$match": {"$expr": {"$eq": ["$item", "$$item"]}}}, {"$count": "n"}]}},
        {"$sort": {"_id": 1}}, {"$replaceRoot": {"newRoot": {"$mergeObjects": ["$$ROOT", {"$arrayElemAt": ["$n", 0]}]}}},
    ]))
    equal(found, [{"_id": "a", "name": "apple", "n": 2}, {"_id": "b", "name": "pear", "n": 1}])


@check
def facet_and_bucket(server, db):
    found = list(sales(db).aggregate([{"$facet": {
        "count": [{"$count": "n"}],
        "buckets": [{"$bucket": {"groupBy": "$price", "boundaries": [0, 10, 20], "default": "more", "output": {"n": {"$sum": 1}}}}],
        "first": [{"$sort": {"_id": 1}}, {"$limit": 1}, {"$project": {"item": 1}}],
    }}]))
    equal(found, [{
        "count": [{"n": 4}],
        "buckets": [{"_id": 0, "n": 1}, {"_id": 10, "n": 2}, {"_id": "more", "n": 1}],
        "first": [{"_id": 1, "item": "a"}],
    }])


@check
def graph_lookup(server, db):
    db.people.insert_many([{"_id": 1, "name": "a"}, {"_id": 2, "name": "b", "boss": 1}, {"_id": 3, "name": "c", "boss": 2}])
    found = list(db.people.aggregate([
        {"$match": {"_id": 3}},
        {"$graphLookup": {"from": "people", "startWith": "$boss", "connectFromField": "boss", "connectToField": "_id", "as": "bosses", "depthField": "d"}},
        {"$unwind": "$bosses"}, {"$sort": {"bosses.d": 1}}, {"$replaceRoot": {"newRoot": "$bosses"}},
    ]))
    equal(found, [{"_id": 2, "name": "b", "boss": 1, "d": 0}, {"_id": 1, "name": "a", "d": 1}])


@check
def out_and_merge(server, db):
    sales(db)
    equal(list(db.sales.aggregate([{"$match": {"item": "a"}}, {"$out": "copy"}])), [])
    equal(db.copy.count_documents({}), 2)
    db.totals.insert_one({"_id": "a", "old": 1})
    list(db.sales.aggregate([{"$group": {"_id": "$item", "n": {"$sum": "$quantity"}}}, {"$merge": {"into": "totals", "whenMatched": "merge"}}]))
    equal(list(db.totals.find(sort=[("_id", 1)])), [{"_id": "a", "old": 1, "n": 7}, {"_id": "b", "n": 1}, {"_id": "c", "n": 10}])


@check
def union_and_sample(server, db):
    sales(db)
    db.more.insert_one({"_id": 9})
    found = list(db.sales.aggregate([{"$unionWith": "more"}, {"$sort": {"_id": -1}}, {"$limit": 2}, {"$project": {"_id": 1}}]))
    equal(found, [{"_id": 9}, {"_id": 4}])
    equal(len(list(db.sales.aggregate([{"$sample": {"size": 2}}]))), 2)


@check
def arrays_and_objects(server, db):
    db.c.insert_one({"_id": 1, "a": [3, 1, 2], "o": {"x": 1, "y": 2}})
    found = db.c.aggregate([{"$project": {
        "_id": 0,
        "doubled": {"$map": {"input": "$a", "as": "e", "in": {"$multiply": ["$$e", 2]}}},
        "large": {"$filter": {"input": "$a", "as": "e", "cond": {"$gt": ["$$e", 1]}}},
        "sum": {"$reduce": {"input": "$a", "initialValue": 0, "in": {"$add": ["$$value", "$$this"]}}},
        "pairs": {"$objectToArray": "$o"},
        "first": {"$first": "$a"},
        "has": {"$in": [2, "$a"]},
        "sliced": {"$slice": ["$a", -2]},
    }}]).next()
    equal(found, {"doubled": [6, 2, 4], "large": [3, 2], "sum": 6, "pairs": [{"k": "x", "v": 1}, {"k": "y", "v": 2}], "first": 3, "has": True, "sliced": [1, 2]})


@check
def dates_and_strings(server, db):
    db.c.insert_one({"_id": 1, "at": datetime.datetime(2021, 3, 4, 5, 6, 7), "s": "a,b,c", "n": "42"})
    found = db.c.aggregate([{"$project": {
        "_id": 0,
        "day": {"$dateToString": {"date": "$at", "format": "%Y-%m-%d %H:%M"}},
        "parts": {"$split": ["$s", ","]},
        "n": {"$toInt": "$n"},
        "later": {"$add": ["$at", 1000]},
        "replaced": {"$replaceAll": {"input": "$s", "find": ",", "replacement": ""}},
        "found": {"$regexMatch": {"input": "$s", "regex": "^A", "options": "i"}},
    }}]).next()
    equal(found, {"day": "2021-03-04 05:06", "parts": ["a", "b", "c"], "n": 42, "later": datetime.datetime(2021, 3, 4, 5, 6, 8), "replaced": "abc", "found": True})


@check
def cursor_in_batches(server, db):
    db.c.insert_many([{"_id": i} for i in range(500)])
    equal([d["_id"] for d in db.c.aggregate([{"$sort": {"_id": 1}}], batchSize=7)], list(range(500)))
    equal(len(list(db.c.aggregate([{"$match": {"_id": {"$gte": 100}}}], allowDiskUse=True))), 400)


@check
def database_and_statistics(server, db):
    db.c.insert_one({"_id": 1})
    true(isinstance(list(server.client.admin.aggregate([{"$currentOp": {}}])), list), "$currentOp")
    statistics = list(db.c.aggregate([{"$collStats": {"count": {}}}]))
    equal(statistics[0]["count"], 1)
    equal([s["name"] for s in db.c.aggregate([{"$indexStats": {}}])], ["_id_"])


@check
def views(server, db):
    sales(db)
    db.create_collection("dear", viewOn="sales", pipeline=[{"$match": {"price": {"$gte": 10}}}])
    equal(db.dear.count_documents({}), 3)
    equal([d["_id"] for d in db.dear.find({"item": "a"}, sort=[("_id", -1)])], [3, 1])
    raises(OperationFailure, db.dear.insert_one, {"_id": 1}, code=166)


@check
def errors(server, db):
    db.c.insert_one({"_id": 1, "s": "text"})
    raises(OperationFailure, db.c.aggregate, [{"$noSuchStage": {}}], code=40324)
    raises(OperationFailure, db.c.aggregate, [{"$project": {"a": {"$noSuch": 1}}}], code=31325)
    raises(OperationFailure, db.c.aggregate, [{"$group": {"n": {"$sum": 1}}}], code=15955)
    raises(OperationFailure, db.c.aggregate, [{"$limit": 0}], code=15958)
    raises(OperationFailure, db.c.aggregate, [{"$project": {"a": {"$add": ["$s", 1]}}}], code=16554)
    raises(OperationFailure, db.c.aggregate, [{"$project": {"a": {"$divide": [1, 0]}}}], code=16608)
    raises(OperationFailure, db.c.aggregate, [{"$out": "x"}, {"$match": {}}], code=40601)
