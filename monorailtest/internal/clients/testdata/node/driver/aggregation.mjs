// Aggregation: stages, expressions, cursors and errors.

import { MongoServerError } from 'mongodb';
import { area, equal, throws } from './checks.mjs';

const { check } = area('aggregation');

async function sales(db) {
  const c = db.collection('sales');
  await c.insertMany([
    { _id: 1, item: 'a', price: 10, quantity: 2, at: new Date('2020-01-01'), tags: ['x', 'y'] },
    { _id: 2, item: 'b', price: 20, quantity: 1, at: new Date('2020-01-02'), tags: ['y'] },
    { _id: 3, item: 'a', price: 10, quantity: 5, at: new Date('2020-02-01'), tags: [] },
  ]);
  return c;
}

check('group, sort and project', async (server, db) => {
  const c = await sales(db);
  equal(await c.aggregate([
    { $group: { _id: '$item', total: { $sum: { $multiply: ['$price', '$quantity'] } }, ids: { $push: '$_id' } } },
    { $sort: { _id: 1 } },
    { $project: { _id: 0, item: { $toUpper: '$_id' }, total: 1, n: { $size: '$ids' } } },
  ]).toArray(), [{ total: 70, item: 'A', n: 2 }, { total: 20, item: 'B', n: 1 }]);
});

check('lookup and unwind', async (server, db) => {
  const c = await sales(db);
  await db.collection('items').insertMany([{ _id: 'a', name: 'apple' }]);
  equal(await c.aggregate([
    { $lookup: { from: 'items', localField: 'item', foreignField: '_id', as: 'it' } },
    { $unwind: { path: '$it', preserveNullAndEmptyArrays: true } },
    { $sort: { _id: -1 } }, { $project: { name: '$it.name' } },
  ]).toArray(), [{ _id: 3, name: 'apple' }, { _id: 2 }, { _id: 1, name: 'apple' }]);
});

check('facets and dates', async (server, db) => {
  const c = await sales(db);
  equal(await c.aggregate([{ $facet: {
    months: [{ $group: { _id: { $month: '$at' }, n: { $sum: 1 } } }, { $sort: { _id: 1 } }],
    days: [{ $match: { _id: 1 } }, { $project: { _id: 0, day: { $dateToString: { date: '$at', format: '%d.%m.%Y' } } } }],
  } }]).toArray(), [{ months: [{ _id: 1, n: 2 }, { _id: 2, n: 1 }], days: [{ day: '01.01.2020' }] }]);
});

check('out and merge', async (server, db) => {
  const c = await sales(db);
  equal(await c.aggregate([{ $match: { item: 'a' } }, { $out: 'copy' }]).toArray(), []);
  await c.aggregate([{ $match: { item: 'b' } }, { $merge: { into: 'copy' } }]).toArray();
  equal(await db.collection('copy').countDocuments(), 3);
});

check('batches', async (server, db) => {
  const c = db.collection('c');
  await c.insertMany(Array.from({ length: 300 }, (_, i) => ({ _id: i })));
  equal((await c.aggregate([{ $match: {} }], { batchSize: 7, allowDiskUse: true }).toArray()).length, 300);
});

check('a view', async (server, db) => {
  await sales(db);
  const view = await db.createCollection('view', { viewOn: 'sales', pipeline: [{ $match: { item: 'a' } }] });
  equal(await view.countDocuments(), 2);
  await throws(MongoServerError, 166, () => view.insertOne({}));
});

check('errors', async (server, db) => {
  const c = await sales(db);
  await throws(MongoServerError, 40324, () => c.aggregate([{ $noSuch: 1 }]).toArray());
  await throws(MongoServerError, 15955, () => c.aggregate([{ $group: { n: { $sum: 1 } } }]).toArray());
  await throws(MongoServerError, 16554, () => c.aggregate([{ $project: { n: { $add: ['$item', 1] } } }]).toArray());
});
