// GridFS.

import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GridFSBucket, MongoRuntimeError } from 'mongodb';
import { area, equal, ok, throws } from './checks.mjs';

const { check } = area('files');

async function read(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

check('up and down', async (server, db) => {
  const bucket = new GridFSBucket(db);
  const data = randomBytes(1000003);
  const upload = bucket.openUploadStream('random', { metadata: { k: 1 } });
  await pipeline(Readable.from([data]), upload);
  ok((await read(bucket.openDownloadStream(upload.id))).equals(data), 'other bytes');
  ok((await read(bucket.openDownloadStreamByName('random', { start: 300000, end: 600000 }))).equals(data.subarray(300000, 600000)), 'other bytes of a part');
  const [file] = await bucket.find({ filename: 'random' }).toArray();
  equal([file.length, file.chunkSize, file.metadata], [1000003, 255 * 1024, { k: 1 }]);
  equal(await db.collection('fs.chunks').countDocuments(), 4);
  await bucket.rename(upload.id, 'other');
  equal((await bucket.find().toArray()).map((f) => f.filename), ['other']);
  await bucket.delete(upload.id);
  equal(await db.collection('fs.chunks').countDocuments(), 0);
  await throws(MongoRuntimeError, undefined, () => read(bucket.openDownloadStream(upload.id)));
});

check('an aborted upload', async (server, db) => {
  const bucket = new GridFSBucket(db, { bucketName: 'docs', chunkSizeBytes: 10 });
  const upload = bucket.openUploadStream('f');
  await new Promise((resolve, reject) => upload.write(Buffer.alloc(55), (error) => (error ? reject(error) : resolve())));
  await upload.abort();
  equal(await db.collection('docs.chunks').countDocuments(), 0);
  equal((await db.collection('docs.chunks').indexes()).map((i) => i.name), ['_id_', 'files_id_1_n_1']);
});
