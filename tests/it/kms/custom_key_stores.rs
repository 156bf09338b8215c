//! Custom key stores: those of remotes, and the refusal of all others.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use wardbook::base::clock::ManualClock;
use wardbook::base::ids::{AccountId, Region};
use wardbook::keys::backend::remote::{self, RemoteName};

use super::invalid;
use crate::fixture::door::Door;
use crate::fixture::golden::Golden;
use crate::fixture::program::Home;
use crate::fixture::raw::Response;
use crate::fixture::server::Options;
use crate::fixture::{OTHER_REGION, START_MS, Server, wait_until};
use crate::records::{record_of, shown};

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
fn stores_without_anything_behind_them_are_refused() {
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
        "XksProxyUriUnreachableException",
        "https://xks.example.com cannot be reached: the settings of this server have no such \
         remote for account 111122223333.",
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
            &["XksProxyUriEndpoint", "XksProxyUriPath", "XksProxyConnectivity"][..],
        ),
    ] {
        for member in members {
            let text = format!("You must specify {member} for a custom key store of type {of}.");
            refused(&lacks(input, member), "ValidationException", &text);
        }
    }
    let mut mixed = external.clone();
    mixed["KeyStorePassword"] = json!("kmsPswd");
    let text = "You cannot specify KeyStorePassword for a custom key store of type \
                EXTERNAL_KEY_STORE.";
    refused(&create(mixed), "ValidationException", text);
    for (member, value) in [
        ("XksProxyConnectivity", "VPC_ENDPOINT_SERVICE"),
        ("XksProxyVpcEndpointServiceName", "com.amazonaws.vpce.eu-central-1.vpce-svc-0a1b"),
    ] {
        let mut in_a_vpc = external.clone();
        in_a_vpc[member] = json!(value);
        let text = "VPC endpoint services are not supported by this server: \
                    XksProxyConnectivity must be PUBLIC_ENDPOINT.";
        refused(&create(in_a_vpc), "UnsupportedOperationException", text);
    }
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

/// A remote that cannot be reached: nobody has its credentials.
fn remote(name: &str) -> remote::Settings {
    let region = Region::parse("us-west-2").unwrap();
    remote::Settings {
        endpoint: Some("http://127.0.0.1:9".to_owned()),
        profile: Some("wardbook-test-that-nobody-has".to_owned()),
        ..remote::Settings::new(RemoteName::parse(name).unwrap(), region)
    }
}

fn with_remotes(names: &[&str]) -> Options {
    let remotes = names.iter().map(|name| remote(name)).collect();
    Options { remotes, ..Options::default() }
}

/// The stores that the administrator sees.
#[track_caller]
fn stores(door: &Door) -> Vec<Value> {
    let answer = door.call("DescribeCustomKeyStores", &json!({})).ok();
    answer["CustomKeyStores"].as_array().unwrap().clone()
}

#[track_caller]
pub(super) fn store(door: &Door, name: &str) -> Value {
    let input = json!({ "CustomKeyStoreName": name });
    door.call("DescribeCustomKeyStores", &input).ok()["CustomKeyStores"][0].clone()
}

/// Waits until a store is in this state.
#[track_caller]
pub(super) fn wait_for(door: &Door, name: &str, state: &str, code: Option<&str>) {
    wait_until(|| {
        let store = store(door, name);
        store["ConnectionState"] == state && store["ConnectionErrorCode"].as_str() == code
    });
}

pub(super) fn create(door: &Door, name: &str, remote: &str) -> Response {
    let input = json!({
        "CustomKeyStoreName": name, "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
        "XksProxyUriEndpoint": format!("https://{remote}"),
        "XksProxyUriPath": "/prefix/kms/xks/v1", "XksProxyConnectivity": "PUBLIC_ENDPOINT",
    });
    door.call("CreateCustomKeyStore", &input)
}

#[test]
fn each_remote_appears_as_a_store() {
    let server = Server::with(with_remotes(&["near", "far"]));
    wait_for(&server, "far", "FAILED", Some("INVALID_CREDENTIALS"));
    wait_for(&server, "near", "FAILED", Some("INVALID_CREDENTIALS"));
    let far = store(&server, "far");
    let id = far["CustomKeyStoreId"].as_str().unwrap();
    assert_eq!(
        far,
        json!({
            "CustomKeyStoreId": id, "CustomKeyStoreName": "far",
            "ConnectionState": "FAILED", "ConnectionErrorCode": "INVALID_CREDENTIALS",
            "CreationDate": far["CreationDate"], "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
            "XksProxyConfiguration": {
                "Connectivity": "PUBLIC_ENDPOINT", "UriEndpoint": "https://far",
                "UriPath": "/kms/xks/v1",
            },
        })
    );
    assert!(stores(&server.in_region(OTHER_REGION)).is_empty());
    let made = server.events("eventName=CreateCustomKeyStore");
    assert_eq!(made.len(), 2);
    let random = json!({ "NumberOfBytes": 8, "CustomKeyStoreId": id });
    refused(
        &server.call("GenerateRandom", &random),
        "UnsupportedOperationException",
        "GenerateRandom does not support custom key stores of type EXTERNAL_KEY_STORE.",
    );

    // What somebody has disconnected stays so; what is gone from the settings stays and
    // fails; what was deleted is made anew, under a name that is free.
    let near = store(&server, "near")["CustomKeyStoreId"].clone();
    let near = json!({ "CustomKeyStoreId": near });
    server.call("DisconnectCustomKeyStore", &near).ok();
    let server = server.restart(with_remotes(&["near"]));
    wait_for(&server, "far", "FAILED", Some("XKS_PROXY_INVALID_CONFIGURATION"));
    assert_eq!(store(&server, "near")["ConnectionState"], "DISCONNECTED");
    assert_eq!(server.events("eventName=CreateCustomKeyStore").len(), 2);
    server.call("DeleteCustomKeyStore", &near).ok();
    let far = json!({ "CustomKeyStoreId": id });
    server.call("DisconnectCustomKeyStore", &far).ok();
    let mut renamed = far;
    renamed["NewCustomKeyStoreName"] = json!("near");
    server.call("UpdateCustomKeyStore", &renamed).ok();
    let server = server.restart(with_remotes(&["near"]));
    wait_for(&server, "near-2", "FAILED", Some("INVALID_CREDENTIALS"));
    assert_eq!(stores(&server).len(), 2);
}

#[test]
fn a_remote_is_for_the_accounts_of_its_settings() {
    let mut options = with_remotes(&["far"]);
    options.remotes[0].accounts = AccountId::parse("444455556666").into_iter().collect();
    let server = Server::with(options);
    assert!(stores(&server).is_empty());
    let text = "https://far cannot be reached: the settings of this server have no such remote \
                for account 111122223333.";
    refused(&create(&server, "far", "far"), "XksProxyUriUnreachableException", text);
}

/// The life of a store that somebody makes: what each state allows, and what the book
/// says of it.
#[test]
fn a_store_is_made_connected_moved_and_deleted() {
    let mut options = with_remotes(&["far", "near"]);
    options.clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::with(options);
    let door = server.in_region(OTHER_REGION);
    let mut golden = Golden::default();
    let system = server.events("eventName=CreateCustomKeyStore");
    golden.compare("audit/store/at_start.json", &shown(system.last().unwrap()));
    let mut recorded = |answer: Response, name: &str| {
        let output = answer.ok();
        golden.compare(&format!("audit/store/{name}.json"), &shown(&record_of(&server, &answer)));
        output
    };
    let made = recorded(create(&door, "mine", "far"), "CreateCustomKeyStore");
    let id = made["CustomKeyStoreId"].as_str().unwrap();
    let with = |member: &str, value: &str| json!({ "CustomKeyStoreId": id, member: value });
    let this = json!({ "CustomKeyStoreId": id });
    let update =
        |member: &str, value: &str| door.call("UpdateCustomKeyStore", &with(member, value));
    let invalid = |answer: &Response, state: &str| {
        let text = format!(
            "The ConnectionState {state} of custom key store {id} does not allow this request."
        );
        refused(answer, "CustomKeyStoreInvalidStateException", &text);
    };

    refused(
        &create(&door, "other", "far"),
        "XksProxyUriInUseException",
        &format!("https://far is associated with custom key store {id}."),
    );
    let taken = "The name mine is already assigned to another custom key store.";
    refused(&create(&door, "mine", "near"), "CustomKeyStoreNameInUseException", taken);
    let gone = format!("Custom key store {id} does not exist.");
    let elsewhere = server.call("ConnectCustomKeyStore", &this);
    refused(&elsewhere, "CustomKeyStoreNotFoundException", &gone);

    invalid(&door.call("DisconnectCustomKeyStore", &this), "DISCONNECTED");
    recorded(door.call("ConnectCustomKeyStore", &this), "ConnectCustomKeyStore");
    wait_for(&door, "mine", "FAILED", Some("INVALID_CREDENTIALS"));
    invalid(&door.call("ConnectCustomKeyStore", &this), "FAILED");
    invalid(&door.call("DeleteCustomKeyStore", &this), "FAILED");
    invalid(&update("NewCustomKeyStoreName", "other"), "FAILED");
    recorded(door.call("DisconnectCustomKeyStore", &this), "DisconnectCustomKeyStore");

    create(&door, "second", "near").ok();
    let taken = "The name second is already assigned to another custom key store.";
    refused(&update("NewCustomKeyStoreName", "second"), "CustomKeyStoreNameInUseException", taken);
    assert_eq!(update("XksProxyUriEndpoint", "https://near").code(), "XksProxyUriInUseException");
    let away = update("XksProxyUriEndpoint", "https://away");
    assert_eq!(away.code(), "XksProxyUriUnreachableException");
    let password = update("KeyStorePassword", "kmsPswd");
    let text = "You cannot specify KeyStorePassword for a custom key store of type \
                EXTERNAL_KEY_STORE.";
    refused(&password, "ValidationException", text);
    let vpc = update("XksProxyConnectivity", "VPC_ENDPOINT_SERVICE");
    assert_eq!(vpc.code(), "UnsupportedOperationException");
    update("XksProxyUriPath", "/kms/xks/v1").ok();
    update("XksProxyUriEndpoint", "https://far").ok();
    update("NewCustomKeyStoreName", "mine").ok();
    recorded(update("NewCustomKeyStoreName", "renamed"), "UpdateCustomKeyStore");
    assert_eq!(store(&door, "renamed")["CustomKeyStoreId"], id);

    let second = store(&door, "second")["CustomKeyStoreId"].clone();
    door.call("DeleteCustomKeyStore", &json!({ "CustomKeyStoreId": second })).ok();
    update("XksProxyUriEndpoint", "https://near").ok();
    let proxy = &store(&door, "renamed")["XksProxyConfiguration"];
    assert_eq!(proxy["UriEndpoint"], "https://near");
    recorded(door.call("DeleteCustomKeyStore", &this), "DeleteCustomKeyStore");
    refused(&door.call("DescribeCustomKeyStores", &this), "CustomKeyStoreNotFoundException", &gone);
    golden.check();
}

#[test]
fn lists_of_stores_come_in_pages() {
    let server = Server::with(with_remotes(&["a1", "b1", "c1"]));
    let mut seen = Vec::new();
    let mut marker = None::<Value>;
    loop {
        let mut input = json!({ "Limit": 1 });
        if let Some(marker) = &marker {
            input["Marker"] = marker.clone();
        }
        let page = server.call("DescribeCustomKeyStores", &input).ok();
        let [store] = page["CustomKeyStores"].as_array().unwrap().as_slice() else { panic!() };
        seen.push(store["CustomKeyStoreName"].as_str().unwrap().to_owned());
        assert_eq!(page["Truncated"], page.get("NextMarker").is_some());
        match page.get("NextMarker") {
            Some(next) => marker = Some(next.clone()),
            None => break,
        }
    }
    seen.sort();
    assert_eq!(seen, ["a1", "b1", "c1"]);
}

/// A remote that is silent until it is told to answer.
struct Far {
    address: String,
    answers: Arc<AtomicBool>,
}

impl Far {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answers = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&answers);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, told) = (stream.unwrap(), Arc::clone(&told));
                std::thread::spawn(move || answer(stream, &told));
            }
        });
        Self { address, answers }
    }
}

/// Serves one request, or keeps its sender waiting until that gives up.
fn answer(mut stream: TcpStream, told: &AtomicBool) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    if !told.load(Ordering::SeqCst) {
        reader.read_to_end(&mut Vec::new()).ok();
        return;
    }
    let body = r#"{"Keys":[],"Truncated":false}"#;
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(answer.as_bytes()).unwrap();
}

/// Nobody waits for a remote that hangs; when it answers, its store is connected.
#[test]
fn a_store_is_connected_when_its_remote_answers() {
    let far = Far::start();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let table = |name: &str, address: &str| {
        format!(
            "[remotes.{name}]\nregion = 'us-west-2'\nendpoint = 'http://{address}'\n\
             operation-timeout-ms = 200\n"
        )
    };
    let settings = table("far", &far.address) + &table("gone", &gone.to_string());
    let credentials = [("AWS_ACCESS_KEY_ID", "AKIAREMOTE"), ("AWS_SECRET_ACCESS_KEY", "secret")];
    let home = Home::new();
    let program = home.serve_with(&settings, &credentials);
    wait_for(&program, "far", "FAILED", Some("XKS_PROXY_TIMED_OUT"));
    wait_for(&program, "gone", "FAILED", Some("XKS_PROXY_NOT_REACHABLE"));
    program.new_key();
    far.answers.store(true, Ordering::SeqCst);
    wait_for(&program, "far", "CONNECTED", None);

    let this = json!({ "CustomKeyStoreId": store(&program, "far")["CustomKeyStoreId"] });
    // Again is no fault, and a name may change meanwhile.
    program.call("ConnectCustomKeyStore", &this).ok();
    let mut renamed = this.clone();
    renamed["NewCustomKeyStoreName"] = json!("renamed");
    program.call("UpdateCustomKeyStore", &renamed).ok();
    assert_eq!(store(&program, "renamed")["ConnectionState"], "CONNECTED");
    let mut moved = this.clone();
    moved["XksProxyUriEndpoint"] = json!("https://far");
    let moved = program.call("UpdateCustomKeyStore", &moved);
    assert_eq!(moved.code(), "CustomKeyStoreInvalidStateException");
    program.call("DisconnectCustomKeyStore", &this).ok();
    assert_eq!(store(&program, "renamed")["ConnectionState"], "DISCONNECTED");
    far.answers.store(false, Ordering::SeqCst);
    program.call("ConnectCustomKeyStore", &this).ok();
    assert_ne!(store(&program, "renamed")["ConnectionState"], "DISCONNECTED");
    wait_for(&program, "renamed", "FAILED", Some("XKS_PROXY_TIMED_OUT"));
    program.terminate();
}
