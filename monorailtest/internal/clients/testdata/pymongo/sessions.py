"""Sessions, retryable writes, transactions and change streams."""

from pymongo import InsertOne, WriteConcern
from pymongo.errors import ConnectionFailure, InvalidOperation, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from checks import check, check_of_sets, check_of_standalones, equal, raises, true


@check
def explicit_session(server, db):
    with server.client.start_session(causal_consistency=True) as session:
        db.c.insert_one({"_id": 1}, session=session)
        equal(db.c.find_one({}, session=session), {"_id": 1})
        db.c.insert_many([{"_id": i} for i in range(2, 50)], session=session)
        equal(len(list(db.c.find({}, session=session, batch_size=5))), 49)
        if server.replica_set:
            true(session.operation_time is not None, "no operationTime")
            true(session.cluster_time is not None, "no $clusterTime")
    raises(InvalidOperation, db.c.find_one, {}, session=session)


@check
def cursor_of_another_session(server, db):
    db.c.insert_many([{"_id": i} for i in range(20)])
    with server.client.start_session() as one, server.client.start_session() as other:
        reply = db.command("find", "c", batchSize=2, session=one)
        raises(OperationFailure, db.command, "getMore", reply["cursor"]["id"], collection="c", session=other, code=50738)


@check
def retryable_writes(server, db):
    client = server.connect(retryWrites=True)
    try:
        collection = client[db.name].c
        collection.insert_one({"_id": 1})
        collection.bulk_write([InsertOne({"_id": i}) for i in range(2, 10)])
        equal(collection.update_one({"_id": 1}, {"$inc": {"n": 1}}).modified_count, 1)
        equal(collection.find_one_and_delete({"_id": 1}), {"_id": 1, "n": 1})
    finally:
        client.close()


@check_of_sets
def retryable_write_over_a_closed_connection(server, db):
    db.c.insert_one({"_id": 1, "n": 0})
    try:
        server.client.admin.command("configureFailPoint", "failCommand", mode={"times": 1}, data={"failCommands": ["update"], "closeConnection": True})
        equal(db.c.update_one({"_id": 1}, {"$inc": {"n": 1}}).modified_count, 1)
        equal(db.c.find_one()["n"], 1)
        server.client.admin.command("configureFailPoint", "failCommand", mode={"times": 1}, data={"failCommands": ["find"], "closeConnection": True})
        equal(db.c.find_one()["n"], 1, "a retried read")
        server.client.admin.command("configureFailPoint", "failCommand", mode={"times": 2}, data={"failCommands": ["update"], "closeConnection": True})
        raises(ConnectionFailure, db.c.update_one, {"_id": 1}, {"$inc": {"n": 1}})
    finally:
        server.client.admin.command("configureFailPoint", "failCommand", mode="off")


@check_of_standalones
def transaction(server, db):
    with server.client.start_session() as session:
        session.start_transaction()
        raises(OperationFailure, db.c.insert_one, {"_id": 1}, session=session, code=20)
        session.abort_transaction()


@check_of_sets
def transaction_commits(server, db):
    db.c.insert_one({"_id": 1})
    with server.client.start_session() as session:
        with session.start_transaction(read_concern=ReadConcern("snapshot"), write_concern=WriteConcern("majority")):
            db.c.insert_one({"_id": 2}, session=session)
            db.c.update_one({"_id": 1}, {"$set": {"n": 1}}, session=session)
            equal(db.c.count_documents({}, session=session), 2)
            equal(list(db.c.find()), [{"_id": 1}], "outside, before the commit")
        equal(list(db.c.find(sort=[("_id", 1)])), [{"_id": 1, "n": 1}, {"_id": 2}])


@check_of_sets
def transaction_aborts(server, db):
    db.c.insert_one({"_id": 1})
    with server.client.start_session() as session:
        try:
            with session.start_transaction():
                db.c.delete_many({}, session=session)
                raise KeyError("abort")
        except KeyError:
            pass
        equal(db.c.count_documents({}), 1)
        session.start_transaction()
        db.c.insert_one({"_id": 2}, session=session)
        session.abort_transaction()
        equal(db.c.count_documents({}), 1)
        raises(InvalidOperation, session.commit_transaction)


@check_of_sets
def transaction_write_conflict(server, db):
    db.c.insert_one({"_id": 1, "n": 0})
    with server.client.start_session() as one, server.client.start_session() as other:
        one.start_transaction()
        other.start_transaction()
        db.c.update_one({"_id": 1}, {"$inc": {"n": 1}}, session=one)
        exception = raises(OperationFailure, db.c.update_one, {"_id": 1}, {"$inc": {"n": 1}}, session=other, code=112)
        true(exception.has_error_label("TransientTransactionError"), "no label")
        one.commit_transaction()
        other.abort_transaction()
    equal(db.c.find_one()["n"], 1)


@check_of_sets
def transaction_is_retried(server, db):
    db.c.insert_one({"_id": 1, "n": 0})
    tries = []

    def transfer(session):
        tries.append(1)
        db.c.find_one({}, session=session)
        if len(tries) == 1:
            # The snapshot is older than this write.
            db.c.update_one({"_id": 1}, {"$inc": {"n": 10}})
        db.c.update_one({"_id": 1}, {"$inc": {"n": 1}}, session=session)
        return "done"

    with server.client.start_session() as session:
        equal(session.with_transaction(transfer), "done")
    equal((len(tries), db.c.find_one()["n"]), (2, 11))


@check_of_sets
def transaction_error_aborts(server, db):
    db.c.insert_one({"_id": 1})
    with server.client.start_session() as session:
        session.start_transaction()
        db.c.insert_one({"_id": 2}, session=session)
        raises(PyMongoError, db.c.insert_one, {"_id": 1}, session=session)
        exception = raises(OperationFailure, db.c.insert_one, {"_id": 3}, session=session, code=251)
        true(exception.has_error_label("TransientTransactionError"), "no label")
        session.abort_transaction()
    equal(db.c.count_documents({}), 1)


@check_of_standalones
def change_stream(server, db):
    raises(OperationFailure, db.c.watch, code=40573)


@check_of_sets
def change_streams(server, db):
    db.c.insert_one({"_id": 0})
    with db.c.watch(full_document="updateLookup", max_await_time_ms=2000) as stream, db.watch() as whole, server.client.watch() as everything:
        db.c.insert_one({"_id": 1})
        db.c.update_one({"_id": 1}, {"$set": {"n": 1}})
        db.c.replace_one({"_id": 1}, {"n": 2})
        db.c.delete_one({"_id": 1})
        events = [next(stream) for _ in range(4)]
        equal([e["operationType"] for e in events], ["insert", "update", "replace", "delete"])
        equal(events[0]["fullDocument"], {"_id": 1})
        equal(events[1]["updateDescription"]["updatedFields"], {"n": 1})
        equal(events[2]["fullDocument"], {"_id": 1, "n": 2})
        equal((events[3]["documentKey"], events[3]["ns"]), ({"_id": 1}, {"db": db.name, "coll": "c"}))
        equal(next(whole)["operationType"], "insert")
        equal(next(everything)["documentKey"], {"_id": 1})
        token = events[1]["_id"]
    with db.c.watch([{"$match": {"operationType": "delete"}}], resume_after=token) as stream:
        equal(next(stream)["operationType"], "delete")
