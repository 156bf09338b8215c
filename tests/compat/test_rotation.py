"""Rotation: switched on and off, asked for, listed; old ciphertexts open for ever."""

import datetime
import time

import pytest

from clients import refused

UTC = datetime.UTC
WAIT_SECONDS = 30


def current(kms, key_id):
    return kms.describe_key(KeyId=key_id)["KeyMetadata"]["CurrentKeyMaterialId"]


def status(kms, key):
    answer = kms.get_key_rotation_status(KeyId=key["KeyId"])
    del answer["ResponseMetadata"]
    assert answer.pop("KeyId") == key["Arn"]
    return answer


def rotate(kms, key):
    """Asks for a rotation and waits until it is done; the new material's id."""
    before = current(kms, key["KeyId"])
    assert kms.rotate_key_on_demand(KeyId=key["KeyId"])["KeyId"] == key["Arn"]
    deadline = time.monotonic() + WAIT_SECONDS
    while (after := current(kms, key["KeyId"])) == before:
        assert time.monotonic() < deadline, "the key does not rotate"
        time.sleep(0.01)
    return after


def test_automatic_rotation(kms, key):
    assert status(kms, key) == {"KeyRotationEnabled": False}
    for days, more in (365, {}), (90, {"RotationPeriodInDays": 90}), (2560, {"RotationPeriodInDays": 2560}):
        kms.enable_key_rotation(KeyId=key["Arn"], **more)
        answer = status(kms, key)
        expected = datetime.datetime.now(UTC) + datetime.timedelta(days=days)
        assert abs(answer.pop("NextRotationDate") - expected) < datetime.timedelta(minutes=1)
        assert answer == {"KeyRotationEnabled": True, "RotationPeriodInDays": days}
    kms.disable_key_rotation(KeyId=key["KeyId"])
    assert kms.get_key_rotation_status(KeyId=key["Arn"])["KeyRotationEnabled"] is False


@pytest.mark.parametrize(
    ("days", "wanted"), [(89, "greater than or equal to 90"), (2561, "less than or equal to 2560")]
)
def test_period(loose_kms, key, days, wanted):
    with refused(
        "ValidationException",
        f"1 validation error detected: Value '{days}' at 'rotationPeriodInDays' failed to satisfy "
        f"constraint: Member must have value {wanted}",
    ):
        loose_kms.enable_key_rotation(KeyId=key["KeyId"], RotationPeriodInDays=days)


@pytest.mark.parametrize(
    ("spec", "usage"), [("ECC_NIST_P256", "SIGN_VERIFY"), ("HMAC_256", "GENERATE_VERIFY_MAC")]
)
def test_keys_that_do_not_rotate(kms, spec, usage):
    key = kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]
    for operation in kms.enable_key_rotation, kms.rotate_key_on_demand:
        with refused("UnsupportedOperationException", ""):
            operation(KeyId=key["KeyId"])
    kms.disable_key_rotation(KeyId=key["KeyId"])
    assert status(kms, key) == {"KeyRotationEnabled": False}
    assert kms.list_key_rotations(KeyId=key["KeyId"])["Rotations"] == []


def test_status_of_a_key_that_will_be_deleted(kms, key):
    kms.enable_key_rotation(KeyId=key["KeyId"])
    before = status(kms, key)
    kms.schedule_key_deletion(KeyId=key["KeyId"])
    assert status(kms, key) == {"KeyRotationEnabled": False}
    for change in kms.enable_key_rotation, kms.disable_key_rotation, kms.rotate_key_on_demand:
        with refused("KMSInvalidStateException", f"{key['Arn']} is pending deletion."):
            change(KeyId=key["KeyId"])
    kms.cancel_key_deletion(KeyId=key["KeyId"])
    assert status(kms, key) == before


def test_rotation_on_demand(kms, key, events):
    blobs = {current(kms, key["KeyId"]): kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]}
    for _ in range(3):
        material = rotate(kms, key)
        blobs[material] = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
        data_key = kms.generate_data_key(KeyId=key["KeyId"], KeySpec="AES_256")
        assert data_key["KeyMaterialId"] == material
    assert len(blobs) == 4
    for material, blob in blobs.items():
        opened = kms.decrypt(CiphertextBlob=blob)
        assert (opened["Plaintext"], opened["KeyMaterialId"]) == (b"x", material)
    assert status(kms, key) == {"KeyRotationEnabled": False}

    # Id, ARN and everything else are as they were.
    metadata = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
    assert metadata == {**key, "CurrentKeyMaterialId": material}

    records = events(keyId=key["KeyId"], eventName="RotateKey")
    details = [record["serviceEventDetails"] for record in reversed(records)]
    materials = list(blobs)
    assert details == [
        {
            "keyId": key["KeyId"],
            "rotationType": "ON_DEMAND",
            "keyOrigin": "AWS_KMS",
            "previousKeyMaterialId": before,
            "currentKeyMaterialId": after,
        }
        for before, after in zip(materials, materials[1:])
    ]


def test_list_of_rotations(kms, key):
    materials = [current(kms, key["KeyId"]), *(rotate(kms, key) for _ in range(5))]
    pages = kms.get_paginator("list_key_rotations")

    def listed(**more):
        return [
            entry
            for page in pages.paginate(KeyId=key["KeyId"], **more, PaginationConfig={"PageSize": 2})
            for entry in page["Rotations"]
        ]

    rotations = kms.list_key_rotations(KeyId=key["KeyId"])
    assert rotations["Truncated"] is False
    assert listed() == rotations["Rotations"]
    assert [entry["KeyMaterialId"] for entry in listed()] == materials[1:]
    dates = [entry["RotationDate"] for entry in listed()]
    assert dates == sorted(dates)
    for entry in listed():
        assert entry == {
            "KeyId": key["Arn"],
            "KeyMaterialId": entry["KeyMaterialId"],
            "KeyMaterialState": "CURRENT" if entry["KeyMaterialId"] == materials[-1] else "NON_CURRENT",
            "RotationDate": entry["RotationDate"],
            "RotationType": "ON_DEMAND",
        }
    first, *rest = listed(IncludeKeyMaterial="ALL_KEY_MATERIAL")
    assert rest == listed()
    assert first == {
        "KeyId": key["Arn"],
        "KeyMaterialId": materials[0],
        "KeyMaterialState": "NON_CURRENT",
    }
    assert len(kms.list_key_rotations(KeyId=key["KeyId"])["Rotations"]) == 5


def test_limit_of_rotations_on_demand(kms, key):
    for _ in range(25):
        rotate(kms, key)
    with refused(
        "LimitExceededException",
        "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations "
        f"can be performed for this key: {key['Arn']}",
    ):
        kms.rotate_key_on_demand(KeyId=key["KeyId"])


def test_who_may_rotate(user_kms, key):
    for operation in (
        user_kms.enable_key_rotation,
        user_kms.disable_key_rotation,
        user_kms.get_key_rotation_status,
        user_kms.rotate_key_on_demand,
        user_kms.list_key_rotations,
    ):
        with refused("AccessDeniedException"):
            operation(KeyId=key["KeyId"])
