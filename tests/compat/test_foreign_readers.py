"""Other programs that read the database of a running server, with a SQLite of their own."""

import sqlite3

import pytest

from clients import Wire, boto


def read(server, mode):
    """Opens the book, reads it, and closes it, as the last one if the server has no locks."""
    book = sqlite3.connect(f"file:{server.data}/wardbook.db{mode}", uri=True)
    try:
        return book.execute("select count(*), max(seq) from events").fetchone()
    finally:
        book.close()


def log_file(server):
    """The write-ahead log, by its inode."""
    return (server.data / "wardbook.db-wal").stat().st_ino


def back_up(server):
    assert Wire(server.url, server.admin).send("POST", "/v1/backups").status == 200


@pytest.mark.parametrize("mode", ["", "?mode=ro"])
def test_a_reader_takes_nothing_away(own_server, mode):
    server = own_server.start()
    kms = boto("kms", server.url, server.admin)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    before = log_file(server)
    blobs, records = [], 0
    for step in (lambda: None, lambda: back_up(server)):
        step()
        blobs += [kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"] for _ in range(5)]
        seen, last = read(server, mode)
        assert seen == last > records
        records = last
        assert log_file(server) == before
        blobs += [kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"] for _ in range(5)]
    server.kill()
    server.start()
    kms = boto("kms", server.url, server.admin)
    for blob in blobs:
        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    seen, last = read(server, mode)
    assert seen == last >= records + 5 + len(blobs)
    assert server.stop() == 0
