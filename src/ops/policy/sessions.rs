//! The session that made a recorded call, as the book has it: the record of the
//! call itself does not say which policy and tags the session had.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::audit::{self, Filter, Selection, Term};
use crate::base::caller::{Federated, SessionFacts};
use crate::base::ids::AccountId;
use crate::base::limits::AUDIT_PAGE_ROWS;
use crate::base::timestamp;
use crate::ops::ctx::Ctx;
use crate::store::{Field, Store};
use crate::wire::error::ApiError;

/// The operations that make sessions of roles.
const MAKERS: [&str; 2] = ["AssumeRole", "AssumeRoleWithWebIdentity"];
/// How long after the beginning of a session its record can be, at most. The
/// beginning is recorded in seconds.
const RECORDED_WITHIN_MS: i64 = 60_000;
/// Pages of records that are looked at for each of the operations.
const PAGES_SEARCHED: usize = 4;

/// What is known of a caller's session.
#[derive(Debug)]
pub(super) enum Session {
    /// The call was made with long-term credentials.
    None,
    Known(SessionFacts),
    /// Why it is not known.
    Unknown(String),
}

/// Finds the session of a recorded call of `account`.
pub(super) async fn find(
    ctx: &Ctx,
    account: &AccountId,
    record: &Value,
) -> Result<Session, ApiError> {
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
    let Some(context) = record.pointer("/userIdentity/sessionContext") else {
        return Ok(Session::None);
    };
    let begun = text("/userIdentity/sessionContext/attributes/creationDate");
    let Some(created_ms) = begun.and_then(timestamp::parse_rfc3339) else {
        return Ok(Session::Unknown("the record does not say when the session began".to_owned()));
    };
    let federated = federated(context);
    let facts = SessionFacts { created_ms, federated, ..SessionFacts::default() };
    let is_of_role = context.get("sessionIssuer").is_some();
    match text("/userIdentity/accessKeyId") {
        // The session of a user has neither tags nor a policy, and no more has
        // one that lasts for a single call by bearer token.
        _ if !is_of_role => Ok(Session::Known(facts)),
        None => Ok(Session::Known(facts)),
        Some(id) => {
            let (store, of, id) = (Arc::clone(&ctx.store), account.to_string(), id.to_owned());
            let search = move || made(&store, &of, &id, created_ms);
            Ok(match ctx.policy_searches.make_for(account, search).await?? {
                Made::As(record) => complete(facts, &record),
                Made::NotFound => Session::Unknown(
                    "the book of this account has no record of how the session was made, which \
                     would say which policy and tags it had"
                        .to_owned(),
                ),
                Made::NotSearched => Session::Unknown(format!(
                    "the record of how the session was made is not among the {} of its minute \
                     that were looked at",
                    PAGES_SEARCHED.saturating_mul(AUDIT_PAGE_ROWS)
                )),
            })
        }
    }
}

/// The record of the call that made a session.
enum Made {
    As(Value),
    NotFound,
    /// There are more than are looked at.
    NotSearched,
}

fn made(
    store: &Store,
    account: &str,
    access_key_id: &str,
    created_ms: i64,
) -> Result<Made, audit::Error> {
    let mut complete = true;
    for maker in MAKERS {
        let mut filter = Filter {
            selection: Selection {
                account: Some(account.to_owned()),
                from_ms: Some(created_ms),
                to_ms: Some(created_ms.saturating_add(RECORDED_WITHIN_MS)),
                terms: vec![Term::text(Field::EventName, maker)],
            },
            limit: AUDIT_PAGE_ROWS,
            ..Filter::default()
        };
        for page in 1..=PAGES_SEARCHED {
            let found = audit::query(store, &filter)?;
            // What does not hold the id need not be read.
            let holding = found.records.iter().filter(|record| record.contains(access_key_id));
            for record in holding.filter_map(|record| serde_json::from_str::<Value>(record).ok()) {
                let id = record.pointer("/responseElements/credentials/accessKeyId");
                if id.and_then(Value::as_str) == Some(access_key_id) {
                    return Ok(Made::As(record));
                }
            }
            match found.next_cursor {
                None => break,
                Some(_) if page == PAGES_SEARCHED => complete = false,
                Some(next) => filter.cursor = Some(next),
            }
        }
    }
    Ok(if complete { Made::NotFound } else { Made::NotSearched })
}

/// The session with what the record of its making says.
fn complete(facts: SessionFacts, record: &Value) -> Session {
    let parameters = record.get("requestParameters").filter(|parameters| {
        parameters.get("roleSessionName").is_some() && parameters.get("omitted").is_none()
    });
    let Some(parameters) = parameters else {
        let why = "the record of how the session was made does not hold its policy and tags";
        return Session::Unknown(why.to_owned());
    };
    let policy = parameters.get("policy").and_then(Value::as_str).map(str::to_owned);
    let mut tags: BTreeMap<String, String> = parameters
        .get("incomingTransitiveTags")
        .and_then(|tags| serde_json::from_value(tags.clone()).ok())
        .unwrap_or_default();
    let asked = parameters.get("tags").and_then(Value::as_array).into_iter().flatten();
    tags.extend(asked.filter_map(|tag| {
        let member = |name: &str| tag.get(name)?.as_str().map(str::to_owned);
        Some((member("key")?, member("value")?))
    }));
    Session::Known(SessionFacts { policy, tags, ..facts })
}

/// For whom a provider vouched.
pub(super) fn federated(context: &Value) -> Option<Federated> {
    let attributes = context.pointer("/webIdFederationData/attributes")?.as_object()?;
    let of = |ending: &str| {
        attributes.iter().find_map(|(name, value)| Some((name.strip_suffix(ending)?, value)))
    };
    let (provider, audience) = of(":aud")?;
    let (_, subject) = of(":sub")?;
    Some(Federated {
        provider: provider.to_owned(),
        audience: audience.as_str()?.to_owned(),
        subject: subject.as_str()?.to_owned(),
    })
}
