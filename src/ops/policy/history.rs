//! Policies of then, from the book: each change of a policy is a record with
//! the text that was put.

use serde_json::Value;

use crate::audit::{self, Recorded, Sought};
use crate::base::arn::KeyArn;
use crate::base::ids::AccountId;
use crate::policy::builtin::{default_key_policy, default_trust_policy};
use crate::store::{Position, Store};

/// The operations that give a key its policy.
const GIVE_A_KEY_POLICY: &[&str] = &["CreateKey", "PutKeyPolicy", "PutKeyPolicyWithTests"];
/// The operations that give a role its trust policy.
const GIVE_A_TRUST_POLICY: &[&str] = &["CreateRole", "UpdateRole"];
/// Records of such changes that are looked at, of whichever role.
const ROLE_CHANGES_SEARCHED: usize = 1_000;
/// The operations that change what the caller's own side says.
const CHANGE_IDENTITIES: &[&str] = &[
    "AddUserToGroup",
    "AttachPolicy",
    "DeleteGroup",
    "DeletePermissionsBoundary",
    "DetachPolicy",
    "PutPermissionsBoundary",
    "RemoveUserFromGroup",
    "TagPrincipal",
    "UntagPrincipal",
];

/// The text of the key policy that was in force just before a place in the
/// book; `None` if the book does not say. Blocks.
///
/// # Errors
/// As the book answers.
pub(super) fn key_policy(
    store: &Store,
    key: &KeyArn,
    before: Position,
) -> Result<Option<String>, audit::Error> {
    let arn = key.to_string();
    let found = audit::newest_success(
        store,
        Sought {
            account: Some(key.account.as_str()),
            key: Some(&arn),
            operations: GIVE_A_KEY_POLICY,
            from_ms: i64::MIN,
            before,
        },
    )?;
    let Some(Recorded { record, .. }) = found else { return Ok(None) };
    let Ok(record) = serde_json::from_str::<Value>(&record) else { return Ok(None) };
    let text = record.pointer("/requestParameters/policy").and_then(Value::as_str);
    let by_default = record.pointer("/eventName").and_then(Value::as_str) == Some("CreateKey");
    Ok(match text {
        Some(text) => Some(text.to_owned()),
        // A key that is created without one gets AWS's default.
        None if by_default && is_whole(&record) => Some(default_key_policy(&key.account)),
        None => None,
    })
}

/// The text of the trust policy that a role of `account` had just before a place
/// in the book; `None` if the book does not say. Blocks.
///
/// # Errors
/// As the book answers.
pub(super) fn trust_policy(
    store: &Store,
    account: &AccountId,
    role: &str,
    mut before: Position,
) -> Result<Option<String>, audit::Error> {
    for _ in 0..ROLE_CHANGES_SEARCHED {
        let found = audit::newest_success(
            store,
            Sought {
                account: Some(account.as_str()),
                key: None,
                operations: GIVE_A_TRUST_POLICY,
                from_ms: i64::MIN,
                before,
            },
        )?;
        let Some(Recorded { record, position }) = found else { return Ok(None) };
        before = position;
        let Ok(record) = serde_json::from_str::<Value>(&record) else { return Ok(None) };
        // Of whichever role.
        if !is_whole(&record) {
            return Ok(None);
        }
        let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
        if text("/requestParameters/roleName") != Some(role) {
            continue;
        }
        match text("/requestParameters/assumeRolePolicyDocument") {
            Some(text) => return Ok(Some(text.to_owned())),
            None if text("/eventName") == Some("CreateRole") => {
                return Ok(Some(default_trust_policy(account)));
            }
            // It changed something else of the role.
            None => {}
        }
    }
    Ok(None)
}

/// Whether the record has the parameters of the call. Those that are too long are left
/// out, and the server's own calls have none.
fn is_whole(record: &Value) -> bool {
    let parameters = record.get("requestParameters").and_then(Value::as_object);
    parameters.is_some_and(|parameters| !parameters.contains_key("omitted"))
}

/// Whether identity policies, groups, boundaries or tags of anybody in the
/// account changed after a place in the book. Blocks.
///
/// # Errors
/// As the book answers.
pub(super) fn identities_changed_since(
    store: &Store,
    account: &AccountId,
    since: Position,
) -> Result<bool, audit::Error> {
    let newest = audit::newest_success(
        store,
        Sought {
            account: Some(account.as_str()),
            key: None,
            operations: CHANGE_IDENTITIES,
            // Times may go back; whether it came later, its place says.
            from_ms: i64::MIN,
            before: Position::END,
        },
    )?;
    Ok(newest.is_some_and(|newest| newest.position > since))
}
