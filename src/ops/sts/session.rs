//! Making a session of a role, for whoever was allowed it.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use crate::base::arn::PARTITION;
use crate::base::caller::SessionFacts;
use crate::base::secret::SecretBytes;
use crate::base::timestamp;
use crate::identity::credentials::{self, Holder, NewSession};
use crate::identity::directory::Identity;
use crate::ops::ctx::Ctx;
use crate::wire::error::ApiError;
use crate::wire::text::SecretText;

/// How long a session is good whose maker does not say, seconds (AWS's own).
pub(super) const ROLE_SESSION_S: i64 = 3_600;

/// Temporary credentials as they are answered.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Credentials {
    access_key_id: String,
    secret_access_key: SecretText,
    session_token: SecretText,
    /// RFC 3339.
    expiration: String,
}

/// A session of a role as it is answered.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoleSession {
    arn: String,
    assumed_role_id: String,
    #[serde(flatten)]
    credentials: Credentials,
    /// Percent; only of a session with tags or a policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    packed_policy_size: Option<usize>,
}

/// New credentials, and what the record keeps of them.
pub(super) fn make(
    ctx: &Ctx,
    holder: Holder,
    facts: SessionFacts,
    seconds: i64,
) -> Result<(Credentials, usize, Value), ApiError> {
    let valid_ms = seconds.saturating_mul(1_000);
    let expires_ms = facts.created_ms.saturating_add(valid_ms);
    let NewSession { credentials, token, packed_percent } =
        credentials::session(&ctx.hsm, holder, facts, expires_ms)?;
    let recorded = json!({
        "accessKeyId": credentials.access_key_id,
        "expiration": timestamp::record_date(expires_ms),
    });
    let shown = Credentials {
        access_key_id: credentials.access_key_id,
        secret_access_key: SecretText(credentials.secret),
        session_token: SecretText(SecretBytes::new(token.into_bytes())),
        expiration: timestamp::event_time(expires_ms),
    };
    Ok((shown, packed_percent, recorded))
}

/// A new session of a role, and what the record keeps of it.
pub(super) fn of_role(
    ctx: &Ctx,
    role: &Arc<Identity>,
    name: &str,
    facts: SessionFacts,
    seconds: i64,
) -> Result<(RoleSession, Value), ApiError> {
    let is_packed = facts.policy.is_some() || !facts.tags.is_empty();
    let holder = Holder::Role { role_id: role.unique_id.clone(), session_name: name.to_owned() };
    let (credentials, percent, recorded) = make(ctx, holder, facts, seconds)?;
    let arn = format!("arn:{PARTITION}:sts::{}:assumed-role/{}/{name}", role.account, role.name);
    let assumed_role_id = format!("{}:{name}", role.unique_id);
    let recorded = json!({
        "assumedRoleUser": { "assumedRoleId": assumed_role_id, "arn": arn },
        "credentials": recorded,
    });
    let packed_policy_size = is_packed.then_some(percent);
    Ok((RoleSession { arn, assumed_role_id, credentials, packed_policy_size }, recorded))
}

/// Checks a session policy; it is compiled again by whoever uses the session.
pub(super) fn check_policy(ctx: &Ctx, policy: Option<&str>) -> Result<(), ApiError> {
    match policy {
        None => Ok(()),
        Some(text) => Ok(ctx.engine.compile_identity_policy(text).map(drop)?),
    }
}

/// How long a new session is good, seconds. `most` is the role's own limit.
pub(super) fn seconds(wanted: Option<i64>, most: i64) -> Result<i64, ApiError> {
    match wanted {
        Some(wanted) if wanted > most => Err(ApiError::validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )),
        Some(wanted) => Ok(wanted),
        None => Ok(ROLE_SESSION_S.min(most)),
    }
}
