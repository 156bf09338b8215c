//! Grants: who may use a key beside those whom policies allow (AWS KMS Developer
//! Guide, "Grants in AWS KMS"). What a grant is, the index that finds the few
//! that matter to a call, their rows, and the tokens that name them.
//!
//! Deliberately absent: whether a grant allows a call. `policy` asks its Cedar
//! policy that, one grant at a time.

mod by_grantee;
pub mod changes;
pub mod index;
mod packed;
pub mod principal;
pub mod rows;
pub mod sources;
#[cfg(test)]
mod tests;
pub mod token;

use self::principal::NamedPrincipal;
use crate::base::arn::KeyArn;
use crate::base::grant::GrantTerms;
use crate::base::ids::AccountId;

/// One grant of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub terms: GrantTerms,
    pub key: KeyArn,
    /// By which a repeated CreateGrant is known.
    pub name: Option<String>,
    pub grantee: NamedPrincipal,
    pub retiring: Option<NamedPrincipal>,
    /// The account of whoever made it, which may retire it too.
    pub issuing_account: AccountId,
    pub created_ms: i64,
}

impl Grant {
    /// Whether two grants of one key say the same, whenever they were made.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        let terms = GrantTerms { id: self.terms.id, ..other.terms.clone() };
        *self == Self { terms, created_ms: self.created_ms, ..other.clone() }
    }
}
