//! Every KMS operation through the AWS SDK for Rust: what it answers, and its
//! main refusals with AWS's exact texts.

mod agreement;
mod aliases;
mod conditions;
mod custom_key_stores;
mod data_key_pairs;
mod data_keys;
mod encapsulation;
mod encryption;
mod grant_conditions;
mod granted;
mod grants;
mod import;
mod keys;
mod last_usage;
mod lookup;
mod macs;
mod managed_keys;
mod multi_region;
mod policies;
mod public_keys;
mod remote_keys;
mod rotation;
mod rsa;
mod signing;
mod tags;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::fixture::raw::Response;
use crate::fixture::{ACCOUNT, REGION, Server};

/// A well-formed id that no key has.
const NO_KEY: &str = "00000000-0000-4000-8000-000000000000";

fn arn(key_id: &str) -> String {
    format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{key_id}")
}

fn alias_arn(name: &str) -> String {
    format!("arn:aws:kms:{REGION}:{ACCOUNT}:{name}")
}

/// Bytes as the wire has them.
fn blob(bytes: impl AsRef<[u8]>) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// A member of an answer that holds bytes.
#[track_caller]
fn bytes(answer: &Value, member: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(answer[member].as_str().unwrap()).unwrap()
}

/// The key's SubjectPublicKeyInfo.
#[track_caller]
fn public_key(server: &Server, key: &str) -> Vec<u8> {
    bytes(&server.call("GetPublicKey", &json!({ "KeyId": key })).ok(), "PublicKey")
}

/// The refusal with this text, or with no text at all.
#[track_caller]
fn check_refusal(answer: &Response, code: &str, text: Option<&str>) {
    let body = match text {
        Some(text) => json!({ "__type": code, "message": text }),
        None => json!({ "__type": code }),
    };
    assert_eq!(answer.json(), body);
    assert_eq!(answer.status, 400);
}

/// AWS's text for one constraint that is not met.
fn invalid(constraint: &str) -> String {
    format!("1 validation error detected: {constraint}")
}
