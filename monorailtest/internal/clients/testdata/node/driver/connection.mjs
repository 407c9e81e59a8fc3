// Connections, commands by name, concerns, and errors of commands.

import { MongoServerError, MongoWriteConcernError, ReadPreference } from 'mongodb';
import { area, equal, ok, throws } from './checks.mjs';

const { check, checkOfSets, checkOfStandalones } = area('connection');

check('ping and build information', async (server, db) => {
  equal((await db.command({ ping: 1 })).ok, 1);
  const info = await server.client.db('admin').admin().serverInfo();
  equal(info.version.split('.').slice(0, 2).map(Number), info.versionArray.slice(0, 2));
  ok((await server.client.db('admin').admin().serverStatus()).connections.current > 0, 'serverStatus');
});

check('errors of commands', async (server, db) => {
  equal((await throws(MongoServerError, 59, () => db.command({ noSuchCommand: 1 }))).codeName, 'CommandNotFound');
  await throws(MongoServerError, 9, () => db.command({ find: 'c', noSuchField: 1 }));
  await throws(MongoServerError, 73, () => db.command({ insert: '', documents: [{}] }));
  await throws(MongoServerError, 14, () => db.command({ insert: 'c', documents: [{}], ordered: 'text' }));
});

check('unacknowledged writes', async (server, db) => {
  // One connection executes in order, so that what follows sees the write.
  const client = server.connect({ maxPoolSize: 1 });
  try {
    const c = client.db(db.databaseName).collection('c');
    equal((await c.insertOne({ _id: 1 }, { writeConcern: { w: 0 } })).acknowledged, false);
    equal((await c.updateOne({ _id: 1 }, { $set: { n: 1 } }, { writeConcern: { w: 0 } })).acknowledged, false);
    equal(await c.findOne(), { _id: 1, n: 1 });
  } finally {
    await client.close();
  }
});

check('compression', async (server, db) => {
  const client = server.connect({ compressors: ['zlib'] });
  try {
    const c = client.db(db.databaseName).collection('c');
    await c.insertMany(Array.from({ length: 100 }, (_, i) => ({ _id: i, text: 'x'.repeat(1000) })));
    equal((await c.find().toArray()).length, 100);
  } finally {
    await client.close();
  }
});

check('write concerns', async (server, db) => {
  const c = db.collection('c', { writeConcern: { w: 'majority', journal: true, wtimeoutMS: 10000 } });
  equal((await c.insertOne({ _id: 1 })).insertedId, 1);
});

checkOfSets('a write concern of an unknown mode', async (server, db) => {
  const error = await throws(MongoWriteConcernError, 79, () => db.collection('c').insertOne({ _id: 1 }, { writeConcern: { w: 'everywhere' } }));
  equal(error.result.writeConcernError.codeName, 'UnknownReplWriteConcern');
  await throws(MongoWriteConcernError, 100, () => db.collection('c').insertOne({ _id: 2 }, { writeConcern: { w: 40 } }));
  equal(await db.collection('c').countDocuments(), 2);
});

checkOfStandalones('a write concern of a set', async (server, db) => {
  await throws(MongoServerError, 2, () => db.collection('c').insertOne({ _id: 1 }, { writeConcern: { w: 3 } }));
  equal(await db.collection('c').countDocuments(), 0);
});

check('read concerns and preferences', async (server, db) => {
  await db.collection('c').insertOne({ _id: 1 }, { writeConcern: { w: 'majority' } });
  for (const level of ['local', 'available', ...(server.replicaSet ? ['majority', 'linearizable'] : [])]) {
    equal(await db.collection('c').findOne({}, { readConcern: { level } }), { _id: 1 }, level);
  }
  for (const readPreference of [ReadPreference.PRIMARY, ReadPreference.NEAREST]) {
    equal(await db.collection('c').findOne({}, { readPreference }), { _id: 1 }, readPreference);
  }
});

check('command monitoring', async (server, db) => {
  const client = server.connect({ monitorCommands: true });
  const names = [];
  client.on('commandStarted', (event) => names.push(event.commandName));
  client.on('commandSucceeded', (event) => names.push(`+${event.commandName}`));
  client.on('commandFailed', (event) => names.push(`-${event.commandName}`));
  try {
    await client.db(db.databaseName).collection('c').insertOne({ _id: 1 });
    await throws(MongoServerError, 59, () => client.db(db.databaseName).command({ noSuchCommand: 1 }));
  } finally {
    await client.close();
  }
  equal(names.slice(0, 4), ['insert', '+insert', 'noSuchCommand', '-noSuchCommand']);
});

check('many operations at once', async (server, db) => {
  const c = db.collection('c');
  await c.insertOne({ _id: 1, n: 0 });
  await Promise.all(Array.from({ length: 500 }, () => c.updateOne({ _id: 1 }, { $inc: { n: 1 } })));
  equal((await c.findOne()).n, 500);
});

check('statistics', async (server, db) => {
  await db.collection('c').insertMany([{ _id: 1 }, { _id: 2 }]);
  equal((await db.stats()).objects, 2);
  equal((await db.command({ collStats: 'c' })).count, 2);
  equal((await db.command({ validate: 'c' })).valid, true);
});
