"""Data keys, used as an application uses them, and random bytes."""

import os

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clients import refused

EITHER = "Please specify either number of bytes or key spec."
KEY_SPECS = (
    "[RSA_2048, RSA_3072, RSA_4096, ECC_NIST_P256, ECC_NIST_P384, ECC_NIST_P521, ECC_SECG_P256K1, "
    "ECC_NIST_EDWARDS25519, SYMMETRIC_DEFAULT, HMAC_224, HMAC_256, HMAC_384, HMAC_512, SM2, "
    "ML_DSA_44, ML_DSA_65, ML_DSA_87]"
)


def fault(text):
    return refused("ValidationException", f"1 validation error detected: {text}")


def test_envelope_encryption_of_a_file(kms, key, tmp_path):
    document, context = os.urandom(1 << 20), {"file": "report"}
    made = kms.generate_data_key(KeyId=key["KeyId"], KeySpec="AES_256", EncryptionContext=context)
    nonce = os.urandom(12)
    sealed = AESGCM(made["Plaintext"]).encrypt(nonce, document, b"report")
    (tmp_path / "report.enc").write_bytes(nonce + sealed)
    (tmp_path / "report.key").write_bytes(made["CiphertextBlob"])

    # Later, elsewhere: only the files and the right to decrypt.
    wrapped = (tmp_path / "report.key").read_bytes()
    stored = (tmp_path / "report.enc").read_bytes()
    opened = kms.decrypt(CiphertextBlob=wrapped, EncryptionContext=context)
    cipher = AESGCM(opened["Plaintext"])
    assert cipher.decrypt(stored[:12], stored[12:], b"report") == document
    with pytest.raises(InvalidTag):
        cipher.decrypt(stored[:12], stored[12:], b"another")
    with refused("InvalidCiphertextException", ""):
        kms.decrypt(CiphertextBlob=wrapped, EncryptionContext={"file": "another"})


@pytest.mark.parametrize(
    "size, length",
    [
        ({"KeySpec": "AES_256"}, 32),
        ({"KeySpec": "AES_128"}, 16),
        ({"NumberOfBytes": 1}, 1),
        ({"NumberOfBytes": 64}, 64),
        ({"NumberOfBytes": 1024}, 1024),
    ],
    ids=str,
)
def test_data_keys_of_every_size(kms, key, size, length):
    made = kms.generate_data_key(KeyId=key["KeyId"], **size)
    assert made["KeyId"] == key["Arn"]
    assert made["KeyMaterialId"] == key["CurrentKeyMaterialId"]
    assert len(made["Plaintext"]) == length
    assert kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"] == made["Plaintext"]

    hidden = kms.generate_data_key_without_plaintext(KeyId=key["KeyId"], **size)
    assert sorted(hidden) == ["CiphertextBlob", "KeyId", "KeyMaterialId", "ResponseMetadata"]
    assert len(kms.decrypt(CiphertextBlob=hidden["CiphertextBlob"])["Plaintext"]) == length


def test_data_keys_differ(kms, key):
    made = [kms.generate_data_key(KeyId=key["KeyId"], KeySpec="AES_256") for _ in range(8)]
    assert len({answer["Plaintext"] for answer in made}) == 8
    assert len({answer["CiphertextBlob"] for answer in made}) == 8


def test_a_data_key_has_one_size(kms, key):
    for generate in kms.generate_data_key, kms.generate_data_key_without_plaintext:
        for size in {}, {"KeySpec": "AES_256", "NumberOfBytes": 32}:
            with refused("ValidationException", EITHER):
                generate(KeyId=key["KeyId"], **size)
    # This is said before the key's state is looked at.
    kms.disable_key(KeyId=key["KeyId"])
    with refused("ValidationException", EITHER):
        kms.generate_data_key(KeyId=key["KeyId"])


def test_sizes_that_are_refused(loose_kms, key):
    def generate(**size):
        loose_kms.generate_data_key(KeyId=key["KeyId"], **size)

    where = "at 'numberOfBytes' failed to satisfy constraint: Member must have value"
    with fault(f"Value '0' {where} greater than or equal to 1"):
        generate(NumberOfBytes=0)
    with fault(f"Value '1025' {where} less than or equal to 1024"):
        generate(NumberOfBytes=1025)
    # AWS lists the specs of KMS keys here, not of data keys.
    for spec in "AES_512", "RSA_2048":
        with fault(
            f"Value '{spec}' at 'keySpec' failed to satisfy constraint: "
            f"Member must satisfy enum value set: {KEY_SPECS}"
        ):
            generate(KeySpec=spec)


def test_generate_random(kms, loose_kms):
    for length in 1, 32, 1024:
        assert len(kms.generate_random(NumberOfBytes=length)["Plaintext"]) == length
    drawn = {kms.generate_random(NumberOfBytes=16)["Plaintext"] for _ in range(8)}
    assert len(drawn) == 8

    with refused("ValidationException", "NumberOfBytes is required."):
        kms.generate_random()
    where = "at 'numberOfBytes' failed to satisfy constraint: Member must have value"
    with fault(f"Value '0' {where} greater than or equal to 1"):
        loose_kms.generate_random(NumberOfBytes=0)
    with fault(f"Value '1025' {where} less than or equal to 1024"):
        loose_kms.generate_random(NumberOfBytes=1025)
