"""Encrypt, Decrypt and ReEncrypt, with everything that must not decrypt."""

import pytest

from clients import refused

CONTEXT = {"tenant": "7", "purpose": "test"}
INCORRECT_KEY = "The key ID in the request does not identify a CMK that can perform this operation."
DRY_RUN = "The request would have succeeded, but the DryRun option is set."


def encrypt(kms, key, plaintext=b"attack at dawn", **more):
    return kms.encrypt(KeyId=key["KeyId"], Plaintext=plaintext, **more)["CiphertextBlob"]


def without_metadata(answer):
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def test_round_trip(kms, key):
    sealed = without_metadata(
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"attack at dawn", EncryptionContext=CONTEXT)
    )
    blob = sealed.pop("CiphertextBlob")
    assert sealed == {"KeyId": key["Arn"], "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}
    assert b"attack" not in blob
    assert len(blob) <= 6144

    opened = {
        "KeyId": key["Arn"],
        "Plaintext": b"attack at dawn",
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "KeyMaterialId": key["CurrentKeyMaterialId"],
    }
    reordered = dict(reversed(CONTEXT.items()))
    for more in (
        {},
        {"KeyId": key["KeyId"]},
        {"KeyId": key["Arn"], "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"},
    ):
        answer = kms.decrypt(CiphertextBlob=blob, EncryptionContext=reordered, **more)
        assert without_metadata(answer) == opened


def test_equal_plaintexts_have_different_ciphertexts(kms, key):
    assert len({encrypt(kms, key) for _ in range(8)}) == 8


@pytest.mark.parametrize("plaintext", [b"\0", bytes(range(256)), b"x" * 4096], ids=len)
def test_plaintexts_of_every_length(kms, key, plaintext):
    assert kms.decrypt(CiphertextBlob=encrypt(kms, key, plaintext))["Plaintext"] == plaintext


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"tenant": "7"},
        {**CONTEXT, "more": ""},
        {**CONTEXT, "tenant": "8"},
        {"Tenant": "7", "purpose": "test"},
        {"tenant": "test", "purpose": "7"},
    ],
    ids=repr,
)
def test_another_context_does_not_decrypt(kms, key, context):
    blob = encrypt(kms, key, EncryptionContext=CONTEXT)
    with refused("InvalidCiphertextException", ""):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)


def test_an_empty_context_is_no_context(kms, key):
    blob = encrypt(kms, key, EncryptionContext={})
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"attack at dawn"


def test_damaged_ciphertext_does_not_decrypt(kms, key):
    blob = encrypt(kms, key)
    for damaged in blob[:-1], blob + b"\0", blob[:-1] + bytes([blob[-1] ^ 1]), blob[1:], b"garbage":
        with refused("InvalidCiphertextException", ""):
            kms.decrypt(CiphertextBlob=damaged)


def test_no_bit_of_a_ciphertext_can_be_changed(kms, key):
    blob = encrypt(kms, key)
    for at in range(len(blob)):
        damaged = blob[:at] + bytes([blob[at] ^ (1 << at % 8)]) + blob[at + 1 :]
        # Damage to the key's name looks like a key that is not there.
        with pytest.raises(kms.exceptions.ClientError) as caught:
            kms.decrypt(CiphertextBlob=damaged)
        code = caught.value.response["Error"]["Code"]
        assert code in ("InvalidCiphertextException", "AccessDeniedException"), (at, code)


def test_another_key_is_incorrect(kms, key):
    other = kms.create_key()["KeyMetadata"]
    blob = encrypt(kms, key)
    with refused("IncorrectKeyException", INCORRECT_KEY):
        kms.decrypt(CiphertextBlob=blob, KeyId=other["KeyId"])
    with refused("IncorrectKeyException", INCORRECT_KEY):
        kms.re_encrypt(CiphertextBlob=blob, SourceKeyId=other["KeyId"], DestinationKeyId=key["KeyId"])


def test_re_encrypt_moves_to_another_key_and_context(kms, key):
    other = kms.create_key()["KeyMetadata"]
    blob = encrypt(kms, key, EncryptionContext=CONTEXT)
    answer = without_metadata(
        kms.re_encrypt(
            CiphertextBlob=blob,
            SourceEncryptionContext=CONTEXT,
            DestinationKeyId=other["KeyId"],
            DestinationEncryptionContext={"tenant": "8"},
        )
    )
    moved = answer.pop("CiphertextBlob")
    assert answer == {
        "SourceKeyId": key["Arn"],
        "KeyId": other["Arn"],
        "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "SourceKeyMaterialId": key["CurrentKeyMaterialId"],
        "DestinationKeyMaterialId": other["CurrentKeyMaterialId"],
    }
    opened = kms.decrypt(CiphertextBlob=moved, EncryptionContext={"tenant": "8"})
    assert (opened["Plaintext"], opened["KeyId"]) == (b"attack at dawn", other["Arn"])
    for context in CONTEXT, {}:
        with refused("InvalidCiphertextException", ""):
            kms.decrypt(CiphertextBlob=moved, EncryptionContext=context)


def test_re_encrypt_needs_the_source_context_and_both_keys(kms, key):
    other = kms.create_key()["KeyMetadata"]
    blob = encrypt(kms, key, EncryptionContext=CONTEXT)

    def move(**more):
        kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other["KeyId"], **more)

    with refused("InvalidCiphertextException", ""):
        move()
    kms.disable_key(KeyId=other["KeyId"])
    with refused("DisabledException", f"{other['Arn']} is disabled."):
        move(SourceEncryptionContext=CONTEXT)
    kms.enable_key(KeyId=other["KeyId"])
    kms.disable_key(KeyId=key["KeyId"])
    with refused("DisabledException", f"{key['Arn']} is disabled."):
        move(SourceEncryptionContext=CONTEXT)


def test_dry_run_never_succeeds(kms, key):
    key_id, blob = key["KeyId"], encrypt(kms, key)
    calls = (
        lambda: kms.encrypt(KeyId=key_id, Plaintext=b"x", DryRun=True),
        lambda: kms.decrypt(CiphertextBlob=blob, DryRun=True),
        lambda: kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key_id, DryRun=True),
        lambda: kms.generate_data_key(KeyId=key_id, KeySpec="AES_256", DryRun=True),
        lambda: kms.generate_data_key_without_plaintext(KeyId=key_id, KeySpec="AES_256", DryRun=True),
    )
    for call in calls:
        with refused("DryRunOperationException", DRY_RUN):
            call()
    # It gives the error that the real call would give.
    kms.disable_key(KeyId=key_id)
    for call in calls:
        with refused("DisabledException"):
            call()


def test_dry_run_without_a_ciphertext(kms, key):
    ignore = {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}
    with refused("DryRunOperationException", DRY_RUN):
        kms.decrypt(KeyId=key["KeyId"], **ignore)
    with refused("DryRunOperationException", DRY_RUN):
        kms.re_encrypt(SourceKeyId=key["KeyId"], DestinationKeyId=key["KeyId"], **ignore)
    # What is there is not looked at; then the key must be named.
    with refused("DryRunOperationException", DRY_RUN):
        kms.decrypt(KeyId=key["KeyId"], CiphertextBlob=b"zz", **ignore)
    with refused("ValidationException", NO_KEY_ID):
        kms.decrypt(CiphertextBlob=b"zz", **ignore)
    blob = encrypt(kms, key)
    with refused("ValidationException", "DryRunModifiers can only be specified with DryRun."):
        kms.decrypt(KeyId=key["KeyId"], CiphertextBlob=blob, DryRunModifiers=["IGNORE_CIPHERTEXT"])


NO_KEY_ID = (
    "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null"
)


def test_plaintext_for_an_enclave_is_never_sent_in_the_clear(kms, key):
    recipient = {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": b"\xd2\x84D"}
    blob = encrypt(kms, key)
    for call in (
        lambda: kms.decrypt(CiphertextBlob=blob, Recipient=recipient),
        lambda: kms.generate_data_key(KeyId=key["KeyId"], KeySpec="AES_256", Recipient=recipient),
        lambda: kms.generate_random(NumberOfBytes=32, Recipient=recipient),
    ):
        with pytest.raises(kms.exceptions.ClientError) as caught:
            call()
        assert caught.value.response["Error"]["Code"] in (
            "UnsupportedOperationException",
            "ValidationException",
        )
