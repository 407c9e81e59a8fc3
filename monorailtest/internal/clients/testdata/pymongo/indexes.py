"""Indexes: made, listed, dropped, unique, partial, of several fields."""

import pymongo
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError, OperationFailure

from checks import check, equal, raises, true


@check
def create_list_and_drop(server, db):
    equal(db.c.create_index([("a", ASCENDING), ("b", DESCENDING)]), "a_1_b_-1")
    equal(db.c.create_index("s", name="mine", sparse=True), "mine")
    equal(db.c.create_indexes([IndexModel("u", unique=True), IndexModel([("e", 1)], expireAfterSeconds=3600)]), ["u_1", "e_1"])
    information = db.c.index_information()
    equal(sorted(information), ["_id_", "a_1_b_-1", "e_1", "mine", "u_1"])
    equal(information["a_1_b_-1"]["key"], [("a", 1), ("b", -1)])
    equal(information["u_1"]["unique"], True)
    equal(information["mine"]["sparse"], True)
    equal(information["e_1"]["expireAfterSeconds"], 3600)
    equal([i["name"] for i in db.c.list_indexes()][0], "_id_")
    db.c.drop_index("mine")
    db.c.drop_index([("a", 1), ("b", -1)])
    db.c.drop_indexes()
    equal(list(db.c.index_information()), ["_id_"])


@check
def create_again(server, db):
    db.c.create_index("a")
    db.c.create_index("a")
    raises(OperationFailure, db.c.create_index, "a", unique=True, code=85)
    raises(OperationFailure, db.c.create_index, "a", name="other", code=85)
    raises(OperationFailure, db.c.create_index, "b", name="a_1", code=86)


@check
def drop_what_is_missing(server, db):
    db.c.drop_index("a_1")
    raises(OperationFailure, db.command, "dropIndexes", "c", index="a_1", code=26)
    db.c.insert_one({})
    raises(OperationFailure, db.c.drop_index, "a_1", code=27)
    raises(OperationFailure, db.c.drop_index, "_id_", code=72)


@check
def wrong_specifications(server, db):
    raises(OperationFailure, db.c.create_index, [("a", 0)], code=67)
    raises(OperationFailure, db.c.create_index, [("a", "noSuchKind")], code=67)
    raises(OperationFailure, db.command, "createIndexes", "c", indexes=[], code=2)


@check
def unique_over_existing_duplicates(server, db):
    db.c.insert_many([{"_id": 1, "k": 1}, {"_id": 2, "k": 1}])
    raises(DuplicateKeyError, db.c.create_index, "k", unique=True, code=11000)
    equal(list(db.c.index_information()), ["_id_"])


@check
def unique_sparse_and_partial(server, db):
    db.sparse.create_index("k", unique=True, sparse=True)
    db.sparse.insert_many([{"_id": 1}, {"_id": 2}, {"_id": 3, "k": 1}])
    raises(DuplicateKeyError, db.sparse.insert_one, {"k": 1}, code=11000)
    db.plain.create_index("k", unique=True)
    db.plain.insert_one({"_id": 1})
    raises(DuplicateKeyError, db.plain.insert_one, {"_id": 2}, code=11000)
    db.partial.create_index("k", unique=True, partialFilterExpression={"active": True})
    db.partial.insert_many([{"k": 1}, {"k": 1}, {"k": 1, "active": True}])
    raises(DuplicateKeyError, db.partial.insert_one, {"k": 1, "active": True}, code=11000)


@check
def unique_over_arrays_and_pairs(server, db):
    db.c.create_index("a", unique=True)
    db.c.insert_one({"_id": 1, "a": [1, 2]})
    exception = raises(DuplicateKeyError, db.c.insert_one, {"_id": 2, "a": [3, 2]}, code=11000)
    equal(exception.details["keyValue"], {"a": 2})
    db.pair.create_index([("a", 1), ("b", 1)], unique=True)
    db.pair.insert_many([{"a": 1, "b": 1}, {"a": 1, "b": 2}])
    raises(DuplicateKeyError, db.pair.insert_one, {"a": 1, "b": 2}, code=11000)
    raises(OperationFailure, db.pair.insert_one, {"a": [1], "b": [1]}, code=171)


@check
def kinds(server, db):
    db.c.create_index([("place", pymongo.GEOSPHERE)])
    db.c.create_index([("text", pymongo.TEXT)])
    db.c.create_index([("h", pymongo.HASHED)])
    db.c.create_index([("$**", 1)], name="wild")
    equal(len(db.c.index_information()), 5)
    true("textIndexVersion" in db.c.index_information()["text_text"], "textIndexVersion")


@check
def collation(server, db):
    db.c.create_index("s", unique=True, collation={"locale": "en", "strength": 2})
    db.c.insert_one({"s": "Text"})
    raises(DuplicateKeyError, db.c.insert_one, {"s": "TEXT"}, code=11000)
