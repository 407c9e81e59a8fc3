// Indexes: made, listed, dropped, unique, partial.

import { MongoServerError } from 'mongodb';
import { area, equal, throws } from './checks.mjs';

const { check } = area('indexes');

check('made, listed and dropped', async (server, db) => {
  const c = db.collection('c');
  equal(await c.createIndex({ a: 1, b: -1 }), 'a_1_b_-1');
  equal(await c.createIndexes([{ key: { u: 1 }, unique: true }, { key: { t: 1 }, name: 'mine', expireAfterSeconds: 60 }]), ['u_1', 'mine']);
  const indexes = await c.indexes();
  equal(indexes.map((i) => i.name), ['_id_', 'a_1_b_-1', 'u_1', 'mine']);
  equal([indexes[1].key, indexes[2].unique, indexes[3].expireAfterSeconds], [{ a: 1, b: -1 }, true, 60]);
  equal(await c.indexExists(['u_1', 'mine']), true);
  await c.dropIndex('mine');
  await c.dropIndexes();
  equal((await c.listIndexes().toArray()).length, 1);
});

check('conflicts', async (server, db) => {
  const c = db.collection('c');
  await c.createIndex({ a: 1 });
  await c.createIndex({ a: 1 });
  await throws(MongoServerError, 85, () => c.createIndex({ a: 1 }, { unique: true }));
  await throws(MongoServerError, 86, () => c.createIndex({ b: 1 }, { name: 'a_1' }));
  await throws(MongoServerError, 27, () => c.dropIndex('noSuch'));
  await throws(MongoServerError, 67, () => c.createIndex({ a: 'noSuchKind' }));
});

check('unique', async (server, db) => {
  const c = db.collection('c');
  await c.createIndex({ k: 1 }, { unique: true, partialFilterExpression: { on: true } });
  await c.insertMany([{ k: 1 }, { k: 1 }, { k: 1, on: true }]);
  await throws(MongoServerError, 11000, () => c.insertOne({ k: 1, on: true }));
  await throws(MongoServerError, 11000, () => c.createIndex({ on: 1 }, { unique: true }));
});
