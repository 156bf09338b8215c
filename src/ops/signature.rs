//! Signatures: what Sign and Verify share.

use super::access::Access;
use crate::base::algorithm::{MessageType, SigningAlgorithm};
use crate::base::spec::KeyUsage;
use crate::keys::cipher;
use crate::keys::key::Key;
use crate::policy::fact::Fact;
use crate::wire::shape::{Member, Recorded, Shape};

/// `MessageType`, recorded with its default.
pub(super) const MESSAGE_TYPE: Member =
    Member::optional("MessageType", Shape::Enum(MessageType::NAMES))
        .recorded(Recorded::OrText("RAW"));
/// `SigningAlgorithm`. AWS takes the name of the symmetric algorithm too, and
/// finds later that it fits no key.
pub(super) const SIGNING_ALGORITHM: Member = Member::required(
    "SigningAlgorithm",
    Shape::OpenEnum { listed: SigningAlgorithm::NAMES, also: &["SYMMETRIC_DEFAULT"] },
);

/// Says what the signature is of.
pub(super) fn says(access: &mut Access<'_>, kind: MessageType, algorithm: &str) {
    access.says(Fact::MessageType, kind.as_str());
    access.says(Fact::SigningAlgorithm, algorithm.to_owned());
}

/// Checks that a key may be used by `operation` with the algorithm of this
/// name: usage, state, algorithm.
pub(super) fn check(
    key: &Key,
    operation: &'static str,
    name: String,
) -> Result<SigningAlgorithm, cipher::Error> {
    let Some(algorithm) = SigningAlgorithm::parse(&name) else {
        cipher::check_usable(key, operation, KeyUsage::SignVerify)?;
        return Err(cipher::Error::Algorithm { algorithm: name, spec: key.spec });
    };
    cipher::check(key, operation, algorithm)?;
    Ok(algorithm)
}
