"""Checks that assert by themselves, and one line of JSON for each."""

import json
import sys
import traceback

import pymongo

_registered = []


class Skip(Exception):
    """What a check needs is not installed."""


class Failure(Exception):
    """What a check got is not what MongoDB gives."""


class Server:
    """The server under test, as the checks see it."""

    def __init__(self, uri, **options):
        self.uri = uri
        self.options = options
        self.client = self.connect()
        hello = self.client.admin.command("ismaster")
        self.replica_set = hello.get("setName")
        self.kind = "standalone" if self.replica_set is None else "set" if len(hello["hosts"]) == 1 else "members"

    def connect(self, **options):
        return pymongo.MongoClient(self.uri, **dict(self.options, **options))


def check(function, of=("standalone", "set", "members")):
    """Registers a check, which is called with the server and an empty database of its own."""
    area = function.__module__.split(".")[-1]
    _registered.append((area + "/" + function.__name__, function, of))
    return function


def check_of_sets(function):
    """Registers a check that applies to replica sets only."""
    return check(function, of=("set", "members"))


def check_of_standalones(function):
    """Registers a check that applies to standalone servers only."""
    return check(function, of=("standalone",))


def check_of_members(function):
    """Registers a check that applies to replica sets of several members only."""
    return check(function, of=("members",))


def equal(got, want, what="result"):
    if got != want:
        raise Failure("%s: got %r, want %r" % (what, got, want))


def true(condition, what):
    if not condition:
        raise Failure(what)


def raises(kind, function, *arguments, code=None, **options):
    """Calls function, which must raise kind with this code of MongoDB's, and returns the exception."""
    try:
        result = function(*arguments, **options)
    except kind as exception:
        if code is not None:
            equal(exception.code, code, "code of %r" % exception)
        return exception
    raise Failure("got %r, want %s" % (result, kind.__name__))


def run(server, areas):
    """Runs the checks of the areas, all if there are none, and says whether all have passed."""
    failed = 0
    chosen = [(name, function) for name, function, of in _registered if server.kind in of and (not areas or name.split("/")[0] in areas)]
    for name, function in chosen:
        line = {"name": name}
        database = "pymongo_" + name.replace("/", "_")
        try:
            server.client.drop_database(database)
            function(server, server.client[database])
            server.client.drop_database(database)
        except Skip as skip:
            line["skip"] = str(skip)
        except Exception:
            line["error"] = traceback.format_exc()
            failed += 1
        print(json.dumps(line), flush=True)
    print(json.dumps({"checks": len(chosen)}), flush=True)
    return failed == 0 and len(chosen) > 0


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: python3 testdata/pymongo URI [AREA...]")
    server = Server(sys.argv[1])
    print(json.dumps({"client": "PyMongo " + pymongo.version}), flush=True)
    sys.exit(0 if run(server, sys.argv[2:]) else 1)
