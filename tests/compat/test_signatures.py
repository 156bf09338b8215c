"""Signatures: who signed, with what, for which service, and when."""

import re

import pytest
from botocore.exceptions import ClientError

from clients import boto, refused
from wardbook import Identity

MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. "
    "Consult the service documentation for details."
)
STAMP = r"\d{8}T\d{6}Z"


def test_wrong_secret(server, admin):
    wrong = Identity(admin.access_key_id, "x" * len(admin.secret_access_key))
    with refused("InvalidSignatureException") as caught:
        boto("kms", server.url, wrong).list_keys()
    assert caught.value.response["Error"]["Message"].startswith(MISMATCH)


def test_unknown_access_key(server, admin):
    nobody = Identity("AKIAIOSFODNN7EXAMPLE", admin.secret_access_key)
    with refused("UnrecognizedClientException", "The security token included in the request is invalid."):
        boto("kms", server.url, nobody).list_keys()


def test_wrong_region(server, admin):
    with refused(
        "InvalidSignatureException", "Credential should be scoped to a valid region, not 'us-west-1'. "
    ):
        boto("kms", server.url, admin, region="us-west-1").list_keys()


def test_wrong_service(wire):
    answer = wire.kms("ListKeys", {}, service="dynamodb")
    assert (answer.status, answer.json["__type"]) == (400, "InvalidSignatureException")
    assert "Credential should be scoped to correct service: 'kms'. " in str(answer.json)


def test_no_signature(wire):
    answer = wire.kms("ListKeys", {}, sign=False)
    assert (answer.status, answer.json["__type"]) == (400, "MissingAuthenticationTokenException")


@pytest.mark.parametrize("seconds", [-240, 240])
def test_a_clock_that_is_a_little_off(wire, seconds):
    assert wire.kms("ListKeys", {}, skew_seconds=seconds).status == 200


@pytest.mark.parametrize(
    "seconds, text",
    [
        (-3600, rf"Signature expired: {STAMP} is now earlier than {STAMP} \({STAMP} - \d+ min\.\)"),
        (3600, rf"Signature not yet current: {STAMP} is still later than {STAMP} \({STAMP} \+ \d+ min\.\)"),
    ],
    ids=["behind", "ahead"],
)
def test_a_clock_that_is_far_off(wire, seconds, text):
    answer = wire.kms("ListKeys", {}, skew_seconds=seconds)
    assert (answer.status, answer.json["__type"]) == (400, "InvalidSignatureException")
    assert re.search(text, str(answer.json)), answer.json


def test_the_body_is_signed(wire, key):
    def tamper(request):
        request.body = request.body.replace(b"good", b"evil")

    answer = wire.kms("UpdateKeyDescription", {"KeyId": key["KeyId"], "Description": "good"}, tamper=tamper)
    assert (answer.status, answer.json["__type"]) == (400, "InvalidSignatureException")


def test_the_operation_is_signed(wire, key):
    def tamper(request):
        request.headers["X-Amz-Target"] = "TrentService.DisableKey"

    answer = wire.kms("EnableKey", {"KeyId": key["KeyId"]}, tamper=tamper)
    assert (answer.status, answer.json["__type"]) == (400, "InvalidSignatureException")


def test_rest_calls_are_signed_for_wardbook(wire):
    assert wire.send("GET", "/v1/audit/events?limit=1").status == 200
    for wrong in {"service": "kms"}, {"sign": False}, {"skew_seconds": 3600}:
        assert 400 <= wire.send("GET", "/v1/audit/events?limit=1", **wrong).status < 500


def test_get_caller_identity(server, admin, user):
    me = boto("sts", server.url, admin).get_caller_identity()
    assert me["Account"] == "111122223333"
    assert me["Arn"].startswith("arn:aws:iam::111122223333:")
    assert me["UserId"]
    them = boto("sts", server.url, user).get_caller_identity()
    assert (them["Account"], them["Arn"]) == ("111122223333", user.arn)
    assert user.arn == f"arn:aws:iam::111122223333:user/{user.name}"
    assert re.fullmatch(r"AIDA[A-Z0-9]{16,}", them["UserId"])


def test_sts_refuses_in_its_own_words(server, admin):
    for wrong, code in (
        (Identity(admin.access_key_id, "x" * 40), "SignatureDoesNotMatch"),
        (Identity("AKIAIOSFODNN7EXAMPLE", "x" * 40), "InvalidClientTokenId"),
    ):
        with pytest.raises(ClientError) as caught:
            boto("sts", server.url, wrong).get_caller_identity()
        assert caught.value.response["Error"]["Code"] == code
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
