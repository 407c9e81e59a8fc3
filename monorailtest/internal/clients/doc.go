// Package clients has no code, only tests: monorailtest as the clients of other people see it, which are PyMongo, the
// Node driver and the shell, mongosh.
//
// The checks are programs of those clients, in testdata. They assert what MongoDB promises, so they can be run against
// any MongoDB, in databases of their own, whose names begin with the client's:
//
//	python3 testdata/pymongo URI [AREA...]
//	node testdata/node/driver/main.mjs URI [AREA...]
//	cd testdata/node/mongosh && mongosh --quiet --norc URI main.js
//
// Each prints a line of JSON for each check, {"name": …}, with "error" where it failed or "skip" where something is not
// installed; before them {"client": …} with the client's version, and at the end {"checks": n} with their number.
//
// The programs for Node need their packages: npm ci --ignore-scripts --omit=optional in testdata/node.
package clients
