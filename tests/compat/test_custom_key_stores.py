"""Custom key stores: there is none here, and the answers say so in AWS's codes."""

import pytest

from clients import refused

STORE = "cks-1234567890abcdef0"


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


def test_no_store_is_made(kms, events):
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


@pytest.mark.parametrize("connectivity", ["PUBLIC_ENDPOINT", "VPC_ENDPOINT_SERVICE"])
def test_external_stores_are_not_supported(kms, connectivity):
    with refused("UnsupportedOperationException", "External key stores are not supported by this server."):
        kms.create_custom_key_store(
            CustomKeyStoreName="store",
            CustomKeyStoreType="EXTERNAL_KEY_STORE",
            XksProxyUriEndpoint="https://xks.example.com",
            XksProxyUriPath="/kms/xks/v1",
            XksProxyVpcEndpointServiceName="com.amazonaws.vpce.eu-central-1.vpce-svc-0a1b",
            XksProxyAuthenticationCredential={"AccessKeyId": "A" * 20, "RawSecretAccessKey": "a" * 43},
            XksProxyConnectivity=connectivity,
        )
