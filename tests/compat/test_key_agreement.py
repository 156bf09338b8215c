"""DeriveSharedSecret, Encapsulate and Decapsulate, with OpenSSL on the other side."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from clients import refused

CURVES = {"ECC_NIST_P256": ec.SECP256R1(), "ECC_NIST_P384": ec.SECP384R1(), "ECC_NIST_P521": ec.SECP521R1()}
CIPHERTEXTS = {"ML_KEM_512": 768, "ML_KEM_768": 1088, "ML_KEM_1024": 1568}
ECDH = {"KeyAgreementAlgorithm": "ECDH"}
ML_KEM = {"EncapsulationAlgorithm": "ML_KEM"}


def spki(private):
    return private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("spec", CURVES)
def test_ecdh_with_a_peer(kms, spec):
    key = kms.create_key(KeySpec=spec, KeyUsage="KEY_AGREEMENT")["KeyMetadata"]
    assert key["KeyAgreementAlgorithms"] == ["ECDH"]
    peer = ec.generate_private_key(CURVES[spec])
    answer = kms.derive_shared_secret(KeyId=key["KeyId"], PublicKey=spki(peer), **ECDH)
    public = load_der_public_key(kms.get_public_key(KeyId=key["KeyId"])["PublicKey"])
    assert answer["SharedSecret"] == peer.exchange(ec.ECDH(), public)
    assert (answer["KeyId"], answer["KeyOrigin"]) == (key["Arn"], "AWS_KMS")
    assert answer["KeyAgreementAlgorithm"] == "ECDH"


def test_peers_that_do_not_fit(kms, wire):
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT")["KeyMetadata"]
    for public in spki(ec.generate_private_key(ec.SECP384R1())), b"garbage":
        with refused("ValidationException", ""):
            kms.derive_shared_secret(KeyId=key["KeyId"], PublicKey=public, **ECDH)
    # The text is there, and empty.
    answer = wire.kms("DeriveSharedSecret", {"KeyId": key["KeyId"], "PublicKey": "eA==", **ECDH})
    assert answer.json == {"__type": "ValidationException", "message": ""}


@pytest.mark.parametrize("spec", CIPHERTEXTS)
def test_encapsulation(kms, spec):
    key = kms.create_key(KeySpec=spec, KeyUsage="ENCAPSULATE_DECAPSULATE")["KeyMetadata"]
    assert key["EncapsulationAlgorithms"] == ["ML_KEM"]
    made = kms.encapsulate(KeyId=key["KeyId"], **ML_KEM)
    secret, ciphertext = made["SharedSecret"], made["SharedSecretCiphertextBlob"]
    assert (len(secret), len(ciphertext)) == (32, CIPHERTEXTS[spec])
    assert (made["KeyId"], made["EncapsulationAlgorithm"]) == (key["Arn"], "ML_KEM")

    def decapsulate(blob):
        return kms.decapsulate(KeyId=key["KeyId"], SharedSecretCiphertextBlob=blob, **ML_KEM)["SharedSecret"]

    assert decapsulate(ciphertext) == secret
    if spec != "ML_KEM_512":  # which OpenSSL's Python interface does not have
        public = load_der_public_key(kms.get_public_key(KeyId=key["KeyId"])["PublicKey"])
        secret, ciphertext = public.encapsulate()
        assert decapsulate(ciphertext) == secret
    # A ciphertext of nobody has a secret too; only its length can be wrong.
    forged = bytes([ciphertext[0] ^ 1]) + ciphertext[1:]
    assert decapsulate(forged) == decapsulate(forged) != secret
    with refused("InvalidCiphertextException", ""):
        decapsulate(ciphertext[:-1])
