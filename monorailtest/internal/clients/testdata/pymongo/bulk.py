"""Bulk writes: counts, order, and BulkWriteError."""

from pymongo import DeleteMany, DeleteOne, InsertOne, ReplaceOne, UpdateMany, UpdateOne, WriteConcern
from pymongo.errors import BulkWriteError

from checks import check, check_of_sets, equal, raises, true


@check
def every_kind(server, db):
    db.c.insert_many([{"_id": i, "n": 0} for i in range(5)])
    result = db.c.bulk_write([
        InsertOne({"_id": 10}),
        UpdateOne({"_id": 0}, {"$inc": {"n": 1}}),
        UpdateMany({"n": 0}, {"$set": {"seen": True}}),
        ReplaceOne({"_id": 1}, {"n": 7}),
        UpdateOne({"_id": 11}, {"$set": {"n": 1}}, upsert=True),
        ReplaceOne({"_id": 12}, {"n": 1}, upsert=True),
        DeleteOne({"_id": 2}),
        DeleteMany({"_id": {"$gte": 3, "$lt": 5}}),
    ])
    equal((result.inserted_count, result.matched_count, result.modified_count, result.deleted_count, result.upserted_count), (1, 6, 6, 3, 2))
    equal(result.upserted_ids, {4: 11, 5: 12})
    equal([d["_id"] for d in db.c.find(sort=[("_id", 1)])], [0, 1, 10, 11, 12])


@check
def ordered_stops_at_the_first_error(server, db):
    exception = raises(BulkWriteError, db.c.insert_many, [{"_id": 1}, {"_id": 1}, {"_id": 2}])
    details = exception.details
    equal(exception.code, 65)
    equal(details["nInserted"], 1)
    equal([(e["index"], e["code"], e["keyValue"]) for e in details["writeErrors"]], [(1, 11000, {"_id": 1})])
    equal(db.c.count_documents({}), 1)


@check
def unordered_tells_all_errors(server, db):
    exception = raises(BulkWriteError, db.c.bulk_write, [
        InsertOne({"_id": 1}), InsertOne({"_id": 1}), UpdateOne({"_id": 1}, {"$set": {"_id": 2}}),
        InsertOne({"_id": 3}), UpdateOne({"_id": 3}, {"$inc": {"n": 1}}), DeleteOne({"_id": 1}),
    ], ordered=False)
    details = exception.details
    equal(sorted((e["index"], e["code"]) for e in details["writeErrors"]), [(1, 11000), (2, 66)])
    equal((details["nInserted"], details["nModified"], details["nRemoved"]), (2, 1, 1))
    equal(list(db.c.find()), [{"_id": 3, "n": 1}])


@check
def many_batches(server, db):
    # More than maxWriteBatchSize, so that indexes are those of the second message.
    operations = [InsertOne({"_id": i}) for i in range(100001)] + [InsertOne({"_id": 5})]
    exception = raises(BulkWriteError, db.c.bulk_write, operations, ordered=False)
    equal([e["index"] for e in exception.details["writeErrors"]], [100001])
    equal(exception.details["nInserted"], 100001)
    equal(db.c.estimated_document_count(), 100001)


@check_of_sets
def write_concern_errors(server, db):
    collection = db.get_collection("c", write_concern=WriteConcern(w="everywhere"))
    exception = raises(BulkWriteError, collection.bulk_write, [InsertOne({"_id": 1}), InsertOne({"_id": 2})])
    equal([e["code"] for e in exception.details["writeConcernErrors"]], [79])
    equal(exception.details["nInserted"], 2)
    equal(db.c.count_documents({}), 2)


@check
def unacknowledged(server, db):
    client = server.connect(maxPoolSize=1)
    try:
        collection = client[db.name].get_collection("c", write_concern=WriteConcern(w=0))
        result = collection.bulk_write([InsertOne({"_id": 1}), UpdateOne({"_id": 1}, {"$set": {"n": 1}}), DeleteOne({"_id": 9})], ordered=False)
        equal(result.acknowledged, False)
        equal(list(client[db.name].c.find()), [{"_id": 1, "n": 1}])
    finally:
        client.close()


@check
def array_filters_hints_and_collations(server, db):
    db.c.create_index("s")
    db.c.insert_many([{"_id": 1, "s": "A", "a": [1, 5]}, {"_id": 2, "s": "b", "a": [2, 6]}])
    result = db.c.bulk_write([
        UpdateOne({"_id": 1}, {"$set": {"a.$[e]": 0}}, array_filters=[{"e": {"$gt": 4}}]),
        UpdateOne({"s": "a"}, {"$set": {"found": True}}, collation={"locale": "en", "strength": 2}),
        UpdateOne({"s": "b"}, {"$set": {"found": True}}, hint="s_1"),
    ])
    equal(result.modified_count, 3)
    equal(db.c.find_one({"_id": 1})["a"], [1, 0])
    equal(db.c.count_documents({"found": True}), 2)
    true(all("found" in d for d in db.c.find()), "found")
