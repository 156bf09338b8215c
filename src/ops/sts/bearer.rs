//! A call by bearer token: somebody for whom an OpenID Connect provider vouches
//! is a session of a role for this one call. The trust policy is asked at its
//! beginning, and its decision is the first in the call's own record.

use std::sync::Arc;

use super::assume_role_with_web_identity::denied;
use super::members::is_of_name;
use super::target::Target;
use crate::base::arn::RoleArn;
use crate::base::caller::{Caller, Principal, SessionFacts};
use crate::base::ids::Region;
use crate::identity::oidc::WebIdentity;
use crate::ops::access::{Access, Facts};
use crate::ops::call::Call;
use crate::ops::ctx::Ctx;
use crate::ops::operation::Description;
use crate::ops::pipeline::Refusal;
use crate::policy::actions::Action;
use crate::policy::decision::Explanation;
use crate::policy::fact::Fact;

/// The longest name of a session, characters.
const NAME_CHARS: usize = 64;

/// Asks whether `caller`, who is the web identity `who`, may be a session of
/// `role`. Answers that session, and the decision.
///
/// # Errors
/// `AccessDeniedException`, with the decision.
pub fn assume(
    ctx: &Ctx,
    operation: &Description,
    caller: &Caller,
    region: &Region,
    who: &WebIdentity,
    role: RoleArn,
) -> Result<(Caller, Vec<Explanation>), Refusal> {
    let asked = Call {
        caller: caller.clone(),
        region: region.clone(),
        body: Vec::new(),
        members: Vec::new(),
        decided: Vec::new(),
    };
    let mut facts = Facts::default();
    let target = Target::of(ctx, role);
    let name = session_name(&who.federated.subject);
    let mut access = Access::new(ctx, operation, &asked, &mut facts);
    access.says(Fact::RoleSessionName, name.clone());
    let assumed = target.assume(&mut access, &[Action::ASSUME_ROLE_WITH_WEB_IDENTITY], denied);
    let decided = facts.decisions;
    match assumed {
        Err(error) => Err(Refusal { error, decided }),
        Ok((role, _terms)) => {
            let principal = Principal::RoleSession {
                account: role.account.clone(),
                role_id: role.unique_id.clone(),
                role_name: role.name.clone(),
                name,
            };
            let session = SessionFacts {
                // So that what was issued before a point in time can be refused.
                created_ms: who.issued_ms,
                federated: Some(who.federated.clone()),
                ..SessionFacts::default()
            };
            let session = Some(Arc::new(session));
            Ok((Caller { principal, session, ..caller.clone() }, decided))
        }
    }
}

/// A name for the session of `subject`: readable, not unique. The record has the
/// subject itself.
fn session_name(subject: &str) -> String {
    let fits = |b: u8| if is_of_name(b) { char::from(b) } else { '-' };
    let name: String = subject.bytes().map(fits).take(NAME_CHARS).collect();
    // The shortest name that AWS takes has two characters.
    if name.len() < 2 { format!("sub-{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_sessions_are_of_aws_characters() {
        for (subject, name) in [
            ("system:serviceaccount:shop:api", "system-serviceaccount-shop-api"),
            (
                "repo:octo-org/octo-repo:ref:refs/heads/main",
                "repo-octo-org-octo-repo-ref-refs-heads-main",
            ),
            ("7", "sub-7"),
            ("a@b.c", "a@b.c"),
        ] {
            assert_eq!(session_name(subject), name);
        }
        assert_eq!(session_name(&"x".repeat(255)).len(), 64);
    }
}
