// Checks that assert by themselves, and one line of JSON for each.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { EJSON } from 'bson';
import { MongoClient } from 'mongodb';

const registered = [];

// The server under test, as the checks see it.
export class Server {
  static async open(uri) {
    const server = new Server();
    server.uri = uri;
    server.client = server.connect();
    const hello = await server.client.db('admin').command({ hello: 1 });
    server.replicaSet = hello.setName;
    server.kind = hello.setName === undefined ? 'standalone' : hello.hosts.length === 1 ? 'set' : 'members';
    return server;
  }

  connect(options = {}) {
    return new MongoClient(this.uri, options);
  }
}

// Returns the functions that register the checks of an area. A check is called with the server and an empty database.
export function area(name) {
  const register = (of) => (title, run) => registered.push({ name: `${name}/${title}`, run, of });
  return {
    check: register(['standalone', 'set', 'members']),
    checkOfStandalones: register(['standalone']),
    checkOfSets: register(['set', 'members']),
    // Those of several members.
    checkOfMembers: register(['members']),
  };
}

// Compares by value and type; a document's fields have an order.
export function equal(got, want, what = 'result') {
  const text = (value) => (value === undefined ? 'undefined' : EJSON.stringify(value, { relaxed: true }));
  assert.equal(text(got), text(want), what);
}

export function ok(condition, what) {
  assert.ok(condition, what);
}

// Awaits run, which must throw an error of the class with the code, and returns the error.
export async function throws(kind, code, run) {
  let result;
  try {
    result = await run();
  } catch (error) {
    if (!(error instanceof kind)) throw error;
    if (code !== undefined) assert.equal(error.code, code, `code of ${error}`);
    return error;
  }
  throw new Error(`got ${EJSON.stringify(result)}, want ${kind.name}`);
}

// Runs the checks of the areas, all if there are none, and says whether all have passed.
async function run(server, areas) {
  const chosen = registered.filter((c) => c.of.includes(server.kind) && (areas.length === 0 || areas.includes(c.name.split('/')[0])));
  let failed = 0;
  for (const { name, run } of chosen) {
    const line = { name };
    const db = server.client.db(`node_${name.replaceAll(/[^a-z]/g, '_')}`.slice(0, 60));
    try {
      await db.dropDatabase();
      await run(server, db);
      await db.dropDatabase();
    } catch (error) {
      line.error = `${error.stack ?? error}`;
      failed++;
    }
    console.log(JSON.stringify(line));
  }
  console.log(JSON.stringify({ checks: chosen.length }));
  return failed === 0 && chosen.length > 0;
}

export async function main() {
  const [uri, ...areas] = process.argv.slice(2);
  if (uri === undefined) throw new Error('usage: node main.mjs URI [AREA...]');
  const { version } = createRequire(import.meta.url)('mongodb/package.json');
  console.log(JSON.stringify({ client: `Node driver ${version} on Node ${process.version}` }));
  const server = await Server.open(uri);
  const passed = await run(server, areas);
  await server.client.close();
  // A write that was retried leaves a timer of the driver's behind, which would keep Node waiting for 30 seconds.
  process.exit(passed ? 0 : 1);
}
