"""Members that are wrong, in AWS's own words, before anything is looked up."""

import re

import pytest

from clients import refused

UNKNOWN_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
ENCRYPTION_ALGORITHMS = "[RSAES_OAEP_SHA_1, RSAES_OAEP_SHA_256, SM2PKE, SYMMETRIC_DEFAULT]"


def faults(*texts):
    count = f"{len(texts)} validation error{'s' if len(texts) > 1 else ''} detected: "
    return refused("ValidationException", count + "; ".join(texts))


def must(value, member, rule):
    return f"Value {value} at '{member}' failed to satisfy constraint: Member must {rule}"


def must_secret(member, rule):
    return f"Value at '{member}' failed to satisfy constraint: Member must {rule}"


@pytest.mark.parametrize(
    "operation, more",
    [
        ("describe_key", {}),
        ("enable_key", {}),
        ("encrypt", {"Plaintext": b"x"}),
        ("schedule_key_deletion", {}),
        ("get_key_policy", {}),
    ],
)
def test_key_id_is_required_and_not_empty(loose_kms, operation, more):
    call = getattr(loose_kms, operation)
    with faults(must("null", "keyId", "not be null")):
        call(**more)
    with faults(
        must("''", "keyId", "have length greater than or equal to 1"),
        must("''", "keyId", "satisfy regular expression pattern: ^\\p{ASCII}+$"),
    ):
        call(KeyId="", **more)


def test_plaintext_is_never_repeated(loose_kms, key):
    with faults(must_secret("plaintext", "not be null")):
        loose_kms.encrypt(KeyId=key["KeyId"])
    with faults(must_secret("plaintext", "have length greater than or equal to 1")):
        loose_kms.encrypt(KeyId=key["KeyId"], Plaintext=b"")
    with faults(must_secret("plaintext", "have length less than or equal to 4096")):
        loose_kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x" * 4097)


def test_ciphertext_lengths(loose_kms):
    with faults(must("null", "ciphertextBlob", "not be null")):
        loose_kms.decrypt()
    with faults(must_secret("ciphertextBlob", "have length greater than or equal to 1")):
        loose_kms.decrypt(CiphertextBlob=b"")
    with faults(must_secret("ciphertextBlob", "have length less than or equal to 6144")):
        loose_kms.decrypt(CiphertextBlob=b"x" * 6145)


def test_enumerations(loose_kms, key):
    wrong = must("'AES'", "encryptionAlgorithm", f"satisfy enum value set: {ENCRYPTION_ALGORITHMS}")
    with faults(wrong):
        loose_kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x", EncryptionAlgorithm="AES")
    with faults(wrong):
        loose_kms.decrypt(CiphertextBlob=b"x", EncryptionAlgorithm="AES")
    # Names have one case.
    with faults(
        must(
            "'symmetric_default'",
            "encryptionAlgorithm",
            f"satisfy enum value set: {ENCRYPTION_ALGORITHMS}",
        )
    ):
        loose_kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x", EncryptionAlgorithm="symmetric_default")


def test_members_are_checked_before_the_key_is_looked_up(loose_kms):
    with refused("ValidationException"):
        loose_kms.encrypt(KeyId=UNKNOWN_ID, Plaintext=b"x", EncryptionAlgorithm="AES")
    with refused("ValidationException"):
        loose_kms.encrypt(KeyId=UNKNOWN_ID, Plaintext=b"x" * 4097)
    with refused("ValidationException"):
        loose_kms.schedule_key_deletion(KeyId="alias/nobody", PendingWindowInDays=0)


def test_an_rsa_algorithm_does_not_fit_a_symmetric_key(kms, key):
    with refused(
        "InvalidKeyUsageException",
        "Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT.",
    ):
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_256")


def test_several_faults_are_told_at_once(loose_kms):
    with refused("ValidationException") as caught:
        loose_kms.encrypt(KeyId="", Plaintext=b"", EncryptionAlgorithm="AES")
    text = caught.value.response["Error"]["Message"]
    assert text.startswith("4 validation errors detected: ")
    members = re.findall(r"at '(\w+)' failed to satisfy constraint", text)
    assert sorted(members) == ["encryptionAlgorithm", "keyId", "keyId", "plaintext"]
