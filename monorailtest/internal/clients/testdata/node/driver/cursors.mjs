// Cursors: batches, the end, killed ones, tailable ones.

import { Long, MongoServerError } from 'mongodb';
import { area, equal, ok, throws } from './checks.mjs';

const { check } = area('cursors');

async function filled(db, n) {
  const c = db.collection('c');
  await c.insertMany(Array.from({ length: n }, (_, i) => ({ _id: i })));
  return c;
}

check('batches', async (server, db) => {
  const c = await filled(db, 1000);
  for (const batchSize of [1, 7, 101, 1000, 5000]) {
    const found = [];
    for await (const d of c.find({}, { batchSize }).sort({ _id: 1 })) found.push(d._id);
    equal(found, Array.from({ length: 1000 }, (_, i) => i), `batchSize ${batchSize}`);
  }
  equal((await c.find().limit(25).batchSize(10).toArray()).length, 25);
});

check('a killed cursor', async (server, db) => {
  const c = await filled(db, 100);
  const cursor = c.find({}, { batchSize: 10 });
  await cursor.next();
  const reply = await db.command({ killCursors: 'c', cursors: [cursor.id, Long.fromNumber(4711)] });
  equal([reply.cursorsKilled.length, reply.cursorsNotFound.length], [1, 1]);
  equal((await throws(MongoServerError, 43, () => cursor.toArray())).codeName, 'CursorNotFound');
});

check('a closed cursor', async (server, db) => {
  const c = await filled(db, 100);
  const cursor = c.find({}, { batchSize: 10 });
  await cursor.next();
  const { id } = cursor;
  await cursor.close();
  await throws(MongoServerError, 43, () => db.command({ getMore: id, collection: 'c' }));
});

check('a stream, and rewinding', async (server, db) => {
  const c = await filled(db, 50);
  const found = [];
  for await (const d of c.find({}, { batchSize: 7 }).stream()) found.push(d._id);
  equal(found.length, 50);
  const cursor = c.find().sort({ _id: 1 });
  equal([await cursor.next(), await cursor.next()], [{ _id: 0 }, { _id: 1 }]);
  cursor.rewind();
  equal([await cursor.next(), await cursor.hasNext()], [{ _id: 0 }, true]);
  await cursor.close();
});

check('cursors of commands', async (server, db) => {
  await filled(db, 50);
  equal((await db.runCursorCommand({ find: 'c', batchSize: 10 }).toArray()).length, 50);
});

check('a tailable cursor', async (server, db) => {
  const c = await db.createCollection('capped', { capped: true, size: 1 << 20 });
  await c.insertMany([{ _id: 0 }, { _id: 1 }]);
  const cursor = c.find({}, { tailable: true, awaitData: true, maxAwaitTimeMS: 50 });
  equal([await cursor.next(), await cursor.next()], [{ _id: 0 }, { _id: 1 }]);
  equal(await cursor.tryNext(), null);
  const next = cursor.next();
  await c.insertOne({ _id: 2 });
  equal(await next, { _id: 2 });
  await cursor.close();
});

check('explain', async (server, db) => {
  const c = await filled(db, 10);
  ok((await c.find({ _id: 1 }).explain()).queryPlanner, 'find');
  ok((await c.find({ _id: { $gt: 5 } }).explain('executionStats')).executionStats.nReturned === 4, 'executionStats');
});
