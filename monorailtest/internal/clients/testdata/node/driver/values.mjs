// Every type of BSON, there and back.

import { BSONRegExp, Binary, Code, Decimal128, Double, Int32, Long, MaxKey, MinKey, ObjectId, Timestamp, UUID } from 'mongodb';
import { EJSON } from 'bson';
import { area, equal } from './checks.mjs';

const { check } = area('values');

const values = [
  new Double(1.5), new Double(2), new Double(-0), 'text ünïcode', { a: { b: {} } }, [1, 'a', [null]], new Binary(Buffer.from('abc'), 5), new UUID(), new ObjectId(),
  true, new Date('2020-02-29T12:30:15.123Z'), new Date(-1000), null, new BSONRegExp('^a.*b$', 'im'), new Code('function() {}'), new Code('f()', { x: 1 }),
  new Int32(7), Long.fromString('9223372036854775807'), new Timestamp({ t: 1234567890, i: 7 }), Decimal128.fromString('1.000'), new MinKey(), new MaxKey(),
];

check('there and back', async (server, db) => {
  const c = db.collection('c', { promoteValues: false, bsonRegExp: true });
  for (const [i, v] of values.entries()) {
    await c.insertOne({ _id: i, v });
    const got = await c.findOne({ _id: i });
    equal(EJSON.stringify(got.v, { relaxed: false }), EJSON.stringify(EJSON.deserialize(EJSON.serialize(v, { relaxed: false }), { relaxed: false }), { relaxed: false }), `value ${i}`);
  }
});

check('found by value', async (server, db) => {
  const c = db.collection('c');
  for (const [i, v] of values.entries()) {
    if (v instanceof BSONRegExp) continue;
    await c.insertOne({ _id: i, v });
    equal(await c.countDocuments({ _id: i, v: { $eq: v } }), 1, `value ${i}`);
  }
});

check('identifiers of any type', async (server, db) => {
  const c = db.collection('c');
  const identifiers = [1, 'a', new ObjectId(), { a: 1 }, new Date(0), true, new UUID(), Decimal128.fromString('1.5')];
  for (const _id of identifiers) await c.insertOne({ _id });
  for (const _id of identifiers) equal(await c.findOne({ _id }), { _id });
});
