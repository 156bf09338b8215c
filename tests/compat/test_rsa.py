"""Encryption with RSA keys, by KMS and by OpenSSL."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_der_public_key

from clients import refused

ALGORITHMS = {"RSAES_OAEP_SHA_1": hashes.SHA1(), "RSAES_OAEP_SHA_256": hashes.SHA256()}
SHA_256 = {"EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
INCORRECT_KEY = "The key ID in the request does not identify a CMK that can perform this operation."
SYMMETRIC_ONLY = "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048."


@pytest.fixture
def rsa(kms):
    """A new RSA key for encryption."""
    return kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]


@pytest.mark.parametrize("spec", ["RSA_2048", "RSA_3072", "RSA_4096"])
def test_round_trips_of_kms_and_openssl(kms, spec):
    key = kms.create_key(KeySpec=spec, KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]
    public = load_der_public_key(kms.get_public_key(KeyId=key["KeyId"])["PublicKey"])
    for algorithm, hashed in ALGORITHMS.items():
        size = public.key_size // 8 - 2 * hashed.digest_size - 2
        how = {"KeyId": key["KeyId"], "EncryptionAlgorithm": algorithm}
        oaep = padding.OAEP(padding.MGF1(hashed), hashed, None)
        made = kms.encrypt(Plaintext=b"x" * size, **how)
        assert sorted(made) == ["CiphertextBlob", "EncryptionAlgorithm", "KeyId", "ResponseMetadata"]
        for blob in made["CiphertextBlob"], public.encrypt(b"x" * size, oaep):
            opened = kms.decrypt(CiphertextBlob=blob, **how)
            assert opened.pop("ResponseMetadata")
            assert opened == {"KeyId": key["Arn"], "Plaintext": b"x" * size, "EncryptionAlgorithm": algorithm}
        text = f"Algorithm {algorithm} and key spec {spec} cannot encrypt data larger than {size} bytes."
        with refused("ValidationException", text):
            kms.encrypt(Plaintext=b"x" * (size + 1), **how)


def test_the_algorithm_and_the_key_must_be_named(kms, rsa, key):
    with refused("InvalidKeyUsageException", SYMMETRIC_ONLY):
        kms.encrypt(KeyId=rsa["KeyId"], Plaintext=b"x")
    blob = kms.encrypt(KeyId=rsa["KeyId"], Plaintext=b"x", **SHA_256)["CiphertextBlob"]
    for more in {}, {"KeyId": rsa["KeyId"]}, SHA_256, {"KeyId": key["KeyId"], **SHA_256}:
        with refused("InvalidCiphertextException", ""):
            kms.decrypt(CiphertextBlob=blob, **more)
    for damaged in blob[:-1], blob + b"\0", b"garbage", bytes(256):
        with refused("InvalidCiphertextException", ""):
            kms.decrypt(CiphertextBlob=damaged, KeyId=rsa["KeyId"], **SHA_256)


def test_a_symmetric_ciphertext_is_of_no_rsa_key(kms, rsa, key):
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    with refused("IncorrectKeyException", INCORRECT_KEY):
        kms.decrypt(CiphertextBlob=blob, KeyId=rsa["KeyId"])


def test_no_encryption_context(kms, rsa):
    text = "EncryptionContext is not supported with key spec RSA_2048."
    with refused("ValidationException", text):
        kms.encrypt(KeyId=rsa["KeyId"], Plaintext=b"x", EncryptionContext={"a": "b"}, **SHA_256)


def test_re_encrypt_both_ways(kms, rsa, key):
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"moving")["CiphertextBlob"]
    there = kms.re_encrypt(
        CiphertextBlob=blob,
        DestinationKeyId=rsa["KeyId"],
        DestinationEncryptionAlgorithm="RSAES_OAEP_SHA_1",
    )
    assert (there["SourceKeyId"], there["KeyId"]) == (key["Arn"], rsa["Arn"])
    assert there["SourceKeyMaterialId"] == key["CurrentKeyMaterialId"]
    assert "DestinationKeyMaterialId" not in there
    back = kms.re_encrypt(
        CiphertextBlob=there["CiphertextBlob"],
        SourceKeyId=rsa["KeyId"],
        SourceEncryptionAlgorithm="RSAES_OAEP_SHA_1",
        DestinationKeyId=key["KeyId"],
        DestinationEncryptionContext={"tenant": "7"},
    )
    assert "SourceKeyMaterialId" not in back
    assert back["DestinationKeyMaterialId"] == key["CurrentKeyMaterialId"]
    opened = kms.decrypt(CiphertextBlob=back["CiphertextBlob"], EncryptionContext={"tenant": "7"})
    assert opened["Plaintext"] == b"moving"


def test_no_data_keys_under_rsa(kms, rsa):
    text = "You cannot generate a data key with an asymmetric CMK"
    with refused("InvalidKeyUsageException", text):
        kms.generate_data_key(KeyId=rsa["KeyId"], KeySpec="AES_256")
    with refused("InvalidKeyUsageException", text):
        kms.generate_data_key_pair(KeyId=rsa["KeyId"], KeyPairSpec="ECC_NIST_P256")
