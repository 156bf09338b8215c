"""The life of a key: created, described, disabled, scheduled for deletion, rescued."""

import datetime
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from clients import refused
from wardbook import ACCOUNT, REGION

UTC = datetime.UTC


def metadata(kms, key_id):
    return kms.describe_key(KeyId=key_id)["KeyMetadata"]


def disabled(key):
    return refused("DisabledException", f"{key['Arn']} is disabled.")


def pending_deletion(key):
    return refused("KMSInvalidStateException", f"{key['Arn']} is pending deletion.")


def not_pending_deletion(key):
    return refused("KMSInvalidStateException", f"{key['Arn']} is not pending deletion.")


def test_create_key_defaults(kms):
    before = datetime.datetime.now(UTC)
    made = kms.create_key()["KeyMetadata"]
    key_id, created, material = made["KeyId"], made["CreationDate"], made["CurrentKeyMaterialId"]
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", key_id)
    assert re.fullmatch(r"[0-9a-f]{64}", material)
    assert abs(created - before) < datetime.timedelta(minutes=1)
    assert made == {
        "AWSAccountId": ACCOUNT,
        "KeyId": key_id,
        "Arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key_id}",
        "CreationDate": created,
        "Enabled": True,
        "Description": "",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": "Enabled",
        "Origin": "AWS_KMS",
        "KeyManager": "CUSTOMER",
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "MultiRegion": False,
        "CurrentKeyMaterialId": material,
    }
    assert metadata(kms, key_id) == made


def test_create_key_makes_a_new_key_every_time(kms):
    first, second = (kms.create_key(Description="twin")["KeyMetadata"] for _ in range(2))
    assert first["KeyId"] != second["KeyId"]
    assert first["Description"] == second["Description"] == "twin"


def test_describe_key_by_each_identifier(kms, key, names):
    alias = f"alias/{names('described')}"
    kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    for key_id in key["KeyId"], key["Arn"], alias, f"arn:aws:kms:{REGION}:{ACCOUNT}:{alias}":
        assert metadata(kms, key_id) == key


def test_what_create_key_does_not_make(kms):
    with refused(
        "ValidationException",
        "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
    ):
        kms.create_key(KeySpec="RSA_2048")
    with refused("ValidationException", "KeyUsage KEY_AGREEMENT is not compatible with KeySpec RSA_2048"):
        kms.create_key(KeySpec="RSA_2048", KeyUsage="KEY_AGREEMENT")
    with refused(
        "ValidationException", "KeyUsage SIGN_VERIFY is not compatible with KeySpec SYMMETRIC_DEFAULT"
    ):
        kms.create_key(KeyUsage="SIGN_VERIFY")
    with refused("ValidationException"):
        kms.create_key(KeySpec="AES_256")


def test_keys_of_china_regions_are_refused(kms):
    with refused("UnsupportedOperationException", "KeySpec SM2 is supported in China Regions only."):
        kms.create_key(KeySpec="SM2", KeyUsage="SIGN_VERIFY")


def test_update_key_description(kms, key):
    kms.update_key_description(KeyId=key["KeyId"], Description="payroll ✓")
    assert metadata(kms, key["KeyId"]) == {**key, "Description": "payroll ✓"}
    with refused("ValidationException"):
        kms.update_key_description(KeyId=key["KeyId"], Description="x" * 8193)
    assert metadata(kms, key["KeyId"])["Description"] == "payroll ✓"


def test_disabled_key(kms, key):
    key_id = key["KeyId"]
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"before")["CiphertextBlob"]
    for _ in range(2):  # disabling twice is fine
        kms.disable_key(KeyId=key_id)
    assert metadata(kms, key_id) == {**key, "KeyState": "Disabled", "Enabled": False}

    for use in (
        lambda: kms.encrypt(KeyId=key_id, Plaintext=b"x"),
        lambda: kms.decrypt(CiphertextBlob=blob),
        lambda: kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key_id),
        lambda: kms.generate_data_key(KeyId=key_id, KeySpec="AES_256"),
        lambda: kms.generate_data_key_without_plaintext(KeyId=key_id, KeySpec="AES_256"),
    ):
        with disabled(key):
            use()

    # Its administration goes on.
    kms.update_key_description(KeyId=key_id, Description="resting")
    kms.tag_resource(KeyId=key_id, Tags=[{"TagKey": "a", "TagValue": "b"}])
    assert kms.list_resource_tags(KeyId=key_id)["Tags"] == [{"TagKey": "a", "TagValue": "b"}]

    for _ in range(2):
        kms.enable_key(KeyId=key_id)
    assert metadata(kms, key_id) == {**key, "Description": "resting"}
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"before"


def test_scheduled_deletion(kms, key, names):
    key_id = key["KeyId"]
    alias, late_alias = f"alias/{names('doomed')}", f"alias/{names('late')}"
    kms.create_alias(AliasName=alias, TargetKeyId=key_id)
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"before")["CiphertextBlob"]

    answer = kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
    due = answer["DeletionDate"]
    expected = datetime.datetime.now(UTC) + datetime.timedelta(days=7)
    assert abs(due - expected) < datetime.timedelta(minutes=1)
    del answer["ResponseMetadata"]
    assert answer == {
        "KeyId": key["Arn"],
        "DeletionDate": due,
        "KeyState": "PendingDeletion",
        "PendingWindowInDays": 7,
    }
    pending = {**key, "KeyState": "PendingDeletion", "Enabled": False, "DeletionDate": due}
    assert metadata(kms, alias) == pending

    for use in (
        lambda: kms.encrypt(KeyId=key_id, Plaintext=b"x"),
        lambda: kms.decrypt(CiphertextBlob=blob),
        lambda: kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key_id),
        lambda: kms.generate_data_key(KeyId=key_id, KeySpec="AES_256"),
        lambda: kms.generate_data_key_without_plaintext(KeyId=key_id, KeySpec="AES_256"),
        lambda: kms.enable_key(KeyId=key_id),
        lambda: kms.disable_key(KeyId=key_id),
        lambda: kms.update_key_description(KeyId=key_id, Description="x"),
        lambda: kms.tag_resource(KeyId=key_id, Tags=[{"TagKey": "a", "TagValue": "b"}]),
        lambda: kms.untag_resource(KeyId=key_id, TagKeys=["a"]),
        lambda: kms.create_alias(AliasName=late_alias, TargetKeyId=key_id),
        lambda: kms.schedule_key_deletion(KeyId=key_id),
    ):
        with pending_deletion(key):
            use()

    # It can still be looked at, and its policy changed.
    policy = kms.get_key_policy(KeyId=key_id)["Policy"]
    kms.put_key_policy(KeyId=key_id, Policy=policy)
    assert kms.list_key_policies(KeyId=key_id)["PolicyNames"] == ["default"]
    assert kms.list_resource_tags(KeyId=key_id)["Tags"] == []
    assert kms.list_aliases(KeyId=key_id)["Aliases"][0]["AliasName"] == alias
    kms.delete_alias(AliasName=alias)

    # A rescued key is disabled until somebody enables it.
    assert kms.cancel_key_deletion(KeyId=key_id)["KeyId"] == key["Arn"]
    assert metadata(kms, key_id) == {**key, "KeyState": "Disabled", "Enabled": False}
    with disabled(key):
        kms.decrypt(CiphertextBlob=blob)
    kms.enable_key(KeyId=key_id)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"before"


def test_deletion_window(kms, key):
    for days in 6, 31:  # the model says 1 to 365, the service does not
        with refused("ValidationException"):
            kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=days)
    assert metadata(kms, key["KeyId"]) == key
    assert kms.schedule_key_deletion(KeyId=key["KeyId"])["PendingWindowInDays"] == 30


def test_only_a_pending_deletion_can_be_cancelled(kms, key):
    with not_pending_deletion(key):
        kms.cancel_key_deletion(KeyId=key["KeyId"])
    kms.disable_key(KeyId=key["KeyId"])
    with not_pending_deletion(key):
        kms.cancel_key_deletion(KeyId=key["KeyId"])
    assert metadata(kms, key["KeyId"])["KeyState"] == "Disabled"


def test_many_change_one_key_at_once(kms, key):
    """Nobody is turned away, and nothing is lost."""
    def tag(number):
        tags = [{"TagKey": f"tag-{number:02}", "TagValue": "x"}]
        return kms.tag_resource(KeyId=key["KeyId"], Tags=tags)

    with ThreadPoolExecutor(25) as pool:
        list(pool.map(tag, range(50)))
    held = kms.list_resource_tags(KeyId=key["KeyId"])["Tags"]
    assert [tag["TagKey"] for tag in held] == [f"tag-{number:02}" for number in range(50)]
