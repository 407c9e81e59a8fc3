// Documents: CRUD, bulk, cursors, aggregation.

check('documents/insert and find', () => {
  equal(db.c.insertOne({ _id: 1, n: 1 }), { acknowledged: true, insertedId: 1 });
  equal(db.c.insertMany([{ _id: 2 }, { _id: 3 }]).insertedIds, { 0: 2, 1: 3 });
  equal(db.c.find({ _id: { $gt: 1 } }).sort({ _id: -1 }).toArray(), [{ _id: 3 }, { _id: 2 }]);
  equal(db.c.findOne({ n: 1 }), { _id: 1, n: 1 });
  equal(db.c.findOne({ n: 7 }), null);
  equal([db.c.countDocuments(), db.c.estimatedDocumentCount(), db.c.find({ n: 1 }).count(), db.c.find().size()], [3, 3, 1, 3]);
  equal(db.c.distinct('n'), [1]);
  const types = db.c.insertOne({ i: NumberInt(1), l: NumberLong('9007199254740993'), d: NumberDecimal('1.10'), t: Timestamp(1, 2), at: ISODate('2020-01-01'), u: UUID() });
  equal(db.c.findOne({ _id: types.insertedId }).l.toString(), '9007199254740993');
});

check('documents/update, replace and delete', () => {
  db.c.insertMany([{ _id: 1, n: 1 }, { _id: 2, n: 1 }]);
  equal(db.c.updateOne({ _id: 1 }, { $inc: { n: 1 } }), { acknowledged: true, insertedId: null, matchedCount: 1, modifiedCount: 1, upsertedCount: 0 });
  equal(db.c.updateMany({}, { $set: { seen: true } }).modifiedCount, 2);
  equal(db.c.updateOne({ _id: 9 }, { $set: { n: 9 } }, { upsert: true }).insertedId, 9);
  equal(db.c.replaceOne({ _id: 9 }, { m: 1 }).modifiedCount, 1);
  equal(db.c.findOneAndUpdate({ _id: 9 }, { $inc: { m: 1 } }, { returnDocument: 'after' }), { _id: 9, m: 2 });
  equal(db.c.findAndModify({ query: { _id: 9 }, remove: true }), { _id: 9, m: 2 });
  equal(db.c.deleteOne({ _id: 1 }), { acknowledged: true, deletedCount: 1 });
  equal(db.c.deleteMany({}).deletedCount, 1);
});

check('documents/errors', () => {
  db.c.insertOne({ _id: 1, s: 'text' });
  equal(throws('MongoServerError', 11000, () => db.c.insertOne({ _id: 1 })).keyValue, { _id: 1 });
  throws('MongoServerError', 14, () => db.c.updateOne({ _id: 1 }, { $inc: { s: 1 } }));
  throws('MongoServerError', 2, () => db.c.find({ $noSuch: 1 }).toArray());
  throws('MongoServerError', 59, () => db.runCommand({ noSuchCommand: 1 }));
  const error = throws('MongoBulkWriteError', 11000, () => db.c.insertMany([{ _id: 2 }, { _id: 1 }, { _id: 3 }], { ordered: false }));
  equal([error.result.insertedCount, error.writeErrors.length, error.writeErrors[0].index], [2, 1, 1]);
});

check('documents/bulk', () => {
  const result = db.c.bulkWrite([
    { insertOne: { document: { _id: 1 } } },
    { updateOne: { filter: { _id: 1 }, update: { $set: { n: 1 } } } },
    { updateOne: { filter: { _id: 2 }, update: { $set: { n: 1 } }, upsert: true } },
    { deleteOne: { filter: { _id: 1 } } },
  ]);
  equal([result.insertedCount, result.modifiedCount, result.upsertedCount, result.deletedCount], [1, 1, 1, 1]);
  const bulk = db.c.initializeUnorderedBulkOp();
  bulk.insert({ _id: 3 });
  bulk.find({ _id: 2 }).update({ $set: { n: 5 } });
  bulk.find({ _id: 3 }).delete();
  equal(bulk.execute().deletedCount, 1);
  equal(db.c.find().toArray(), [{ _id: 2, n: 5 }]);
});

check('documents/cursors', () => {
  db.c.insertMany(Array.from({ length: 500 }, (_, i) => ({ _id: i })));
  equal(db.c.find().batchSize(7).toArray().length, 500);
  equal(db.c.find().sort({ _id: 1 }).skip(10).limit(2).map((d) => d._id).toArray(), [10, 11]);
  let n = 0;
  db.c.find().forEach(() => { n++; });
  equal(n, 500);
  const cursor = db.c.find().batchSize(2);
  cursor.next();
  const { cursor: { id } } = db.runCommand({ find: 'c', batchSize: 2 });
  equal(db.runCommand({ killCursors: 'c', cursors: [id] }).cursorsKilled.length, 1);
  throws('MongoServerError', 43, () => db.runCommand({ getMore: id, collection: 'c' }));
  cursor.close();
});

check('documents/aggregation', () => {
  db.c.insertMany([{ _id: 1, k: 'a', n: 1 }, { _id: 2, k: 'a', n: 2 }, { _id: 3, k: 'b', n: 4 }]);
  equal(db.c.aggregate([{ $group: { _id: '$k', n: { $sum: '$n' } } }, { $sort: { _id: 1 } }]).toArray(), [{ _id: 'a', n: 3 }, { _id: 'b', n: 4 }]);
  equal(db.c.aggregate([{ $match: { k: 'a' } }, { $count: 'n' }]).toArray(), [{ n: 2 }]);
  equal(db.c.aggregate([{ $project: { _id: 0, label: { $concat: ['$k', '!'] }, double: { $multiply: ['$n', 2] } } }, { $limit: 1 }]).toArray(), [{ label: 'a!', double: 2 }]);
  throws('MongoServerError', 40324, () => db.c.aggregate([{ $noSuch: {} }]).toArray());
});

check('documents/explain', () => {
  db.c.insertOne({ _id: 1 });
  ok(db.c.find({ _id: 1 }).explain().queryPlanner !== undefined, 'find');
  ok(db.c.explain('executionStats').find({ _id: 1 }).finish().executionStats !== undefined, 'explain().find()');
});
