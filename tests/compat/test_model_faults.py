"""Every member of every operation, wrong in every way, as raw signed requests.

The inputs come from AWS's model, the answers that must come from `faults.py`.
"""

import http.client
import json
import re
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from faults import STEERS, refusal
from model import MODEL, service_input
from test_model_drift import described
from wardbook import REGION

UNKNOWN_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
PRINCIPAL = "arn:aws:iam::111122223333:root"
THREADS = 8
PATIENCE_SECONDS = 30

# Good values of members whose shape alone does not say what is good. The key
# does not exist: an input that passes is then about nothing, and harms nothing.
SAMPLES = {
    "AliasName": "alias/faults",
    "AttestationDocument": "AAAA",
    "CloudHsmClusterId": "cluster-1234567890a",
    "DestinationKeyId": UNKNOWN_ID,
    "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
    "GranteePrincipal": PRINCIPAL,
    "GranteeServicePrincipal": "rds.amazonaws.com",
    "KeyId": UNKNOWN_ID,
    "KeyMaterialId": "0" * 64,
    "NumberOfBytes": 32,
    "Policy": "{}",
    "PrimaryRegion": "eu-west-1",
    "ReplicaRegion": "eu-west-1",
    "RetiringPrincipal": PRINCIPAL,
    "RetiringServicePrincipal": "rds.amazonaws.com",
    "SourceArn": "arn:aws:s3:eu-west-1:111122223333:bucket/a",
    "SourceKeyId": UNKNOWN_ID,
    "TargetKeyId": UNKNOWN_ID,
    "XksProxyUriEndpoint": "https://proxy.example.com",
    "XksProxyUriPath": "/kms/xks/v1",
    "XksProxyVpcEndpointServiceName": "com.amazonaws.vpce.eu-west-1.vpce-svc-1",
    "XksProxyVpcEndpointServiceOwner": "111122223333",
    "AccessKeyId": "A" * 20,
    "RawSecretAccessKey": "a" * 43,
}

# What a good input has beside the members that the model requires.
NEEDED = {
    "CreateGrant": ["GranteePrincipal"],
    "Decrypt": ["CiphertextBlob"],
    "GenerateDataKey": ["NumberOfBytes"],
    "GenerateDataKeyWithoutPlaintext": ["NumberOfBytes"],
    "GenerateRandom": ["NumberOfBytes"],
    "ImportKeyMaterial": ["ExpirationModel"],
    "ListRetirableGrants": ["RetiringPrincipal"],
    "ReEncrypt": ["CiphertextBlob"],
    "RetireGrant": ["GrantToken"],
}

# Members that the operation itself refuses in the front end's words: the front
# end lets through what it must know more for.
OWN_WORDS = {
    ("Decrypt", "CiphertextBlob"): "required, but for a dry run that ignores it",
    ("ReEncrypt", "CiphertextBlob"): "required, but for a dry run that ignores it",
    ("GenerateDataKey", "KeySpec"): "the text lists the specs of KMS keys",
    ("GenerateDataKeyWithoutPlaintext", "KeySpec"): "the text lists the specs of KMS keys",
}

# What every operation can answer.
COMMON = {"AccessDeniedException", "NotAuthorizedException", "SerializationException", "ValidationException"}

WRONG_TYPES = ["x", 7, 1.5, True, ["x"], {"x": "y"}, [[]], [{}], [7]]
BAD_BASE64 = ["YQ", "YQ=", "a===", "====", "YR==", "YWI_", "YQ==YQ==", "€uro"]
NASTY = "\x00\n\x1b[31m\u202e\x85"


def sample(shape, name=""):
    """A good value of a shape."""
    match shape["type"]:
        case "structure":
            return {member["name"]: sample(member, member["name"]) for member in shape["members"]}
        case "list":
            return [sample(shape["member"])]
        case "map":
            return {"tenant": "7"}
        case "boolean":
            return False
        case "timestamp":
            return 1_793_614_272
        case "integer":
            return SAMPLES.get(name, shape["min"])
        case "blob":
            return "AAAA"
    return SAMPLES.get(name) or (shape["enum"][0] if "enum" in shape else "a" * shape.get("min", 1))


def too_long(shape, good):
    """A string of one character too many that keeps to its pattern, if that can be."""
    return good + (good[-1:] or "a") * (shape["max"] + 1 - len(good))


def wrongs(shape, good):
    """Values that this shape may refuse, and some at the edge that it may not."""
    yield None
    yield from WRONG_TYPES
    yield from ["", {}, [], [None], -1, 0, 2**31, 2**63, 2**64, 1e30, -1e30, NASTY, NASTY * 50, "€" * 300]
    match shape["type"]:
        case "string":
            if "max" in shape:
                yield too_long(shape, good)
                yield too_long(shape, good)[:-1]
            if "min" in shape:
                yield good[: shape["min"] - 1]
            yield good.lower()
            yield good + "\n"
        case "blob":
            yield from BAD_BASE64
            yield "A" * (4 * -(-(shape["max"] + 1) // 3)) if shape["max"] < 200_000 else "AAAA"
        case "integer":
            yield from [shape["min"] - 1, shape["min"] - 0.5, shape["max"] + 1, shape["max"] + 0.9]
        case "timestamp":
            yield from [-1.5, 1e300, "2026-11-02T10:11:12Z", "1793614272"]
        case "boolean":
            yield from ["true", "false", "yes"]
        case "map":
            yield from [{"a": None}, {"a": 1}, {"a": []}, {"": ""}, {NASTY * 50: None}, {"a": None, "b": "c"}]
        case "list":
            if "max" in shape:
                yield good * (shape["max"] + 1)
            inner = wrongs(shape["member"], good[0])
            yield from ([wrong] for wrong in inner)
            yield [good[0], None, *WRONG_TYPES[:1]] if shape["member"]["type"] == "string" else [good[0], None]
        case "structure":
            for member in shape["members"]:
                name = member["name"]
                yield from ({**good, name: wrong} for wrong in wrongs(member, good[name]))
                yield {other: value for other, value in good.items() if other != name}


def in_our_order(told, ours):
    """The service's members and values in the order in which wardbook lists them: the
    model's is not the service's, and what was measured is tested elsewhere."""
    rank = {member["name"]: (at, member) for at, member in enumerate(ours)}
    ordered = sorted(told, key=lambda member: rank[member["name"]][0])
    return [shape_in_our_order(member, rank[member["name"]][1]) for member in ordered]


def shape_in_our_order(shape, ours):
    changed = {}
    if "enum" in shape:
        changed["enum"] = sorted(shape["enum"], key=ours["enum"].index)
    if "members" in shape:
        changed["members"] = in_our_order(shape["members"], ours["members"])
    if "member" in shape:
        changed["member"] = shape_in_our_order(shape["member"], ours["member"])
    return shape | changed


class Operation:
    """An operation as the service has it, with a good input."""

    def __init__(self, name):
        self.name = name
        self.told = in_our_order(service_input(name), described()[name]["input"])
        self.good = {member["name"]: sample(member, member["name"]) for member in self.told}
        required = [member["name"] for member in self.told if member["required"]]
        self.base = {member: self.good[member] for member in [*required, *NEEDED.get(name, [])]}
        self.errors = COMMON | {shape.name for shape in MODEL.operation_model(name).error_shapes}
        if "Recipient" in self.good:  # well-formed attestation documents are refused
            self.errors.add("UnsupportedOperationException")

    def inputs(self):
        """Inputs with the member that is odd in them."""
        yield "", self.base
        yield "", {**self.base, "Colour": {"x": [1]}, "keyid": 7, "": None}
        # Everything wrong at once.
        worst = {member["name"]: self.worst(member) for member in self.told}
        yield "", worst
        yield "", {**dict.fromkeys(self.good), **self.base}
        for member in self.told:
            name = member["name"]
            yield name, {other: value for other, value in self.base.items() if other != name}
            for wrong in wrongs(member, self.good[name]):
                yield name, {**self.base, name: wrong}

    def worst(self, member):
        """A value of the right type that breaks the most rules."""

        def broken(value):
            found = refusal([member], {member["name"]: value})
            return found[1].count("failed to satisfy") if found and found[0] == "ValidationException" else 0

        return max(wrongs(member, self.good[member["name"]]), key=broken)

    def bodies(self):
        """Texts that are no input, or not this one only."""
        text = json.dumps(self.base)
        inside = text[1:-1]
        more = "," + inside if inside else ""
        for body in [
            "null", "[]", "7", '"x"', " ", "{", text + "x", text + text, "\ufeff" + text, text[:-1],
            "{'KeyId':1}", "[" + text + "]", "[" * 50_000, '{"x":' * 97 + "1" + "}" * 97,
            '{"x":1e400%s}' % more, '{"x":NaN%s}' % more, '{"x":"\\ud800"%s}' % more,
            '{"\\udc00":1%s}' % more, '{"x":"\n"%s}' % more, '{"x":1,"x":1%s}' % more,
            '{"x":[{"y":1,"y":1}]%s}' % more,
        ]:  # fmt: skip
            yield body.encode()
        yield b"\xff\xfe" + text.encode("utf-16-le")
        yield text.encode("utf-16")
        yield b'{"x":"\xff"%s}' % more.encode()
        yield b'{"x":"\xed\xa0\x80"%s}' % more.encode()
        for name, value in self.good.items():
            yield json.dumps({**self.base, name: value})[:-1].encode() + b",%s:null}" % json.dumps(name).encode()


class Sender:
    """Signed calls over connections that stay open, one for each thread."""

    def __init__(self, url, identity):
        self.url = url
        self.auth = SigV4Auth(Credentials(identity.access_key_id, identity.secret_access_key), "kms", REGION)
        self.mine = threading.local()
        self.lines = []

    def send(self, operation, body):
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"TrentService.{operation}"}
        request = AWSRequest("POST", self.url + "/", data=body, headers=headers)
        self.auth.add_auth(request)
        line = getattr(self.mine, "line", None)
        if line is None:
            line = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE_SECONDS)
            self.mine.line = line
            self.lines.append(line)
        line.request("POST", "/", body, dict(request.headers.items()))
        response = line.getresponse()
        return response.status, response.headers, response.read()

    def close(self):
        for line in self.lines:
            line.close()


@pytest.fixture(scope="module")
def send_all(server, admin):
    """Sends bodies to an operation, several at a time; the answers in order."""
    sender = Sender(server.url, admin)
    with ThreadPoolExecutor(THREADS) as pool:
        yield lambda operation, bodies: list(pool.map(lambda body: sender.send(operation, body), bodies))
    sender.close()


def told_by(answer, errors):
    """The code and the text of an answer, which must be as AWS's are; "" for success."""
    status, headers, body = answer
    assert headers["Content-Type"] == "application/x-amz-json-1.1"
    uuid.UUID(headers["x-amzn-RequestId"])
    if status == 200:
        return "", ""
    said = json.loads(body)
    assert status == 400, (status, said)
    code = said.pop("__type")
    text = said.pop("message", None) or said.pop("Message", "")
    assert not said and code in errors, (code, text, said)
    assert len(text) < 10_000 and not STEERS.search(text)
    return code, text


def by_the_front_end(code, text):
    return code == "SerializationException" or bool(re.match(r"\d+ validation errors? detected: ", text))


@pytest.mark.parametrize("name", sorted(described()))
def test_members(send_all, name):
    operation = Operation(name)
    inputs = list(operation.inputs())
    answers = send_all(name, [json.dumps(given).encode() for _, given in inputs])
    for (member, given), answer in zip(inputs, answers, strict=True):
        said = told_by(answer, operation.errors)
        must = refusal(operation.told, given)
        if must or (name, member) not in OWN_WORDS:
            assert (said if by_the_front_end(*said) else None) == must, given


@pytest.mark.parametrize("name", sorted(described()))
def test_bodies(send_all, name):
    operation = Operation(name)
    bodies = list(operation.bodies())
    for body, answer in zip(bodies, send_all(name, bodies), strict=True):
        assert told_by(answer, operation.errors) == ("SerializationException", ""), body[:200]


@pytest.mark.parametrize("name", sorted(described()))
def test_nothing_is_an_empty_input(send_all, name):
    operation = Operation(name)
    (nothing,), (empty,) = send_all(name, [b""]), send_all(name, [b"{}"])
    assert told_by(nothing, operation.errors)[0] == told_by(empty, operation.errors)[0]


def test_own_words_are_needed(send_all):
    """Each entry of OWN_WORDS speaks of an operation that does so."""
    for name, member in OWN_WORDS:
        operation = Operation(name)
        inputs = [given for odd, given in operation.inputs() if odd == member]
        answers = send_all(name, [json.dumps(given).encode() for given in inputs])
        unforeseen = [
            given
            for given, answer in zip(inputs, answers, strict=True)
            if by_the_front_end(*told_by(answer, operation.errors)) and not refusal(operation.told, given)
        ]
        assert unforeseen, (name, member)
