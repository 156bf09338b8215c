"""Items: single attributes encrypted by a schema, over plain REST."""

import json
import shutil
import subprocess

import pytest

from clients import Wire
from wardbook import REGION, wardbook

PEOPLE = [
    {
        "pk": {"S": "u#1"},
        "sk": {"N": "1"},
        "ssn": {"S": "123-45-6789"},
        "city": {"S": "Ulm"},
        "note": {"S": "free"},
    },
    {
        "pk": {"S": "u#2"},
        "sk": {"N": "2"},
        "ssn": {"S": "987-65-4321"},
        "age": {"N": "42"},
        "note": {"S": "text"},
    },
]


@pytest.fixture
def schema(wire, key, names):
    """The path of a fresh schema, and its document."""
    name = names("people")
    document = {
        "tableName": name,
        "partitionKeyName": "pk",
        "sortKeyName": "sk",
        "keyId": key["Arn"],
        "attributeActionsOnEncrypt": {
            "pk": "SIGN_ONLY",
            "sk": "SIGN_ONLY",
            "ssn": "ENCRYPT_AND_SIGN",
            "age": "ENCRYPT_AND_SIGN",
            "city": "SIGN_ONLY",
            "note": "DO_NOTHING",
        },
        "allowedUnsignedAttributes": ["note"],
    }
    path = f"/v1/item-schemas/{name}"
    wire.rest("PUT", path, document)
    return path, document


def sealed_items(wire, path, items, form="dynamodb"):
    answer = wire.rest("POST", f"{path}/encrypt", {"items": items, "format": form})
    return [entry["item"] for entry in answer["items"]]


def opened(wire, path, items, form="dynamodb"):
    return wire.rest("POST", f"{path}/decrypt", {"items": items, "format": form})["items"]


def test_a_schema_reads_back(wire, schema):
    path, document = schema
    stored = wire.rest("GET", path)
    assert stored["version"] == 1
    assert document.items() <= stored["schema"].items()


def test_only_what_the_schema_says_is_encrypted(wire, schema):
    path, _ = schema
    sealed = sealed_items(wire, path, PEOPLE)
    for plain, item in zip(PEOPLE, sealed, strict=True):
        assert set(item) == {*plain, "aws_dbe_head", "aws_dbe_foot"}
        for name in set(plain) - {"ssn", "age"}:
            assert item[name] == plain[name]
        assert list(item["ssn"]) == ["B"]
    assert "123-45-6789" not in json.dumps(sealed)
    assert opened(wire, path, sealed) == [{"item": item} for item in PEOPLE]


def test_plain_json(wire, schema):
    path, _ = schema
    people = [
        {"pk": "u#1", "sk": 1, "ssn": "123-45-6789", "city": "Ulm"},
        {"pk": "u#2", "sk": 2, "age": 42.5},
    ]
    sealed = sealed_items(wire, path, people, "json")
    assert "123-45-6789" not in json.dumps(sealed)
    assert opened(wire, path, sealed, "json") == [{"item": item} for item in people]


def test_one_bad_item_does_not_spoil_the_batch(wire, schema):
    path, _ = schema
    good, bad = sealed_items(wire, path, PEOPLE)
    moved = {**good, "pk": {"S": "u#3"}}  # signed: an item cannot be passed off as another
    unsigned = {**bad, "note": {"S": "changed"}}  # not signed: anybody may change it
    answers = opened(wire, path, [moved, good, unsigned, {"pk": {"S": "u#4"}, "sk": {"N": "4"}}])
    assert [sorted(answer) for answer in answers] == [["error"], ["item"], ["item"], ["error"]]
    assert answers[0]["error"]["code"] == "InvalidCiphertextException"
    assert answers[2]["item"]["note"] == {"S": "changed"}


def test_bad_input_names_the_attribute(wire, schema):
    path, _ = schema
    stranger = {**PEOPLE[0], "shoe_size": {"N": "44"}}
    answers = wire.rest("POST", f"{path}/encrypt", {"items": [stranger, PEOPLE[1]], "format": "dynamodb"})[
        "items"
    ]
    assert [sorted(answer) for answer in answers] == [["error"], ["item"]]
    assert answers[0]["error"]["attribute"] == "shoe_size"


def test_a_schema_that_does_not_exist(wire):
    for method, path in ("GET", "/v1/item-schemas/none"), ("POST", "/v1/item-schemas/none/decrypt"):
        body = b'{"items":[],"format":"json"}' if method == "POST" else b""
        assert wire.send(method, path, body, {"Content-Type": "application/json"}).status == 404


def test_an_item_under_a_key_of_somebody_else_is_refused(wire, kms, schema, names):
    """Who can use some other key of the reader's must not be able to forge items."""
    path, document = schema
    other = kms.create_key()["KeyMetadata"]["Arn"]
    forging = f"/v1/item-schemas/{names('forging')}"
    wire.rest("PUT", forging, {**document, "keyId": other})
    (forged,) = sealed_items(wire, forging, PEOPLE[:1])
    assert opened(wire, path, [forged])[0]["error"]["code"] == "KeyMismatch"


def test_a_schema_changes_its_key(wire, kms, schema):
    """A new version encrypts under the new key; items of the old one still open."""
    path, document = schema
    old = sealed_items(wire, path, PEOPLE[:1])
    other = kms.create_key()["KeyMetadata"]["Arn"]
    assert wire.rest("PUT", path, {**document, "keyId": other})["version"] == 2
    new = sealed_items(wire, path, PEOPLE[1:])
    assert opened(wire, path, old + new) == [{"item": item} for item in PEOPLE]


def test_a_schema_that_breaks_the_rules(wire, schema):
    path, document = schema
    wrong = {**document, "attributeActionsOnEncrypt": {"pk": "ENCRYPT_AND_SIGN", "sk": "SIGN_ONLY"}}
    answer = wire.send("PUT", path, json.dumps(wrong).encode(), {"Content-Type": "application/json"})
    assert answer.status == 400
    assert b"pk" in answer.body
    assert wire.rest("GET", path)["version"] == 1


def test_a_user_without_rights_reads_nothing(server, wire, user, schema):
    path, _ = schema
    sealed = sealed_items(wire, path, PEOPLE)
    body = json.dumps({"items": sealed, "format": "dynamodb"}).encode()
    answer = Wire(server.url, user).send(
        "POST", f"{path}/decrypt", body, {"Content-Type": "application/json"}
    )
    assert b"123-45-6789" not in answer.body
    refused = answer.status == 403 or all("error" in entry for entry in answer.json["items"])
    assert refused, answer.body


def test_items_use_the_key_like_any_client(kms, wire, key, schema, events):
    path, _ = schema
    sealed = sealed_items(wire, path, PEOPLE)
    opened(wire, path, sealed)
    used = {event["eventName"] for event in events(keyId=key["Arn"])}
    assert {"GenerateDataKey", "Decrypt"} <= used
    kms.disable_key(KeyId=key["KeyId"])
    assert all("error" in answer for answer in opened(wire, path, sealed))


def test_the_command_line(server, admin, names, key, tmp_path):
    name = names("typed")
    text = f"""
        tableName = "{name}"
        partitionKeyName = "pk"
        keyId = "{key["KeyId"]}"
        attributeActionsOnEncrypt = {{ pk = "SIGN_ONLY", ssn = "ENCRYPT_AND_SIGN" }}
    """
    (tmp_path / f"{name}.toml").write_text(text)

    def items(*arguments, stdin=None):
        return wardbook("items", "--endpoint", server.url, *arguments, identity=admin, stdin=stdin).stdout

    wardbook("schema", "--endpoint", server.url, "apply", tmp_path, identity=admin)
    people = [{"pk": f"u#{n}", "ssn": f"{n:03}-45-6789"} for n in range(250)]
    lines = "".join(json.dumps(person) + "\n" for person in people)
    sealed = items("encrypt", "--schema", name, "--format", "json", stdin=lines)
    assert len(sealed.splitlines()) == 250
    assert "-45-6789" not in sealed
    opened = items("decrypt", "--schema", name, "--format", "json", stdin=sealed)
    assert [json.loads(line) for line in opened.splitlines()] == people


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl(server, admin, schema, tmp_path):
    path, _ = schema

    def curl(verb, items):
        (tmp_path / "body.json").write_text(json.dumps({"items": items, "format": "dynamodb"}))
        done = subprocess.run(
            [
                *("curl", "--silent", "--show-error", "--fail-with-body"),
                *("--aws-sigv4", f"aws:amz:{REGION}:wardbook"),
                *("--user", f"{admin.access_key_id}:{admin.secret_access_key}"),
                *("--header", "Content-Type: application/json"),
                *("--data-binary", f"@{tmp_path / 'body.json'}"),
                f"{server.url}{path}/{verb}",
            ],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return [entry["item"] for entry in json.loads(done.stdout)["items"]]

    sealed = curl("encrypt", PEOPLE)
    assert "123-45-6789" not in json.dumps(sealed)
    assert curl("decrypt", sealed) == PEOPLE
