//! A call by bearer token: somebody for whom an OpenID Connect provider vouches
//! is a session of a role for this one call. The trust policy is asked at its
//! beginning, and its decision is the first in the call's own record.

use std::sync::Arc;

use super::assume_role_with_web_identity::denied;
use super::members::is_of_name;
use super::target::Target;
use crate::base::arn::RoleArn;
use crate::base::caller::{Caller, Federated, Principal, SessionFacts};
use crate::base::ids::Region;
use crate::identity::oidc::WebIdentity;
use crate::ops::access::Access;
use crate::ops::call::Call;
use crate::ops::ctx::Ctx;
use crate::ops::facts::Facts;
use crate::ops::operation::Description;
use crate::ops::pipeline::Refusal;
use crate::policy::actions::Action;
use crate::policy::decision::Explanation;
use crate::policy::fact::Fact;
use crate::wire::sigv4::sha256_hex;

/// The longest name of a session, characters.
const NAME_CHARS: usize = 64;
/// Of which tell subjects apart: 80 bits.
const HASH_CHARS: usize = 20;

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
    let name = session_name(&who.federated);
    let mut access = Access::new(ctx, operation, &asked, &mut facts);
    access.says(Fact::RoleSessionName, name.clone());
    let assumed = target.assume(&mut access, &[Action::ASSUME_ROLE_WITH_WEB_IDENTITY], denied);
    let decided = facts.decisions;
    match assumed {
        Err(error) => Err(Refusal { decided, ..error.into() }),
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

/// A name for the session of a subject: readable, and another for each subject
/// and provider, for policies and grants can name a session.
fn session_name(who: &Federated) -> String {
    let Federated { provider, subject, .. } = who;
    let hash = sha256_hex(format!("{}:{provider}{subject}", provider.len()).as_bytes());
    let hash: String = hash.chars().take(HASH_CHARS).collect();
    let fits = |b: u8| if is_of_name(b) { char::from(b) } else { '-' };
    let readable = NAME_CHARS.saturating_sub(HASH_CHARS).saturating_sub(1);
    let name: String = subject.bytes().map(fits).take(readable).collect();
    format!("{name}-{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_sessions_are_of_aws_characters() {
        let name = |provider: &str, subject: &str| {
            session_name(&Federated {
                provider: provider.to_owned(),
                audience: "a".to_owned(),
                subject: subject.to_owned(),
            })
        };
        let api = name("id.test", "system:serviceaccount:shop:api");
        assert!(api.starts_with("system-serviceaccount-shop-api-"), "{api}");
        assert_eq!(api, name("id.test", "system:serviceaccount:shop:api"));
        let long = "x".repeat(255);
        let all = [
            api,
            name("id.test", "system-serviceaccount-shop-api"),
            name("other.test", "system:serviceaccount:shop:api"),
            name("id.test", &long),
            name("id.test", &format!("{long}y")),
            name("id.test", "7"),
        ];
        for one in &all {
            assert!((2..=NAME_CHARS).contains(&one.len()) && one.bytes().all(is_of_name), "{one}");
            assert_eq!(all.iter().filter(|other| *other == one).count(), 1, "{one}");
        }
    }
}
