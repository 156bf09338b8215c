"""Data key pairs, used with OpenSSL as an application uses them."""

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from clients import refused

SPECS = [
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "ECC_NIST_P256",
    "ECC_NIST_P384",
    "ECC_NIST_P521",
    "ECC_SECG_P256K1",
    "ECC_NIST_EDWARDS25519",
    "ML_KEM_512",
    "ML_KEM_768",
    "ML_KEM_1024",
]
CONTEXT = {"device": "7"}


def public_of(private):
    public = load_der_private_key(private, None).public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("spec", SPECS)
def test_pairs_of_every_spec(kms, key, spec):
    how = {"KeyId": key["KeyId"], "KeyPairSpec": spec, "EncryptionContext": CONTEXT}
    made = kms.generate_data_key_pair(**how)
    hidden = kms.generate_data_key_pair_without_plaintext(**how)
    assert "PrivateKeyPlaintext" not in hidden
    for answer in made, hidden:
        assert (answer["KeyId"], answer["KeyPairSpec"]) == (key["Arn"], spec)
        assert answer["KeyMaterialId"] == key["CurrentKeyMaterialId"]
        blob = answer["PrivateKeyCiphertextBlob"]
        private = kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)["Plaintext"]
        assert answer.get("PrivateKeyPlaintext", private) == private
        if spec == "ML_KEM_512":  # which OpenSSL's Python interface does not have
            continue
        assert public_of(private) == answer["PublicKey"]
    with refused("InvalidCiphertextException", ""):
        kms.decrypt(CiphertextBlob=made["PrivateKeyCiphertextBlob"])


def test_a_device_signs_and_kms_is_not_needed_to_verify(kms, key):
    made = kms.generate_data_key_pair(KeyId=key["KeyId"], KeyPairSpec="ECC_NIST_EDWARDS25519")
    signature = load_der_private_key(made["PrivateKeyPlaintext"], None).sign(b"measurement")
    load_der_public_key(made["PublicKey"]).verify(signature, b"measurement")


def test_a_shared_secret_for_a_key_pair(kms, key):
    made = kms.generate_data_key_pair(KeyId=key["KeyId"], KeyPairSpec="ML_KEM_768")
    secret, ciphertext = load_der_public_key(made["PublicKey"]).encapsulate()
    assert load_der_private_key(made["PrivateKeyPlaintext"], None).decapsulate(ciphertext) == secret


def test_specs_that_are_none(kms, loose_kms, key):
    with refused("UnsupportedOperationException", "KeyPairSpec SM2 is supported in China Regions only."):
        kms.generate_data_key_pair(KeyId=key["KeyId"], KeyPairSpec="SM2")
    with refused("ValidationException"):
        loose_kms.generate_data_key_pair(KeyId=key["KeyId"], KeyPairSpec="ML_DSA_44")


def test_dry_run(kms, key):
    how = {"KeyId": key["KeyId"], "KeyPairSpec": "ECC_NIST_P256", "DryRun": True}
    with refused("DryRunOperationException"):
        kms.generate_data_key_pair(**how)
    with refused("DryRunOperationException"):
        kms.generate_data_key_pair_without_plaintext(**how)
