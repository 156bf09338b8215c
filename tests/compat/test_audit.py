"""The book: every call, allowed or not, is a record before it is an answer."""

import datetime
import json
import re
import uuid

from clients import Wire, boto, refused
from wardbook import ACCOUNT, REGION, wardbook


def only(found):
    (event,) = found
    return event


def record_of(events, answer):
    """The one record of the call that gave this answer or error."""
    return only(events(requestId=answer["ResponseMetadata"]["RequestId"]))


def test_a_record(kms, key, names, events, admin):
    alias = f"alias/{names('recorded')}"
    kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    answer = kms.encrypt(KeyId=alias, Plaintext=b"secret", EncryptionContext={"Tenant": "7"})
    event = record_of(events, answer)

    at = datetime.datetime.strptime(event.pop("eventTime"), "%Y-%m-%dT%H:%M:%SZ")
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    assert abs(at - now) < datetime.timedelta(minutes=1)
    uuid.UUID(event.pop("eventID"))
    identity = event.pop("userIdentity")
    assert identity["accountId"] == ACCOUNT
    assert identity["accessKeyId"] == admin.access_key_id
    assert identity["arn"].startswith(f"arn:aws:iam::{ACCOUNT}:")
    assert event.pop("userAgent").startswith("Boto3/")
    event.pop("tlsDetails", None)
    (decision,) = event.pop("wardbook")["decisions"]
    assert decision["determining"], "nobody said why this was allowed"
    assert event == {
        "eventVersion": "1.11",
        "eventSource": "kms.amazonaws.com",
        "eventName": "Encrypt",
        "awsRegion": REGION,
        "sourceIPAddress": "127.0.0.1",
        "requestParameters": {
            "keyId": alias,
            "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
            "encryptionContext": {"Tenant": "7"},
        },
        "responseElements": None,
        "additionalEventData": {"keyMaterialId": key["CurrentKeyMaterialId"]},
        "requestID": answer["ResponseMetadata"]["RequestId"],
        "readOnly": True,
        "resources": [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": key["Arn"]}],
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    }


def test_every_operation_leaves_one_record(server, admin, events, names):
    """One call of each operation, as boto3 saw it, against the book."""
    seen = []
    kms = boto("kms", server.url, admin)
    kms.meta.events.register(
        "after-call.kms",
        lambda model, parsed, **_: seen.append((model.name, parsed["ResponseMetadata"]["RequestId"])),
    )
    alias = f"alias/{names('life')}"
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=alias, TargetKeyId=key_id)
    kms.update_alias(AliasName=alias, TargetKeyId=key_id)
    kms.list_aliases(KeyId=key_id)
    kms.list_keys(Limit=1)
    kms.describe_key(KeyId=alias)
    kms.update_key_description(KeyId=key_id, Description="x")
    kms.tag_resource(KeyId=key_id, Tags=[{"TagKey": "a", "TagValue": "b"}])
    kms.list_resource_tags(KeyId=key_id)
    kms.untag_resource(KeyId=key_id, TagKeys=["a"])
    kms.put_key_policy(KeyId=key_id, Policy=kms.get_key_policy(KeyId=key_id)["Policy"])
    kms.list_key_policies(KeyId=key_id)
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
    kms.decrypt(CiphertextBlob=blob)
    kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key_id)
    kms.generate_data_key(KeyId=key_id, KeySpec="AES_256")
    kms.generate_data_key_without_plaintext(KeyId=key_id, KeySpec="AES_256")
    kms.generate_random(NumberOfBytes=16)
    kms.disable_key(KeyId=key_id)
    kms.enable_key(KeyId=key_id)
    kms.delete_alias(AliasName=alias)
    kms.schedule_key_deletion(KeyId=key_id)
    kms.cancel_key_deletion(KeyId=key_id)

    assert len({name for name, _ in seen}) == 24
    booked = {name: [event["eventName"] for event in events(requestId=request)] for name, request in seen}
    assert booked == {name: [name] for name, _ in seen}


def test_what_is_never_recorded(kms, key, events):
    plaintext = "c2VjcmV0IHRleHQ="  # base64, as it travels
    sealed = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"secret text")
    opened = kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"])
    made = kms.generate_data_key(KeyId=key["KeyId"], KeySpec="AES_256")
    for answer in sealed, opened, made:
        event = record_of(events, answer)
        text = json.dumps(event)
        assert plaintext not in text
        assert "secret text" not in text
        assert not {"plaintext", "ciphertextBlob"} & set(event["requestParameters"])
        assert event["responseElements"] is None


def test_a_ciphertext_names_its_key_in_the_record(kms, key, events):
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    event = record_of(events, kms.decrypt(CiphertextBlob=blob))
    assert event["requestParameters"] == {"keyId": key["Arn"], "encryptionAlgorithm": "SYMMETRIC_DEFAULT"}
    other = kms.create_key()["KeyMetadata"]
    event = record_of(events, kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other["KeyId"]))
    assert [resource["ARN"] for resource in event["resources"]] == [key["Arn"], other["Arn"]]


def test_failed_calls_are_recorded(kms, key, events):
    with refused("NotFoundException") as caught:
        kms.describe_key(KeyId="alias/nobody")
    event = record_of(events, caught.value.response)
    assert (event["errorCode"], event["responseElements"]) == ("NotFoundException", None)
    assert event["errorMessage"] == f"Alias arn:aws:kms:{REGION}:{ACCOUNT}:alias/nobody is not found."
    assert event["requestParameters"] == {"keyId": "alias/nobody"}

    kms.disable_key(KeyId=key["KeyId"])
    with refused("DisabledException") as caught:
        kms.generate_data_key(KeyId=key["KeyId"], NumberOfBytes=32)
    event = record_of(events, caught.value.response)
    assert (event["eventName"], event["errorCode"]) == ("GenerateDataKey", "DisabledException")
    assert event["requestParameters"] == {"keyId": key["KeyId"], "numberOfBytes": 32}
    assert only(event["resources"])["ARN"] == key["Arn"]

    with refused("InvalidCiphertextException") as caught:
        kms.decrypt(CiphertextBlob=b"garbage")
    assert record_of(events, caught.value.response)["errorCode"] == "InvalidCiphertextException"


def test_denied_calls_are_recorded(key, user, user_kms, events):
    with refused("AccessDeniedException") as caught:
        user_kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    event = record_of(events, caught.value.response)
    assert event["errorCode"] in ("AccessDenied", "AccessDeniedException")
    assert f"User: {user.arn} is not authorized to perform: kms:Encrypt" in event["errorMessage"]
    assert event["userIdentity"]["type"] == "IAMUser"
    assert event["userIdentity"]["arn"] == user.arn
    assert event["userIdentity"]["userName"] == user.name
    assert event["userIdentity"]["accessKeyId"] == user.access_key_id
    assert only(event["resources"])["ARN"] == key["Arn"]


def test_a_dry_run_is_recorded(kms, key, events):
    with refused("DryRunOperationException") as caught:
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x", DryRun=True)
    assert record_of(events, caught.value.response)["errorCode"] == "DryRunOperationException"


def test_changes_are_recorded_with_what_they_made(kms, events):
    answer = kms.create_key(Description="recorded")
    key, event = answer["KeyMetadata"], record_of(events, answer)
    assert event["readOnly"] is False
    assert event["requestParameters"]["description"] == "recorded"
    assert event["responseElements"]["keyMetadata"]["arn"] == key["Arn"]

    event = record_of(events, kms.disable_key(KeyId=key["KeyId"]))
    assert event["requestParameters"] == {"keyId": key["KeyId"]}
    assert event["responseElements"] == {"keyId": key["Arn"]}

    policy = kms.get_key_policy(KeyId=key["KeyId"])["Policy"]
    event = record_of(events, kms.put_key_policy(KeyId=key["KeyId"], Policy=policy))
    assert event["requestParameters"]["policy"] == policy

    event = record_of(events, kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7))
    assert re.fullmatch(
        r"[A-Z][a-z]{2} \d{1,2}, \d{4}, \d{1,2}:\d\d:\d\d [AP]M",
        event["responseElements"].pop("deletionDate"),
    )
    assert event["responseElements"] == {
        "keyId": key["Arn"],
        "keyState": "PendingDeletion",
        "pendingWindowInDays": 7,
    }


def test_filters(kms, key, user, user_kms, events):
    key_id = key["KeyId"]
    kms.encrypt(KeyId=key_id, Plaintext=b"x")
    with refused("AccessDeniedException"):
        user_kms.encrypt(KeyId=key_id, Plaintext=b"x")
    kms.disable_key(KeyId=key_id)

    def found(**filters):
        return [(event["eventName"], "errorCode" in event) for event in events(keyId=key["Arn"], **filters)]

    everything = [("CreateKey", False), ("DisableKey", False), ("Encrypt", False), ("Encrypt", True)]
    assert sorted(found()) == everything
    assert sorted(found(eventName="Encrypt")) == everything[2:]
    assert found(principal=user.arn) == [("Encrypt", True)]
    assert sorted(found(readOnly="false")) == everything[:2]
    assert sorted(found(sourceIp="127.0.0.1")) == everything
    assert found(sourceIp="192.0.2.1") == []
    code = only(events(keyId=key["Arn"], principal=user.arn))["errorCode"]
    assert found(errorCode=code) == [("Encrypt", True)]
    hour = datetime.timedelta(hours=1)
    now = datetime.datetime.now(datetime.UTC)
    before, after = ((now + offset).strftime("%Y-%m-%dT%H:%M:%SZ") for offset in (-hour, hour))
    assert sorted(found(**{"from": before, "to": after})) == everything
    assert found(**{"from": after}) == found(to=before) == []


def test_pages_hold_every_record_once(kms, key, events):
    kms.disable_key(KeyId=key["KeyId"])
    for _ in range(6):
        kms.describe_key(KeyId=key["KeyId"])
    whole = [event["eventID"] for event in events(keyId=key["Arn"])]
    assert len(whole) == len(set(whole)) == 8
    for limit in 1, 3, 8:
        assert [event["eventID"] for event in events(keyId=key["Arn"], limit=limit)] == whole


def test_reading_the_book_is_in_the_book(wire, events):
    answer = wire.send("GET", "/v1/audit/events?eventName=Encrypt&limit=1")
    event = only(events(requestId=answer.headers["x-amzn-RequestId"]))
    assert event["eventSource"] != "kms.amazonaws.com"
    assert event["readOnly"] is True


def test_a_user_may_not_read_the_book(server, user):
    answer = Wire(server.url, user).send("GET", "/v1/audit/events?limit=1")
    assert answer.status == 403
    assert "events" not in answer.json


def test_the_book_on_the_command_line(server, admin, kms, key):
    kms.describe_key(KeyId=key["KeyId"])
    done = wardbook(
        "audit", "query", "--endpoint", server.url, "--key-id", key["Arn"], "--json", identity=admin
    )
    listed = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(event["eventName"] for event in listed) == ["CreateKey", "DescribeKey"]
