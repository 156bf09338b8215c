"""Encrypted JSON documents in a real PostgreSQL, as `jsonb`, and in MongoDB's data model:
BSON as pymongo writes and reads it, which is what a MongoDB keeps byte by byte."""

import datetime
import json

import bson
import psycopg
import pytest
from bson import json_util
from bson.codec_options import CodecOptions

import postgres
from test_documents import JSON, document

# Every encrypted value is one that a store would change if it saw it.
TEXT = (
    '{"_id":"c-1","name":"Zoë 中 😀","none":null,"flag":true,'
    '"profile":{"ssn":"078-05-1120","balance":1e400,"rate":0.10,"note":null,"text":"a\\u0000é😀",'
    '"big":123456789012345678901234567890.10},'
    '"orders":[{"card":"4111","total":12.50},'
    '{"card":{"bb":1E+2,"a":[1e-400,-0,9007199254740993],"":{}},"total":1e2}],'
    '"tree":{"x":[[],{},[{"y":[0.5]}]]},"seen":1%s}'
)
ENCRYPTED = [("profile", name) for name in ("ssn", "balance", "rate", "note", "text", "big")]
ENCRYPTED += [("orders", 0, "card"), ("orders", 1, "card"), ("tree", "x", 2)]
PATHS = {
    "/_id": "SIGN_ONLY",
    "/profile/*": "ENCRYPT_AND_SIGN",
    "/orders/*/card": "ENCRYPT_AND_SIGN",
    "/tree/x/2": "ENCRYPT_AND_SIGN",
    "/seen": "DO_NOTHING",
}
# What nobody encrypts, and a binary floating-point number cannot hold.
PRECISE = (
    '"precise":[9007199254740993,0.1000000000000000000000000000001,'
    "123456789012345678901234567890.10,1e400,1e-400,0.10,-0.0]"
)


class Table:
    """A fresh schema, and what it makes of single documents."""

    def __init__(self, wire, key, name, paths=PATHS, id_path="/_id"):
        self.wire = wire
        self.path = f"/v1/item-schemas/{name}"
        definition = {
            "kind": "document",
            "tableName": name,
            "idPaths": [id_path],
            "keyId": key["Arn"],
            "pathActionsOnEncrypt": paths,
            "defaultAction": "SIGN_ONLY",
            "algorithmSuite": "0x6700",
        }
        wire.rest("PUT", self.path, definition)

    def convert(self, verb, text):
        body = '{"format":"document","items":[' + text + "]}"
        answer = self.wire.send("POST", f"{self.path}/{verb}", body.encode(), JSON)
        assert answer.status == 200, answer.body
        (one,) = document.read(answer.body.decode())["items"]
        return one

    def encrypt(self, text):
        return document.write(self.convert("encrypt", text)["item"])

    def decrypt(self, text):
        return self.convert("decrypt", text)["item"]

    def refusal(self, text):
        return self.convert("decrypt", text)["error"]["code"]


@pytest.fixture
def table(wire, key, names):
    return Table(wire, key, names("stored"))


def at(value, place):
    for step in place:
        value = value[step]
    return value


def by_value(value):
    """Without what a store may change: the order of members, and how a number is written."""
    if isinstance(value, document.Number):
        return document.by_value(value)
    if isinstance(value, dict):
        return {name: by_value(inner) for name, inner in value.items()}
    return [by_value(inner) for inner in value] if isinstance(value, list) else value


def check(opened, text, encrypted=ENCRYPTED):
    """Every value is there, and what was encrypted is as it was written."""
    sent = document.read(text)
    assert by_value(opened) == by_value(sent)
    for place in encrypted:
        assert document.write(at(opened, place)) == document.write(at(sent, place))


# PostgreSQL


@pytest.fixture(scope="module")
def cluster():
    with postgres.running() as connection:
        yield connection


@pytest.fixture
def rows(cluster):
    """The table of the documentation."""
    cluster.execute("create temporary table customers (document jsonb not null)")
    cluster.execute("create unique index on customers ((document->>'_id'))")
    cluster.execute("create index on customers using gin (document)")
    yield cluster
    cluster.execute("drop table customers")


def insert(rows, text):
    rows.execute("insert into customers values (%s::jsonb)", [text])


def select(rows, what="document::text", where="true"):
    ((found,),) = rows.execute(f"select {what} from customers where {where}").fetchall()
    return found


def test_jsonb_keeps_what_was_sent(rows, table):
    text = TEXT % ("," + PRECISE)
    insert(rows, table.encrypt(text))
    stored = select(rows)
    # It is not as it was written: the store has another order, and spells numbers anew.
    assert "1e400" not in stored and '"total": 100' in stored and "078-05-1120" not in stored
    check(table.decrypt(stored), text)
    # Pretty-printed, and after a dump and a restore as text.
    check(table.decrypt(select(rows, "jsonb_pretty(document)")), text)
    rows.execute("update customers set document = document::text::jsonb")
    check(table.decrypt(select(rows)), text)


def test_jsonb_is_queried_where_it_is_readable(rows, table):
    for number in range(3):
        insert(rows, table.encrypt((TEXT % f',"age":{number * 10}').replace("c-1", f"c-{number}")))
    assert select(rows, "document->>'_id'", "(document->>'age')::int between 5 and 15") == "c-1"
    assert select(rows, "document->>'_id'", """document @> '{"age":20.0}'""") == "c-2"
    first = """document @? '$.orders[*] ? (@.total > 99)' and document @> '{"age":0}'"""
    assert select(rows, "document->>'_id'", first) == "c-0"
    assert select(rows, "count(*)", "document->'profile'->>'ssn' like 'wb1:%%'") == 3
    assert select(rows, "count(*)", "document->'profile'->>'ssn' like '078%%'") == 0
    with pytest.raises(psycopg.errors.UniqueViolation):
        insert(rows, table.encrypt(TEXT % ""))


def test_jsonb_changed_in_place(rows, table):
    text = TEXT % ',"age":10'
    insert(rows, table.encrypt(text))
    # DO_NOTHING is free, and keeps the rest what it was.
    rows.execute("update customers set document = jsonb_set(document, '{seen}', to_jsonb(now()))")
    opened = table.decrypt(select(rows))
    assert opened["seen"] != "1" and opened["profile"]["balance"] == "1e400"
    # Nothing else is: a number, a member more or less, or an element elsewhere.
    for changed in (
        "jsonb_set(document, '{age}', '11')",
        "document || '{\"more\":1}'",
        "document - 'name'",
        "jsonb_set(document, '{orders}', jsonb_build_array(document->'orders'->1, document->'orders'->0))",
        "jsonb_set(document, '{profile,ssn}', document->'profile'->'rate')",
        "jsonb_set(document, '{tree,x,0}', '{}')",
    ):
        assert table.refusal(select(rows, f"({changed})::text")) in (
            "MalformedAttribute",
            "SchemaMismatch",
            "SignatureInvalid",
        ), changed
    # The same value in another spelling is the same.
    anew = select(rows, "jsonb_set(document, '{age}', '1.0e1')::text")
    assert document.by_value(table.decrypt(anew)["age"]) == "1e1"


def test_a_number_that_a_client_rounds_is_refused(rows, table):
    """A driver makes floats of `jsonb`; what was read as text is not changed."""
    insert(rows, table.encrypt(TEXT % ',"precise":0.1000000000000000000000000000001'))
    read = select(rows, "document")
    assert read["precise"] == 0.1
    assert table.refusal(json.dumps(read)) == "SignatureInvalid"
    check(table.decrypt(select(rows)), TEXT % ',"precise":0.1000000000000000000000000000001')
    rows.execute("truncate customers")
    # Without such a number, the detour does no harm: what is encrypted is a string.
    insert(rows, table.encrypt(TEXT % ""))
    check(table.decrypt(json.dumps(select(rows, "document"))), TEXT % "")


def test_what_jsonb_does_not_take(rows, table):
    for more in (',"zero":"a\\u0000b"', ',"huge":1e200000', ',"tiny":1e-20000'):
        text = TEXT % more
        sealed = table.encrypt(text)
        with pytest.raises(psycopg.DataError):
            insert(rows, sealed)
        check(table.decrypt(sealed), text)
    # Encrypted, the store does not see them.
    text = (TEXT % "").replace('"balance":1e400', '"balance":[1e200000,1e-20000]')
    insert(rows, table.encrypt(text))
    check(table.decrypt(select(rows)), text)


def test_the_identity_may_be_a_column(rows, table):
    text = TEXT % ""
    sealed = document.read(table.encrypt(text))
    del sealed["_id"]
    rows.execute("create temporary table beside (id text primary key, document jsonb not null)")
    rows.execute("insert into beside values ('c-1', %s), ('c-2', %s)", [document.write(sealed)] * 2)
    whole = "select (jsonb_build_object('_id', id) || document)::text from beside order by id"
    (own,), (other,) = rows.execute(whole).fetchall()
    rows.execute("drop table beside")
    check(table.decrypt(own), text)
    assert table.refusal(other) == "InvalidCiphertextException"


# MongoDB

RELAXED = json_util.RELAXED_JSON_OPTIONS.with_options(tz_aware=True)
CANONICAL = json_util.CANONICAL_JSON_OPTIONS.with_options(tz_aware=True)
KEEPS_TYPES = CodecOptions(tz_aware=True)


def through_bson(text, options=RELAXED):
    """What a collection answers of a document that was inserted."""
    stored = bson.encode(json_util.loads(text, json_options=options))
    return json_util.dumps(bson.decode(stored, KEEPS_TYPES), json_options=options)


def test_bson_keeps_what_was_sent(table):
    # Up to 64 bits, and as many digits as a double has.
    text = TEXT % ',"plain":[9007199254740993,-9223372036854775808,0.10,-0.0,1e300,12.50]'
    check(table.decrypt(through_bson(table.encrypt(text))), text)


def test_types_of_bson_come_back(wire, key, names):
    name = names("typed")
    paths = {"/_id": "SIGN_ONLY", "/secret": "ENCRYPT_AND_SIGN", "/seen": "DO_NOTHING"}
    table = Table(wire, key, name, paths, "/_id/$oid")
    values = {
        "at": datetime.datetime(2026, 1, 2, 3, 4, 5, 678000, datetime.UTC),
        "long ago": datetime.datetime(1900, 1, 2, tzinfo=datetime.UTC),
        "price": bson.Decimal128("0.10"),
        "huge": bson.Decimal128("1.2345678901234567890E+6000"),
        "bytes": b"\0\xff",
        "digest": bson.Binary(b"\0\xff", 5),
        "long": bson.Int64(2**53 + 1),
        "double": 0.1,
        "id": bson.ObjectId("0123456789abcdef01234567"),
        "text": "Zoë \0 😀",
        "list": [None, True, {"a": 1}],
    }
    row = {"_id": bson.ObjectId(), "secret": values, "plain": values, "seen": 1}
    for options in (RELAXED, CANONICAL):
        sealed = table.encrypt(json_util.dumps(row, json_options=options))
        stored = json_util.loads(sealed, json_options=options)
        assert stored["_id"] == row["_id"] and stored["secret"].startswith("wb1:")
        # Queries compare these, so they must have their types.
        assert stored["plain"]["price"] == values["price"] and stored["plain"]["at"] == values["at"]
        answered = bson.decode(bson.encode({**stored, "seen": bson.Int64(2)}), KEEPS_TYPES)
        opened = table.decrypt(json_util.dumps(answered, json_options=options))
        assert json_util.loads(document.write(opened), json_options=options) == {**row, "seen": 2}
        for changed in ({**values, "price": bson.Decimal128("0.1")}, {**values, "double": 0.2}):
            text = json_util.dumps({**answered, "plain": changed}, json_options=options)
            assert table.refusal(text) == "SignatureInvalid"


def test_only_canonical_json_keeps_the_width_of_integers(wire, key, names):
    table = Table(wire, key, names("wide"), {"/_id": "SIGN_ONLY"}, "/_id/$oid")
    row = {"_id": bson.ObjectId(), "n": bson.Int64(5), "whole": 2.0}
    for options, kind in ((RELAXED, int), (CANONICAL, bson.Int64)):
        sealed = table.encrypt(json_util.dumps(row, json_options=options))
        opened = document.write(table.decrypt(through_bson(sealed, options)))
        answered = json_util.loads(opened, json_options=options)
        assert answered == row and type(answered["n"]) is kind


@pytest.mark.parametrize("number", ["0.1000000000000000000000000000001", "9007199254740993.0", "1e400"])
def test_a_number_that_bson_rounds_is_refused(table, number):
    sealed = table.encrypt(TEXT % f',"plain":{number}')
    assert table.refusal(through_bson(sealed)) in ("SchemaMismatch", "SignatureInvalid")


def test_an_integer_that_bson_does_not_take(table):
    with pytest.raises(OverflowError):
        through_bson(table.encrypt(TEXT % ',"plain":9223372036854775808'))
