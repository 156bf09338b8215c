//! From the ARNs in a policy document to unique ids. Ids are fixed when the
//! document is attached, so a policy never matches a later principal of the
//! same name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The unique id behind an ARN.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PrincipalId {
    /// A user, `AIDA…`.
    User(String),
    /// A role, `AROA…`.
    Role(String),
}

impl PrincipalId {
    /// The unique id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::User(id) | Self::Role(id) => id,
        }
    }
}

/// Knows the users and roles. Asked only for IAM ARNs, such as
/// `arn:aws:iam::111122223333:role/Admin`; accounts and `*` need nobody to
/// vouch for them, and a session ARN is asked about as its role.
pub trait PrincipalDirectory {
    /// The principal with this ARN, if there is one.
    fn resolve(&self, arn: &str) -> Option<PrincipalId>;
}

/// What a document was resolved to when it was attached
/// ([`Document::resolved`](super::document::Document::resolved)): compile a
/// stored document with this and not with the live directory, or a principal
/// made later under an old name would inherit its rights.
impl PrincipalDirectory for BTreeMap<String, PrincipalId> {
    fn resolve(&self, arn: &str) -> Option<PrincipalId> {
        self.get(arn).cloned()
    }
}
