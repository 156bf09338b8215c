//! DecryptItems: a batch of items. An item is verified whole before any of it
//! is released, and of it only what the caller may see and asked for.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::batch::{self, Converted, Format, Output, Refusal};
use super::field_reads::Reads;
use super::key_service::KeyService;
use super::reading::{self, Reading, Wanted};
use super::sealed::{Parsed, Sealed, parse};
use super::unwrap::Unopened;
use super::views::{Seen, Shown, View, Views};
use super::{Ctx, find_schema, pin};
use crate::audit::{ItemRead, ReadKind};
use crate::base::secret::SecretBytes;
use crate::hsm::Hsm;
use crate::items::decrypt::VerifiedItem;
use crate::items::schemas::StoredSchema;
use crate::ops::access::Access;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::policy::actions::Action;
use crate::policy::fact::Fact;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct DecryptItems;

impl Operation for DecryptItems {
    const DESCRIPTION: Description = Description {
        name: "DecryptItems",
        service: Service::Items,
        read_only: true,
        input: reading::INPUT,
        output: batch::OUTPUT,
        errors: &[Code::ConflictException, Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Reading;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Reading,
    ) -> Result<Done<Output>, ApiError> {
        if let Some(purpose) = &input.purpose {
            access.says(Fact::Purpose, purpose.clone());
        }
        let stored = find_schema(ctx, access, Action::DECRYPT_ITEM, &input.name)?;
        pin::check(access, &stored, input.schema_hash.as_deref())?;
        let known = Arc::clone(stored.encrypted_names());
        input.check(&stored.schema, &known)?;
        let Reading { format, wanted, items, .. } = input;
        let schema = Arc::clone(&stored);
        let parsed = batch::each((0_u16..).zip(items).collect(), move |(number, text)| {
            parse(&schema, (number, text.get()), format)
        })
        .await?;
        let names =
            parsed.iter().flatten().flat_map(|item| item.encrypted.iter().chain(&item.inside));
        let names = names.filter(|name| wanted.has(name));
        let views = Views::decide(access, &stored, &known, names)?;
        let reader = Arc::new(Reader {
            keys: KeyService::new(ctx, access.call()),
            hsm: Arc::clone(&ctx.common.hsm),
            reads: Reads::new(ctx, &stored, ReadKind::Returned),
            format,
            wanted,
            views,
            known,
            stored,
        });
        let admitted: Vec<Result<Admitted, Refusal>> =
            parsed.into_iter().map(|item| reader.admit(item?)).collect();
        let data_keys: Vec<_> =
            admitted.iter().flatten().map(|admitted| admitted.item.data_keys()).collect();
        let mut keys = reader.keys.unwrap(&reader.stored, &data_keys).await.into_iter();
        let with_keys = admitted.into_iter().map(|admitted| Ok((admitted?, keys.next()))).collect();
        let version = reader.stored.version;
        let one = Arc::clone(&reader);
        let done = batch::run(access, version, with_keys, move |item: Result<_, Refusal>| {
            let (admitted, key) = item?;
            one.read(admitted, key)
        })
        .await;
        access.record_field_reads(reader.reads.gathered());
        done
    }
}

/// One caller, who reads items of one schema.
struct Reader {
    stored: Arc<StoredSchema>,
    keys: KeyService,
    hsm: Arc<Hsm>,
    reads: Reads,
    format: Format,
    wanted: Wanted,
    views: Views,
    /// The names that some version of the schema encrypts.
    known: Arc<BTreeSet<String>>,
}

/// An item of which the caller may see what he asks for, if its key opens.
struct Admitted {
    item: Sealed,
    encrypted: Vec<String>,
    read: ItemRead,
}

impl Reader {
    fn admit(&self, parsed: Parsed) -> Result<Admitted, Refusal> {
        let Parsed { number, item, encrypted, .. } = parsed;
        let read = self.reads.of_item(number, &item.key(&self.stored));
        let read = read.map_err(|error| Refusal::from(&ApiError::internal(error)))?;
        match self.views.check(&self.wanted, &encrypted) {
            Ok(()) => Ok(Admitted { item, encrypted, read }),
            Err(refusal) => {
                self.deny(read, &encrypted);
                Err(refusal)
            }
        }
    }

    fn read(
        &self,
        admitted: Admitted,
        key: Option<Result<(usize, SecretBytes), Unopened>>,
    ) -> Result<Converted, Refusal> {
        let Admitted { item, encrypted, read } = admitted;
        let missing = || Err(Unopened::of(&ApiError::internal("a key is missing")));
        let (index, key) = match key.unwrap_or_else(missing) {
            Ok(key) => key,
            Err(unopened) => {
                if unopened.is_denied {
                    self.deny(read, &encrypted);
                }
                return Err(unopened.refusal);
            }
        };
        let asked: Vec<String> =
            encrypted.iter().filter(|name| self.is_recorded(name)).cloned().collect();
        let opened = match item {
            Sealed::Item(item) => self.open(item.verify(index, &key)?, encrypted),
            Sealed::Document(document) => {
                let verified = document.verify(index, &key)?;
                self.views.open_document(&self.stored, &self.hsm, &self.wanted, verified)
            }
        };
        match opened {
            Ok((converted, shown)) => {
                let Shown { plain, masked, withheld } = shown;
                self.reads.add(ItemRead { plain, masked, withheld, ..read });
                Ok(converted)
            }
            Err(refusal) => {
                self.reads.add(ItemRead { withheld: asked, ..read });
                Err(refusal)
            }
        }
    }

    /// Opens an item of DynamoDB.
    fn open(
        &self,
        verified: VerifiedItem,
        encrypted: Vec<String>,
    ) -> Result<(Converted, Shown), Refusal> {
        let is_plain = |name: &&String| {
            self.wanted.has(name) && matches!(self.views.find(name), Some((_, View::Plain)))
        };
        let plain = encrypted.iter().filter(is_plain).cloned().collect();
        let seen = self.views.open(&self.stored, &self.hsm, &self.wanted, verified, encrypted)?;
        let Seen { item, masked, withheld } = seen;
        let item = batch::print(&item, self.format)
            .map_err(|error| Refusal::from(&ApiError::internal(error)))?;
        let recorded = withheld.iter().filter(|name| self.is_recorded(name)).cloned().collect();
        let shown = Shown { plain, masked: masked.clone(), withheld: recorded };
        Ok((Converted { item, masked, withheld }, shown))
    }

    /// Whether the book says of attribute `name` how it was seen: if it was asked
    /// for, and the schema knows it. Others are names that an item made up.
    fn is_recorded(&self, name: &str) -> bool {
        self.wanted.has(name) && self.known.contains(name)
    }

    /// Notes that nothing was given of an item with the encrypted attributes `names`.
    fn deny(&self, read: ItemRead, names: &[String]) {
        let withheld = names.iter().filter(|name| self.is_recorded(name)).cloned().collect();
        self.reads.add(ItemRead { withheld, ..read });
    }
}
