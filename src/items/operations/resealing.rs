//! Items that are sealed anew under the keys in force: what RewrapItems and
//! ReEncryptItems share. An item is verified whole before any key is asked for
//! its new form.
//!
//! The caller gets ciphertext back and nothing else, so that no permission on
//! attributes is asked. What a later version of the schema no longer encrypts
//! would come out in plaintext: such an item is refused.

use std::sync::Arc;

use super::batch::{self, Batch, Converted, Format, Output, Refusal};
use super::encrypt_items::{fill_random, recipients};
use super::field_reads::Reads;
use super::key_service::KeyService;
use super::sealed::{Parsed, Sealed, parse, unwrap_key};
use super::{Ctx, documents, find_schema, pin};
use crate::audit::{ItemRead, ReadKind};
use crate::hsm::Hsm;
use crate::items::attribute::Item;
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
    let sealer = Arc::new(Sealer {
        keys: KeyService::new(ctx, access.call()),
        hsm: Arc::clone(&ctx.common.hsm),
        reads: Reads::new(ctx, &stored, ReadKind::UsedInside),
        format: input.format,
        depth,
        stored,
    });
    let items = (0_u16..).zip(input.items).collect();
    let done = batch::run(access, sealer.stored.version, items, |(number, text)| {
        let sealer = Arc::clone(&sealer);
        async move {
            sealer.seal_anew(parse(&sealer.stored, (number, text.get()), sealer.format)?).await
        }
    })
    .await;
    access.record_field_reads(sealer.reads.gathered());
    done
}

/// One caller, who has items of one schema sealed anew.
struct Sealer {
    stored: Arc<StoredSchema>,
    keys: KeyService,
    hsm: Arc<Hsm>,
    reads: Reads,
    format: Format,
    depth: Depth,
}

impl Sealer {
    async fn seal_anew(&self, parsed: Parsed) -> Result<Converted, Refusal> {
        let Parsed { number, item, encrypted } = parsed;
        let read = self.reads.of_item(number, &item.key(&self.stored)).map_err(internal)?;
        let (index, key) = match unwrap_key(&self.stored, item.data_keys(), &self.keys).await {
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
                if self.depth == Depth::Whole
                    && let Some(name) = verified.reserved_names().next()
                {
                    return Err(would_be_lost(name).into());
                }
                self.note(read, encrypted);
                let sealed = match self.depth {
                    Depth::Wrapping => self.rewrap(verified).await?,
                    Depth::Whole => self.re_encrypt(verified).await?,
                };
                batch::print(&sealed, self.format).map(Converted::whole).map_err(internal)
            }
            Sealed::Document(document) => {
                let verified = document.verify(index, &key)?;
                self.note(read, encrypted);
                self.re_encrypt_document(verified).await
            }
        }
    }

    async fn rewrap(&self, verified: VerifiedItem) -> Result<Item, Refusal> {
        let moved = RewrappedItem::prepare(verified)?;
        let keys = recipients(&self.stored, &self.keys, moved.encryption_context()).await?;
        Ok(moved.finish(&keys)?)
    }

    async fn re_encrypt(&self, verified: VerifiedItem) -> Result<Item, Refusal> {
        let before: Vec<String> = verified.encrypted_names().map(str::to_owned).collect();
        let opened = verified.decrypt(|_| true)?;
        let prepared = PreparedItem::prepare(&self.stored.schema, opened)?;
        for name in &before {
            if !prepared.encrypted_names().any(|after| after == name) {
                return Err(would_be_shown(name).into());
            }
        }
        let keys = recipients(&self.stored, &self.keys, prepared.encryption_context()).await?;
        Ok(prepared.finish(&keys, &mut |bytes| fill_random(&self.hsm, bytes))?)
    }

    async fn re_encrypt_document(&self, verified: VerifiedDocument) -> Result<Converted, Refusal> {
        let Some(schema) = self.stored.schema.documents() else {
            return Err(internal("a document of a schema of items"));
        };
        let before: Vec<String> = verified.encrypted_values().map(|value| value.pointer).collect();
        let opened = verified.decrypt(|_| Disclosure::Plain)?;
        let prepared = PreparedDocument::prepare(schema, opened.document)?;
        let after: Vec<String> = prepared.encrypted_pointers().collect();
        if let Some(pointer) = before.iter().find(|value| !is_within(value, &after)) {
            return Err(would_be_shown(pointer).into());
        }
        let keys = recipients(&self.stored, &self.keys, prepared.encryption_context()).await?;
        let sealed = prepared.finish(&keys, &mut |bytes| fill_random(&self.hsm, bytes))?;
        documents::print(&sealed).map(Converted::whole)
    }

    /// Notes an item that was opened, and which attributes of it: rewrapping opens
    /// none.
    fn note(&self, read: ItemRead, encrypted: Vec<String>) {
        let plain = match self.depth {
            Depth::Wrapping => Vec::new(),
            Depth::Whole => encrypted,
        };
        self.reads.add(ItemRead { plain, ..read });
    }

    /// Notes an item whose key a policy denied. What the item says of itself is
    /// not verified: names that the schema does not have are passed over.
    fn deny(&self, read: ItemRead, encrypted: Vec<String>) {
        if self.depth == Depth::Whole {
            let known = |name: &String| self.stored.schema.encrypted_names().any(|of| of == name);
            let withheld = encrypted.into_iter().filter(known).collect();
            self.reads.add(ItemRead { withheld, ..read });
        }
    }
}

/// Whether the value at `pointer` is one of `encrypted`, or inside of one.
fn is_within(pointer: &str, encrypted: &[String]) -> bool {
    encrypted.iter().any(|whole| {
        let rest = pointer.strip_prefix(whole.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
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
        let encrypted = ["/a/b".to_owned()];
        for (pointer, want) in
            [("/a/b", true), ("/a/b/0", true), ("/a/bc", false), ("/a", false), ("", false)]
        {
            assert_eq!(is_within(pointer, &encrypted), want, "{pointer}");
        }
    }
}
