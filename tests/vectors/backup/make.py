"""Writes tests/golden/backup/v1.backup from what docs/backup.md says of the format,
with nothing of wardbook's own code: the root key is the one of tests/golden/hsm/v1.json.
Every run writes another file; the one that is committed stays.

Needs the Python package `cryptography`.
"""

import hashlib
import hmac
import json
import os
import pathlib
import struct
import sys

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TESTS = pathlib.Path(__file__).resolve().parents[2]
CHUNK = 65_536


def derive(key, label, context):
    """NIST SP 800-108, counter mode, HMAC-SHA-256, 256 bits."""
    fixed = label + b"\0" + context + struct.pack(">I", 256)
    return hmac.new(key, struct.pack(">I", 1) + fixed, hashlib.sha256).digest()


def root_key(golden):
    kek = bytes.fromhex(golden["key_file"].splitlines()[1].split()[1])
    *bound, sealed, _sum = golden["root_by_key_file"].splitlines(keepends=True)
    sealed = bytes.fromhex(sealed.split()[1])
    key = derive(kek, b"wardbook/1/root-key", sealed[:16])
    return AESGCM(key).decrypt(sealed[16:28], sealed[28:], "".join(bound).encode())


def main():
    golden = json.loads((TESTS / "golden/hsm/v1.json").read_text())
    database = bytes(i * i % 251 for i in range(CHUNK + 1_000))
    guardrails = json.dumps({"a.cedar": "forbid (principal, action, resource);"}).encode()
    header = json.dumps({
        "backupId": "5f4dcc3b-5aa7-45d6-9d83-27deb882cf99",
        "createdMs": 1_793_614_272_000,
        "program": "0.1.0",
        "account": "111122223333",
        "region": "eu-central-1",
        "logId": "93d1719f541041785adcd90e88fadb4d",
        "checkpoint": "wardbook/x\n1\nAAAA\n\n\u2014 wardbook/x AAAA\n",
        "publicKey": "wardbook/x+00000000+AAAA",
        "databaseBytes": len(database),
        "guardrailsBytes": len(guardrails),
        "protectors": [{"name": "key file", "sealed": golden["root_by_key_file"]}],
    }).encode()
    head = b"wardbook backup\n" + struct.pack(">II", 1, len(header)) + header
    key, nonce, iv = os.urandom(32), os.urandom(16), os.urandom(12)
    wrapping = derive(root_key(golden), b"wardbook/1/backup-key", nonce)
    sealed = nonce + iv + AESGCM(wrapping).encrypt(iv, key, head)
    content = database + guardrails
    chunks = [content[at:at + CHUNK] for at in range(0, len(content), CHUNK)]
    body = b""
    for number, chunk in enumerate(chunks):
        last = number == len(chunks) - 1
        body += AESGCM(key).encrypt(struct.pack(">Q3xB", number, last), chunk, b"")
    (TESTS / "golden/backup/v1.backup").write_bytes(head + sealed + body)


if __name__ == "__main__":
    sys.exit(main())
