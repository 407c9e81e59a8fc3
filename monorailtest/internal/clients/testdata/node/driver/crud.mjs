// Inserts, finds, updates, replacements, deletes, findAndModify, distinct and counts.

import { MongoServerError } from 'mongodb';
import { area, equal, ok, throws } from './checks.mjs';

const { check } = area('crud');

check('insertOne and insertMany', async (server, db) => {
  const c = db.collection('c');
  const { insertedId, acknowledged } = await c.insertOne({ n: 1 });
  equal(acknowledged, true);
  equal(await c.findOne({ _id: insertedId }), { _id: insertedId, n: 1 });
  const many = await c.insertMany(Array.from({ length: 2500 }, (_, i) => ({ _id: i })));
  equal(many.insertedCount, 2500);
  equal(await c.countDocuments(), 2501);
  equal(await c.estimatedDocumentCount(), 2501);
});

check('a duplicate key', async (server, db) => {
  const c = db.collection('c');
  await c.createIndex({ k: 1 }, { unique: true });
  await c.insertMany([{ _id: 1, k: 'a' }, { _id: 2, k: 'b' }]);
  const error = await throws(MongoServerError, 11000, () => c.insertOne({ _id: 3, k: 'a' }));
  equal([error.keyPattern, error.keyValue], [{ k: 1 }, { k: 'a' }]);
  ok(error.message.includes('E11000 duplicate key error'), error.message);
  await throws(MongoServerError, 11000, () => c.updateOne({ _id: 2 }, { $set: { k: 'a' } }));
  await throws(MongoServerError, 11000, () => c.findOneAndUpdate({ _id: 2 }, { $set: { k: 'a' } }));
});

check('find', async (server, db) => {
  const c = db.collection('c');
  await c.insertMany(Array.from({ length: 100 }, (_, i) => ({ _id: i, n: i % 10, s: 'ab'[i % 2], a: [i, i + 1] })));
  const found = await c.find({ n: { $gte: 5 }, s: 'b' }, { projection: { n: 1 } }).sort({ n: -1, _id: 1 }).skip(1).limit(2).toArray();
  equal(found, [{ _id: 19, n: 9 }, { _id: 29, n: 9 }]);
  equal(await c.findOne({ _id: 1000 }), null);
  equal(await c.countDocuments({ $or: [{ n: 1 }, { a: { $elemMatch: { $gte: 98 } } }] }), 13);
  equal(await c.countDocuments({ s: /^A/i }), 50);
  equal(await c.findOne({ _id: 1 }, { projection: { _id: 0, 'a': { $slice: -1 } } }), { n: 1, s: 'b', a: [2] });
  await throws(MongoServerError, 2, () => c.find({ $noSuch: 1 }).toArray());
});

check('find with a collation and hints', async (server, db) => {
  const c = db.collection('c');
  await c.createIndex({ s: 1 });
  await c.insertMany([{ _id: 1, s: 'b' }, { _id: 2, s: 'A' }, { _id: 3, s: 'a' }]);
  const collation = { locale: 'en', strength: 2 };
  equal((await c.find({ s: 'a' }, { collation }).sort({ _id: 1 }).toArray()).map((d) => d._id), [2, 3]);
  equal((await c.find({ s: { $gte: 'a' } }).hint('s_1').toArray()).map((d) => d._id), [3, 1]);
  equal((await c.find().min({ s: 'a' }).max({ s: 'b' }).hint({ s: 1 }).toArray()).map((d) => d._id), [3]);
  await throws(MongoServerError, 2, () => c.find().hint('noSuch').toArray());
});

check('updates', async (server, db) => {
  const c = db.collection('c');
  await c.insertMany([{ _id: 1, n: 1 }, { _id: 2, n: 1 }]);
  let result = await c.updateOne({ n: 1 }, { $inc: { n: 1 } });
  equal([result.matchedCount, result.modifiedCount, result.upsertedCount], [1, 1, 0]);
  result = await c.updateMany({}, { $set: { n: 2 } });
  equal([result.matchedCount, result.modifiedCount], [2, 1]);
  result = await c.updateOne({ _id: 3 }, { $set: { n: 3 }, $setOnInsert: { fresh: true } }, { upsert: true });
  equal([result.matchedCount, result.upsertedId, result.upsertedCount], [0, 3, 1]);
  result = await c.replaceOne({ _id: 3 }, { m: 1 });
  equal([result.modifiedCount, await c.findOne({ _id: 3 })], [1, { _id: 3, m: 1 }]);
  await c.updateOne({ _id: 1 }, [{ $set: { double: { $multiply: ['$n', 2] } } }]);
  equal(await c.findOne({ _id: 1 }), { _id: 1, n: 2, double: 4 });
  await c.updateOne({ _id: 1 }, { $set: { a: [1, 5, 9] } });
  await c.updateOne({ _id: 1 }, { $set: { 'a.$[e]': 0 } }, { arrayFilters: [{ e: { $gt: 4 } }] });
  equal((await c.findOne({ _id: 1 })).a, [1, 0, 0]);
});

check('updates that are wrong', async (server, db) => {
  const c = db.collection('c');
  await c.insertOne({ _id: 1, s: 'text' });
  await throws(MongoServerError, 14, () => c.updateOne({ _id: 1 }, { $inc: { s: 1 } }));
  await throws(MongoServerError, 66, () => c.updateOne({ _id: 1 }, { $set: { _id: 2 } }));
  await throws(MongoServerError, 40, () => c.updateOne({ _id: 1 }, { $set: { a: 1 }, $unset: { 'a.b': 1 } }));
  await throws(MongoServerError, 9, () => c.updateOne({ _id: 1 }, { $noSuch: { a: 1 } }));
  equal(await c.findOne(), { _id: 1, s: 'text' });
});

check('deletes', async (server, db) => {
  const c = db.collection('c');
  await c.insertMany(Array.from({ length: 10 }, (_, i) => ({ _id: i, n: i % 2 })));
  equal((await c.deleteOne({ n: 1 })).deletedCount, 1);
  equal((await c.deleteMany({ n: 1 })).deletedCount, 4);
  equal((await c.deleteMany({})).deletedCount, 5);
});

check('findOneAnd…', async (server, db) => {
  const c = db.collection('c');
  await c.insertMany([{ _id: 1, n: 1 }, { _id: 2, n: 2 }]);
  equal(await c.findOneAndUpdate({}, { $inc: { n: 10 } }, { sort: { n: -1 } }), { _id: 2, n: 2 });
  equal(await c.findOneAndUpdate({ _id: 2 }, { $inc: { n: 1 } }, { returnDocument: 'after', projection: { _id: 0 } }), { n: 13 });
  const whole = await c.findOneAndUpdate({ _id: 9 }, { $set: { n: 9 } }, { upsert: true, includeResultMetadata: true });
  equal(whole.lastErrorObject, { n: 1, updatedExisting: false, upserted: 9 });
  equal(await c.findOneAndReplace({ _id: 9 }, { m: 1 }, { returnDocument: 'after' }), { _id: 9, m: 1 });
  equal(await c.findOneAndDelete({ _id: 9 }), { _id: 9, m: 1 });
  equal(await c.findOneAndDelete({ _id: 9 }), null);
});

check('distinct and counts', async (server, db) => {
  const c = db.collection('c');
  await c.insertMany([{ a: [1, 2] }, { a: 2 }, { a: 3, x: 1 }, {}]);
  equal(await c.distinct('a'), [1, 2, 3]);
  equal(await c.distinct('a', { x: 1 }), [3]);
  equal(await c.countDocuments({ a: 2 }), 2);
  equal(await c.countDocuments({}, { skip: 1, limit: 2 }), 2);
});

check('validation', async (server, db) => {
  const c = await db.createCollection('c', { validator: { $jsonSchema: { required: ['n'] } } });
  await c.insertOne({ n: 1 });
  await throws(MongoServerError, 121, () => c.insertOne({ m: 1 }));
  await c.insertOne({ m: 1 }, { bypassDocumentValidation: true });
  equal(await c.countDocuments(), 2);
});
