// Bulk writes: counts, order, and MongoBulkWriteError.

import { MongoBulkWriteError } from 'mongodb';
import { area, equal, throws } from './checks.mjs';

const { check } = area('bulk');

check('every kind', async (server, db) => {
  const c = db.collection('c');
  await c.insertMany(Array.from({ length: 5 }, (_, i) => ({ _id: i, n: 0 })));
  const result = await c.bulkWrite([
    { insertOne: { document: { _id: 10 } } },
    { updateOne: { filter: { _id: 0 }, update: { $inc: { n: 1 } } } },
    { updateMany: { filter: { n: 0 }, update: { $set: { seen: true } } } },
    { replaceOne: { filter: { _id: 1 }, replacement: { n: 7 } } },
    { updateOne: { filter: { _id: 11 }, update: { $set: { n: 1 } }, upsert: true } },
    { deleteOne: { filter: { _id: 2 } } },
    { deleteMany: { filter: { _id: { $gte: 3, $lt: 5 } } } },
  ]);
  equal([result.insertedCount, result.matchedCount, result.modifiedCount, result.deletedCount, result.upsertedCount], [1, 6, 6, 3, 1]);
  equal(result.upsertedIds, { 4: 11 });
  equal((await c.find().sort({ _id: 1 }).toArray()).map((d) => d._id), [0, 1, 10, 11]);
});

check('ordered stops at the first error', async (server, db) => {
  const c = db.collection('c');
  const error = await throws(MongoBulkWriteError, 11000, () => c.insertMany([{ _id: 1 }, { _id: 1 }, { _id: 2 }]));
  equal([error.insertedCount, error.writeErrors.length ?? 1, error.writeErrors[0].index], [1, 1, 1]);
  equal(await c.countDocuments(), 1);
});

check('unordered tells all errors', async (server, db) => {
  const c = db.collection('c');
  const error = await throws(MongoBulkWriteError, 11000, () => c.bulkWrite([
    { insertOne: { document: { _id: 1 } } },
    { insertOne: { document: { _id: 1 } } },
    { updateOne: { filter: { _id: 1 }, update: { $set: { _id: 2 } } } },
    { insertOne: { document: { _id: 3 } } },
    { deleteOne: { filter: { _id: 1 } } },
  ], { ordered: false }));
  equal(error.writeErrors.map((e) => [e.index, e.code]).sort(), [[1, 11000], [2, 66]]);
  equal([error.insertedCount, error.deletedCount], [2, 1]);
  equal(await c.find().toArray(), [{ _id: 3 }]);
});

check('builders', async (server, db) => {
  const c = db.collection('c');
  const bulk = c.initializeOrderedBulkOp();
  bulk.insert({ _id: 1, n: 1 });
  bulk.find({ _id: 1 }).updateOne({ $inc: { n: 1 } });
  bulk.find({ _id: 2 }).upsert().replaceOne({ n: 5 });
  bulk.find({ n: 2 }).delete();
  const result = await bulk.execute();
  equal([result.insertedCount, result.modifiedCount, result.upsertedCount, result.deletedCount], [1, 1, 1, 1]);
  equal(await c.find().toArray(), [{ _id: 2, n: 5 }]);
});

check('large', async (server, db) => {
  const c = db.collection('c');
  // More than a message of 48 MB, so that indexes are those of the second one.
  const operations = Array.from({ length: 60 }, (_, i) => ({ insertOne: { document: { _id: i, data: 'x'.repeat(1 << 20) } } }));
  operations.push({ insertOne: { document: { _id: 5 } } });
  const error = await throws(MongoBulkWriteError, 11000, () => c.bulkWrite(operations, { ordered: false }));
  equal(error.writeErrors.map((e) => e.index), [60]);
  equal(await c.estimatedDocumentCount(), 60);
});
