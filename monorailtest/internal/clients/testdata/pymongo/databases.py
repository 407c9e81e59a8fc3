"""Databases and collections: made, listed, renamed, dropped, their options, and a change of database."""

from pymongo.errors import CollectionInvalid, InvalidName, OperationFailure

from checks import check, equal, raises, true


@check
def list_databases(server, db):
    true(db.name not in server.client.list_database_names(), "there before")
    db.c.insert_one({"_id": 1})
    true(db.name in server.client.list_database_names(), "missing after the first write")
    entry = [d for d in server.client.list_databases() if d["name"] == db.name][0]
    equal(entry["empty"], False)
    server.client.drop_database(db.name)
    true(db.name not in server.client.list_database_names(), "there after the drop")


@check
def change_of_database(server, db):
    other = server.client[db.name + "_other"]
    try:
        db.c.insert_one({"_id": 1, "in": "first"})
        other.c.insert_one({"_id": 1, "in": "second"})
        equal(db.c.find_one()["in"], "first")
        equal(other.c.find_one()["in"], "second")
        db.c.delete_many({})
        equal(other.c.count_documents({}), 1)
    finally:
        server.client.drop_database(other.name)


@check
def collections(server, db):
    db.create_collection("a")
    db.create_collection("b", capped=True, size=4096)
    db.create_collection("v", viewOn="a", pipeline=[])
    equal(sorted(db.list_collection_names()), ["a", "b", "system.views", "v"])
    equal(db.list_collection_names(filter={"name": "a"}), ["a"])
    kinds = {c["name"]: c["type"] for c in db.list_collections()}
    equal(kinds["v"], "view")
    equal(kinds["a"], "collection")
    equal(db.b.options(), {"capped": True, "size": 4096})
    raises((CollectionInvalid, OperationFailure), db.create_collection, "a")
    raises(OperationFailure, db.command, "create", "a", capped=True, size=100, code=48)


@check
def drop(server, db):
    db.c.insert_one({})
    db.c.drop()
    db.c.drop()
    equal(db.list_collection_names(), [])
    raises(OperationFailure, db.command, "drop", "c", code=26)


@check
def rename(server, db):
    db.a.insert_one({"_id": 1})
    db.a.create_index("k")
    db.a.rename("b")
    equal(sorted(db.list_collection_names()), ["b"])
    true("k_1" in db.b.index_information(), "the index is lost")
    db.c.insert_one({"_id": 2})
    raises(OperationFailure, db.b.rename, "c", code=48)
    db.b.rename("c", dropTarget=True)
    equal(list(db.c.find()), [{"_id": 1}])
    raises(OperationFailure, db.none.rename, "x", code=26)


@check
def names(server, db):
    raises(InvalidName, lambda: server.client["a b"])
    raises(OperationFailure, db.command, "create", "a$b", code=73)
    for name in ("with space", "with.dot", "ünïcode", "-", "1"):
        db[name].insert_one({"_id": name})
        equal(db[name].find_one(), {"_id": name})
    equal(len(db.list_collection_names()), 5)


@check
def modify_a_collection(server, db):
    db.create_collection("c")
    db.command("collMod", "c", validator={"n": {"$gt": 0}}, validationLevel="strict")
    equal(db.c.options()["validator"], {"n": {"$gt": 0}})
    raises(OperationFailure, db.c.insert_one, {"n": 0}, code=121)
