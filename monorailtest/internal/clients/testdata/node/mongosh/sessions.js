// Sessions and transactions.

checkOfSets('sessions/transaction', () => {
  db.c.insertOne({ _id: 1 });
  const session = db.getMongo().startSession();
  const c = session.getDatabase(db.getName()).c;
  session.startTransaction({ readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority' } });
  c.insertOne({ _id: 2 });
  equal([c.countDocuments(), db.c.countDocuments()], [2, 1]);
  session.commitTransaction();
  equal(db.c.countDocuments(), 2);
  session.startTransaction();
  c.deleteMany({});
  session.abortTransaction();
  equal(db.c.countDocuments(), 2);
  session.endSession();
});

checkOfSets('sessions/change stream', () => {
  db.c.insertOne({ _id: 0 });
  const stream = db.c.watch([], { maxAwaitTimeMS: 100 });
  // It is open when the server has answered once.
  stream.tryNext();
  db.c.insertOne({ _id: 1 });
  equal(stream.tryNext().fullDocument, { _id: 1 });
  stream.close();
});

check('sessions/session', () => {
  const session = db.getMongo().startSession({ causalConsistency: true });
  const c = session.getDatabase(db.getName()).c;
  c.insertOne({ _id: 1 });
  equal(c.findOne(), { _id: 1 });
  session.endSession();
});
