"""JSON documents: over REST and the command line, and both ways against the second
implementation of their format."""

import importlib.util
from pathlib import Path

import pytest

from wardbook import wardbook

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location(
    "document", ROOT / "tests/vectors/documents/document.py"
)
document = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(document)

TEXT = (
    '{"_id":"c-1","profile":{"ssn":"078-05-1120","since":2019.50,"big":123456789012345678901234567890},'
    '"orders":[{"card":"4111","total":1.0},{"card":{"b":1E+2,"a":[1e400,-0]}}],"seen":[1],"flag":true,"none":null}'
)
JSON = {"Content-Type": "application/json"}


@pytest.fixture(params=["0x6700", "0x6701"])
def schema(wire, key, names, request):
    """The path of a fresh schema, and its definition."""
    name = names("customers")
    definition = {
        "kind": "document",
        "tableName": name,
        "idPaths": ["/_id"],
        "keyId": key["Arn"],
        "pathActionsOnEncrypt": {
            "/_id": "SIGN_ONLY",
            "/profile/ssn": "ENCRYPT_AND_SIGN",
            "/profile/big": "ENCRYPT_AND_SIGN",
            "/orders/*/card": "ENCRYPT_AND_SIGN",
            "/seen": "DO_NOTHING",
        },
        "defaultAction": "SIGN_ONLY",
        "algorithmSuite": request.param,
    }
    path = f"/v1/item-schemas/{name}"
    wire.rest("PUT", path, definition)
    return path, definition


def call(wire, path, verb, texts):
    """Texts in, answers out; parsed by the second implementation, which rounds nothing."""
    body = '{"format":"document","items":[' + ",".join(texts) + "]}"
    answer = wire.send("POST", f"{path}/{verb}", body.encode(), JSON)
    assert answer.status == 200, answer.body
    return document.read(answer.body.decode())["items"]


def texts(answers):
    return [document.write(answer["item"]) for answer in answers]


def test_documents_come_back(wire, schema):
    path, definition = schema
    stored = wire.rest("GET", path)["schema"]
    # A suite is printed by its name.
    assert all(stored[name] == value for name, value in definition.items() if name != "algorithmSuite")
    other = TEXT.replace("c-1", "c-2").replace("4111", "5222")
    sealed = texts(call(wire, path, "encrypt", [TEXT, other]))
    for text in sealed:
        assert "078-05-1120" not in text and "1e400" not in text
        assert '"since":2019.50' in text and '"card":"wb1:' in text
    assert texts(call(wire, path, "decrypt", sealed)) == [TEXT, other]


def test_what_the_server_writes_opens_elsewhere(wire, kms, schema):
    path, definition = schema
    (sealed,) = texts(call(wire, path, "encrypt", [TEXT]))

    def unwrap(context, provider, info, blob):
        assert provider == "aws-kms"
        answer = kms.decrypt(KeyId=info.decode(), CiphertextBlob=blob, EncryptionContext=context)
        return answer["Plaintext"]

    assert document.decrypt(definition, sealed, unwrap) == TEXT
    with pytest.raises(document.Refused):
        document.decrypt(definition, sealed.replace("2019.50", "2019.51"), unwrap)


def test_what_is_written_elsewhere_opens_here(wire, kms, schema):
    path, definition = schema

    def generate(context):
        answer = kms.generate_data_key(
            KeyId=definition["keyId"], NumberOfBytes=32, EncryptionContext=context
        )
        return "aws-kms", answer["KeyId"].encode(), answer["Plaintext"], answer["CiphertextBlob"]

    sealed = document.encrypt(definition, TEXT, generate)
    assert texts(call(wire, path, "decrypt", [sealed])) == [TEXT]


def test_a_store_may_write_anew_but_not_change(wire, schema):
    path, _ = schema
    (sealed,) = texts(call(wire, path, "encrypt", [TEXT]))
    stored = document.read(sealed)
    stored["profile"] = dict(reversed(stored["profile"].items()))
    stored["profile"]["since"] = document.Number("2.0195e3")
    stored["seen"] = "changed"
    anew = document.write(dict(sorted(stored.items())))
    stored["orders"].reverse()
    swapped = document.write(stored)
    moved = sealed.replace("c-1", "c-2")
    plain = TEXT
    answers = call(wire, path, "decrypt", [anew, swapped, moved, plain, "7"])
    opened = answers[0]["item"]
    assert opened["profile"]["ssn"] == "078-05-1120" and opened["seen"] == "changed"
    codes = [answer["error"]["code"] for answer in answers[1:]]
    # The order of a list is signed; which check finds it first is not promised.
    assert codes[0] in ("SignatureInvalid", "MalformedAttribute", "SchemaMismatch")
    assert codes[1:] == ["InvalidCiphertextException", "NotEncrypted", "MalformedAttribute"]


def test_the_command_line(server, admin, wire, names, key):
    name = names("typed")
    definition = {
        "kind": "document",
        "tableName": name,
        "idPaths": ["/id"],
        "keyId": key["KeyId"],
        "pathActionsOnEncrypt": {"/id": "SIGN_ONLY"},
        "defaultAction": "ENCRYPT_AND_SIGN",
    }
    wire.rest("PUT", f"/v1/item-schemas/{name}", definition)

    def items(*arguments, stdin=None):
        return wardbook("items", "--endpoint", server.url, *arguments, identity=admin, stdin=stdin).stdout

    lines = "".join(f'{{"id":{n},"big":{n}00000000000000000000.10}}\n' for n in range(1, 251))
    sealed = items("encrypt", "--schema", name, "--format", "document", stdin=lines)
    assert len(sealed.splitlines()) == 250 and "000000000.10" not in sealed
    assert items("decrypt", "--schema", name, "--format", "document", stdin=sealed) == lines
