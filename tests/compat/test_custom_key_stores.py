"""Custom key stores with boto3: those of remotes, and AWS's codes for all others."""

import time

import pytest

from clients import boto, refused
from remote_kms import CREDENTIALS, HANG, RemoteKms
from wardbook import OTHER_REGION, Server

STORE = "cks-1234567890abcdef0"
WAIT_SECONDS = 30


def external(name, remote, **more):
    """A store for this remote, as AWS would make it but for the credential."""
    return {
        "CustomKeyStoreName": name,
        "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
        "XksProxyUriEndpoint": f"https://{remote}",
        "XksProxyUriPath": "/kms/xks/v1",
        "XksProxyConnectivity": "PUBLIC_ENDPOINT",
        **more,
    }


def test_no_store_is_there(kms):
    assert kms.describe_custom_key_stores()["CustomKeyStores"] == []
    calls = [
        lambda: kms.describe_custom_key_stores(CustomKeyStoreId=STORE),
        lambda: kms.connect_custom_key_store(CustomKeyStoreId=STORE),
        lambda: kms.disconnect_custom_key_store(CustomKeyStoreId=STORE),
        lambda: kms.delete_custom_key_store(CustomKeyStoreId=STORE),
        lambda: kms.update_custom_key_store(CustomKeyStoreId=STORE, KeyStorePassword="kmsPswd"),
    ]
    for call in calls:
        with refused("CustomKeyStoreNotFoundException", f"Custom key store {STORE} does not exist."):
            call()


def test_no_store_of_a_cluster_is_made(kms, events):
    password = "kmsPswd-not-to-be-found"
    with refused(
        "CloudHsmClusterNotFoundException", "AWS CloudHSM cluster cluster-2a34b5cdefg does not exist."
    ):
        kms.create_custom_key_store(
            CustomKeyStoreName="store",
            CloudHsmClusterId="cluster-2a34b5cdefg",
            TrustAnchorCertificate="-----BEGIN CERTIFICATE-----",
            KeyStorePassword=password,
        )
    record = events(eventName="CreateCustomKeyStore")[0]
    assert record["requestParameters"]["cloudHsmClusterId"] == "cluster-2a34b5cdefg"
    assert password not in str(record)


def test_no_caller_says_where_a_proxy_is(kms):
    with refused("XksProxyUriUnreachableException"):
        kms.create_custom_key_store(**external("store", "xks.example.com"))
    with refused("UnsupportedOperationException"):
        kms.create_custom_key_store(
            **external(
                "store",
                "xks.example.com",
                XksProxyConnectivity="VPC_ENDPOINT_SERVICE",
                XksProxyVpcEndpointServiceName="com.amazonaws.vpce.eu-central-1.vpce-svc-0a1b",
            )
        )


@pytest.fixture
def remote():
    remote = RemoteKms()
    yield remote
    remote.stop()


@pytest.fixture
def here(remote, tmp_path):
    """A server with two Regions and one remote."""
    server = Server(tmp_path).init()
    table = remote.table("far", **{"operation-timeout-ms": 500})
    (server.data / "wardbook.toml").write_text(table)
    try:
        yield server.start(env=CREDENTIALS)
        assert server.stop() == 0
    finally:
        server.kill()


def described(kms, name):
    [store] = kms.describe_custom_key_stores(CustomKeyStoreName=name)["CustomKeyStores"]
    return store


def wait_for(kms, name, state):
    """The store once it is in this state."""
    deadline = time.monotonic() + WAIT_SECONDS
    while (store := described(kms, name))["ConnectionState"] != state:
        assert time.monotonic() < deadline, store
        time.sleep(0.1)
    return store


def test_the_store_of_a_remote(here, remote):
    kms = boto("kms", here.url, here.admin)
    store = wait_for(kms, "far", "CONNECTED")
    assert store["CustomKeyStoreType"] == "EXTERNAL_KEY_STORE"
    assert store["XksProxyConfiguration"] == {
        "Connectivity": "PUBLIC_ENDPOINT",
        "UriEndpoint": "https://far",
        "UriPath": "/kms/xks/v1",
    }
    this = {"CustomKeyStoreId": store["CustomKeyStoreId"]}
    with refused("XksProxyUriInUseException"):
        kms.create_custom_key_store(**external("other", "far"))
    with refused("CustomKeyStoreNameInUseException"):
        kms.create_custom_key_store(**external("far", "far"))
    with refused("CustomKeyStoreInvalidStateException"):
        kms.delete_custom_key_store(**this)

    arn = remote.create_key()
    key = kms.create_key(Origin="EXTERNAL_KEY_STORE", XksKeyId=arn, **this)["KeyMetadata"]["KeyId"]
    kms.update_custom_key_store(NewCustomKeyStoreName="renamed", **this)
    kms.encrypt(KeyId=key, Plaintext=b"secret")
    kms.disconnect_custom_key_store(**this)
    assert described(kms, "renamed")["ConnectionState"] == "DISCONNECTED"
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Unavailable"
    with refused("KMSInvalidStateException"):
        kms.encrypt(KeyId=key, Plaintext=b"secret")
    with refused("CustomKeyStoreInvalidStateException"):
        kms.disconnect_custom_key_store(**this)
    with refused("CustomKeyStoreHasCMKsException"):
        kms.delete_custom_key_store(**this)

    # Nobody waits for a remote that hangs, and it heals by itself.
    with remote.door.in_trouble(HANG):
        kms.connect_custom_key_store(**this)
        failed = wait_for(kms, "renamed", "FAILED")
        assert failed["ConnectionErrorCode"] == "XKS_PROXY_TIMED_OUT"
        with refused("CustomKeyStoreInvalidStateException"):
            kms.connect_custom_key_store(**this)
    wait_for(kms, "renamed", "CONNECTED")
    kms.encrypt(KeyId=key, Plaintext=b"secret")


def test_a_store_of_ones_own(here):
    kms = boto("kms", here.url, here.admin, region=OTHER_REGION)
    assert kms.describe_custom_key_stores()["CustomKeyStores"] == []
    secret = "not-to-be-found-in-any-record-or-file-of-the-server"[:43].replace("-", "a")
    made = kms.create_custom_key_store(
        **external(
            "mine",
            "far",
            XksProxyAuthenticationCredential={"AccessKeyId": "A" * 20, "RawSecretAccessKey": secret},
        )
    )
    this = {"CustomKeyStoreId": made["CustomKeyStoreId"]}
    assert described(kms, "mine")["ConnectionState"] == "DISCONNECTED"
    kms.connect_custom_key_store(**this)
    wait_for(kms, "mine", "CONNECTED")
    pages = kms.get_paginator("describe_custom_key_stores").paginate(PaginationConfig={"PageSize": 1})
    assert [store["CustomKeyStoreName"] for page in pages for store in page["CustomKeyStores"]] == ["mine"]
    kms.disconnect_custom_key_store(**this)
    kms.delete_custom_key_store(**this)
    with refused("CustomKeyStoreNotFoundException"):
        kms.describe_custom_key_stores(**this)
    for file in here.data.iterdir():
        if file.is_file():
            assert secret.encode() not in file.read_bytes(), file
