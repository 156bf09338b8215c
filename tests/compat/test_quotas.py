"""Quotas and request rates, as settings of the server."""

import urllib.request

import pytest

from clients import Wire, boto, refused
from wardbook import wardbook

TOO_FAST = "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."


def records(server, **filters):
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    return Wire(server.url, server.admin).rest("GET", f"/v1/audit/events?{query}")["events"]


def test_nothing_is_throttled_by_default(kms, key):
    for _ in range(20):
        kms.enable_key(KeyId=key["KeyId"])  # AWS allows five a second


def test_calls_that_come_too_fast(own_server):
    own_server.start("--quota-request-rates", "symmetric=0.01,GetKeyPolicy=0.01")
    kms = boto("kms", own_server.url, own_server.admin)
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.encrypt(KeyId=key_id, Plaintext=b"x")
    with refused("ThrottlingException", TOO_FAST) as caught:
        kms.generate_data_key(KeyId=key_id, KeySpec="AES_256")
    request = caught.value.response["ResponseMetadata"]["RequestId"]
    (record,) = records(own_server, requestId=request)
    assert record["errorCode"] == "ThrottlingException"
    with refused("ThrottlingException", TOO_FAST):
        kms.generate_random(NumberOfBytes=1)
    kms.get_key_policy(KeyId=key_id)
    with refused("ThrottlingException", TOO_FAST):
        kms.get_key_policy(KeyId=key_id)
    kms.describe_key(KeyId=key_id)


def test_sdks_wait_and_try_again(own_server):
    own_server.start("--quota-request-rates", "GetKeyPolicy=1")
    kms = boto("kms", own_server.url, own_server.admin, attempts=10)
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    tried = 0
    while tried == 0:  # at once, unless the machine is very slow
        tried = kms.get_key_policy(KeyId=key_id)["ResponseMetadata"]["RetryAttempts"]
    throttled = records(own_server, eventName="GetKeyPolicy", errorCode="ThrottlingException")
    assert len(throttled) == tried


def test_quotas_from_the_file(own_server):
    (own_server.data / "wardbook.toml").write_text(
        "[quotas]\nkeys-per-region = 1\naliases-per-key = 1\ntags-per-key = 1\n"
        "key-policy-bytes = 1000\nrequest-rates.GetKeyPolicy = 'aws'\n"
    )
    own_server.start()
    kms = boto("kms", own_server.url, own_server.admin)
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    with refused("LimitExceededException", "The account already has 1 KMS keys."):
        kms.create_key()
    kms.create_alias(AliasName="alias/a", TargetKeyId=key_id)
    with refused("LimitExceededException", "The key already has 1 aliases."):
        kms.create_alias(AliasName="alias/b", TargetKeyId=key_id)
    with refused("TagException", "Too many tags"):
        kms.tag_resource(KeyId=key_id, Tags=[{"TagKey": k, "TagValue": ""} for k in "ab"])
    policy = kms.get_key_policy(KeyId=key_id)["Policy"]
    with refused("LimitExceededException", "the policy exceeds the limit of 1000 bytes"):
        kms.put_key_policy(KeyId=key_id, Policy=policy.ljust(1001))


@pytest.mark.parametrize(
    "setting", [("--quota-request-rates", "fast"), ("--quota-key-policy-bytes", "32769")]
)
def test_settings_that_are_refused(own_server, setting):
    done = wardbook("serve", "--data", own_server.data, *setting, check=False)
    assert done.returncode != 0
    assert setting[0].removeprefix("--") in done.stderr


@pytest.mark.parametrize("shown", [True, False])
def test_metrics_of_single_keys_are_asked_for(own_server, shown):
    own_server.start(*(["--key-metrics"] if shown else []))
    kms = boto("kms", own_server.url, own_server.admin)
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.encrypt(KeyId=key_id, Plaintext=b"x")
    with urllib.request.urlopen(own_server.url + "/metrics", timeout=10) as answer:
        text = answer.read().decode()
    line = (
        'wardbook_key_requests_total{cloud_region="eu-central-1",'
        f'wardbook_key="{key_id}",wardbook_operation="Encrypt"}} 1'
    )
    assert (line in text.splitlines()) == shown
    assert (key_id in text) == shown
