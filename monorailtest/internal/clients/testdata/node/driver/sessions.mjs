// Sessions, retryable writes, transactions and change streams.

import { MongoNetworkError, MongoServerError } from 'mongodb';
import { area, equal, ok, throws } from './checks.mjs';

const { check, checkOfSets, checkOfStandalones } = area('sessions');

check('an explicit session', async (server, db) => {
  const c = db.collection('c');
  await server.client.withSession(async (session) => {
    await c.insertMany(Array.from({ length: 50 }, (_, i) => ({ _id: i })), { session });
    equal((await c.find({}, { session, batchSize: 5 }).toArray()).length, 50);
    if (server.replicaSet) ok(session.operationTime && session.clusterTime, 'no times');
  });
});

checkOfStandalones('no transaction on a standalone', async (server, db) => {
  await server.client.withSession(async (session) => {
    session.startTransaction();
    const error = await db.collection('c').insertOne({}, { session }).then(() => undefined, (e) => e);
    // The driver may know by itself, or ask.
    ok(error instanceof Error, 'a transaction on a standalone');
    await session.abortTransaction().catch(() => undefined);
  });
});

checkOfSets('a retried write', async (server, db) => {
  const c = db.collection('c');
  await c.insertOne({ _id: 1, n: 0 });
  const admin = server.client.db('admin');
  try {
    await admin.command({ configureFailPoint: 'failCommand', mode: { times: 1 }, data: { failCommands: ['update'], closeConnection: true } });
    equal((await c.updateOne({ _id: 1 }, { $inc: { n: 1 } })).modifiedCount, 1);
    equal((await c.findOne()).n, 1);
    await admin.command({ configureFailPoint: 'failCommand', mode: { times: 1 }, data: { failCommands: ['insert'], errorCode: 91, errorLabels: ['RetryableWriteError'] } });
    equal((await c.insertOne({ _id: 2 })).insertedId, 2);
    await admin.command({ configureFailPoint: 'failCommand', mode: 'alwaysOn', data: { failCommands: ['update'], closeConnection: true } });
    await throws(MongoNetworkError, undefined, () => c.updateOne({ _id: 1 }, { $inc: { n: 1 } }));
  } finally {
    await admin.command({ configureFailPoint: 'failCommand', mode: 'off' });
  }
});

checkOfSets('a transaction commits', async (server, db) => {
  const c = db.collection('c');
  await c.insertOne({ _id: 1 });
  await server.client.withSession(async (session) => {
    equal(await session.withTransaction(async () => {
      await c.insertOne({ _id: 2 }, { session });
      await c.updateOne({ _id: 1 }, { $set: { n: 1 } }, { session });
      equal(await c.countDocuments({}, { session }), 2);
      equal(await c.countDocuments(), 1, 'outside, before the commit');
      return 'done';
    }, { readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority' } }), 'done');
  });
  equal(await c.find().sort({ _id: 1 }).toArray(), [{ _id: 1, n: 1 }, { _id: 2 }]);
});

checkOfSets('a transaction aborts', async (server, db) => {
  const c = db.collection('c');
  await c.insertOne({ _id: 1 });
  await server.client.withSession(async (session) => {
    const thrown = await session.withTransaction(async () => {
      await c.deleteMany({}, { session });
      throw new RangeError('no');
    }).catch((e) => e);
    ok(thrown instanceof RangeError, `${thrown}`);
    session.startTransaction();
    await c.insertOne({ _id: 2 }, { session });
    await session.abortTransaction();
  });
  equal(await c.find().toArray(), [{ _id: 1 }]);
});

checkOfSets('a write conflict', async (server, db) => {
  const c = db.collection('c');
  await c.insertOne({ _id: 1, n: 0 });
  await server.client.withSession((one) => server.client.withSession(async (other) => {
    one.startTransaction();
    other.startTransaction();
    await c.updateOne({ _id: 1 }, { $inc: { n: 1 } }, { session: one });
    const error = await throws(MongoServerError, 112, () => c.updateOne({ _id: 1 }, { $inc: { n: 1 } }, { session: other }));
    ok(error.hasErrorLabel('TransientTransactionError'), 'no label');
    await other.abortTransaction();
    await one.commitTransaction();
    await one.commitTransaction();
  }));
  equal((await c.findOne()).n, 1);
});

checkOfStandalones('no change stream on a standalone', async (server, db) => {
  const stream = db.collection('c').watch();
  await throws(MongoServerError, 40573, () => stream.next());
  await stream.close();
});

checkOfSets('change streams', async (server, db) => {
  const c = db.collection('c');
  await c.insertOne({ _id: 0 });
  const stream = c.watch([], { fullDocument: 'updateLookup', maxAwaitTimeMS: 100 });
  const whole = server.client.watch([], { maxAwaitTimeMS: 100 });
  let token;
  try {
    // Both are open when the server has answered once.
    await stream.tryNext();
    await whole.tryNext();
    await c.insertOne({ _id: 1 });
    await c.updateOne({ _id: 1 }, { $set: { n: 1 } });
    await c.deleteOne({ _id: 1 });
    const events = [await stream.next(), await stream.next(), await stream.next()];
    equal(events.map((e) => e.operationType), ['insert', 'update', 'delete']);
    equal(events[1].updateDescription.updatedFields, { n: 1 });
    equal((await whole.next()).ns, { db: db.databaseName, coll: 'c' });
    token = events[1]._id;
  } finally {
    await stream.close();
    await whole.close();
  }
  const resumed = c.watch([], { resumeAfter: token });
  try {
    equal((await resumed.next()).operationType, 'delete');
  } finally {
    await resumed.close();
  }
});
