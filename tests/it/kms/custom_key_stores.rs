//! The operations on custom key stores: there is none, and each says so.

use serde_json::{Value, json};

use super::invalid;
use crate::fixture::Server;
use crate::fixture::raw::Response;

#[track_caller]
fn refused(answer: &Response, code: &str, message: &str) {
    assert_eq!((answer.code().as_str(), answer.message().as_str()), (code, message));
}

#[test]
fn no_store_is_there() {
    let server = Server::start();
    let gone = "Custom key store cks-1 does not exist.";
    for operation in [
        "ConnectCustomKeyStore",
        "DeleteCustomKeyStore",
        "DescribeCustomKeyStores",
        "DisconnectCustomKeyStore",
        "UpdateCustomKeyStore",
    ] {
        let answer = server.call(operation, &json!({ "CustomKeyStoreId": "cks-1" }));
        refused(&answer, "CustomKeyStoreNotFoundException", gone);
    }
    let describe = |input: Value| server.call("DescribeCustomKeyStores", &input);
    refused(
        &describe(json!({ "CustomKeyStoreName": "store" })),
        "CustomKeyStoreNotFoundException",
        "Custom key store store does not exist.",
    );
    assert_eq!(describe(json!({})).ok(), json!({ "CustomKeyStores": [], "Truncated": false }));
    refused(
        &describe(json!({ "CustomKeyStoreName": "store", "CustomKeyStoreId": "cks-1" })),
        "ValidationException",
        "You can specify CustomKeyStoreId or CustomKeyStoreName, but not both.",
    );
    let marked = describe(json!({ "Marker": "x" }));
    refused(&marked, "InvalidMarkerException", "The marker is not valid.");
}

#[test]
fn no_store_is_made() {
    let server = Server::start();
    let create = |input: Value| server.call("CreateCustomKeyStore", &input);
    let cloudhsm = json!({
        "CustomKeyStoreName": "store", "CloudHsmClusterId": "cluster-2a34b5cdefg",
        "TrustAnchorCertificate": "-----BEGIN CERTIFICATE-----", "KeyStorePassword": "kmsPswd",
    });
    refused(
        &create(cloudhsm.clone()),
        "CloudHsmClusterNotFoundException",
        "AWS CloudHSM cluster cluster-2a34b5cdefg does not exist.",
    );
    let external = json!({
        "CustomKeyStoreName": "store", "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
        "XksProxyUriEndpoint": "https://xks.example.com", "XksProxyUriPath": "/kms/xks/v1",
        "XksProxyAuthenticationCredential":
            { "AccessKeyId": "ABCDE23456765432765Z", "RawSecretAccessKey": "a".repeat(43) },
        "XksProxyConnectivity": "PUBLIC_ENDPOINT",
    });
    refused(
        &create(external.clone()),
        "UnsupportedOperationException",
        "External key stores are not supported by this server.",
    );
    let lacks = |input: &Value, member: &str| {
        let mut input = input.clone();
        input.as_object_mut().unwrap().remove(member).unwrap();
        create(input)
    };
    for (input, of, members) in [
        (
            &cloudhsm,
            "AWS_CLOUDHSM",
            &["CloudHsmClusterId", "TrustAnchorCertificate", "KeyStorePassword"][..],
        ),
        (
            &external,
            "EXTERNAL_KEY_STORE",
            &["XksProxyUriEndpoint", "XksProxyUriPath", "XksProxyAuthenticationCredential"][..],
        ),
    ] {
        for member in members {
            let text = format!("You must specify {member} for a custom key store of type {of}.");
            refused(&lacks(input, member), "ValidationException", &text);
        }
    }
    let mut in_a_vpc = external;
    in_a_vpc["XksProxyConnectivity"] = json!("VPC_ENDPOINT_SERVICE");
    let text = "You must specify XksProxyVpcEndpointServiceName for a custom key store of type \
                EXTERNAL_KEY_STORE.";
    refused(&create(in_a_vpc), "ValidationException", text);
}

/// What is secret is not repeated; what is not, is.
#[test]
fn members_are_checked() {
    let server = Server::start();
    let create = |member: &str, value: Value| {
        let mut input = json!({ "CustomKeyStoreName": "store" });
        input[member] = value;
        server.call("CreateCustomKeyStore", &input)
    };
    let short = "failed to satisfy constraint: Member must have length greater than or equal to";
    refused(
        &create("KeyStorePassword", json!("secret")),
        "ValidationException",
        &invalid(&format!("Value at 'keyStorePassword' {short} 7")),
    );
    refused(
        &create(
            "XksProxyAuthenticationCredential",
            json!({ "AccessKeyId": "A".repeat(20), "RawSecretAccessKey": "secret" }),
        ),
        "ValidationException",
        &invalid(&format!(
            "Value at 'xksProxyAuthenticationCredential.rawSecretAccessKey' {short} 43"
        )),
    );
    refused(
        &create("CloudHsmClusterId", json!("cluster-11111111111")),
        "ValidationException",
        &invalid(
            "Value 'cluster-11111111111' at 'cloudHsmClusterId' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: cluster-[2-7a-zA-Z]{11,16}",
        ),
    );
    refused(
        &create("CustomKeyStoreType", json!("OTHER")),
        "ValidationException",
        &invalid(
            "Value 'OTHER' at 'customKeyStoreType' failed to satisfy constraint: Member must \
             satisfy enum value set: [AWS_CLOUDHSM, EXTERNAL_KEY_STORE]",
        ),
    );
}
