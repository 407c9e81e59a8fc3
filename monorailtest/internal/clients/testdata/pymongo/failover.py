"""A replica set of several members, whose primary steps down."""

from pymongo import ReadPreference, WriteConcern

from checks import check_of_members, equal, true


@check_of_members
def secondaries_are_read(server, db):
    everywhere = WriteConcern(w=len(server.client.nodes), wtimeout=20000)
    db.get_collection("c", write_concern=everywhere).insert_one({"_id": 1})
    secondary = db.get_collection("c", read_preference=ReadPreference.SECONDARY)
    equal(secondary.find_one(), {"_id": 1})
    equal([d["n"] for d in secondary.aggregate([{"$count": "n"}])], [1])


@check_of_members
def writes_go_on_after_a_step_down(server, db):
    majority = db.get_collection("c", write_concern=WriteConcern("majority", wtimeout=20000))
    for i in range(20):
        majority.insert_one({"_id": i})
    before = server.client.primary
    server.client.admin.command("replSetStepDown", 60, secondaryCatchUpPeriodSecs=10)
    # Each is retried by itself on the next primary, and done once.
    for i in range(20, 40):
        majority.insert_one({"_id": i})
        equal(majority.update_one({"_id": 0}, {"$inc": {"n": 1}}).modified_count, 1)
    true(server.client.primary != before, "the primary is the one that stepped down")
    equal((db.c.count_documents({}), db.c.find_one({"_id": 0})["n"]), (40, 20))
