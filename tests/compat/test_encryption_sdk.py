"""The AWS Encryption SDK for Python, and its command line, with this server as their KMS."""

import os
import subprocess

import aws_encryption_sdk
import botocore.session
import pytest
from aws_encryption_sdk import CommitmentPolicy
from aws_encryption_sdk.exceptions import DecryptKeyError
from aws_encryption_sdk.key_providers.kms import (
    DiscoveryFilter,
    DiscoveryAwsKmsMasterKeyProvider,
    StrictAwsKmsMasterKeyProvider,
)


@pytest.fixture
def sdk():
    return aws_encryption_sdk.EncryptionSDKClient(
        commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
    )


@pytest.fixture
def session(aws_env, monkeypatch):
    """The SDK makes its own clients, from the environment like every program."""
    for name, value in aws_env.items():
        monkeypatch.setenv(name, value)
    return botocore.session.Session()


@pytest.fixture
def provider(session):
    def strict(*keys):
        return StrictAwsKmsMasterKeyProvider(
            key_ids=[key["Arn"] for key in keys], botocore_session=session
        )

    return strict


def test_a_message_with_its_context(sdk, provider, key, events):
    message, context = os.urandom(100_000), {"tenant": "7", "purpose": "test"}
    sealed, header = sdk.encrypt(
        source=message, key_provider=provider(key), encryption_context=context
    )
    opened, read = sdk.decrypt(source=sealed, key_provider=provider(key))
    assert opened == message
    assert context.items() <= read.encryption_context.items()
    # What the SDK put into the context stands in the book: a public key, and no secret.
    recorded = events(keyId=key["Arn"], eventName="Decrypt")[0]["requestParameters"]
    assert recorded["encryptionContext"] == header.encryption_context
    assert "aws-crypto-public-key" in recorded["encryptionContext"]


def test_an_altered_message_or_another_key_does_not_open(sdk, provider, kms, key):
    sealed, _ = sdk.encrypt(source=b"secret", key_provider=provider(key))
    altered = bytearray(sealed)
    altered[-200] ^= 1
    with pytest.raises(Exception):
        sdk.decrypt(source=bytes(altered), key_provider=provider(key))
    other = kms.create_key()["KeyMetadata"]
    with pytest.raises(DecryptKeyError):
        sdk.decrypt(source=sealed, key_provider=provider(other))


def test_any_of_several_keys_opens(sdk, provider, kms, key):
    other = kms.create_key()["KeyMetadata"]
    sealed, header = sdk.encrypt(source=b"secret", key_provider=provider(key, other))
    assert len(header.encrypted_data_keys) == 2
    for one in (key, other):
        assert sdk.decrypt(source=sealed, key_provider=provider(one))[0] == b"secret"
    # One of the keys is gone: the other still opens it.
    kms.disable_key(KeyId=key["KeyId"])
    assert sdk.decrypt(source=sealed, key_provider=provider(key, other))[0] == b"secret"
    with pytest.raises(DecryptKeyError):
        sdk.decrypt(source=sealed, key_provider=provider(key))


def test_discovery_finds_the_key_in_the_message(sdk, provider, session, key):
    sealed, _ = sdk.encrypt(source=b"secret", key_provider=provider(key))
    account = key["AWSAccountId"]
    discovery = DiscoveryAwsKmsMasterKeyProvider(
        botocore_session=session,
        discovery_filter=DiscoveryFilter(account_ids=[account], partition="aws"),
    )
    assert sdk.decrypt(source=sealed, key_provider=discovery)[0] == b"secret"


def test_data_keys_are_reused_from_a_cache(sdk, provider, key, events):
    cache = aws_encryption_sdk.LocalCryptoMaterialsCache(capacity=10)
    manager = aws_encryption_sdk.CachingCryptoMaterialsManager(
        master_key_provider=provider(key), cache=cache, max_age=60.0, max_messages_encrypted=100
    )
    sealed = [sdk.encrypt(source=b"secret", materials_manager=manager)[0] for _ in range(5)]
    assert len(events(keyId=key["Arn"], eventName="GenerateDataKey")) == 1
    for message in sealed:
        assert sdk.decrypt(source=message, materials_manager=manager)[0] == b"secret"
    assert len(events(keyId=key["Arn"], eventName="Decrypt")) == 1


def test_the_command_line(aws_env, key, tmp_path):
    def run(*args):
        command = ["aws-encryption-cli", *args, "--suppress-metadata"]
        return subprocess.run(command, env=aws_env, capture_output=True, text=True, timeout=120)

    plain, sealed, opened = (tmp_path / name for name in ("plain", "sealed", "opened"))
    plain.write_bytes(os.urandom(300_000))
    wrapping = ["--wrapping-keys", f"key={key['Arn']}"]
    context = ["--encryption-context", "file=report"]
    done = run("--encrypt", "-i", plain, "-o", sealed, *wrapping, *context)
    assert done.returncode == 0, done.stderr
    done = run("--decrypt", "-i", sealed, "-o", opened, *wrapping, *context)
    assert done.returncode == 0, done.stderr
    assert opened.read_bytes() == plain.read_bytes()
    opened.unlink()
    # It skips a file whose context is another, and leaves nothing behind.
    run("--decrypt", "-i", sealed, "-o", opened, *wrapping, "--encryption-context", "file=other")
    assert not opened.exists()


def test_without_permission_nothing_opens(sdk, provider, key, user, monkeypatch):
    sealed, _ = sdk.encrypt(source=b"secret", key_provider=provider(key))
    for name, value in user.env().items():
        monkeypatch.setenv(name, value)
    eve = StrictAwsKmsMasterKeyProvider(
        key_ids=[key["Arn"]], botocore_session=botocore.session.Session()
    )
    with pytest.raises(DecryptKeyError):
        sdk.decrypt(source=sealed, key_provider=eve)
