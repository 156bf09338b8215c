//! The data keys of a batch of encrypted items: which of an item's recipients are
//! asked for its key, and in which order.

use std::collections::BTreeMap;

use super::batch::Refusal;
use super::key_service::KeyService;
use crate::base::context::EncryptionContext;
use crate::base::limits;
use crate::base::secret::SecretBytes;
use crate::items::error::{ItemError, ItemErrorCode};
use crate::items::header::{EncryptedDataKey, KMS_PROVIDER_ID};
use crate::items::schemas::StoredSchema;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

/// No recipient gave a key.
pub(super) struct Unopened {
    pub(super) refusal: Refusal,
    /// Whether a policy is the reason, and not the item.
    pub(super) is_denied: bool,
    /// Whether it may work later.
    is_passing: bool,
}

impl Unopened {
    pub(super) fn of(error: &ApiError) -> Self {
        let is_denied = error.code() == Code::AccessDeniedException;
        let is_passing = matches!(
            error.code(),
            Code::DependencyTimeoutException
                | Code::KMSInternalException
                | Code::KeyUnavailableException
                | Code::ThrottlingException
        );
        Self { refusal: Refusal::from(error), is_denied, is_passing }
    }

    /// What is told of an item that `next` does not open either: the last word, but
    /// rather that it may open later.
    fn then(self, next: Self) -> Self {
        let is_passing = self.is_passing || next.is_passing;
        let is_denied = (self.is_denied || next.is_denied) && !is_passing;
        let refusal = match self.is_passing && !next.is_passing {
            true => self.refusal,
            false => next.refusal,
        };
        Self { refusal, is_denied, is_passing }
    }
}

/// An item on its way to its key.
struct Search<'a> {
    recipients: Vec<Recipient<'a>>,
    context: &'a EncryptionContext,
    found: Result<(usize, SecretBytes), Unopened>,
}

impl<'a> Search<'a> {
    fn of(
        stored: &'a StoredSchema,
        (data_keys, context): (&'a [EncryptedDataKey], &'a EncryptionContext),
    ) -> Self {
        Self { recipients: recipients(stored, data_keys), context, found: Err(unknown()) }
    }
}

struct Recipient<'a> {
    /// Its place in the header.
    index: usize,
    key_arn: &'a str,
    wrapped: &'a [u8],
}

impl KeyService {
    /// For each item, given by its data keys and encryption context, the first of its
    /// data keys that opens: its place and the intermediate key. Only keys of the
    /// schema are asked: whoever can use some other key that the reader may use as
    /// well could forge items under it. How many are tried is bounded: an item may
    /// name 255.
    pub(super) async fn unwrap<'a>(
        &self,
        stored: &'a StoredSchema,
        items: &[(&'a [EncryptedDataKey], &'a EncryptionContext)],
    ) -> Vec<Result<(usize, SecretBytes), Unopened>> {
        let mut all: Vec<Search<'a>> = items.iter().map(|item| Search::of(stored, *item)).collect();
        for round in 0..limits::DATA_KEYS_TRIED {
            let mut by_key: BTreeMap<&str, Vec<&mut Search<'a>>> = BTreeMap::new();
            for search in all.iter_mut().filter(|search| search.found.is_err()) {
                if let Some(recipient) = search.recipients.get(round) {
                    by_key.entry(recipient.key_arn).or_default().push(search);
                }
            }
            for (key_arn, searches) in by_key {
                self.ask(key_arn, round, searches).await;
            }
        }
        all.into_iter().map(|search| search.found).collect()
    }

    /// Asks one key for those who have it at place `round`.
    async fn ask<'a>(&self, key_arn: &str, round: usize, mut searches: Vec<&mut Search<'a>>) {
        let wrapped = |search: &&mut Search<'a>| {
            let wrapped = search.recipients.get(round).map_or(&[][..], |of| of.wrapped);
            (wrapped, search.context)
        };
        let asked: Vec<_> = searches.iter().map(wrapped).collect();
        let opened = self.decrypt(key_arn, asked).await;
        for (search, opened) in searches.iter_mut().zip(opened) {
            let index = search.recipients.get(round).map_or(0, |of| of.index);
            search.found = match (opened, std::mem::replace(&mut search.found, Err(unknown()))) {
                (Ok(key), _) => Ok((index, key)),
                (Err(_), Ok(found)) => Ok(found),
                (Err(error), Err(before)) => Err(before.then(Unopened::of(&error))),
            };
        }
    }
}

/// The recipients that are keys of the schema, by the key that opens them here.
fn recipients<'a>(
    stored: &'a StoredSchema,
    data_keys: &'a [EncryptedDataKey],
) -> Vec<Recipient<'a>> {
    let ours = |(index, key): (usize, &'a EncryptedDataKey)| {
        let arn = std::str::from_utf8(&key.provider_info).ok()?;
        let key_arn = stored.opening_key_arn(arn).filter(|_| key.provider_id == KMS_PROVIDER_ID)?;
        Some(Recipient { index, key_arn, wrapped: &key.wrapped_intermediate_key })
    };
    data_keys.iter().enumerate().filter_map(ours).take(limits::DATA_KEYS_TRIED).collect()
}

fn unknown() -> Unopened {
    let text =
        "the item was not encrypted under a key of this schema or of an earlier version of it";
    let refusal = ItemError::new(ItemErrorCode::KeyMismatch, text).into();
    Unopened { refusal, is_denied: false, is_passing: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: Code) -> Unopened {
        Unopened::of(&ApiError::new(code, code.as_str()))
    }

    #[test]
    fn what_may_open_later_is_not_refused_for_good() {
        use Code::{AccessDeniedException, DisabledException, KeyUnavailableException};
        for (codes, told, is_denied) in [
            (vec![KeyUnavailableException, AccessDeniedException], KeyUnavailableException, false),
            (vec![AccessDeniedException, KeyUnavailableException], KeyUnavailableException, false),
            (vec![AccessDeniedException, DisabledException], DisabledException, true),
            (vec![DisabledException, AccessDeniedException], AccessDeniedException, true),
            (vec![DisabledException], DisabledException, false),
        ] {
            let unopened = codes.iter().map(|code| of(*code)).fold(unknown(), Unopened::then);
            let refusal = serde_json::to_value(&unopened.refusal).unwrap();
            assert_eq!(refusal["code"], told.as_str(), "{codes:?}");
            assert_eq!(unopened.is_denied, is_denied, "{codes:?}");
        }
    }
}
