"""GetPublicKey."""

import pytest
from cryptography.hazmat.primitives.serialization import load_der_public_key

from clients import refused

KINDS = [
    ("RSA_2048", "ENCRYPT_DECRYPT", "EncryptionAlgorithms"),
    ("RSA_2048", "SIGN_VERIFY", "SigningAlgorithms"),
    ("ECC_NIST_P256", "KEY_AGREEMENT", "KeyAgreementAlgorithms"),
    ("ECC_SECG_P256K1", "SIGN_VERIFY", "SigningAlgorithms"),
    ("ECC_NIST_EDWARDS25519", "SIGN_VERIFY", "SigningAlgorithms"),
    ("ML_DSA_44", "SIGN_VERIFY", "SigningAlgorithms"),
    ("ML_KEM_768", "ENCAPSULATE_DECAPSULATE", "EncapsulationAlgorithms"),
]


@pytest.mark.parametrize("spec, usage, algorithms", KINDS)
def test_what_is_told(kms, spec, usage, algorithms):
    key = kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]
    told = kms.get_public_key(KeyId=key["Arn"])
    load_der_public_key(told.pop("PublicKey"))
    assert told.pop("ResponseMetadata")
    wanted = {"KeyId": key["Arn"], "KeySpec": spec, "KeyUsage": usage, algorithms: key[algorithms]}
    if "CustomerMasterKeySpec" in key:
        wanted["CustomerMasterKeySpec"] = spec
    assert told == wanted


def test_a_disabled_key_has_one_too(kms):
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    public = kms.get_public_key(KeyId=key["KeyId"])["PublicKey"]
    kms.disable_key(KeyId=key["KeyId"])
    assert kms.get_public_key(KeyId=key["KeyId"])["PublicKey"] == public
    kms.schedule_key_deletion(KeyId=key["KeyId"])
    with refused("KMSInvalidStateException", f"{key['Arn']} is pending deletion."):
        kms.get_public_key(KeyId=key["KeyId"])


def test_symmetric_keys_have_none(kms, wire, key):
    with refused("UnsupportedOperationException", ""):
        kms.get_public_key(KeyId=key["KeyId"])
    answer = wire.kms("GetPublicKey", {"KeyId": key["KeyId"]})
    assert answer.json == {"__type": "UnsupportedOperationException"}
    kms.schedule_key_deletion(KeyId=key["KeyId"])
    with refused("KMSInvalidStateException", f"{key['Arn']} is pending deletion."):
        kms.get_public_key(KeyId=key["KeyId"])
