// What people type into a shell: show, use, statistics, indexes, administration.

check('shell/use and show', () => {
  const name = db.getName();
  db.c.insertOne({ _id: 1 });
  use(`${name}2`);
  equal(db.getName(), `${name}2`);
  equal(db.c.countDocuments(), 0);
  db.other.insertOne({ _id: 2 });
  equal(db.getCollectionNames(), ['other']);
  db.dropDatabase();
  use(name);
  equal(db.c.findOne(), { _id: 1 });
  const names = db.adminCommand({ listDatabases: 1 }).databases.map((d) => d.name);
  ok(names.includes(name) && !names.includes(`${name}2`), names);
  ok(db.getMongo().getDBNames().includes(name), 'getDBNames');
  ok(show('dbs') !== undefined && show('collections') !== undefined, 'show');
});

check('shell/collections', () => {
  db.createCollection('a');
  db.createCollection('b', { capped: true, size: 4096 });
  equal(db.getCollectionNames().sort(), ['a', 'b']);
  equal(db.getCollectionInfos({ name: 'b' })[0].options, { capped: true, size: 4096 });
  equal(db.b.isCapped(), true);
  db.a.insertOne({ _id: 1 });
  equal(db.a.renameCollection('c').ok, 1);
  equal(db.c.drop(), true);
  db.createView('view', 'c', [{ $match: { n: 1 } }]);
  db.c.insertMany([{ _id: 1, n: 1 }, { _id: 2 }]);
  equal(db.view.find().toArray(), [{ _id: 1, n: 1 }]);
});

check('shell/indexes', () => {
  equal(db.c.createIndex({ a: 1 }, { unique: true }), 'a_1');
  equal(db.c.createIndexes([{ b: 1 }, { c: -1 }]), ['b_1', 'c_-1']);
  equal(db.c.getIndexes().map((i) => i.name), ['_id_', 'a_1', 'b_1', 'c_-1']);
  equal(db.c.dropIndex('b_1').nIndexesWas, 4);
  equal(db.c.dropIndexes().ok, 1);
  equal(db.c.getIndexKeys(), [{ _id: 1 }]);
  throws('MongoServerError', 27, () => db.c.dropIndex('noSuch'));
});

check('shell/statistics', () => {
  db.c.insertMany([{ _id: 1 }, { _id: 2 }]);
  equal(db.stats().objects, 2);
  equal(db.c.stats().count, 2);
  ok(db.c.dataSize() > 0, 'dataSize');
  ok(db.c.totalIndexSize() >= 0, 'totalIndexSize');
  ok(db.serverStatus().connections.current > 0, 'serverStatus');
  ok(db.hostInfo().system !== undefined, 'hostInfo');
  ok(db.serverBuildInfo().versionArray[0] === 4, 'serverBuildInfo');
  ok(db.version().startsWith('4.4'), 'version');
  ok(Array.isArray(db.currentOp().inprog), 'currentOp');
  ok(db.getLogComponents().verbosity !== undefined, 'getLogComponents');
  equal(db.c.validate().valid, true);
  ok(db.hello().maxBsonObjectSize === 16777216, 'hello');
  ok(db.adminCommand({ getParameter: 1, featureCompatibilityVersion: 1 }).featureCompatibilityVersion.version === '4.4', 'getParameter');
  ok(db.listCommands !== undefined && db.runCommand({ listCommands: 1 }).commands.find !== undefined, 'listCommands');
});

checkOfSets('shell/replica set', () => {
  equal(rs.status().members[0].stateStr, 'PRIMARY');
  equal(rs.conf()._id, replicaSet);
  equal(rs.hello().setName, replicaSet);
});
