"""CloudTrail: the book by LookupEvents, and log files that `aws cloudtrail validate-logs` accepts."""

import base64
import datetime
import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from moto.s3.responses import S3Response

from clients import boto, refused
from wardbook import ACCOUNT, OTHER_REGION, REGION
from wardbook import wardbook as run

BUCKET = "trail-of-wardbook"
PREFIX = "books/one"
TRAIL = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/wardbook"
DELIVERY_SECONDS = 60


@pytest.fixture(scope="module")
def cloudtrail(server, admin):
    return boto("cloudtrail", server.url, admin)


def by(key, value):
    return {"LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}]}


def walk(cloudtrail, **wanted):
    """All events that fit, page by page as boto3's paginator does it."""
    pages = cloudtrail.get_paginator("lookup_events").paginate(**wanted)
    return [event for page in pages for event in page["Events"]]


def test_an_event(cloudtrail, kms, key, admin):
    answer = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x", EncryptionContext={"tenant": "7"})
    event = walk(cloudtrail, **by("ResourceName", key["Arn"]))[0]
    record = json.loads(event.pop("CloudTrailEvent"))
    assert record["requestID"] == answer["ResponseMetadata"]["RequestId"]
    assert record["requestParameters"]["encryptionContext"] == {"tenant": "7"}
    at = event.pop("EventTime")
    assert at.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ") == record["eventTime"]
    assert event == {
        "EventId": record["eventID"],
        "EventName": "Encrypt",
        "ReadOnly": "true",
        "AccessKeyId": admin.access_key_id,
        "EventSource": "kms.amazonaws.com",
        "Username": record["userIdentity"]["userName"],
        "Resources": [{"ResourceType": "AWS::KMS::Key", "ResourceName": key["Arn"]}],
    }


def test_every_attribute(cloudtrail, kms, key, user, user_kms):
    kms.disable_key(KeyId=key["KeyId"])
    with refused("AccessDeniedException"):
        user_kms.describe_key(KeyId=key["KeyId"])
    of_key = walk(cloudtrail, **by("ResourceName", key["Arn"]))
    assert [event["EventName"] for event in of_key] == ["DescribeKey", "DisableKey", "CreateKey"]
    denied, disabled, created = (event["EventId"] for event in of_key)

    def found(attribute, value):
        ids = [event["EventId"] for event in walk(cloudtrail, **by(attribute, value))]
        assert len(ids) == len(set(ids))
        return {denied, disabled, created} & set(ids)

    assert found("EventId", disabled) == {disabled}
    assert found("EventName", "DisableKey") == {disabled}
    assert found("ReadOnly", "true") == {denied}
    assert found("ReadOnly", "false") == {disabled, created}
    assert found("Username", user.name) == {denied}
    assert found("ResourceType", "AWS::KMS::Key") == {denied, disabled, created}
    assert found("ResourceType", "AWS::S3::Bucket") == set()
    assert found("ResourceName", key["KeyId"]) == {denied, disabled, created}
    assert found("EventSource", "kms.amazonaws.com") == {denied, disabled, created}
    assert found("EventSource", "sts.amazonaws.com") == set()
    assert found("AccessKeyId", user.access_key_id) == {denied}


def test_pages(cloudtrail, kms, key):
    for _ in range(6):
        kms.describe_key(KeyId=key["KeyId"])
    wanted = by("ResourceName", key["Arn"])
    whole = [event["EventId"] for event in walk(cloudtrail, **wanted)]
    assert len(whole) == len(set(whole)) == 7
    for size in 1, 3, 50:
        pages = walk(cloudtrail, **wanted, PaginationConfig={"PageSize": size})
        assert [event["EventId"] for event in pages] == whole
    first = cloudtrail.lookup_events(**wanted, MaxResults=3)
    assert len(first["Events"]) == 3
    with refused("InvalidNextTokenException"):
        cloudtrail.lookup_events(**by("EventName", "DescribeKey"), NextToken=first["NextToken"])


def test_times(cloudtrail, kms, key):
    event = walk(cloudtrail, **by("ResourceName", key["Arn"]))[0]
    at, second = event["EventTime"], datetime.timedelta(seconds=1)

    def count(**times):
        return len(walk(cloudtrail, **by("ResourceName", key["Arn"]), **times))

    assert count(StartTime=at, EndTime=at) == count(StartTime=at) == count(EndTime=at) == 1
    assert count(StartTime=at + second) == count(EndTime=at - second) == 0
    with refused("InvalidTimeRangeException"):
        cloudtrail.lookup_events(StartTime=at, EndTime=at - second)


def test_a_region_has_its_own_events(server, admin, cloudtrail):
    elsewhere = boto("kms", server.url, admin, region=OTHER_REGION)
    arn = elsewhere.create_key()["KeyMetadata"]["Arn"]
    assert walk(cloudtrail, **by("ResourceName", arn)) == []
    there = boto("cloudtrail", server.url, admin, region=OTHER_REGION)
    assert len(walk(there, **by("ResourceName", arn))) == 1


def test_what_is_refused(server, admin, cloudtrail, user):
    loose = boto("cloudtrail", server.url, admin, parameter_validation=False)
    two = [{"AttributeKey": "EventName", "AttributeValue": "a"}] * 2
    for invalid in two, [{"AttributeKey": "Colour", "AttributeValue": "red"}]:
        with refused("InvalidLookupAttributesException"):
            loose.lookup_events(LookupAttributes=invalid)
    for number in 0, 51:
        with refused("InvalidMaxResultsException"):
            loose.lookup_events(MaxResults=number)
    with refused("InvalidEventCategoryException"):
        loose.lookup_events(EventCategory="data")
    assert cloudtrail.lookup_events(EventCategory="insight")["Events"] == []
    for operation in cloudtrail.create_trail, cloudtrail.update_trail:
        with refused("UnsupportedOperationException"):
            operation(Name="x", **({"S3BucketName": "b"} if operation == cloudtrail.create_trail else {}))
    with refused("AccessDeniedException"):
        boto("cloudtrail", server.url, user).lookup_events()


def test_every_operation_of_the_model_is_known(wire, cloudtrail):
    """What is not here says so; nothing is a name that the server has never heard."""
    here = {"DescribeTrails", "GetTrail", "GetTrailStatus", "ListPublicKeys", "ListTrails", "LookupEvents"}
    model = cloudtrail.meta.service_model
    assert here < set(model.operation_names)
    for name in set(model.operation_names) - here:
        target = f"{model.metadata['targetPrefix']}.{name}"
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
        answer = wire.send("POST", "/", b"{}", headers, service="cloudtrail")
        assert (answer.status, answer.json["__type"]) == (400, "UnsupportedOperationException"), name


def test_the_shapes_are_those_of_the_model(cloudtrail):
    operations = json.loads(run("describe-ops", "--json").stdout)["operations"]
    model = cloudtrail.meta.service_model

    def check(told, shape, at):
        for member in told:
            assert member["name"] in shape.members, (at, member["name"])
            inner = shape.members[member["name"]]
            assert member["type"] == inner.type_name, (at, member["name"])
            if inner.type_name == "list":
                member, inner = member["member"], inner.member
            check(member.get("members", []), inner, (*at, member.get("name")))

    for operation in operations:
        if operation["service"] == "cloudtrail":
            modelled = model.operation_model(operation["name"])
            check(operation["input"], modelled.input_shape, (operation["name"],))
            check(operation["output"], modelled.output_shape, (operation["name"],))
            errors = {shape.name for shape in modelled.error_shapes}
            assert set(operation["errors"]) <= errors, operation["name"]


def test_lookup_is_in_the_book(cloudtrail, events):
    answer = cloudtrail.lookup_events(**by("EventName", "CreateKey"), MaxResults=1)
    (event,) = events(requestId=answer["ResponseMetadata"]["RequestId"])
    assert (event["eventSource"], event["eventName"]) == ("cloudtrail.amazonaws.com", "LookupEvents")
    assert event["requestParameters"]["lookupAttributes"] == [
        {"attributeKey": "EventName", "attributeValue": "CreateKey"}
    ]


def test_the_command_line(server, aws_env, key):
    """As the README has it."""
    attribute = f"AttributeKey=ResourceName,AttributeValue={key['Arn']}"
    done = subprocess.run(
        ["aws", "cloudtrail", "lookup-events", "--endpoint-url", server.url]
        + ["--lookup-attributes", attribute, "--max-items", "1"],
        env=aws_env,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    (event,) = json.loads(done.stdout)["Events"]
    assert event["EventName"] == "CreateKey"


def test_without_a_trail(cloudtrail):
    assert cloudtrail.describe_trails()["trailList"] == []
    assert cloudtrail.list_trails()["Trails"] == []
    assert cloudtrail.list_public_keys()["PublicKeyList"] == []
    for operation in cloudtrail.get_trail, cloudtrail.get_trail_status:
        with refused("TrailNotFoundException"):
            operation(Name="wardbook")


class Bucket:
    """A bucket of a real S3-compatible server."""

    def __init__(self, s3):
        self.s3 = s3
        self.make()

    def make(self):
        where = {"LocationConstraint": REGION}
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)

    def remove(self):
        """Takes the bucket away, from somebody who may be writing to it."""
        for name in self.names():
            self.delete(name)
        try:
            self.s3.delete_bucket(Bucket=BUCKET)
        except self.s3.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "BucketNotEmpty"
            self.remove()

    def names(self, part=""):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        names = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return sorted(name for name in names if part in name)

    def read(self, name):
        found = self.s3.get_object(Bucket=BUCKET, Key=name)
        return found["Body"].read(), found["Metadata"]

    def write(self, name, content, metadata):
        self.s3.put_object(Bucket=BUCKET, Key=name, Body=content, Metadata=metadata)

    def delete(self, name):
        self.s3.delete_object(Bucket=BUCKET, Key=name)

    def fill(self, folder):
        """Copies a folder of the trail, as docs/cloudtrail.md says it."""
        for path in folder.rglob("*.json.gz"):
            beside = path.with_name(path.name + ".metadata.json")
            metadata = json.loads(beside.read_text()) if beside.exists() else {}
            self.write(str(path.relative_to(folder)), path.read_bytes(), metadata)


@pytest.fixture
def bucket(moto_url, own_server):
    return Bucket(boto("s3", moto_url, own_server.admin))


def wait_for(what):
    deadline = time.monotonic() + DELIVERY_SECONDS
    while not what():
        assert time.monotonic() < deadline, "nothing was delivered"
        time.sleep(0.2)


def validate(server, moto_url, env=None, region=REGION):
    """The unmodified command, with CloudTrail and S3 at different places."""
    env = {
        **(env or server.admin.env()),
        "PATH": str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"],
        "AWS_ENDPOINT_URL_CLOUDTRAIL": server.url,
        "AWS_ENDPOINT_URL_S3": moto_url,
    }
    started = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    return subprocess.run(
        ["aws", "cloudtrail", "validate-logs", "--trail-arn", TRAIL, "--verbose"]
        + ["--region", region, "--start-time", started.strftime("%Y-%m-%dT%H:%M:%SZ")],
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )


def listed(digests):
    """The log files that digests list."""
    return [file for digest in digests for file in json.loads(gzip.decompress(digest))["logFiles"]]


def settings(*destination):
    return (
        *destination,
        *("--trail-s3-bucket", BUCKET, "--trail-s3-prefix", PREFIX),
        *("--trail-interval-s", "1", "--trail-digest-interval-s", "2"),
    )


def test_validate_logs(own_server, bucket, moto_url, tmp_path):
    folder = tmp_path / "trail"
    server = own_server.start(*settings("--trail-folder", folder))
    kms = boto("kms", server.url, server.admin)
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    boto("kms", server.url, server.admin, region=OTHER_REGION).create_key()

    def digests(region=REGION):
        paths = (folder / PREFIX / f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/{region}").rglob("*.json.gz")
        return [path.read_bytes() for path in sorted(paths)]

    # Two files at least in the home Region, and digests over all of them.
    wait_for(lambda: len(listed(digests())) >= 1)
    calls = [kms.describe_key(KeyId=key_id) for _ in range(5)]
    wanted = {call["ResponseMetadata"]["RequestId"] for call in calls}

    def delivered():
        names = [folder / file["s3Object"] for file in listed(digests())]
        records = [r for name in names for r in json.loads(gzip.decompress(name.read_bytes()))["Records"]]
        found = [record["requestID"] for record in records if record.get("requestID") in wanted]
        return sorted(found) == sorted(wanted)

    wait_for(delivered)
    wait_for(lambda: listed(digests(OTHER_REGION)))
    cloudtrail = boto("cloudtrail", server.url, server.admin)
    (trail,) = cloudtrail.describe_trails()["trailList"]
    assert cloudtrail.get_trail(Name="wardbook")["Trail"] == trail
    assert (trail["TrailARN"], trail["S3BucketName"], trail["S3KeyPrefix"]) == (TRAIL, BUCKET, PREFIX)
    assert cloudtrail.list_trails()["Trails"][0]["TrailARN"] == TRAIL
    status = cloudtrail.get_trail_status(Name=TRAIL)
    assert status["IsLogging"] and "LatestDeliveryError" not in status
    assert status["LatestDigestDeliveryTime"] > status["StartLoggingTime"]
    (public,) = cloudtrail.list_public_keys()["PublicKeyList"]
    assert public["ValidityStartTime"] < public["ValidityEndTime"]
    bucket.fill(folder)

    for region in REGION, OTHER_REGION:
        done = validate(server, moto_url, region=region)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "INVALID" not in done.stdout + done.stderr
        valid, total = re.search(r"(\d+)/(\d+) log files valid", done.stdout).groups()
        assert valid == total
        valid, total = re.search(r"(\d+)/(\d+) digest files valid", done.stdout).groups()
        assert valid == total

    check_tampering(server, bucket, moto_url)


def check_tampering(server, bucket, moto_url):
    """What is changed, removed or put in is named."""

    def invalid(*lines):
        done = validate(server, moto_url)
        assert done.returncode == 1
        found = [line for line in done.stderr.splitlines() if "INVALID" in line]
        assert found == [f"{line}" for line in lines], done.stderr

    def logs_of_digests():
        chain = [bucket.read(name)[0] for name in bucket.names(f"CloudTrail-Digest/{REGION}/")]
        return [file["s3Object"] for file in listed(chain)]

    def at(kind, name):
        return f"{kind} file\ts3://{BUCKET}/{name}\tINVALID: "

    log = logs_of_digests()[0]
    content, metadata = bucket.read(log)
    records = json.loads(gzip.decompress(content))
    records["Records"][0]["eventName"] = "Nothing"
    bucket.write(log, gzip.compress(json.dumps(records).encode()), metadata)
    invalid(at("Log", log) + "hash value doesn't match")
    bucket.delete(log)
    invalid(at("Log", log) + "not found")
    bucket.write(log, content, metadata)

    first, *_, last = bucket.names(f"CloudTrail-Digest/{REGION}/")
    content, metadata = bucket.read(last)
    changed = json.loads(gzip.decompress(content))
    changed["logFiles"] = []
    changed["oldestEventTime"] = "2026-01-01T00:00:00Z"
    bucket.write(last, gzip.compress(json.dumps(changed).encode()), metadata)
    invalid(at("Digest", last) + "signature verification failed")
    bucket.write(last, content, metadata)
    # A digest in the middle of the chain is missed by the one after it.
    middle = bucket.names(f"CloudTrail-Digest/{REGION}/")[-2]
    kept, of_kept = bucket.read(middle)
    bucket.delete(middle)
    invalid(at("Digest", middle) + "not found")
    bucket.write(middle, kept, of_kept)

    # A digest that was put in, with a log file of its own.
    inserted = re.sub(r"\d{8}T\d{6}Z", lambda stamp: later(stamp.group()), last)
    bucket.write(inserted, content, metadata)
    invalid(at("Digest", inserted) + "has been moved from its original location")
    forged = json.loads(gzip.decompress(content))
    forged["digestS3Object"] = inserted
    bucket.write(inserted, gzip.compress(json.dumps(forged).encode()), metadata)
    invalid(at("Digest", inserted) + "signature verification failed")
    bucket.delete(inserted)
    assert validate(server, moto_url).returncode == 0


def later(stamp):
    """A second later."""
    at = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ") + datetime.timedelta(seconds=1)
    return at.strftime("%Y%m%dT%H%M%SZ")


def test_a_bucket_needs_a_build_that_has_s3(own_server):
    if os.environ.get("WARDBOOK_HAS_S3"):
        pytest.skip("this build has S3")
    with pytest.raises(AssertionError, match="built without S3"):
        own_server.start(*settings())


@pytest.mark.skipif(not os.environ.get("WARDBOOK_HAS_S3"), reason="`make compat-s3` builds with S3")
def test_delivery_to_s3(own_server, bucket, moto_url, monkeypatch):
    checksums = set()
    of_object = S3Response._get_checksum

    def seen(self, response_headers):
        checksums.add(self.headers.get("x-amz-checksum-sha256"))
        return of_object(self, response_headers)

    monkeypatch.setattr(S3Response, "_get_checksum", seen)
    server = own_server.start(*settings("--trail-s3-endpoint", moto_url), env=own_server.admin.env())
    kms = boto("kms", server.url, server.admin)
    kms.create_key()
    wait_for(lambda: listed(bucket.read(name)[0] for name in bucket.names("CloudTrail-Digest/")))
    # A bucket with Object Lock takes no object that came without a checksum.
    objects = [bucket.read(name)[0] for name in bucket.names()]
    assert {base64.b64encode(hashlib.sha256(bytes).digest()).decode() for bytes in objects} <= checksums
    done = validate(server, moto_url)
    assert done.returncode == 0, done.stdout + done.stderr
    cloudtrail = boto("cloudtrail", server.url, server.admin)
    assert "LatestDeliveryError" not in cloudtrail.get_trail_status(Name="wardbook")
    bucket.remove()
    kms.create_key()

    def error():
        return cloudtrail.get_trail_status(Name="wardbook").get("LatestDeliveryError")

    wait_for(lambda: error() == "NoSuchBucket")
    kms.create_key()  # nobody waits for the delivery
    bucket.make()
    wait_for(lambda: error() is None)
