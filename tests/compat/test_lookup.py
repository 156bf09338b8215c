"""How a key is named, and what a wrong name is told."""

import pytest

from clients import refused
from wardbook import ACCOUNT, REGION

UNKNOWN_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}"

MISSING = {
    "unknown id": (UNKNOWN_ID, f"Key '{ARN}:key/{UNKNOWN_ID}' does not exist"),
    "unknown id in an ARN": (f"{ARN}:key/{UNKNOWN_ID}", f"Key '{ARN}:key/{UNKNOWN_ID}' does not exist"),
    "unknown multi-Region id": (
        f"mrk-{'0a' * 16}",
        f"Key '{ARN}:key/mrk-{'0a' * 16}' does not exist",
    ),
    "malformed id": ("foo", "Invalid keyId 'foo'"),
    "id without dashes": ("12" * 16, f"Invalid keyId '{'12' * 16}'"),
    "short multi-Region id": ("mrk-1234", "Invalid keyId 'mrk-1234'"),
    "malformed id in an ARN": (f"{ARN}:key/foo", "Invalid keyId foo"),
    "key ARN of another Region": (
        f"arn:aws:kms:us-west-2:{ACCOUNT}:key/{UNKNOWN_ID}",
        "Invalid arn us-west-2",
    ),
    "alias ARN of another Region": (f"arn:aws:kms:us-west-2:{ACCOUNT}:alias/a", "Invalid arn us-west-2"),
    "unknown alias": ("alias/nobody", f"Alias {ARN}:alias/nobody is not found."),
    "unknown alias ARN": (f"{ARN}:alias/nobody", f"Alias {ARN}:alias/nobody is not found."),
    "unknown alias of AWS": ("alias/aws/nobody", f"Alias {ARN}:alias/aws/nobody is not found."),
}


@pytest.mark.parametrize("key_id, message", MISSING.values(), ids=MISSING)
def test_missing_keys(kms, key_id, message):
    with refused("NotFoundException", message):
        kms.describe_key(KeyId=key_id)
    with refused("NotFoundException", message):
        kms.encrypt(KeyId=key_id, Plaintext=b"x")


KEY_ONLY = {
    "ScheduleKeyDeletion": lambda kms, name: kms.schedule_key_deletion(KeyId=name),
    "CancelKeyDeletion": lambda kms, name: kms.cancel_key_deletion(KeyId=name),
    "EnableKey": lambda kms, name: kms.enable_key(KeyId=name),
    "DisableKey": lambda kms, name: kms.disable_key(KeyId=name),
    "TagResource": lambda kms, name: kms.tag_resource(KeyId=name, Tags=[{"TagKey": "a", "TagValue": "b"}]),
    "UntagResource": lambda kms, name: kms.untag_resource(KeyId=name, TagKeys=["a"]),
    "ListResourceTags": lambda kms, name: kms.list_resource_tags(KeyId=name),
    "UpdateKeyDescription": lambda kms, name: kms.update_key_description(KeyId=name, Description="x"),
    "GetKeyPolicy": lambda kms, name: kms.get_key_policy(KeyId=name),
    "PutKeyPolicy": lambda kms, name: kms.put_key_policy(KeyId=name, Policy="{}"),
    "ListKeyPolicies": lambda kms, name: kms.list_key_policies(KeyId=name),
}


@pytest.mark.parametrize("operation", KEY_ONLY)
def test_operations_that_take_no_alias(kms, key, names, operation):
    existing = f"alias/{names('refused')}"
    kms.create_alias(AliasName=existing, TargetKeyId=key["KeyId"])
    for name in existing, f"{ARN}:{existing}", "alias/nobody", f"{ARN}:alias/nobody":
        with refused("InvalidArnException", "Key Aliases are not supported for this operation."):
            KEY_ONLY[operation](kms, name)
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] == key


def test_answers_name_the_key_by_its_arn(kms, key, names):
    alias = f"alias/{names('answers')}"
    kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    for name in key["KeyId"], alias:
        sealed = kms.encrypt(KeyId=name, Plaintext=b"x")
        assert sealed["KeyId"] == key["Arn"]
        assert kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], KeyId=name)["KeyId"] == key["Arn"]
        assert kms.generate_data_key(KeyId=name, KeySpec="AES_128")["KeyId"] == key["Arn"]
