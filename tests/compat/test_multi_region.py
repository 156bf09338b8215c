"""Multi-Region keys: one key id and material in several Regions of one server."""

import pytest

from clients import boto, refused
from wardbook import ACCOUNT, OTHER_REGION, REGION


@pytest.fixture(scope="session")
def elsewhere(server, admin):
    """boto3 in the server's other Region."""
    return boto("kms", server.url, admin, region=OTHER_REGION)


@pytest.fixture
def primary(kms):
    """A new primary key."""
    return kms.create_key(MultiRegion=True)["KeyMetadata"]


def arn_in(region, key_id):
    return f"arn:aws:kms:{region}:{ACCOUNT}:key/{key_id}"


def roles(kms, key_id):
    return kms.describe_key(KeyId=key_id)["KeyMetadata"]["MultiRegionConfiguration"]


def test_replicate_key(kms, elsewhere, primary):
    key_id = primary["KeyId"]
    here, there = ({"Arn": arn_in(r, key_id), "Region": r} for r in (REGION, OTHER_REGION))
    made = kms.replicate_key(KeyId=key_id, ReplicaRegion=OTHER_REGION, Description="copy")
    assert made["ReplicaTags"] == []
    assert made["ReplicaPolicy"] == kms.get_key_policy(KeyId=key_id)["Policy"]
    creating = made["ReplicaKeyMetadata"]
    assert (creating["KeyState"], creating["Enabled"]) == ("Creating", False)
    assert creating["MultiRegionConfiguration"] == {
        "MultiRegionKeyType": "REPLICA",
        "PrimaryKey": here,
        "ReplicaKeys": [there],
    }
    replica = elsewhere.describe_key(KeyId=key_id)["KeyMetadata"]
    assert replica == {
        **creating,
        "Enabled": True,
        "KeyState": "Enabled",
        "CurrentKeyMaterialId": primary["CurrentKeyMaterialId"],
    }
    assert roles(kms, key_id)["ReplicaKeys"] == [there]
    with refused("AlreadyExistsException"):
        kms.replicate_key(KeyId=key_id, ReplicaRegion=OTHER_REGION)
    with refused("UnsupportedOperationException", f"{there['Arn']} is not a multi-region primary key."):
        elsewhere.replicate_key(KeyId=key_id, ReplicaRegion=REGION)


@pytest.mark.parametrize(
    "kind",
    [
        {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"},
        {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"},
        {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"},
    ],
    ids=lambda kind: kind["KeySpec"],
)
def test_keys_of_every_kind_replicate(kms, elsewhere, kind):
    key_id = kms.create_key(MultiRegion=True, **kind)["KeyMetadata"]["KeyId"]
    kms.replicate_key(KeyId=key_id, ReplicaRegion=OTHER_REGION)
    replica = elsewhere.describe_key(KeyId=key_id)["KeyMetadata"]
    assert (replica["KeySpec"], replica["KeyUsage"]) == (kind["KeySpec"], kind["KeyUsage"])
    assert replica["KeyState"] == "Enabled"


def test_a_ciphertext_opens_in_each_region(kms, elsewhere, primary):
    key_id, context = primary["KeyId"], {"tenant": "7"}
    kms.replicate_key(KeyId=key_id, ReplicaRegion=OTHER_REGION)
    for one, other, region in (kms, elsewhere, OTHER_REGION), (elsewhere, kms, REGION):
        made = one.encrypt(KeyId=key_id, Plaintext=b"across", EncryptionContext=context)
        blob = made["CiphertextBlob"]
        for named in {}, {"KeyId": key_id}, {"KeyId": arn_in(region, key_id)}:
            opened = other.decrypt(CiphertextBlob=blob, EncryptionContext=context, **named)
            assert (opened["Plaintext"], opened["KeyId"]) == (b"across", arn_in(region, key_id))
        with refused("NotFoundException", f"Invalid arn {made['KeyId'].split(':')[3]}"):
            other.decrypt(CiphertextBlob=blob, EncryptionContext=context, KeyId=made["KeyId"])
        with refused("InvalidCiphertextException", ""):
            other.decrypt(CiphertextBlob=blob)


def test_update_primary_region(kms, elsewhere, primary):
    key_id = primary["KeyId"]
    kms.replicate_key(KeyId=key_id, ReplicaRegion=OTHER_REGION)
    kms.update_primary_region(KeyId=key_id, PrimaryRegion=OTHER_REGION)
    assert roles(kms, key_id)["MultiRegionKeyType"] == "REPLICA"
    assert roles(elsewhere, key_id)["MultiRegionKeyType"] == "PRIMARY"
    assert roles(kms, key_id)["PrimaryKey"]["Region"] == OTHER_REGION
    with refused("UnsupportedOperationException"):
        kms.update_primary_region(KeyId=key_id, PrimaryRegion=OTHER_REGION)
    elsewhere.update_primary_region(KeyId=key_id, PrimaryRegion=REGION)
    assert roles(kms, key_id)["MultiRegionKeyType"] == "PRIMARY"


def test_a_primary_key_waits_for_its_replicas(kms, elsewhere, primary):
    key_id = primary["KeyId"]
    kms.replicate_key(KeyId=key_id, ReplicaRegion=OTHER_REGION)
    scheduled = kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
    assert scheduled["KeyState"] == "PendingReplicaDeletion"
    assert "DeletionDate" not in scheduled
    pending = kms.describe_key(KeyId=key_id)["KeyMetadata"]
    assert pending["PendingDeletionWindowInDays"] == 7
    assert elsewhere.describe_key(KeyId=key_id)["KeyMetadata"]["Enabled"]
    kms.cancel_key_deletion(KeyId=key_id)
    assert kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"] == "Disabled"
