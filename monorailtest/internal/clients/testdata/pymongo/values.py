"""Every type of BSON, there and back, and how they compare."""

import datetime
import re

import bson
from bson import Binary, Code, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.codec_options import CodecOptions
from bson.son import SON

from checks import check, equal

VALUES = [
    ("double", 1.5), ("infinite", float("inf")), ("string", "text ünïcode \u0000 x"), ("document", {"a": {"b": {}}}), ("array", [1, "a", [None]]),
    ("binary", b"\x00\x01"), ("typed binary", Binary(b"abc", 5)), ("object id", ObjectId()), ("bool", True),
    ("date", datetime.datetime(2020, 2, 29, 12, 30, 15, 123000)), ("date before 1970", datetime.datetime(1901, 1, 1)), ("null", None),
    ("regex", Regex("^a.*b$", re.IGNORECASE | re.MULTILINE)), ("code", Code("function() {}")), ("code with scope", Code("f()", {"x": 1})),
    ("int32", 2147483647), ("int64", Int64(1)), ("large int64", 9223372036854775807), ("timestamp", Timestamp(1234567890, 7)),
    ("decimal", Decimal128("1234567890.123456789012345678901")), ("decimal zeros", Decimal128("1.000")), ("min key", MinKey()), ("max key", MaxKey()),
    ("reference", DBRef("c", ObjectId())),
]


@check
def there_and_back(server, db):
    for i, (name, value) in enumerate(VALUES):
        db.c.insert_one({"_id": i, "v": value})
        got = db.c.find_one({"_id": i})["v"]
        equal(got, value, name)
        equal(type(got), type(value) if name != "large int64" else Int64, "type of " + name)


@check
def found_by_value(server, db):
    for i, (name, value) in enumerate(VALUES):
        if isinstance(value, Regex):
            continue
        db.c.insert_one({"_id": i, "v": value})
        equal([d["_id"] for d in db.c.find({"v": {"$eq": value}, "_id": i})], [i], name)


@check
def sorted_by_type(server, db):
    db.c.insert_many([{"v": value} for _, value in VALUES])
    kinds = [d["t"] for d in db.c.aggregate([{"$sort": {"v": 1}}, {"$project": {"t": {"$type": "$v"}}}])]
    order = []
    for kind in kinds:
        kind = "number" if kind in ("double", "int", "long", "decimal") else kind
        if kind not in order:
            order.append(kind)
    # An array sorts as its least element, null here.
    equal(order[:4], ["minKey", "null", "array", "number"] if "null" == order[1] else ["minKey", "array", "null", "number"])
    equal(order[4:], ["string", "object", "binData", "objectId", "bool", "date", "timestamp", "regex", "javascript", "javascriptWithScope", "maxKey"])


@check
def numbers_of_several_types(server, db):
    db.c.insert_many([{"_id": 1, "n": 1}, {"_id": 2, "n": 1.0}, {"_id": 3, "n": Int64(1)}, {"_id": 4, "n": Decimal128("1")}])
    equal(db.c.count_documents({"n": 1}), 4)
    db.c.update_many({}, {"$inc": {"n": Int64(1)}})
    equal([type(d["n"]).__name__ for d in db.c.find(sort=[("_id", 1)])], ["Int64", "float", "Int64", "Decimal128"])
    equal(db.c.count_documents({"n": {"$type": "number"}}), 4)


@check
def overflow(server, db):
    db.c.insert_one({"_id": 1, "n": 2147483647})
    db.c.update_one({"_id": 1}, {"$inc": {"n": 1}})
    equal(db.c.find_one()["n"], 2147483648)


@check
def order_of_fields(server, db):
    document = SON([("_id", 1), ("z", 1), ("a", SON([("y", 1), ("b", 2)]))])
    db.c.insert_one(document)
    raw = db.get_collection("c", codec_options=CodecOptions(document_class=bson.raw_bson.RawBSONDocument)).find_one()
    equal(raw.raw, bson.encode(document))
    equal(db.c.count_documents({"a": SON([("y", 1), ("b", 2)])}), 1)
    equal(db.c.count_documents({"a": SON([("b", 2), ("y", 1)])}), 0)


@check
def identifiers_of_any_type(server, db):
    identifiers = [1, "a", ObjectId(), {"a": 1}, datetime.datetime(2020, 1, 1), None, True, b"x", Decimal128("1.5"), Int64(1 << 40)]
    for identifier in identifiers:
        db.c.insert_one({"_id": identifier})
    for identifier in identifiers:
        equal(db.c.find_one({"_id": identifier}), {"_id": identifier})
    equal(db.c.count_documents({}), len(identifiers))
