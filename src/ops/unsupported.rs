//! The operations of AWS KMS that this server does not have yet. They are
//! refused by name, and recorded like every other call.

use super::operation::{Description, Service};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

/// The operations, sorted by name.
pub static TABLE: &[Description] = &[
    later("ConnectCustomKeyStore", false),
    later("CreateCustomKeyStore", false),
    later("CreateGrant", false),
    later("Decapsulate", true),
    later("DeleteCustomKeyStore", false),
    later("DeriveSharedSecret", true),
    later("DescribeCustomKeyStores", true),
    later("DisconnectCustomKeyStore", false),
    later("Encapsulate", true),
    later("GenerateDataKeyPair", true),
    later("GenerateDataKeyPairWithoutPlaintext", true),
    later("GenerateMac", true),
    later("GetKeyLastUsage", true),
    later("GetPublicKey", true),
    later("ListGrants", true),
    later("ListRetirableGrants", true),
    later("RetireGrant", false),
    later("RevokeGrant", false),
    later("Sign", true),
    later("UpdateCustomKeyStore", false),
    later("Verify", true),
    later("VerifyMac", true),
];

/// The operation of this name, if AWS KMS has it and this server does not.
#[must_use]
pub fn find(name: &str) -> Option<&'static Description> {
    let at = TABLE.binary_search_by(|later| later.name.cmp(name)).ok()?;
    TABLE.get(at)
}

/// The refusal.
#[must_use]
pub fn refusal(description: &Description) -> ApiError {
    let text = format!("{} is not yet supported by this server.", description.name);
    ApiError::new(Code::UnsupportedOperationException, text)
}

const fn later(name: &'static str, read_only: bool) -> Description {
    Description { name, service: Service::Kms, read_only, input: &[], output: &[], errors: &[] }
}
