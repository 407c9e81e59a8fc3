"""Connections, commands by name, concerns, and errors of commands."""

import threading

from pymongo import ReadPreference, WriteConcern, monitoring
from pymongo.errors import ConfigurationError, OperationFailure, WTimeoutError
from pymongo.read_concern import ReadConcern

from checks import check, equal, raises, true


@check
def server_info(server, db):
    info = server.client.server_info()
    equal(info["versionArray"][:2], [int(n) for n in info["version"].split(".")[:2]])
    true(info["maxBsonObjectSize"] == 16 * 1024 * 1024, "maxBsonObjectSize: %r" % info)
    equal(server.client.admin.command("ping")["ok"], 1.0)


@check
def discovers_topology(server, db):
    db.c.insert_one({"_id": 1})
    true(server.client.address is not None, "no address")
    equal(server.client.is_primary, True, "is_primary")
    if server.replica_set:
        equal(server.client.primary, server.client.address, "primary")


@check
def unknown_command(server, db):
    exception = raises(OperationFailure, db.command, "noSuchCommand", code=59)
    equal(exception.details["codeName"], "CommandNotFound")


@check
def unknown_field_of_a_command(server, db):
    raises(OperationFailure, db.command, "find", "c", noSuchField=1, code=9)


@check
def wrong_type_in_a_command(server, db):
    raises(OperationFailure, db.command, "find", "c", filter=1, code=9)
    raises(OperationFailure, db.command, "insert", "c", ordered="text", documents=[{}], code=14)


@check
def invalid_namespace(server, db):
    raises(OperationFailure, db.command, "insert", "", documents=[{"_id": 1}], code=73)


@check
def compression(server, db):
    client = server.connect(compressors="zlib")
    try:
        collection = client[db.name].c
        collection.insert_many([{"_id": i, "text": "x" * 1000} for i in range(100)])
        equal(sum(len(d["text"]) for d in collection.find()), 100000)
    finally:
        client.close()


@check
def unacknowledged(server, db):
    # One connection executes in order, so that what follows sees the writes.
    client = server.connect(maxPoolSize=1)
    try:
        collection = client[db.name].get_collection("c", write_concern=WriteConcern(w=0))
        equal(collection.insert_one({"_id": 1}).acknowledged, False)
        equal(collection.update_one({"_id": 1}, {"$set": {"n": 1}}).acknowledged, False)
        equal(collection.insert_many([{"_id": 2}, {"_id": 3}]).acknowledged, False)
        equal(collection.delete_one({"_id": 3}).acknowledged, False)
        equal(list(client[db.name].c.find(sort=[("_id", 1)])), [{"_id": 1, "n": 1}, {"_id": 2}])
    finally:
        client.close()


@check
def write_concern_majority(server, db):
    collection = db.get_collection("c", write_concern=WriteConcern(w="majority", j=True, wtimeout=10000))
    equal(collection.insert_one({"_id": 1}).inserted_id, 1)


@check
def write_concern_of_too_many_members(server, db):
    collection = db.get_collection("c", write_concern=WriteConcern(w=3, wtimeout=50))
    if server.replica_set:
        # A set of one member cannot have three copies; one of three may be slow.
        raises(OperationFailure, db.get_collection("c", write_concern=WriteConcern(w=40, wtimeout=50)).insert_one, {"_id": 1}, code=100)
    else:
        raises(OperationFailure, collection.insert_one, {"_id": 1}, code=2)
    equal(db.c.count_documents({}), 1 if server.replica_set else 0)


@check
def write_concern_of_unknown_mode(server, db):
    collection = db.get_collection("c", write_concern=WriteConcern(w="everywhere"))
    raises(OperationFailure, collection.insert_one, {"_id": 1}, code=79 if server.replica_set else 2)


@check
def read_concerns_and_preferences(server, db):
    db.get_collection("c", write_concern=WriteConcern("majority")).insert_one({"_id": 1})
    for level in ("local", "available") + (("majority", "linearizable") if server.replica_set else ()):
        equal(db.get_collection("c", read_concern=ReadConcern(level)).find_one(), {"_id": 1}, level)
    for preference in (ReadPreference.PRIMARY, ReadPreference.PRIMARY_PREFERRED, ReadPreference.NEAREST):
        equal(db.get_collection("c", read_preference=preference).find_one(), {"_id": 1}, preference)


@check
def maximum_time(server, db):
    db.c.insert_one({"_id": 1})
    equal(db.c.find_one({}, max_time_ms=10000), {"_id": 1})
    raises(OperationFailure, db.command, "ping", maxTimeMS=-1, code=2)


@check
def listeners_see_every_command(server, db):
    class Listener(monitoring.CommandListener):
        def __init__(self):
            self.names = []

        def started(self, event):
            self.names.append(event.command_name)

        def succeeded(self, event):
            self.names.append("+" + event.command_name)

        def failed(self, event):
            self.names.append("-" + event.command_name)

    listener = Listener()
    client = server.connect(event_listeners=[listener])
    try:
        client[db.name].c.insert_one({"_id": 1})
        client[db.name].c.find_one()
        raises(OperationFailure, client[db.name].command, "noSuchCommand")
    finally:
        client.close()
    equal(listener.names[:6], ["insert", "+insert", "find", "+find", "noSuchCommand", "-noSuchCommand"])


@check
def threads_share_a_client(server, db):
    db.c.insert_one({"_id": 1, "n": 0})
    failures = []

    def work():
        try:
            for _ in range(50):
                db.c.update_one({"_id": 1}, {"$inc": {"n": 1}})
                db.c.find_one_and_update({"_id": 1}, {"$inc": {"n": 1}})
        except Exception as exception:
            failures.append(exception)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(failures, [])
    equal(db.c.find_one()["n"], 800)


@check
def errors_are_classes(server, db):
    true(issubclass(WTimeoutError, OperationFailure), "WTimeoutError")
    raises(ConfigurationError, server.connect, compressors="zlib", readPreference="primary", readPreferenceTags="a:b")


@check
def diagnostics(server, db):
    db.c.insert_many([{"_id": i} for i in range(10)])
    equal(db.command("collstats", "c")["count"], 10)
    equal(db.command("dbstats")["objects"], 10)
    status = server.client.admin.command("serverStatus")
    true(status["connections"]["current"] > 0, "connections: %r" % status["connections"])
    true("version" in server.client.admin.command("buildinfo"), "buildinfo")
    true("system" in server.client.admin.command("hostInfo"), "hostInfo")
    equal(server.client.admin.command("connectionStatus")["authInfo"]["authenticatedUsers"], [])
    true(isinstance(server.client.admin.command("getLog", "global")["log"], list), "getLog")
    true("parsed" in server.client.admin.command("getCmdLineOpts"), "getCmdLineOpts")
    equal(server.client.admin.command("getParameter", featureCompatibilityVersion=1)["featureCompatibilityVersion"]["version"], "4.4")
    true(isinstance(server.client.admin.command("currentOp")["inprog"], list), "currentOp")
    equal(db.validate_collection("c")["valid"], True)
