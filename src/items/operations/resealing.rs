//! Items that are sealed anew under the keys in force: what RewrapItems and
//! ReEncryptItems share. An item is verified whole before any key is asked for
//! its new form.
//!
//! The caller gets ciphertext back and nothing else, so that no permission on
//! attributes is asked. What a later version of the schema no longer encrypts
//! would come out in plaintext: such an item is refused.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::batch::{self, Batch, Output, Refusal};
use super::encrypt_items::{Prepared, seal_all};
use super::field_reads::Reads;
use super::key_service::KeyService;
use super::sealed::{Parsed, Sealed, parse};
use super::unwrap::Unopened;
use super::{Ctx, find_schema, pin};
use crate::audit::{ItemRead, ReadKind};
use crate::base::secret::SecretBytes;
use crate::items::decrypt::VerifiedItem;
use crate::items::document::decrypt::{Disclosure, VerifiedDocument};
use crate::items::document::encrypt::PreparedDocument;
use crate::items::encrypt::PreparedItem;
use crate::items::error::{ItemError, ItemErrorCode};
use crate::items::rewrap::RewrappedItem;
use crate::items::schemas::StoredSchema;
use crate::ops::access::Access;
use crate::ops::operation::Done;
use crate::policy::actions::Action;
use crate::wire::error::ApiError;

/// How much of an item is made anew.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Header and footer: the same data key for other keys.
    Wrapping,
    /// Everything, by the schema in force.
    Whole,
}

/// Seals every item of a batch anew, if the caller may do `action` on the schema.
pub(super) async fn run(
    ctx: &Ctx,
    access: &mut Access<'_>,
    input: Batch,
    (action, depth): (Action, Depth),
) -> Result<Done<Output>, ApiError> {
    let stored = find_schema(ctx, access, action, &input.name)?;
    pin::check(access, &stored, input.schema_hash.as_deref())?;
    input.format.check(&stored.schema)?;
    if depth == Depth::Wrapping && stored.schema.documents().is_some() {
        let text = "Documents cannot be rewrapped: re-encrypt them.";
        return Err(ApiError::validation(text));
    }
    let keys = KeyService::new(ctx, access.call());
    let sealer = Arc::new(Sealer {
        reads: Reads::new(ctx, &stored, ReadKind::UsedInside),
        depth,
        known: Arc::clone(stored.encrypted_names()),
        stored: Arc::clone(&stored),
    });
    let format = input.format;
    let schema = Arc::clone(&stored);
    let parsed = batch::each((0_u16..).zip(input.items).collect(), move |(number, text)| {
        parse(&schema, (number, text.get()), format)
    })
    .await?;
    let data_keys: Vec<_> = parsed.iter().flatten().map(|item| item.item.data_keys()).collect();
    let mut opened = keys.unwrap(&stored, &data_keys).await.into_iter();
    let with_keys = parsed.into_iter().map(|item| Ok((item?, opened.next()))).collect();
    let one = Arc::clone(&sealer);
    let prepared = batch::each(with_keys, move |item: Result<_, Refusal>| {
        let (item, key) = item?;
        one.prepare(item, key)
    })
    .await;
    let hsm = Arc::clone(&ctx.common.hsm);
    let done = match prepared {
        Ok(prepared) => seal_all(access, (&stored, &keys, &hsm), prepared, format).await,
        Err(error) => Err(error),
    };
    access.record_field_reads(sealer.reads.gathered());
    done
}

/// One caller, who has items of one schema sealed anew.
struct Sealer {
    stored: Arc<StoredSchema>,
    reads: Reads,
    depth: Depth,
    /// The names that some version of the schema encrypts.
    known: Arc<BTreeSet<String>>,
}

impl Sealer {
    /// Verifies an item, and makes it ready for its new keys.
    fn prepare(
        &self,
        parsed: Parsed,
        key: Option<Result<(usize, SecretBytes), Unopened>>,
    ) -> Result<Prepared, Refusal> {
        let Parsed { number, item, mut encrypted, .. } = parsed;
        // Others are names that an item made up: the book does not take them.
        encrypted.retain(|name| self.known.contains(name));
        let read = self.reads.of_item(number, &item.key(&self.stored)).map_err(internal)?;
        let missing = || Err(Unopened::of(&ApiError::internal("a key is missing")));
        let (index, key) = match key.unwrap_or_else(missing) {
            Ok(key) => key,
            Err(unopened) => {
                if unopened.is_denied {
                    self.deny(read, encrypted);
                }
                return Err(unopened.refusal);
            }
        };
        match item {
            Sealed::Item(item) => {
                let verified = item.verify(index, &key)?;
                if self.depth == Depth::Wrapping {
                    self.reads.add(read);
                    return Ok(Prepared::Rewrapped(RewrappedItem::prepare(verified)?));
                }
                if let Some(name) = verified.reserved_names().next() {
                    return Err(would_be_lost(name).into());
                }
                self.reads.add(ItemRead { plain: encrypted, ..read });
                self.re_encrypt(verified)
            }
            Sealed::Document(document) => {
                let verified = document.verify(index, &key)?;
                self.re_encrypt_document(verified, ItemRead { plain: encrypted, ..read })
            }
        }
    }

    fn re_encrypt(&self, verified: VerifiedItem) -> Result<Prepared, Refusal> {
        let before: Vec<String> = verified.encrypted_names().map(str::to_owned).collect();
        let opened = verified.decrypt(|_| true)?;
        let prepared = PreparedItem::prepare(&self.stored.schema, opened)?;
        let after: BTreeSet<&str> = prepared.encrypted_names().collect();
        match before.iter().find(|name| !after.contains(name.as_str())) {
            None => Ok(Prepared::Item(prepared)),
            Some(name) => Err(would_be_shown(name).into()),
        }
    }

    fn re_encrypt_document(
        &self,
        verified: VerifiedDocument,
        mut read: ItemRead,
    ) -> Result<Prepared, Refusal> {
        let Some(schema) = self.stored.schema.documents() else {
            return Err(internal("a document of a schema of items"));
        };
        let before: Vec<String> = verified.encrypted_pointers().collect();
        let opened = verified.decrypt(|_| Disclosure::Plain);
        // A value may hold what has a path of its own by now.
        let inside = opened.iter().flat_map(|opened| &opened.plain_names);
        let read_too: BTreeSet<String> = inside.chain(&read.plain).cloned().collect();
        read.plain = read_too.into_iter().filter(|name| self.known.contains(name)).collect();
        self.reads.add(read);
        let prepared = PreparedDocument::prepare(schema, opened?.document);
        let prepared = prepared.map_err(|error| without_plaintext(error, &before))?;
        let after: BTreeSet<String> = prepared.encrypted_pointers().collect();
        match before.iter().find(|value| !is_within(value, &after)) {
            None => Ok(Prepared::Document(prepared)),
            Some(pointer) => Err(would_be_shown(pointer).into()),
        }
    }

    /// Notes an item whose key a policy denied; rewrapping would have opened no
    /// attribute of it.
    fn deny(&self, read: ItemRead, encrypted: Vec<String>) {
        if self.depth == Depth::Whole {
            self.reads.add(ItemRead { withheld: encrypted, ..read });
        }
    }
}

/// Whether the value at `pointer` is one of `encrypted`, or inside of one.
fn is_within(pointer: &str, encrypted: &BTreeSet<String>) -> bool {
    let around = pointer.match_indices('/').filter_map(|(end, _)| pointer.get(..end));
    around.chain([pointer]).any(|whole| encrypted.contains(whole))
}

/// The error, unless it is about something inside one of the values at `before`: their
/// names were encrypted with them.
fn without_plaintext(error: ItemError, before: &[String]) -> ItemError {
    let at = error.attribute.as_deref().unwrap_or_default();
    let is_inside =
        |whole: &&String| at.strip_prefix(whole.as_str()).is_some_and(|rest| rest.starts_with('/'));
    match before.iter().find(is_inside) {
        Some(whole) => would_be_shown(whole),
        None => error,
    }
}

fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Refusal {
    Refusal::from(&ApiError::internal(error))
}

fn would_be_shown(name: &str) -> ItemError {
    let text = format!(
        "`{name}` is encrypted in the item and would not be, or only in parts, under the schema in \
         force, so that the answer would show it: decrypt the item, which asks whether you may \
         see it, and encrypt it again"
    );
    ItemError::new(ItemErrorCode::AttributeWithheld, text).of(name)
}

fn would_be_lost(name: &str) -> ItemError {
    let text = format!(
        "`{name}` belongs to the format and cannot be made anew here, so that it would be lost: \
         rewrap the item, or re-encrypt it with the client that wrote it"
    );
    ItemError::new(ItemErrorCode::ReservedAttribute, text).of(name)
}

#[cfg(test)]
mod tests {
    use super::is_within;

    #[test]
    fn within_is_a_matter_of_whole_names() {
        let encrypted = ["/a/b".to_owned()].into();
        for (pointer, want) in [
            ("/a/b", true),
            ("/a/b/0", true),
            ("/a/b/0/c", true),
            ("/a/bc", false),
            ("/a", false),
            ("", false),
        ] {
            assert_eq!(is_within(pointer, &encrypted), want, "{pointer}");
        }
    }
}
