//! The calls of remotes that a call of ours leads to, gathered for its record.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::remote::{Answer, Failure, RemoteName};
use crate::base::ids::AccountId;
use crate::base::limits::REMOTE_CALLS_SHOWN;
use crate::keys::key::RemoteKey;

/// One call of a remote. Only the book of the key's owner shows it: what is wrong at
/// the remote is none of the caller's business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoteCall {
    remote: String,
    operation: &'static str,
    /// The remote's name of the key.
    xks_key_id: String,
    /// Under which the remote's own log has the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
}

impl RemoteCall {
    /// A call that has ended like this.
    #[must_use]
    pub fn of<T>(
        remote: &RemoteName,
        operation: &'static str,
        key: &RemoteKey,
        outcome: &Result<Answer<T>, Failure>,
    ) -> Self {
        let (request_id, failure) = match outcome {
            Ok(answer) => (&answer.request_id, None),
            Err(failure) => (&failure.request_id, Some(failure)),
        };
        Self {
            remote: remote.to_string(),
            operation,
            xks_key_id: key.id.clone(),
            request_id: request_id.clone(),
            failure: failure.map(|failure| failure.kind.as_str()),
            cause: failure.map(|failure| failure.cause.clone()),
        }
    }
}

/// The calls of remotes that one call made, by the accounts whose keys they used.
#[derive(Debug, Default)]
pub struct RemoteCalls(Mutex<BTreeMap<AccountId, NotedCalls>>);

/// The calls of remotes for the keys of one account.
#[derive(Clone, Debug)]
pub struct NotedCalls {
    /// Those to show.
    pub shown: Vec<RemoteCall>,
    /// How many there were.
    pub count: usize,
    /// The key of all of them; `None` if there were several.
    pub key: Option<RemoteKey>,
}

impl RemoteCalls {
    /// Notes a call for a key of `owner`. Of very many, as of a batch, the first are
    /// kept, those that failed before the others, and all are counted.
    pub fn note(&self, owner: &AccountId, key: &RemoteKey, call: RemoteCall) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let none = || NotedCalls { shown: Vec::new(), count: 0, key: Some(key.clone()) };
        let noted = all.entry(owner.clone()).or_insert_with(none);
        noted.key.take_if(|one| one != key);
        noted.count = noted.count.saturating_add(1);
        if noted.shown.len() < REMOTE_CALLS_SHOWN {
            noted.shown.push(call);
        } else if call.failure.is_some()
            && let Some(went_well) = noted.shown.iter_mut().rfind(|shown| shown.failure.is_none())
        {
            *went_well = call;
        }
    }

    /// The calls for keys of `owner`; `None` without any.
    #[must_use]
    pub fn of(&self, owner: &AccountId) -> Option<NotedCalls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(owner).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::CustomKeyStoreId;
    use crate::keys::backend::remote::FailureKind;

    fn account(text: &str) -> AccountId {
        AccountId::parse(text).unwrap()
    }

    fn key(id: &str) -> RemoteKey {
        RemoteKey { store: CustomKeyStoreId::from_random([1; 16]), id: id.to_owned() }
    }

    #[test]
    fn a_failure_is_shown_whatever_went_well_before() {
        let calls = RemoteCalls::default();
        let name = RemoteName::parse("prod").unwrap();
        let fine = Ok(Answer { value: (), request_id: Some("1".to_owned()) });
        let (owner, key) = (account("111122223333"), key("a"));
        assert!(calls.of(&owner).is_none());
        for _ in 0..REMOTE_CALLS_SHOWN + 5 {
            calls.note(&owner, &key, RemoteCall::of(&name, "Decrypt", &key, &fine));
        }
        let failure =
            Failure { kind: FailureKind::Denied, request_id: None, cause: "no".to_owned() };
        let failed = RemoteCall::of::<()>(&name, "Decrypt", &key, &Err(failure));
        calls.note(&owner, &key, failed.clone());
        let noted = calls.of(&owner).unwrap();
        assert_eq!((noted.shown.len(), noted.count), (REMOTE_CALLS_SHOWN, REMOTE_CALLS_SHOWN + 6));
        assert_eq!(noted.shown.last(), Some(&failed));
        assert_eq!(noted.key, Some(key));
    }

    #[test]
    fn each_owner_has_its_own() {
        let calls = RemoteCalls::default();
        let name = RemoteName::parse("prod").unwrap();
        let fine = Ok(Answer { value: (), request_id: None });
        let (one, other) = (account("111122223333"), account("444455556666"));
        for (owner, id) in [(&one, "a"), (&other, "b"), (&one, "c"), (&one, "a")] {
            calls.note(owner, &key(id), RemoteCall::of(&name, "Encrypt", &key(id), &fine));
        }
        let of = |owner| {
            let noted = calls.of(owner).unwrap();
            let ids: Vec<_> = noted.shown.iter().map(|call| call.xks_key_id.clone()).collect();
            (ids, noted.count, noted.key)
        };
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        assert_eq!(of(&one), (ids(&["a", "c", "a"]), 3, None), "of several keys");
        assert_eq!(of(&other), (ids(&["b"]), 1, Some(key("b"))));
    }
}
