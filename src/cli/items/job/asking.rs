//! Asking the server: one batch, and again what it could not do just now.

use std::thread;
use std::time::Duration;

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::batch::{Answered, Batch, Entry, Outcome, Refused};
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::items::error::ItemErrorCode;

/// How long is waited before each further try.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(10),
];

/// Errors that say nothing of the item: later it may work.
const PASSING: &[&str] = &[
    "DependencyTimeoutException",
    "KMSInternalException",
    "KeyUnavailableException",
    "RandomUnavailable",
    "ThrottlingException",
];

/// The same, said by a server that had no time for the request (408), or by a proxy
/// before it, without an error of KMS (RFC 9110, section 15; RFC 6585, section 4).
const PASSING_STATUSES: &[u16] = &[408, 429, 502, 503, 504];

/// What is asked of every batch.
pub(super) struct Asking {
    pub(super) client: Client,
    /// Name of the schema.
    pub(super) schema: String,
    /// The last part of the path.
    pub(super) verb: &'static str,
    pub(super) format: String,
    pub(super) schema_hash: Option<String>,
    /// Of those that decrypt.
    pub(super) purpose: Option<String>,
    /// Whether an item of which something is kept back is refused; of those that
    /// decrypt.
    pub(super) strict: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    format: &'a str,
    items: Vec<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_hash: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_withheld: Option<&'static str>,
}

#[derive(Deserialize)]
struct Answer {
    items: Vec<Told>,
}

/// What became of one item: exactly one of the two.
#[derive(Deserialize)]
struct Told {
    item: Option<Box<RawValue>>,
    #[serde(default)]
    masked: Vec<String>,
    error: Option<Refused>,
}

impl Asking {
    /// What becomes of each line of a batch.
    ///
    /// # Errors
    /// Whatever keeps the server from doing anything; also if it cannot do a part
    /// of the batch for now, so that nothing is written down as refused that would
    /// have worked later.
    pub(super) fn ask(&self, batch: Batch) -> Result<Answered, Error> {
        let Batch { entries, end } = batch;
        let mut told: Vec<Option<Told>> = entries.iter().map(|_| None).collect();
        let mut pauses = PAUSES.iter();
        loop {
            let tried = self.once(&entries, &mut told);
            let error = match tried {
                Ok(None) => break,
                Ok(Some(refused)) => Error::NotNow { code: refused.code, text: refused.message },
                Err(error) if is_passing(&error) => error,
                Err(error) => return Err(error),
            };
            match pauses.next() {
                // Whoever is woken too early asks too early: no harm is done.
                Some(pause) => thread::park_timeout(*pause),
                None => return Err(error),
            }
        }
        let outcomes = entries.into_iter().zip(told).map(|(entry, told)| self.outcome(entry, told));
        Ok(Answered { outcomes: outcomes.collect(), end })
    }

    /// Asks about the items of which nothing is told yet; answers a refusal that
    /// may pass, if there is one.
    fn once(&self, entries: &[Entry], told: &mut [Option<Told>]) -> Result<Option<Refused>, Error> {
        let mut open = Vec::new();
        for (entry, told) in entries.iter().zip(told) {
            if let (Ok(item), None) = (&entry.item, &told) {
                open.push((item.as_ref(), told));
            }
        }
        if open.is_empty() {
            return Ok(None);
        }
        let body = Body {
            format: &self.format,
            items: open.iter().map(|(item, _)| *item).collect(),
            schema_hash: self.schema_hash.as_deref(),
            purpose: self.purpose.as_deref(),
            on_withheld: self.strict.then_some("error"),
        };
        let path = ["v1", "item-schemas", &self.schema, self.verb];
        let answer: Answer = self.client.call(Call::new(Method::POST, &path).with(&body)?)?;
        if answer.items.len() != open.len() {
            return Err(nonsense("it has another number of items than was sent"));
        }
        let mut passing = None;
        for ((_, told), answered) in open.into_iter().zip(answer.items) {
            match answered {
                Told { error: Some(error), .. } if PASSING.contains(&error.code.as_str()) => {
                    passing = Some(error);
                }
                Told { item: None, error: None, .. } => {
                    return Err(nonsense("it has neither an item nor an error"));
                }
                answered => *told = Some(answered),
            }
        }
        Ok(passing)
    }

    fn outcome(&self, entry: Entry, told: Option<Told>) -> Outcome {
        let Entry { line, wrapped, item } = entry;
        let (item, became) = match (item, told) {
            (Err(refused), _) => (None, Err(refused)),
            (Ok(item), Some(Told { error: Some(refused), .. })) => (Some(item), Err(refused)),
            (Ok(item), Some(Told { masked, .. })) if self.strict && !masked.is_empty() => {
                let text = format!("masked for the caller: {}", masked.join(", "));
                (Some(item), Err(Refused::new(ItemErrorCode::AttributeWithheld, text)))
            }
            (Ok(_), Some(Told { item: Some(became), .. })) => (None, Ok(became)),
            (Ok(item), _) => (Some(item), Err(Refused::unanswered())),
        };
        Outcome { line, wrapped, item, became }
    }
}

/// Whether the same call may work later.
fn is_passing(error: &Error) -> bool {
    match error {
        Error::Unreachable { .. } => true,
        Error::Refused { code, .. } => PASSING.contains(&code.as_str()),
        Error::Answer { status, .. } => PASSING_STATUSES.contains(status),
        _ => false,
    }
}

fn nonsense(text: &str) -> Error {
    Error::Answer { status: 200, cause: serde::de::Error::custom(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_again() {
        let answer = |status| Error::Answer { status, cause: serde::de::Error::custom("no JSON") };
        let refused = |code: &str| {
            let (code, request_id) = (code.to_owned(), String::new());
            Error::Refused { code, message: String::new(), request_id }
        };
        for status in [408, 429, 502, 503, 504] {
            assert!(is_passing(&answer(status)), "{status}");
        }
        for status in [200, 400, 404, 413, 500] {
            assert!(!is_passing(&answer(status)), "{status}");
        }
        assert!(is_passing(&refused("ThrottlingException")));
        assert!(!is_passing(&refused("AccessDeniedException")));
        assert!(!is_passing(&nonsense("anything")));
    }
}
