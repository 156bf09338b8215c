"""Sign and Verify, with everything checked by OpenSSL, which has the public key only."""

import pytest
from Crypto.Hash import SHA512
from Crypto.Signature import eddsa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, padding, utils
from cryptography.hazmat.primitives.serialization import load_der_public_key

from clients import refused

DATA = b"what is signed"
HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
RSA = [f"RSASSA_{scheme}_SHA_{bits}" for scheme in ("PSS", "PKCS1_V1_5") for bits in HASHES]
EC = {
    "ECC_NIST_P256": "ECDSA_SHA_256",
    "ECC_NIST_P384": "ECDSA_SHA_384",
    "ECC_NIST_P521": "ECDSA_SHA_512",
    "ECC_SECG_P256K1": "ECDSA_SHA_256",
}
ML_DSA = {"ML_DSA_44": 2420, "ML_DSA_65": 3309, "ML_DSA_87": 4627}


@pytest.fixture
def signer(kms):
    """A new signing key of a spec: its metadata and its public key, read by OpenSSL."""

    def make(spec):
        key = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]
        told = kms.get_public_key(KeyId=key["KeyId"])
        assert (told["KeySpec"], told["KeyUsage"]) == (spec, "SIGN_VERIFY")
        assert told["SigningAlgorithms"] == key["SigningAlgorithms"]
        return key, load_der_public_key(told["PublicKey"])

    return make


def digest_of(data, algorithm):
    hasher = hashes.Hash(HASHES[algorithm[-3:]])
    hasher.update(data)
    return hasher.finalize()


def check(kms, key, signature, **message):
    """The signature is valid here, and for nothing else."""
    answer = kms.verify(KeyId=key["KeyId"], Signature=signature, **message)
    answer.pop("ResponseMetadata")
    algorithm = message["SigningAlgorithm"]
    assert answer == {"KeyId": key["Arn"], "SignatureValid": True, "SigningAlgorithm": algorithm}
    for damaged in signature[:-1], signature + b"\0", bytes([signature[0] ^ 1]) + signature[1:]:
        with refused("KMSInvalidSignatureException", ""):
            kms.verify(KeyId=key["KeyId"], Signature=damaged, **message)


@pytest.mark.parametrize("spec", ["RSA_2048", "RSA_3072", "RSA_4096"])
def test_rsa(kms, signer, spec):
    key, public = signer(spec)
    assert public.key_size == int(spec[-4:])
    assert public.public_numbers().e == 65537
    for algorithm in RSA:
        hashed = HASHES[algorithm[-3:]]
        scheme = (
            padding.PSS(padding.MGF1(hashed), padding.PSS.DIGEST_LENGTH)
            if "PSS" in algorithm
            else padding.PKCS1v15()
        )
        for kind, message in ("RAW", DATA), ("DIGEST", digest_of(DATA, algorithm)):
            how = {"Message": message, "MessageType": kind, "SigningAlgorithm": algorithm}
            signature = kms.sign(KeyId=key["KeyId"], **how)["Signature"]
            public.verify(signature, DATA, scheme, hashed)
            check(kms, key, signature, **how)


@pytest.mark.parametrize("spec", EC)
def test_ecdsa(kms, signer, spec):
    key, public = signer(spec)
    algorithm = EC[spec]
    hashed = HASHES[algorithm[-3:]]
    for kind, message in ("RAW", DATA), ("DIGEST", digest_of(DATA, algorithm)):
        how = {"Message": message, "MessageType": kind, "SigningAlgorithm": algorithm}
        signature = kms.sign(KeyId=key["KeyId"], **how)["Signature"]
        public.verify(signature, DATA, ec.ECDSA(hashed))
        # DER, and nothing but DER.
        assert utils.encode_dss_signature(*utils.decode_dss_signature(signature)) == signature
        check(kms, key, signature, **how)


def test_ed25519(kms, signer):
    key, public = signer("ECC_NIST_EDWARDS25519")
    how = {"Message": DATA, "SigningAlgorithm": "ED25519_SHA_512"}
    signature = kms.sign(KeyId=key["KeyId"], **how)["Signature"]
    public.verify(signature, DATA)
    with pytest.raises(InvalidSignature):
        public.verify(signature, DATA + b"!")
    check(kms, key, signature, **how)


def test_ed25519ph_hashes_the_digest_once_more(kms, signer):
    key, public = signer("ECC_NIST_EDWARDS25519")
    digest = digest_of(DATA, "512")
    how = {"Message": digest, "MessageType": "DIGEST", "SigningAlgorithm": "ED25519_PH_SHA_512"}
    signature = kms.sign(KeyId=key["KeyId"], **how)["Signature"]
    verifier = eddsa.new(eddsa.import_public_key(public.public_bytes_raw()), "rfc8032")
    verifier.verify(SHA512.new(digest), signature)
    with pytest.raises(ValueError):
        verifier.verify(SHA512.new(DATA), signature)
    check(kms, key, signature, **how)


@pytest.mark.parametrize("spec", ML_DSA)
def test_ml_dsa(kms, signer, spec):
    key, public = signer(spec)
    mu = mldsa.MLDSAMuHasher(public)
    mu.update(DATA)
    for kind, message in ("RAW", DATA), ("EXTERNAL_MU", mu.finalize()):
        how = {"Message": message, "MessageType": kind, "SigningAlgorithm": "ML_DSA_SHAKE_256"}
        signature = kms.sign(KeyId=key["KeyId"], **how)["Signature"]
        assert len(signature) == ML_DSA[spec]
        # The same signature, whichever way the message came.
        public.verify(signature, DATA)
        check(kms, key, signature, **how)
    raw = {"Message": DATA, "SigningAlgorithm": "ML_DSA_SHAKE_256"}
    check(kms, key, signature, **raw)


def test_message_types_and_digests_that_do_not_fit(kms, signer):
    edwards, _ = signer("ECC_NIST_EDWARDS25519")
    lattice, _ = signer("ML_DSA_44")
    curve, _ = signer("ECC_NIST_P256")
    ph, ml, ecdsa = "ED25519_PH_SHA_512", "ML_DSA_SHAKE_256", "ECDSA_SHA_256"
    for key, algorithm, kind, length, text in (
        (lattice, ml, "DIGEST", 64, "Message type DIGEST is incompatible with key spec ML_DSA_44."),
        (lattice, ml, "EXTERNAL_MU", 63, f"Digest is invalid length for algorithm {ml}."),
        (edwards, ph, "RAW", 64, f"Message type RAW is incompatible with algorithm {ph}."),
        (edwards, ph, "DIGEST", 32, f"Digest is invalid length for algorithm {ph}."),
        (
            edwards,
            "ED25519_SHA_512",
            "DIGEST",
            64,
            "Message type DIGEST is incompatible with algorithm ED25519_SHA_512.",
        ),
        (
            curve,
            ecdsa,
            "EXTERNAL_MU",
            64,
            "Message type EXTERNAL_MU is incompatible with key spec ECC_NIST_P256.",
        ),
        (curve, ecdsa, "DIGEST", 31, f"Digest is invalid length for algorithm {ecdsa}."),
    ):
        how = {"Message": b"7" * length, "MessageType": kind, "SigningAlgorithm": algorithm}
        with refused("ValidationException", text):
            kms.sign(KeyId=key["KeyId"], **how)
        with refused("ValidationException", text):
            kms.verify(KeyId=key["KeyId"], Signature=b"x", **how)


def test_usage_then_state_then_algorithm(kms, loose_kms, signer):
    rsa, _ = signer("RSA_2048")
    hmac = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]
    for key in rsa, hmac:
        kms.disable_key(KeyId=key["KeyId"])

    def sign(key, algorithm):
        loose_kms.sign(KeyId=key["KeyId"], Message=DATA, SigningAlgorithm=algorithm)

    usage = f"{hmac['Arn']} key usage is GENERATE_VERIFY_MAC which is not valid for Sign."
    with refused("InvalidKeyUsageException", usage):
        sign(hmac, "ECDSA_SHA_256")
    with refused("DisabledException", f"{rsa['Arn']} is disabled."):
        sign(rsa, "ECDSA_SHA_256")
    kms.enable_key(KeyId=rsa["KeyId"])
    for algorithm in "ECDSA_SHA_256", "SYMMETRIC_DEFAULT":
        text = f"Algorithm {algorithm} is incompatible with key spec RSA_2048."
        with refused("InvalidKeyUsageException", text):
            sign(rsa, algorithm)


def test_messages_are_never_repeated(loose_kms, wire):
    where = "Value at 'message' failed to satisfy constraint: Member must have length"
    with refused("ValidationException", f"1 validation error detected: {where} less than or equal to 4096"):
        loose_kms.sign(KeyId="x", Message=b"m" * 4097, SigningAlgorithm="ECDSA_SHA_256")
    # Exceptions without a text have no member for it.
    key = wire.kms("CreateKey", {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}).json
    key_id = key["KeyMetadata"]["KeyId"]
    how = {"Message": "eA==", "Signature": "eA==", "SigningAlgorithm": "ECDSA_SHA_256"}
    assert wire.kms("Verify", {"KeyId": key_id, **how}).json == {"__type": "KMSInvalidSignatureException"}
