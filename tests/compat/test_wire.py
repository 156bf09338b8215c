"""What is on the wire: AWS JSON 1.1 as clients other than boto3 may read it."""

import json
import uuid

import pytest

UNKNOWN_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"


def test_an_answer(wire, key):
    answer = wire.kms("DescribeKey", {"KeyId": key["KeyId"]})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/x-amz-json-1.1"
    uuid.UUID(answer.headers["x-amzn-RequestId"])
    metadata = answer.json["KeyMetadata"]
    # Times are seconds, as a number; members that are not set are left out.
    assert isinstance(metadata["CreationDate"], (int, float))
    assert metadata["CreationDate"] < 1e11
    assert None not in metadata.values()
    assert "DeletionDate" not in metadata


def test_request_ids_differ(wire):
    ids = {wire.kms("ListKeys", {}).headers["x-amzn-RequestId"] for _ in range(5)}
    assert len(ids) == 5


def test_errors(wire):
    answer = wire.kms("DescribeKey", {"KeyId": UNKNOWN_ID})
    assert answer.status == 400  # not 404
    assert sorted(answer.json) == ["__type", "message"]
    assert answer.json["__type"] == "NotFoundException"
    uuid.UUID(answer.headers["x-amzn-RequestId"])


def test_errors_without_text_have_no_message(wire, key):
    answer = wire.kms("Decrypt", {"CiphertextBlob": "Z2FyYmFnZQ=="})
    assert (answer.status, answer.json) == (400, {"__type": "InvalidCiphertextException"})
    answer = wire.kms("CreateAlias", {"AliasName": "alias/aws/app", "TargetKeyId": key["KeyId"]})
    assert (answer.status, answer.json) == (400, {"__type": "NotAuthorizedException"})


def test_operations_without_an_output(wire, key):
    for operation, more in (
        ("DisableKey", {}),
        ("EnableKey", {}),
        ("UpdateKeyDescription", {"Description": "x"}),
    ):
        answer = wire.kms(operation, {"KeyId": key["KeyId"], **more})
        assert answer.status == 200
        assert answer.body in (b"", b"{}")


def test_unknown_members_are_ignored_and_names_have_one_case(wire, key):
    assert wire.kms("DescribeKey", {"KeyId": key["KeyId"], "Colour": "blue"}).status == 200
    answer = wire.kms("DescribeKey", {"keyId": key["KeyId"]})
    assert answer.json["__type"] == "ValidationException"
    assert "Value null at 'keyId'" in answer.json["message"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'{"KeyId":"a"} x', b'{"KeyId":' + b"[" * 10000])
def test_bodies_that_are_not_json(wire, body):
    answer = wire.kms("DescribeKey", body)
    assert (answer.status, answer.json["__type"]) == (400, "SerializationException")


@pytest.mark.parametrize(
    "operation, body",
    [
        ("DescribeKey", {"KeyId": 5}),
        ("DescribeKey", {"KeyId": {"a": "b"}}),
        ("DescribeKey", {"KeyId": ["a"]}),
        ("Decrypt", {"CiphertextBlob": "not base64"}),
        ("Encrypt", {"KeyId": UNKNOWN_ID, "Plaintext": "eA==", "EncryptionContext": []}),
        ("Encrypt", {"KeyId": UNKNOWN_ID, "Plaintext": "eA==", "DryRun": "yes"}),
        ("ScheduleKeyDeletion", {"KeyId": UNKNOWN_ID, "PendingWindowInDays": "7"}),
        ("TagResource", {"KeyId": UNKNOWN_ID, "Tags": {"a": "b"}}),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else value,
)
def test_members_of_the_wrong_type(wire, operation, body):
    answer = wire.kms(operation, body)
    assert (answer.status, answer.json["__type"]) == (400, "SerializationException")


@pytest.mark.parametrize("operation", ["NoSuchOperation", "encrypt", ""])
def test_unknown_operations(wire, operation):
    answer = wire.kms(operation, {})
    assert (answer.status, answer.json) == (400, {"__type": "UnknownOperationException"})


def test_two_calls_on_one_connection(wire, key):
    bad = wire.kms("DescribeKey", b"{")
    good = wire.kms("DescribeKey", {"KeyId": key["KeyId"]})
    assert (bad.status, good.status) == (400, 200)
