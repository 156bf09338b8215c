"""AWS managed keys: there when they are first named, and nobody's to change."""

import json

import pytest

from clients import refused
from wardbook import ACCOUNT, REGION


def test_a_predefined_alias_finds_its_key(kms, events):
    key = kms.describe_key(KeyId="alias/aws/secretsmanager")["KeyMetadata"]
    assert (key["KeyManager"], key["KeyState"], key["MultiRegion"]) == ("AWS", "Enabled", False)
    arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/aws/secretsmanager"
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyId"] == key["KeyId"]
    (alias,) = kms.list_aliases(KeyId=key["KeyId"])["Aliases"]
    assert alias["TargetKeyId"] == key["KeyId"]
    listed = [entry for page in kms.get_paginator("list_keys").paginate() for entry in page["Keys"]]
    assert {"KeyId": key["KeyId"], "KeyArn": key["Arn"]} in listed
    (made,) = [event for event in events(keyId=key["KeyId"]) if event["eventName"] == "CreateKey"]
    assert made["eventType"] == "AwsServiceEvent"
    policy = json.loads(kms.get_key_policy(KeyId=key["KeyId"])["Policy"])
    assert policy["Id"] == "auto-secretsmanager-1"
    condition = policy["Statement"][0]["Condition"]["StringEquals"]
    assert condition["kms:ViaService"] == f"secretsmanager.{REGION}.amazonaws.com"


def test_aliases_are_there_before_their_keys(kms):
    pages = kms.get_paginator("list_aliases").paginate()
    aliases = {alias["AliasName"]: alias for page in pages for alias in page["Aliases"]}
    assert "TargetKeyId" not in aliases["alias/aws/kinesisvideo"]
    assert "CreationDate" not in aliases["alias/aws/kinesisvideo"]


@pytest.mark.parametrize(
    "call",
    [
        lambda kms, key: kms.encrypt(KeyId="alias/aws/ssm", Plaintext=b"x"),
        lambda kms, key: kms.generate_data_key(KeyId="alias/aws/ssm", KeySpec="AES_256"),
        lambda kms, key: kms.disable_key(KeyId=key),
        lambda kms, key: kms.schedule_key_deletion(KeyId=key),
        lambda kms, key: kms.update_key_description(KeyId=key, Description="mine"),
        lambda kms, key: kms.tag_resource(KeyId=key, Tags=[{"TagKey": "a", "TagValue": "b"}]),
        lambda kms, key: kms.put_key_policy(KeyId=key, Policy="{}"),
        lambda kms, key: kms.create_alias(AliasName="alias/mine", TargetKeyId=key),
    ],
)
def test_customers_cannot_use_or_change_them(kms, call):
    key = kms.describe_key(KeyId="alias/aws/ssm")["KeyMetadata"]["KeyId"]
    with refused("AccessDeniedException"):
        call(kms, key)


def test_their_aliases_stay(kms, key):
    for change in kms.create_alias, kms.update_alias:
        with refused("NotAuthorizedException", ""):
            change(AliasName="alias/aws/s3", TargetKeyId=key["KeyId"])
    with refused("NotAuthorizedException", ""):
        kms.delete_alias(AliasName="alias/aws/s3")


def test_items_without_a_key_use_that_of_dynamodb(wire, kms):
    schema = {
        "tableName": "keyless",
        "partitionKeyName": "pk",
        "attributeActionsOnEncrypt": {"pk": "SIGN_ONLY", "ssn": "ENCRYPT_AND_SIGN"},
    }
    wire.rest("PUT", "/v1/item-schemas/keyless", schema)
    items = [{"pk": "1", "ssn": "078-05-1120"}]
    sealed = wire.rest("POST", "/v1/item-schemas/keyless/encrypt", {"format": "json", "items": items})
    body = {"format": "json", "items": [sealed["items"][0]["item"]]}
    opened = wire.rest("POST", "/v1/item-schemas/keyless/decrypt", body)
    assert opened["items"][0]["item"] == items[0]
    key = kms.describe_key(KeyId="alias/aws/dynamodb")["KeyMetadata"]["KeyId"]
    assert kms.get_key_last_usage(KeyId=key)["KeyLastUsage"]["Operation"] == "Decrypt"
