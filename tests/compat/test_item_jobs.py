"""Items for other keys: rewrapped and encrypted anew, over REST and by jobs over files."""

import gzip
import json
import subprocess
import time
from urllib.parse import urlencode

import pytest

import wardbook
from clients import Wire

JSON = {"Content-Type": "application/json"}
WAIT_SECONDS = 60


def person(number):
    return {"id": {"N": str(number)}, "city": {"S": "Ulm"}, "ssn": {"S": f"{number:03}-45-6789"}}


@pytest.fixture
def table(wire, key, names):
    """The name of a fresh schema, and its document."""
    name = names("movers")
    document = {
        "tableName": name,
        "partitionKeyName": "id",
        "keyId": key["Arn"],
        "attributeActionsOnEncrypt": {
            "id": "SIGN_ONLY",
            "city": "SIGN_ONLY",
            "ssn": "ENCRYPT_AND_SIGN",
        },
        "algorithmSuite": "0x6700",
    }
    wire.rest("PUT", f"/v1/item-schemas/{name}", document)
    return name, document


@pytest.fixture
def other(kms):
    """The ARN of another key."""
    return kms.create_key()["KeyMetadata"]["Arn"]


def convert(wire, table, verb, items):
    """What became of the items, in batches as large as the server takes."""
    answers = []
    for start in range(0, len(items), 100):
        body = {"items": items[start : start + 100], "format": "dynamodb"}
        answers += wire.rest("POST", f"/v1/item-schemas/{table}/{verb}", body)["items"]
    return answers


def items_of(answers):
    return [answer["item"] for answer in answers]


def change(wire, name, document, **members):
    return wire.rest("PUT", f"/v1/item-schemas/{name}", {**document, **members})


def test_rewrapped_items_need_the_old_key_no_more(wire, kms, key, other, table, events):
    name, document = table
    people = [person(number) for number in range(3)]
    sealed = items_of(convert(wire, name, "encrypt", people))
    change(wire, name, document, keyId=other)
    moved = items_of(convert(wire, name, "rewrap", sealed))
    for before, after in zip(sealed, moved, strict=True):
        assert before["aws_dbe_head"] != after["aws_dbe_head"]
        assert {**before, "aws_dbe_head": 0, "aws_dbe_foot": 0} == {
            **after,
            "aws_dbe_head": 0,
            "aws_dbe_foot": 0,
        }
    assert "GenerateDataKey" in {event["eventName"] for event in events(keyId=other)}
    kms.disable_key(KeyId=key["KeyId"])
    assert items_of(convert(wire, name, "decrypt", moved)) == people
    codes = [answer["error"]["code"] for answer in convert(wire, name, "decrypt", sealed)]
    assert codes == ["DisabledException"] * 3


def test_items_are_encrypted_anew_by_the_schema_in_force(wire, other, table):
    name, document = table
    people = [person(number) for number in range(3)]
    sealed = items_of(convert(wire, name, "encrypt", people))
    actions = {**document["attributeActionsOnEncrypt"], "city": "ENCRYPT_AND_SIGN"}
    change(wire, name, document, keyId=other, attributeActionsOnEncrypt=actions)
    anew = items_of(convert(wire, name, "re-encrypt", sealed))
    for before, after in zip(sealed, anew, strict=True):
        assert before["ssn"] != after["ssn"] and list(after["city"]) == ["B"]
    assert items_of(convert(wire, name, "decrypt", anew)) == people
    reads = wire.rest("GET", "/v1/audit/field-reads?" + urlencode({"table": name, "kind": "used-inside"}))
    assert [sorted(read["attributes"]) for read in reads["reads"]] == [["ssn"]] * 3


def test_nothing_comes_out_in_plaintext_on_the_way(wire, table):
    name, document = table
    sealed = items_of(convert(wire, name, "encrypt", [person(1)]))
    actions = {**document["attributeActionsOnEncrypt"], "ssn": "SIGN_ONLY"}
    change(wire, name, document, attributeActionsOnEncrypt=actions)
    (answer,) = convert(wire, name, "re-encrypt", sealed)
    assert (answer["error"]["code"], answer["error"]["attribute"]) == ("AttributeWithheld", "ssn")


def test_one_bad_item_does_not_spoil_the_batch(wire, other, table):
    name, document = table
    good, bad = items_of(convert(wire, name, "encrypt", [person(1), person(2)]))
    change(wire, name, document, keyId=other)
    for verb in "rewrap", "re-encrypt":
        answers = convert(wire, name, verb, [{**bad, "city": {"S": "Bonn"}}, good, person(3)])
        codes = [answer.get("error", {}).get("code") for answer in answers]
        assert codes == ["SignatureInvalid", None, "NotEncrypted"]


def test_who_moves_items_need_not_read_them(server, wire, user, other, table):
    name, document = table
    sealed = items_of(convert(wire, name, "encrypt", [person(1)]))
    change(wire, name, document, keyId=other)
    mover = Wire(server.url, user)
    body = json.dumps({"items": sealed, "format": "dynamodb"}).encode()

    def call(verb):
        return mover.send("POST", f"/v1/item-schemas/{name}/{verb}", body, JSON)

    assert call("rewrap").status == 403
    policy = """
        permit (principal, action in [Action::"items:RewrapItem", Action::"items:ReEncryptItem"], resource);
        permit (principal, action in [Action::"kms:Decrypt", Action::"kms:GenerateDataKey"], resource)
            when { context has viaService && context.viaService == "items.wardbook" };
    """
    wire.rest("PUT", f"/v1/users/{user.name}/policies/moving", {"policy": policy})
    for verb in "rewrap", "re-encrypt":
        answer = call(verb)
        assert answer.status == 200 and b"-45-6789" not in answer.body
        assert items_of(convert(wire, name, "decrypt", items_of(answer.json["items"]))) == [person(1)]
    assert call("decrypt").status == 403


def lines(items, wrapped=False):
    return "".join(json.dumps({"Item": item} if wrapped else item) + "\n" for item in items)


class Jobs:
    """`wardbook items job` on a server, as its administrator."""

    def __init__(self, server, admin):
        self.server, self.admin = server, admin

    def arguments(self, verb, table, source, out, *more):
        named = ["--schema", table, "--in", source, "--out", out, *more]
        return ["items", "--endpoint", self.server.url, "job", verb, *map(str, named)]

    def run(self, *arguments, check=True):
        return wardbook.wardbook(*self.arguments(*arguments), identity=self.admin, check=check)

    def start(self, *arguments):
        command = [wardbook.BINARY, *self.arguments(*arguments)]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(command, env=self.admin.env(), **quiet)


@pytest.fixture
def jobs(server, admin):
    return Jobs(server, admin)


@pytest.mark.parametrize("verb", ["rewrap", "re-encrypt"])
def test_a_job_that_was_killed_goes_on(wire, kms, key, other, table, jobs, tmp_path, verb):
    name, document = table
    people = [person(number) for number in range(3_000)]
    source, out = tmp_path / "people.ndjson", tmp_path / "out"
    source.write_text(lines(items_of(convert(wire, name, "encrypt", people))))
    change(wire, name, document, keyId=other)

    journal, done = out / "people.ndjson.job.json", out / "people.ndjson"
    running = jobs.start(verb, name, source, out, "--parallel", "1")
    deadline = time.monotonic() + WAIT_SECONDS
    while not journal.exists():
        assert running.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    running.kill()
    running.wait()
    assert not done.exists(), "it was done before it was killed"
    counts = json.loads(journal.read_text())["counts"]
    assert 0 < counts["items"] < len(people)

    finished = jobs.run(verb, name, source, out)
    assert "3000 items, 0 refused" in finished.stdout
    moved = [json.loads(line) for line in done.read_text().splitlines()]
    report = wardbook.wardbook("--json", "items", "job", "report", "--in", done, "--key", other)
    assert json.loads(report.stdout)["left"] == 0
    kms.disable_key(KeyId=key["KeyId"])
    assert items_of(convert(wire, name, "decrypt", moved)) == people
    # Given once more, it only tells what it did.
    assert jobs.run(verb, name, source, out).stdout == finished.stdout
    assert sorted(path.name for path in out.iterdir()) == ["people.ndjson", "people.ndjson.job.json"]


def test_an_export_of_dynamodb_to_plaintext(wire, table, jobs, tmp_path):
    """Gzip, `{"Item": ...}` a line; what is refused is among the errors with its line."""
    name, _ = table
    sealed = items_of(convert(wire, name, "encrypt", [person(number) for number in range(5)]))
    sealed[2] = {**sealed[2], "city": {"S": "Bonn"}}
    source, out = tmp_path / "export.json.gz", tmp_path / "plain"
    source.write_bytes(gzip.compress(lines(sealed, wrapped=True).encode()))
    ended = jobs.run("decrypt", name, source, out, check=False)
    assert ended.returncode == 1 and "1 of 5 items failed" in ended.stderr
    written = [json.loads(line) for line in (out / "export.json").read_text().splitlines()]
    assert written == [{"Item": person(number)} for number in (0, 1, 3, 4)]
    (error,) = map(json.loads, (out / "export.json.errors.ndjson").read_text().splitlines())
    assert (error["line"], error["code"]) == (3, "SignatureInvalid")
