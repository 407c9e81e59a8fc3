"""GridFS."""

import datetime
import os

from checks import Skip, check, equal, raises, true

try:
    import gridfs
    from gridfs.errors import CorruptGridFile
except ImportError:
    gridfs = None


def bucket(db, **options):
    if gridfs is None:
        raise Skip("the package gridfs is not installed")
    return gridfs.GridFSBucket(db, **options)


@check
def put_and_get(server, db):
    bucket(db)
    files = gridfs.GridFS(db)
    data = os.urandom(1000003)
    identifier = files.put(data, filename="random", metadata={"k": 1})
    got = files.get(identifier)
    equal((got.read() == data, got.length, got.filename, got.metadata), (True, 1000003, "random", {"k": 1}))
    equal(db.fs.chunks.count_documents({}), 4)
    equal(files.exists(filename="random"), True)
    equal(files.list(), ["random"])
    files.delete(identifier)
    raises(gridfs.NoFile, files.get, identifier)
    equal(db.fs.chunks.count_documents({}), 0)


@check
def revisions(server, db):
    files = bucket(db, bucket_name="docs", chunk_size_bytes=10)
    for i, text in enumerate((b"first version", b"second version", b"")):
        identifier = files.upload_from_stream("f", text)
        # Revisions are told apart by the millisecond.
        db.docs.files.update_one({"_id": identifier}, {"$set": {"uploadDate": datetime.datetime(2020, 1, 1 + i)}})
    equal(files.open_download_stream_by_name("f", revision=0).read(), b"first version")
    equal(files.open_download_stream_by_name("f", revision=1).read(), b"second version")
    equal(files.open_download_stream_by_name("f").read(), b"")
    raises(gridfs.NoFile, files.open_download_stream_by_name, "f", revision=7)
    equal([f.length for f in files.find({"filename": "f"}, sort=[("uploadDate", 1)])], [13, 14, 0])


@check
def seek_and_rename(server, db):
    files = bucket(db, chunk_size_bytes=7)
    with files.open_upload_stream("f") as stream:
        for i in range(100):
            stream.write(b"%03d," % i)
        identifier = stream._id
    out = files.open_download_stream(identifier)
    out.seek(200)
    equal(out.read(8), b"050,051,")
    out.seek(-4, os.SEEK_END)
    equal(out.read(), b"099,")
    files.rename(identifier, "g")
    equal(files.open_download_stream_by_name("g").read(4), b"000,")


@check
def indexes_and_a_missing_chunk(server, db):
    files = bucket(db, chunk_size_bytes=10)
    identifier = files.upload_from_stream("f", b"x" * 35)
    true("filename_1_uploadDate_1" in db.fs.files.index_information(), "no index of the files")
    equal(db.fs.chunks.index_information()["files_id_1_n_1"]["unique"], True)
    db.fs.chunks.delete_one({"files_id": identifier, "n": 2})
    raises(CorruptGridFile, files.open_download_stream(identifier).read)


@check
def aborted(server, db):
    files = bucket(db, chunk_size_bytes=10)
    stream = files.open_upload_stream("f")
    stream.write(b"x" * 55)
    stream.abort()
    equal((db.fs.files.count_documents({}), db.fs.chunks.count_documents({})), (0, 0))
