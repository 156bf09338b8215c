"""Aliases: friendly names that move from key to key."""

import datetime

from clients import refused
from wardbook import ACCOUNT, REGION

ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}"
PREFIX_RULE = (
    'Alias must start with the prefix "alias/". Please see '
    "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"
)


def not_found(alias):
    return refused("NotFoundException", f"Alias {ARN}:{alias} is not found.")


def only_alias(kms, key):
    (alias,) = kms.list_aliases(KeyId=key["KeyId"])["Aliases"]
    return alias


def test_an_alias_works_as_a_key(kms, key, names):
    name = f"alias/{names('team/app:_-').replace(':', '')}"
    kms.create_alias(AliasName=name, TargetKeyId=key["Arn"])
    listed = only_alias(kms, key)
    now = datetime.datetime.now(datetime.UTC)
    assert abs(listed["CreationDate"] - now) < datetime.timedelta(minutes=1)
    assert listed == {
        "AliasName": name,
        "AliasArn": f"{ARN}:{name}",
        "TargetKeyId": key["KeyId"],
        "CreationDate": listed["CreationDate"],
        "LastUpdatedDate": listed["CreationDate"],
    }
    blob = kms.encrypt(KeyId=name, Plaintext=b"by alias")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"by alias"


def test_a_name_is_taken_once(kms, key, names):
    name = f"alias/{names('taken')}"
    kms.create_alias(AliasName=name, TargetKeyId=key["KeyId"])
    other = kms.create_key()["KeyMetadata"]
    for target in key, other:  # not even the same target again
        with refused("AlreadyExistsException", f"An alias with the name {ARN}:{name} already exists"):
            kms.create_alias(AliasName=name, TargetKeyId=target["KeyId"])
    assert only_alias(kms, key)["TargetKeyId"] == key["KeyId"]


def test_names_that_are_refused(kms, key):
    def create(name):
        kms.create_alias(AliasName=name, TargetKeyId=key["KeyId"])

    with refused("ValidationException", PREFIX_RULE):
        create("app")
    with refused("NotAuthorizedException", ""):
        create("alias/aws/app")
    with refused("InvalidAliasNameException"):
        create("alias/a:b")
    with refused("ValidationException") as caught:
        create("alias/a b")
    assert "at 'aliasName' failed to satisfy constraint: Member must satisfy regular expression" in str(
        caught.value
    )
    with refused("ValidationException"):
        create("alias/" + "x" * 251)
    assert kms.list_aliases(KeyId=key["KeyId"])["Aliases"] == []


def test_targets_that_are_refused(kms, key, names):
    missing = "1234abcd-12ab-34cd-56ef-1234567890ab"
    with refused("NotFoundException", f"Key '{ARN}:key/{missing}' does not exist"):
        kms.create_alias(AliasName=f"alias/{names('x')}", TargetKeyId=missing)
    name = f"alias/{names('target')}"
    kms.create_alias(AliasName=name, TargetKeyId=key["KeyId"])
    with refused("ValidationException"):
        kms.create_alias(AliasName=f"alias/{names('x')}", TargetKeyId=name)


def test_an_alias_moves(kms, key, names):
    name = f"alias/{names('moving')}"
    kms.create_alias(AliasName=name, TargetKeyId=key["KeyId"])
    created = only_alias(kms, key)["CreationDate"]
    old_blob = kms.encrypt(KeyId=name, Plaintext=b"old")["CiphertextBlob"]

    new_key = kms.create_key()["KeyMetadata"]
    kms.update_alias(AliasName=name, TargetKeyId=new_key["KeyId"])
    assert kms.list_aliases(KeyId=key["KeyId"])["Aliases"] == []
    moved = only_alias(kms, new_key)
    assert moved["AliasArn"] == f"{ARN}:{name}"
    assert moved["CreationDate"] == created < moved["LastUpdatedDate"]
    assert kms.encrypt(KeyId=name, Plaintext=b"new")["KeyId"] == new_key["Arn"]

    # What the old key encrypted stays with the old key.
    assert kms.decrypt(CiphertextBlob=old_blob)["KeyId"] == key["Arn"]
    with refused("IncorrectKeyException"):
        kms.decrypt(CiphertextBlob=old_blob, KeyId=name)


def test_an_alias_leaves_a_dying_key_but_goes_to_none(kms, key, names):
    name = f"alias/{names('leaving')}"
    kms.create_alias(AliasName=name, TargetKeyId=key["KeyId"])
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    other = kms.create_key()["KeyMetadata"]
    kms.update_alias(AliasName=name, TargetKeyId=other["KeyId"])
    assert only_alias(kms, other)["AliasName"] == name
    with refused("KMSInvalidStateException", f"{key['Arn']} is pending deletion."):
        kms.update_alias(AliasName=name, TargetKeyId=key["KeyId"])


def test_a_deleted_alias_is_gone(kms, key, names):
    name = f"alias/{names('gone')}"
    kms.create_alias(AliasName=name, TargetKeyId=key["KeyId"])
    kms.delete_alias(AliasName=name)
    with not_found(name):
        kms.delete_alias(AliasName=name)
    with not_found(name):
        kms.update_alias(AliasName=name, TargetKeyId=key["KeyId"])
    with not_found(name):
        kms.describe_key(KeyId=name)
    assert kms.list_aliases(KeyId=key["KeyId"])["Aliases"] == []
    kms.create_alias(AliasName=name, TargetKeyId=key["KeyId"])
    assert only_alias(kms, key)["AliasName"] == name


def test_an_alias_moves_between_keys_of_one_type(kms, names):
    def create(spec, usage):
        return kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]

    for usage, specs in {
        "SIGN_VERIFY": ["ECC_NIST_P256", "ECC_NIST_P384", "ML_DSA_44"],
        "GENERATE_VERIFY_MAC": ["HMAC_224", "HMAC_512"],
    }.items():
        alias = f"alias/{names('moving')}"
        first, *others = [create(spec, usage) for spec in specs]
        kms.create_alias(AliasName=alias, TargetKeyId=first)
        for other in others:
            kms.update_alias(AliasName=alias, TargetKeyId=other)
            assert kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"] == other
        with refused("ValidationException"):
            kms.update_alias(AliasName=alias, TargetKeyId=create("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"))
        with refused("ValidationException"):
            kms.update_alias(AliasName=alias, TargetKeyId=create("ECC_NIST_P256", "KEY_AGREEMENT"))
