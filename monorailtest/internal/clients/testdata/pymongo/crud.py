"""Inserts, finds, updates, replacements, deletes, findAndModify, distinct and counts."""

import pymongo
from pymongo import ReturnDocument
from pymongo.collation import Collation
from pymongo.errors import DuplicateKeyError, OperationFailure, WriteError

from checks import check, equal, raises, true


@check
def insert_one(server, db):
    document = {"n": 1}
    result = db.c.insert_one(document)
    equal(result.inserted_id, document["_id"])
    equal(result.acknowledged, True)
    equal(db.c.find_one({"_id": result.inserted_id}), document)


@check
def insert_many(server, db):
    result = db.c.insert_many([{"_id": i} for i in range(2500)])
    equal(result.inserted_ids, list(range(2500)))
    equal(db.c.count_documents({}), 2500)
    equal(db.c.estimated_document_count(), 2500)


@check
def insert_many_large(server, db):
    # More than one message of 48 MB.
    db.c.insert_many([{"_id": i, "data": b"x" * (10 << 20)} for i in range(6)])
    equal(db.c.count_documents({}), 6)
    equal(len(db.c.find_one({"_id": 5})["data"]), 10 << 20)


@check
def duplicate_key(server, db):
    db.c.insert_one({"_id": 1})
    exception = raises(DuplicateKeyError, db.c.insert_one, {"_id": 1}, code=11000)
    equal(exception.details["keyPattern"], {"_id": 1})
    equal(exception.details["keyValue"], {"_id": 1})
    true("dup key: { _id: 1 }" in str(exception), str(exception))


@check
def duplicate_key_by_update(server, db):
    db.c.create_index("k", unique=True)
    db.c.insert_many([{"_id": 1, "k": "a"}, {"_id": 2, "k": "b"}])
    exception = raises(DuplicateKeyError, db.c.update_one, {"_id": 2}, {"$set": {"k": "a"}}, code=11000)
    equal(exception.details["keyValue"], {"k": "a"})
    raises(DuplicateKeyError, db.c.find_one_and_update, {"_id": 2}, {"$set": {"k": "a"}}, code=11000)
    raises(DuplicateKeyError, db.c.replace_one, {"_id": 3}, {"k": "a"}, upsert=True, code=11000)
    equal(db.c.find_one({"_id": 2})["k"], "b")


@check
def find_with_everything(server, db):
    db.c.insert_many([{"_id": i, "n": i % 10, "s": "ab"[i % 2]} for i in range(100)])
    found = list(db.c.find({"n": {"$gte": 5}, "s": "b"}, {"n": 1}, sort=[("n", -1), ("_id", 1)], skip=1, limit=3))
    equal(found, [{"_id": 19, "n": 9}, {"_id": 29, "n": 9}, {"_id": 39, "n": 9}])
    equal(db.c.find_one({"n": 11}), None)
    equal(db.c.find_one(99)["n"], 9, "find_one by _id")


@check
def find_operators(server, db):
    db.c.insert_many([
        {"_id": 1, "a": [1, 2, 3], "b": {"c": "x"}},
        {"_id": 2, "a": [3, 4], "b": {"c": "Xyz"}},
        {"_id": 3, "a": 5, "b": None},
        {"_id": 4, "a": [{"k": 1, "v": 2}, {"k": 2, "v": 1}]},
    ])

    def ids(query):
        return [d["_id"] for d in db.c.find(query, sort=[("_id", 1)])]

    equal(ids({"a": 3}), [1, 2])
    equal(ids({"a": {"$in": [1, 5]}}), [1, 3])
    equal(ids({"a": {"$size": 2}}), [2, 4])
    equal(ids({"a": {"$all": [1, 2]}}), [1])
    equal(ids({"a": {"$elemMatch": {"k": 1, "v": 1}}}), [])
    equal(ids({"a": {"$elemMatch": {"k": 1, "v": 2}}}), [4])
    equal(ids({"b.c": {"$regex": "^x", "$options": "i"}}), [1, 2])
    equal(ids({"b": None}), [3, 4])
    equal(ids({"b": {"$exists": False}}), [4])
    equal(ids({"$or": [{"_id": 1}, {"a": 5}], "b": {"$type": "object"}}), [1])
    equal(ids({"$nor": [{"_id": 1}, {"a": 5}]}), [2, 4])
    equal(ids({"a": {"$not": {"$gt": 3}}}), [1, 4])
    equal(ids({"$expr": {"$gt": ["$_id", 2]}}), [3, 4])
    equal(ids({"_id": {"$mod": [2, 0]}}), [2, 4])
    raises(OperationFailure, ids, {"a": {"$noSuch": 1}}, code=2)
    raises(OperationFailure, ids, {"$noSuch": 1}, code=2)


@check
def find_projections(server, db):
    db.c.insert_one({"_id": 1, "a": [1, 2, 3, 4], "b": {"c": 1, "d": 2}, "e": [{"k": 1}, {"k": 2}]})
    equal(db.c.find_one({}, {"b.c": 1, "_id": 0}), {"b": {"c": 1}})
    equal(db.c.find_one({}, {"a": 0, "e": 0}), {"_id": 1, "b": {"c": 1, "d": 2}})
    equal(db.c.find_one({}, {"a": {"$slice": [1, 2]}, "b": 0, "e": 0}), {"_id": 1, "a": [2, 3]})
    equal(db.c.find_one({"a": {"$gt": 2}}, {"a.$": 1}), {"_id": 1, "a": [3]})
    equal(db.c.find_one({}, {"e": {"$elemMatch": {"k": 2}}}), {"_id": 1, "e": [{"k": 2}]})
    equal(db.c.find_one({}, {"n": {"$size": "$a"}}), {"_id": 1, "n": 4})
    raises(OperationFailure, db.c.find_one, {}, {"a": 1, "b": 0}, code=31254)


@check
def find_with_hint_min_and_max(server, db):
    db.c.create_index([("n", 1)])
    db.c.insert_many([{"_id": i, "n": i} for i in range(10)])
    equal(len(list(db.c.find({"n": {"$gt": 3}}).hint([("n", 1)]))), 6)
    equal(len(list(db.c.find().hint("n_1").min([("n", 2)]).max([("n", 5)]))), 3)
    raises(OperationFailure, list, db.c.find().hint("no_such_index"), code=2)


@check
def find_with_collation(server, db):
    db.c.insert_many([{"_id": 1, "s": "b"}, {"_id": 2, "s": "A"}, {"_id": 3, "s": "a"}])
    english = Collation(locale="en", strength=2)
    equal(db.c.count_documents({"s": "a"}, collation=english), 2)
    equal([d["_id"] for d in db.c.find().sort([("s", 1), ("_id", 1)]).collation(english)], [2, 3, 1])
    equal([d["_id"] for d in db.c.find().sort("s", 1)], [2, 3, 1])


@check
def update_one(server, db):
    db.c.insert_many([{"_id": 1, "n": 1}, {"_id": 2, "n": 1}])
    result = db.c.update_one({"n": 1}, {"$inc": {"n": 1}})
    equal((result.matched_count, result.modified_count, result.upserted_id), (1, 1, None))
    result = db.c.update_one({"_id": 1}, {"$set": {"n": 2}})
    equal((result.matched_count, result.modified_count), (1, 0), "the same value")


@check
def update_many(server, db):
    db.c.insert_many([{"_id": i, "n": i % 2} for i in range(10)])
    result = db.c.update_many({"n": 1}, {"$set": {"seen": True}})
    equal((result.matched_count, result.modified_count), (5, 5))
    equal(db.c.count_documents({"seen": True}), 5)


@check
def update_upsert(server, db):
    result = db.c.update_one({"_id": 7, "a": "b"}, {"$set": {"n": 1}, "$setOnInsert": {"new": True}}, upsert=True)
    equal((result.matched_count, result.modified_count, result.upserted_id), (0, 0, 7))
    equal(db.c.find_one(), {"_id": 7, "a": "b", "n": 1, "new": True})


@check
def update_operators(server, db):
    db.c.insert_one({"_id": 1, "n": 5, "a": [1, 2, 3], "old": 1, "gone": 1, "b": 5})
    db.c.update_one({"_id": 1}, {
        "$inc": {"n": 2}, "$push": {"a": {"$each": [9, 8], "$position": 0, "$slice": 4}},
        "$rename": {"old": "new"}, "$unset": {"gone": ""}, "$bit": {"b": {"and": 4}}, "$min": {"m": 3},
    })
    equal(db.c.find_one(), {"_id": 1, "n": 7, "a": [9, 8, 1, 2], "new": 1, "b": 4, "m": 3})
    db.c.update_one({"_id": 1}, {"$pull": {"a": {"$gt": 7}}, "$addToSet": {"t": {"$each": [1, 1, 2]}}, "$mul": {"n": 2}})
    equal(db.c.find_one({}, {"a": 1, "t": 1, "n": 1}), {"_id": 1, "a": [1, 2], "t": [1, 2], "n": 14})
    db.c.update_one({"_id": 1}, {"$pop": {"a": -1}, "$max": {"n": 20}})
    equal(db.c.find_one({}, {"a": 1, "n": 1}), {"_id": 1, "a": [2], "n": 20})


@check
def update_array_filters(server, db):
    db.c.insert_one({"_id": 1, "a": [{"k": 1, "n": 0}, {"k": 2, "n": 0}, {"k": 3, "n": 0}]})
    db.c.update_one({"_id": 1}, {"$set": {"a.$[e].n": 1}}, array_filters=[{"e.k": {"$gte": 2}}])
    equal([e["n"] for e in db.c.find_one()["a"]], [0, 1, 1])
    db.c.update_one({"a.k": 3}, {"$inc": {"a.$.n": 5}})
    db.c.update_one({}, {"$inc": {"a.$[].k": 10}})
    equal(db.c.find_one()["a"], [{"k": 11, "n": 0}, {"k": 12, "n": 1}, {"k": 13, "n": 6}])


@check
def update_by_pipeline(server, db):
    db.c.insert_one({"_id": 1, "a": 2, "b": 3})
    db.c.update_one({"_id": 1}, [{"$set": {"sum": {"$add": ["$a", "$b"]}}}, {"$unset": "b"}])
    equal(db.c.find_one(), {"_id": 1, "a": 2, "sum": 5})


@check
def update_that_is_wrong(server, db):
    db.c.insert_one({"_id": 1, "s": "text"})
    raises(WriteError, db.c.update_one, {"_id": 1}, {"$inc": {"s": 1}}, code=14)
    raises(WriteError, db.c.update_one, {"_id": 1}, {"$set": {"_id": 2}}, code=66)
    raises(WriteError, db.c.update_one, {"_id": 1}, {"$set": {"a": 1, "a.b": 1}}, code=40)
    raises(WriteError, db.c.update_one, {"_id": 1}, {"$noSuch": {"a": 1}}, code=9)
    raises(ValueError, db.c.update_one, {"_id": 1}, {"a": 1})
    equal(db.c.find_one(), {"_id": 1, "s": "text"})


@check
def replace_one(server, db):
    db.c.insert_one({"_id": 1, "n": 1})
    result = db.c.replace_one({"_id": 1}, {"m": 2})
    equal((result.matched_count, result.modified_count), (1, 1))
    equal(db.c.find_one(), {"_id": 1, "m": 2})
    equal(db.c.replace_one({"_id": 2}, {"m": 3}, upsert=True).upserted_id, 2)
    raises(WriteError, db.c.replace_one, {"_id": 1}, {"_id": 9}, code=66)


@check
def delete(server, db):
    db.c.insert_many([{"_id": i, "n": i % 2} for i in range(10)])
    equal(db.c.delete_one({"n": 1}).deleted_count, 1)
    equal(db.c.delete_many({"n": 1}).deleted_count, 4)
    equal(db.c.delete_many({"n": 1}).deleted_count, 0)
    equal(db.c.delete_many({}).deleted_count, 5)


@check
def find_one_and_update(server, db):
    db.c.insert_many([{"_id": i, "n": i} for i in range(3)])
    equal(db.c.find_one_and_update({}, {"$inc": {"n": 10}}, sort=[("n", -1)]), {"_id": 2, "n": 2})
    equal(db.c.find_one_and_update({"_id": 2}, {"$inc": {"n": 1}}, {"n": 1, "_id": 0}, return_document=ReturnDocument.AFTER), {"n": 13})
    equal(db.c.find_one_and_update({"_id": 9}, {"$set": {"n": 1}}), None)
    equal(db.c.find_one_and_update({"_id": 9}, {"$set": {"n": 1}}, upsert=True, return_document=ReturnDocument.AFTER), {"_id": 9, "n": 1})


@check
def find_one_and_replace_and_delete(server, db):
    db.c.insert_many([{"_id": i, "n": i} for i in range(3)])
    equal(db.c.find_one_and_replace({"_id": 1}, {"m": 1}), {"_id": 1, "n": 1})
    equal(db.c.find_one_and_replace({"_id": 1}, {"m": 2}, return_document=ReturnDocument.AFTER), {"_id": 1, "m": 2})
    equal(db.c.find_one_and_delete({}, sort=[("_id", -1)]), {"_id": 2, "n": 2})
    equal(db.c.find_one_and_delete({"_id": 2}), None)


@check
def distinct(server, db):
    db.c.insert_many([{"_id": 1, "a": [1, 2]}, {"_id": 2, "a": 2}, {"_id": 3, "a": [3]}, {"_id": 4}])
    equal(db.c.distinct("a"), [1, 2, 3])
    equal(db.c.distinct("a", {"_id": {"$gt": 1}}), [2, 3])


@check
def counts(server, db):
    db.c.insert_many([{"_id": i} for i in range(10)])
    equal(db.c.count_documents({"_id": {"$lt": 5}}), 5)
    equal(db.c.count_documents({}, skip=3, limit=4), 4)
    equal(db.none.count_documents({}), 0)
    equal(db.none.estimated_document_count(), 0)


@check
def validation(server, db):
    db.create_collection("c", validator={"$jsonSchema": {"required": ["n"], "properties": {"n": {"bsonType": "int"}}}})
    db.c.insert_one({"_id": 1, "n": 1})
    raises(WriteError, db.c.insert_one, {"_id": 2}, code=121)
    raises(WriteError, db.c.update_one, {"_id": 1}, {"$set": {"n": "text"}}, code=121)
    db.c.insert_one({"_id": 3, "n": 3})
    db.c.insert_one({"_id": 4}, bypass_document_validation=True)
    equal(db.c.count_documents({}), 3)


@check
def document_too_large(server, db):
    raises((pymongo.errors.DocumentTooLarge, OperationFailure), db.c.insert_one, {"_id": 1, "data": b"x" * (17 << 20)})
    equal(db.c.count_documents({}), 0)
