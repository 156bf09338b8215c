//! Every KMS operation through the AWS SDK for Rust: what it answers, and its
//! main refusals with AWS's exact texts.

mod aliases;
mod data_keys;
mod encryption;
mod import;
mod keys;
mod lookup;
mod multi_region;
mod policies;
mod rotation;
mod tags;

use crate::fixture::{ACCOUNT, REGION};

/// A well-formed id that no key has.
const NO_KEY: &str = "00000000-0000-4000-8000-000000000000";

fn arn(key_id: &str) -> String {
    format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{key_id}")
}

fn alias_arn(name: &str) -> String {
    format!("arn:aws:kms:{REGION}:{ACCOUNT}:{name}")
}

/// AWS's text for one constraint that is not met.
fn invalid(constraint: &str) -> String {
    format!("1 validation error detected: {constraint}")
}
