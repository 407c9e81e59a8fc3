// Databases and collections: made, listed, renamed, dropped, and a change of database.

import { MongoServerError } from 'mongodb';
import { area, equal, ok, throws } from './checks.mjs';

const { check } = area('databases');

check('listed and dropped', async (server, db) => {
  const names = async () => (await server.client.db().admin().listDatabases({ nameOnly: true })).databases.map((d) => d.name);
  ok(!(await names()).includes(db.databaseName), 'there before');
  await db.collection('c').insertOne({});
  ok((await names()).includes(db.databaseName), 'missing');
  equal(await db.dropDatabase(), true);
  ok(!(await names()).includes(db.databaseName), 'still there');
});

check('a change of database', async (server, db) => {
  const other = server.client.db(`${db.databaseName}2`);
  await db.collection('c').insertOne({ _id: 1, in: 'first' });
  await other.collection('c').insertOne({ _id: 1, in: 'second' });
  equal([(await db.collection('c').findOne()).in, (await other.collection('c').findOne()).in], ['first', 'second']);
  await other.dropDatabase();
  equal(await db.collection('c').countDocuments(), 1);
});

check('collections', async (server, db) => {
  await db.createCollection('a');
  await db.createCollection('b', { capped: true, size: 4096 });
  equal((await db.listCollections().toArray()).map((c) => c.name).sort(), ['a', 'b']);
  equal((await db.listCollections({ name: 'b' }).toArray())[0].options, { capped: true, size: 4096 });
  equal(await db.collection('b').isCapped(), true);
  await db.collection('a').insertOne({ _id: 1 });
  await db.collection('a').rename('c');
  equal(await db.collection('c').findOne(), { _id: 1 });
  await db.createCollection('d');
  await throws(MongoServerError, 48, () => db.collection('c').rename('d'));
  await db.collection('c').rename('d', { dropTarget: true });
  equal((await db.collections()).map((c) => c.collectionName).sort(), ['b', 'd']);
  equal(await db.dropCollection('d'), true);
  await throws(MongoServerError, 73, () => db.command({ create: 'a$b' }));
});

check('a strict collection', async (server, db) => {
  await db.createCollection('a');
  await throws(MongoServerError, 48, () => db.command({ create: 'a', capped: true, size: 4096 }));
});
