//! The grants that could allow a call, as the policy engine asks for them.

use std::sync::Arc;

use super::Grant;
use super::index::GrantIndex;
use super::packed::PackedGrant;
use super::principal::GrantPrincipal;
use crate::base::grant::{GrantOperation, GrantTerms};
use crate::policy::grant::{Candidate, GrantQuery, Grants, Party, Reach};

/// Every grant, for the use of its key.
impl Grants for GrantIndex {
    fn candidates(&self, query: &GrantQuery<'_>) -> Vec<Candidate> {
        // Which grant is to be retired or handed on is for the operations to say.
        match query.operation {
            GrantOperation::RetireGrant | GrantOperation::CreateGrant => Vec::new(),
            _ => to_caller(self, query, &|_any| true),
        }
    }
}

/// The grants by which a caller may make a new one: those that cover it.
pub struct Parents {
    pub grants: Arc<GrantIndex>,
    pub new: GrantTerms,
}

impl Grants for Parents {
    fn candidates(&self, query: &GrantQuery<'_>) -> Vec<Candidate> {
        to_caller(&self.grants, query, &|held| held.terms().covers(&self.new))
    }
}

/// The one grant that is to be retired, and by which of its parties.
pub struct Retired(pub Grant);

impl Grants for Retired {
    fn candidates(&self, query: &GrantQuery<'_>) -> Vec<Candidate> {
        let Grant { terms, key, grantee, retiring, issuing_account, .. } = &self.0;
        if query.operation != GrantOperation::RetireGrant || query.key != key {
            return Vec::new();
        }
        let terms = Arc::new(terms.clone());
        let issuer = GrantPrincipal::Account(issuing_account.clone());
        let candidate = |party, reach| Candidate { terms: Arc::clone(&terms), party, reach };
        let mut found = Vec::new();
        for (name, reach) in GrantPrincipal::names_of(query.principal) {
            if retiring.as_ref().is_some_and(|retiring| retiring.id == name) || issuer == name {
                found.push(candidate(Party::Retiring, reach));
            }
            if grantee.id == name {
                found.push(candidate(Party::Grantee, reach));
            }
        }
        found
    }
}

/// For each of the names that mean the caller, a grant to it that fits.
fn to_caller(
    grants: &GrantIndex,
    query: &GrantQuery<'_>,
    wanted: &dyn Fn(&PackedGrant) -> bool,
) -> Vec<Candidate> {
    let names = GrantPrincipal::names_of(query.principal);
    let candidate = |(name, reach): (GrantPrincipal, Reach)| {
        let terms = Arc::new(grants.search(query, &name, wanted)?);
        Some(Candidate { terms, party: Party::Grantee, reach })
    };
    names.into_iter().filter_map(candidate).collect()
}
