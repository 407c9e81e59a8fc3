// A replica set of several members, whose primary steps down.

import { area, equal } from './checks.mjs';

const { checkOfMembers } = area('failover');

checkOfMembers('writes go on after a step-down', async (server, db) => {
  const c = db.collection('c', { writeConcern: { w: 'majority', wtimeoutMS: 20000 } });
  await c.insertOne({ _id: 0, n: 0 });
  await server.client.db('admin').command({ replSetStepDown: 60, secondaryCatchUpPeriodSecs: 10 });
  // Each is retried by itself on the next primary, and done once.
  for (let i = 1; i <= 20; i++) {
    await c.insertOne({ _id: i });
    equal((await c.updateOne({ _id: 0 }, { $inc: { n: 1 } })).modifiedCount, 1);
  }
  equal([await c.countDocuments(), (await c.findOne({ _id: 0 })).n], [21, 20]);
});

checkOfMembers('secondaries are read', async (server, db) => {
  await db.collection('c').insertOne({ _id: 1 }, { writeConcern: { w: 3, wtimeoutMS: 20000 } });
  equal(await db.collection('c').findOne({}, { readPreference: 'secondary' }), { _id: 1 });
});
