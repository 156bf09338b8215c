//! The calls of remotes that a call of ours leads to, gathered for its record.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::remote::{Answer, Failure, RemoteName};
use crate::base::limits::REMOTE_CALLS_SHOWN;

/// One call of a remote. Only the book shows it: to the caller, what is wrong at the
/// remote is none of the caller's business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoteCall {
    remote: String,
    operation: &'static str,
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
        outcome: &Result<Answer<T>, Failure>,
    ) -> Self {
        let (request_id, failure) = match outcome {
            Ok(answer) => (&answer.request_id, None),
            Err(failure) => (&failure.request_id, Some(failure)),
        };
        Self {
            remote: remote.to_string(),
            operation,
            request_id: request_id.clone(),
            failure: failure.map(|failure| failure.kind.as_str()),
            cause: failure.map(|failure| failure.cause.clone()),
        }
    }
}

/// The calls of remotes that one call made.
#[derive(Debug, Default)]
pub struct RemoteCalls(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    shown: Vec<RemoteCall>,
    count: usize,
}

impl RemoteCalls {
    /// Notes a call. Of very many, as of a batch, the first are kept, those that
    /// failed before the others, and all are counted.
    pub fn note(&self, call: RemoteCall) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.count = noted.count.saturating_add(1);
        if noted.shown.len() < REMOTE_CALLS_SHOWN {
            noted.shown.push(call);
        } else if call.failure.is_some()
            && let Some(went_well) = noted.shown.iter_mut().rfind(|shown| shown.failure.is_none())
        {
            *went_well = call;
        }
    }

    /// The calls to show, and how many there were; `None` without any.
    #[must_use]
    pub fn noted(&self) -> Option<(Vec<RemoteCall>, usize)> {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (noted.count > 0).then(|| (noted.shown.clone(), noted.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::backend::remote::FailureKind;

    #[test]
    fn a_failure_is_shown_whatever_went_well_before() {
        let calls = RemoteCalls::default();
        let name = RemoteName::parse("prod").unwrap();
        let fine = Ok(Answer { value: (), request_id: Some("1".to_owned()) });
        assert_eq!(calls.noted(), None);
        for _ in 0..REMOTE_CALLS_SHOWN + 5 {
            calls.note(RemoteCall::of(&name, "Decrypt", &fine));
        }
        let failure =
            Failure { kind: FailureKind::Denied, request_id: None, cause: "no".to_owned() };
        let failed = RemoteCall::of::<()>(&name, "Decrypt", &Err(failure));
        calls.note(failed.clone());
        let (shown, count) = calls.noted().unwrap();
        assert_eq!((shown.len(), count), (REMOTE_CALLS_SHOWN, REMOTE_CALLS_SHOWN + 6));
        assert_eq!(shown.last(), Some(&failed));
    }
}
