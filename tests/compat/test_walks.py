"""Walks through KMS as storage services take them: an envelope around a large file with
OpenSSL, and a volume as EBS encrypts it."""

import json
import os
import subprocess
from base64 import b64decode

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from clients import boto, refused

SECTOR = 4096


def openssl(*args, key):
    done = subprocess.run(
        ["openssl", "enc", *args, "-K", key.hex(), "-iv", "00" * 16], capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_an_envelope_around_a_large_file(aws, key, tmp_path):
    """GenerateDataKey by the aws-cli, the file by OpenSSL; later only Decrypt."""
    plain, sealed, opened = (tmp_path / name for name in ("plain", "sealed", "opened"))
    plain.write_bytes(os.urandom(8 << 20))
    made = aws(
        "kms", "generate-data-key", "--key-id", key["KeyId"], "--key-spec", "AES_256",
        "--encryption-context", "file=backup", "--output", "json",
    )
    answer = json.loads(made.stdout)
    openssl("-aes-256-ctr", "-in", plain, "-out", sealed, key=b64decode(answer["Plaintext"]))
    blob = tmp_path / "key.bin"
    blob.write_bytes(b64decode(answer["CiphertextBlob"]))
    del answer

    got = aws(
        "kms", "decrypt", "--ciphertext-blob", f"fileb://{blob}",
        "--encryption-context", "file=backup", "--query", "Plaintext", "--output", "text",
    )
    openssl("-d", "-aes-256-ctr", "-in", sealed, "-out", opened, key=b64decode(got.stdout))
    assert opened.read_bytes() == plain.read_bytes()


class Volume:
    """A volume whose data key exists in clear only while it is attached."""

    def __init__(self, image, volume_id):
        self.image, self.volume_id, self.encrypted_key, self._key = image, volume_id, None, None

    @property
    def context(self):
        return {"aws:ebs:id": self.volume_id}

    def create(self, kms, key_id):
        made = kms.generate_data_key_without_plaintext(
            KeyId=key_id, NumberOfBytes=64, EncryptionContext=self.context
        )
        self.encrypted_key = made["CiphertextBlob"]

    def attach(self, kms):
        opened = kms.decrypt(CiphertextBlob=self.encrypted_key, EncryptionContext=self.context)
        assert len(opened["Plaintext"]) == 64
        self._key = opened["Plaintext"]

    def detach(self):
        self._key = None

    def _cipher(self, sector):
        return Cipher(algorithms.AES(self._key), modes.XTS(sector.to_bytes(16, "little")))

    def write(self, sector, data):
        with open(self.image, "r+b") as image:
            image.seek(sector * SECTOR)
            image.write(self._cipher(sector).encryptor().update(data))

    def read(self, sector):
        with open(self.image, "rb") as image:
            image.seek(sector * SECTOR)
            return self._cipher(sector).decryptor().update(image.read(SECTOR))


def test_a_volume_is_attached_and_detached(kms, key, tmp_path, events):
    image = tmp_path / "volume.img"
    image.write_bytes(bytes(256 * SECTOR))
    volume = Volume(image, "vol-0123456789abcdef0")
    volume.create(kms, key["KeyId"])
    blocks = {sector: os.urandom(SECTOR) for sector in (0, 1, 7, 255)}
    volume.attach(kms)
    for sector, block in blocks.items():
        volume.write(sector, block)
    volume.detach()
    assert all(block not in image.read_bytes() for block in blocks.values())

    # Attached again, elsewhere.
    again = Volume(image, volume.volume_id)
    again.encrypted_key = volume.encrypted_key
    again.attach(kms)
    assert {sector: again.read(sector) for sector in blocks} == blocks
    again.detach()
    # A stolen key of another volume does not fit.
    thief = Volume(image, "vol-0fedcba9876543210")
    thief.encrypted_key = volume.encrypted_key
    with refused("InvalidCiphertextException", ""):
        thief.attach(kms)
    # A disabled key keeps the volume shut.
    kms.disable_key(KeyId=key["KeyId"])
    with refused("DisabledException", f"{key['Arn']} is disabled."):
        again.attach(kms)
    # The book tells when which volume was attached.
    attached = [
        event["requestParameters"]["encryptionContext"]["aws:ebs:id"]
        for event in events(keyId=key["Arn"], eventName="Decrypt")
        if "errorCode" not in event
    ]
    assert attached == [volume.volume_id] * 2


def test_a_host_attaches_by_a_grant_for_its_volume(server, kms, key, user, tmp_path, events):
    """As EBS does: whoever attaches a volume grants the host the use of its data key alone."""
    images = {name: tmp_path / name for name in ("vol-1", "vol-2")}
    volumes = {}
    for name, image in images.items():
        image.write_bytes(bytes(SECTOR))
        volumes[name] = Volume(image, name)
        volumes[name].create(kms, key["KeyId"])
    host, volume = boto("kms", server.url, user), volumes["vol-1"]
    granted = kms.create_grant(
        KeyId=key["KeyId"],
        GranteePrincipal=user.arn,
        Operations=["Decrypt", "RetireGrant"],
        Constraints={"EncryptionContextEquals": volume.context},
        Name="attachment-1",
    )
    volume.attach(host)
    volume.write(0, b"x" * SECTOR)
    assert volume.read(0) == b"x" * SECTOR
    with refused("AccessDeniedException"):
        volumes["vol-2"].attach(host)
    # The book names the grant by which the volume was attached.
    (attached,) = (
        event for event in events(keyId=key["Arn"], eventName="Decrypt") if "errorCode" not in event
    )
    assert attached["userIdentity"]["arn"] == user.arn
    (decision,) = attached["wardbook"]["decisions"]
    assert decision["determining"][0]["policy"] == granted["GrantId"]
    # Detached: the host gives up what it was granted, and cannot attach again.
    volume.detach()
    host.retire_grant(GrantToken=granted["GrantToken"])
    with refused("AccessDeniedException"):
        volume.attach(host)


def test_only_the_host_that_may_attaches(server, kms, key, user, tmp_path):
    image = tmp_path / "volume.img"
    image.write_bytes(bytes(SECTOR))
    volume = Volume(image, "vol-1")
    volume.create(kms, key["KeyId"])
    host = boto("kms", server.url, user)
    with pytest.raises(host.exceptions.ClientError, match="AccessDenied"):
        volume.attach(host)
    arn = f"arn:aws:iam::{key['AWSAccountId']}"
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"{arn}:root"}, "Action": "kms:*", "Resource": "*"},
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"{arn}:user/{user.name}"},
                "Action": "kms:Decrypt",
                "Resource": "*",
            },
        ],
    }
    kms.put_key_policy(KeyId=key["KeyId"], Policy=json.dumps(policy))
    volume.attach(host)
    volume.write(0, b"x" * SECTOR)
    assert volume.read(0) == b"x" * SECTOR
