"""Items one a line, answered line by line: as curl streams them, and Python's own HTTP client with
botocore's signer."""

import contextlib
import http.client
import json
import shutil
import subprocess
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from clients import Wire, boto
from wardbook import REGION

TLS = Path(__file__).parents[1] / "vectors" / "tls"
NDJSON = {"content-type": "application/x-ndjson", "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
PEOPLE = [{"id": f"u#{n}", "ssn": f"{n:03}-45-6789"} for n in range(250)]


def make_schema(wire, key_arn, name):
    document = {
        "tableName": name,
        "partitionKeyName": "id",
        "keyId": key_arn,
        "attributeActionsOnEncrypt": {"id": "SIGN_ONLY", "ssn": "ENCRYPT_AND_SIGN"},
    }
    wire.rest("PUT", f"/v1/item-schemas/{name}", document)
    return f"/v1/item-schemas/{name}"


@pytest.fixture
def path(wire, key, names):
    return make_schema(wire, key["Arn"], names("streamed"))


def lines_of(items):
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


def items_of(answer):
    """The items of an answer without an error, whose lines are in order."""
    told = [json.loads(line) for line in answer.splitlines()]
    assert [line["line"] for line in told] == list(range(1, len(told) + 1))
    return [line["item"] for line in told]


def curl(identity, url, file, *options):
    done = subprocess.run(
        [
            *("curl", "--silent", "--show-error", "--fail-with-body", "--no-buffer", *options),
            *("--aws-sigv4", f"aws:amz:{REGION}:wardbook"),
            *("--user", f"{identity.access_key_id}:{identity.secret_access_key}"),
            *(word for name, value in NDJSON.items() for word in ("--header", f"{name}: {value}")),
            *("--request", "POST", "--upload-file", file, url),
        ],
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def stream(url, identity, target, chunks):
    """Sends chunks by one thread and reads the answer by another, as a stream wants it."""
    request = AWSRequest("POST", url + target, headers=dict(NDJSON))
    request.context["payload_signing_enabled"] = False
    who = Credentials(identity.access_key_id, identity.secret_access_key)
    SigV4Auth(who, "wardbook", REGION).add_auth(request)
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.putrequest("POST", target)
    for name, value in {**request.headers, "transfer-encoding": "chunked"}.items():
        connection.putheader(name, value)
    connection.endheaders()

    def write():
        # Of a stream that is refused not all is read.
        with contextlib.suppress(OSError):
            for chunk in chunks:
                connection.send(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            connection.send(b"0\r\n\r\n")

    writing = threading.Thread(target=write)
    writing.start()
    response = connection.getresponse()
    body = response.read()
    writing.join()
    connection.close()
    return response.status, body


def test_python_in_chunks(server, admin, path, events):
    # Pieces end anywhere, and not where lines do.
    text = lines_of(PEOPLE)
    chunks = [text[at : at + 1000] for at in range(0, len(text), 1000)]
    status, sealed = stream(server.url, admin, f"{path}/encrypt?format=json", chunks)
    assert status == 200, sealed
    assert b"-45-6789" not in sealed
    for verb in "rewrap", "re-encrypt":
        status, sealed = stream(server.url, admin, f"{path}/{verb}?format=json", [lines_of(items_of(sealed))])
        assert status == 200, sealed
    status, opened = stream(server.url, admin, f"{path}/decrypt?format=json", [lines_of(items_of(sealed))])
    assert status == 200 and items_of(opened) == PEOPLE
    name = path.rsplit("/", 1)[1]
    # Other tests' calls are among them, and some of those say nothing.
    said = [event["requestParameters"] or {} for event in events(eventName="DecryptItems")]
    counts = [parameters["items"] for parameters in said if parameters.get("name") == name]
    assert sum(counts) == len(PEOPLE) and len(counts) >= 3


def test_python_is_refused(server, admin, user, path):
    status, answer = stream(server.url, user, f"{path}/encrypt?format=json", [lines_of(PEOPLE[:1])])
    assert (status, json.loads(answer)["error"]["code"]) == (403, "AccessDeniedException")
    # A signed body is none of a stream.
    body = lines_of(PEOPLE[:1])
    answer = Wire(server.url, admin).send(
        "POST", f"{path}/encrypt?format=json", body, {"content-type": NDJSON["content-type"]}
    )
    assert (answer.status, answer.json["error"]["code"]) == (403, "InvalidSignatureException")


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl(server, admin, path, tmp_path):
    (tmp_path / "people").write_bytes(lines_of(PEOPLE))
    sealed = curl(admin, f"{server.url}{path}/encrypt?format=json", tmp_path / "people")
    (tmp_path / "sealed").write_bytes(lines_of(items_of(sealed)))
    opened = curl(admin, f"{server.url}{path}/decrypt?format=json", tmp_path / "sealed")
    assert items_of(opened) == PEOPLE


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_curl_over_tls(own_server, tmp_path, version):
    plain = own_server.start()
    key = boto("kms", plain.url, plain.admin).create_key()["KeyMetadata"]
    path = make_schema(Wire(plain.url, plain.admin), key["Arn"], "people")
    assert plain.stop() == 0
    server = own_server.start("--tls-cert", TLS / "cert.pem", "--tls-key", TLS / "key.pem")
    url = server.url.replace("http://", "https://")
    # More than the windows of HTTP/2 and all buffers.
    people = [{"id": f"u#{n}", "ssn": f"{n:03}" + "x" * 100_000} for n in range(200)]
    (tmp_path / "people").write_bytes(lines_of(people))
    options = [version, "--cacert", TLS / "ca.pem"]
    sealed = curl(server.admin, f"{url}{path}/encrypt?format=json", tmp_path / "people", *options)
    (tmp_path / "sealed").write_bytes(lines_of(items_of(sealed)))
    opened = curl(server.admin, f"{url}{path}/decrypt?format=json", tmp_path / "sealed", *options)
    assert items_of(opened) == people
    assert server.stop() == 0
