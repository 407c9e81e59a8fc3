"""Cursors: batches, the end, killed ones, sorts, capped collections and raw batches."""

import bson
from pymongo.cursor import CursorType
from pymongo.errors import CursorNotFound, OperationFailure

from checks import check, equal, raises, true


@check
def batches(server, db):
    db.c.insert_many([{"_id": i} for i in range(1000)])
    for size in (1, 2, 7, 101, 1000, 5000):
        equal([d["_id"] for d in db.c.find(batch_size=size, sort=[("_id", 1)])], list(range(1000)), size)
    cursor = db.c.find(batch_size=10)
    next(cursor)
    true(cursor.cursor_id != 0 and cursor.alive, "the cursor is closed early")
    equal(len(list(cursor)), 999)
    equal(cursor.alive, False)


@check
def first_batch_has_101(server, db):
    db.c.insert_many([{"_id": i} for i in range(200)])
    reply = db.command("find", "c")
    equal(len(reply["cursor"]["firstBatch"]), 101)
    reply = db.command("getMore", reply["cursor"]["id"], collection="c")
    equal((len(reply["cursor"]["nextBatch"]), reply["cursor"]["id"]), (99, 0))


@check
def limit_over_batches(server, db):
    db.c.insert_many([{"_id": i} for i in range(100)])
    equal(len(list(db.c.find(limit=25, batch_size=10))), 25)
    equal(len(list(db.c.find(limit=-25))), 25)
    equal(len(list(db.c.find(skip=90, batch_size=3))), 10)


@check
def killed(server, db):
    db.c.insert_many([{"_id": i} for i in range(100)])
    cursor = db.c.find(batch_size=10)
    next(cursor)
    reply = db.command("killCursors", "c", cursors=[cursor.cursor_id, bson.int64.Int64(4711)])
    equal((reply["cursorsKilled"], reply["cursorsNotFound"]), ([cursor.cursor_id], [4711]))
    exception = raises(CursorNotFound, list, cursor, code=43)
    true(isinstance(exception, OperationFailure), "CursorNotFound is no OperationFailure")


@check
def closed(server, db):
    db.c.insert_many([{"_id": i} for i in range(100)])
    cursor = db.c.find(batch_size=10)
    next(cursor)
    identifier = cursor.cursor_id
    cursor.close()
    raises(CursorNotFound, db.command, "getMore", identifier, collection="c", code=43)


@check
def dropped_collection(server, db):
    db.c.insert_many([{"_id": i} for i in range(100)])
    cursor = db.c.find(batch_size=10)
    next(cursor)
    db.c.drop()
    raises(OperationFailure, list, cursor, code=175)


@check
def rewind_and_slices(server, db):
    db.c.insert_many([{"_id": i} for i in range(10)])
    cursor = db.c.find(sort=[("_id", 1)])
    equal([next(cursor)["_id"], next(cursor)["_id"]], [0, 1])
    cursor.rewind()
    equal(next(cursor)["_id"], 0)
    equal(db.c.find(sort=[("_id", 1)])[3], {"_id": 3})
    equal([d["_id"] for d in db.c.find(sort=[("_id", 1)])[2:4]], [2, 3])


@check
def raw_batches(server, db):
    db.c.insert_many([{"_id": i} for i in range(30)])
    found = []
    for batch in db.c.find_raw_batches(batch_size=10, sort=[("_id", 1)]):
        found += [d["_id"] for d in bson.decode_all(batch)]
    equal(found, list(range(30)))
    batch = b"".join(db.c.aggregate_raw_batches([{"$match": {"_id": {"$lt": 3}}}]))
    equal(len(bson.decode_all(batch)), 3)


@check
def tailable_on_a_capped_collection(server, db):
    db.create_collection("capped", capped=True, size=1 << 20, max=100)
    db.capped.insert_many([{"_id": i} for i in range(3)])
    cursor = db.capped.find(cursor_type=CursorType.TAILABLE_AWAIT).max_await_time_ms(50)
    equal([next(cursor)["_id"] for _ in range(3)], [0, 1, 2])
    raises(StopIteration, next, cursor)
    true(cursor.alive, "a tailable cursor ends at the end")
    db.capped.insert_one({"_id": 3})
    equal(next(cursor), {"_id": 3})
    cursor.close()
    db.c.insert_one({})
    raises(OperationFailure, db.command, "find", "c", tailable=True, code=2)


@check
def exhaust(server, db):
    db.c.insert_many([{"_id": i} for i in range(1000)])
    equal([d["_id"] for d in db.c.find(batch_size=10, cursor_type=CursorType.EXHAUST, sort=[("_id", 1)])], list(range(1000)))


@check
def capped_collections_forget(server, db):
    db.create_collection("capped", capped=True, size=1 << 20, max=5)
    for i in range(12):
        db.capped.insert_one({"_id": i})
    equal([d["_id"] for d in db.capped.find()], [7, 8, 9, 10, 11])
    equal([d["_id"] for d in db.capped.find(sort=[("$natural", -1)])], [11, 10, 9, 8, 7])
    equal(db.capped.options()["capped"], True)


@check
def explain(server, db):
    db.c.insert_one({"_id": 1})
    true("queryPlanner" in db.c.find({"_id": 1}).explain(), "explain")
