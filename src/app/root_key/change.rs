//! Changes of the root key and its protectors, in a folder that nobody serves.
//! Each is one transaction with its record, so that a crash leaves the old state
//! or the new one; the lock of the folder keeps servers and other changes out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::process::getuid;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use super::{OpenedBy, Place, RootKeySource, SealedKeys, open, protect};
use crate::app::error::Error;
use crate::app::ledger::{self, Home, Times};
use crate::app::open::identity_of;
use crate::app::witness::{Witness, WitnessSettings};
use crate::app::{hardening, init};
use crate::audit::{self, Record};
use crate::base::clock::Clock;
use crate::base::ids::{AccountId, Region};
use crate::base::limits::{PROTECTOR_NAME_CHARS, ROOT_KEY_PROTECTORS};
use crate::hsm::protector::{ProtectorKind, SealedRootKey, Wrapped};
use crate::hsm::{Hsm, OsEntropy, RootKey, UnderRootKey};
use crate::store::sealed::{self, DomainKeyRow, ProtectorRow};
use crate::store::{self, Change, Settings, Store, Tx, Unit, meta};

/// A protector, without what it protects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedProtector {
    pub name: String,
    /// `None` for one that cannot be read: it is damaged, or of a later version.
    pub kind: Option<ProtectorKind>,
    /// Epoch milliseconds; `None` for one from before this was kept.
    pub added_ms: Option<i64>,
    /// Which remote key opens it, if one does.
    pub wrapped: Option<Wrapped>,
}

impl ListedProtector {
    fn of(row: &ProtectorRow) -> Self {
        let sealed = SealedRootKey::decode(&row.sealed).ok();
        Self {
            name: row.name.clone(),
            kind: sealed.as_ref().map(SealedRootKey::kind),
            added_ms: row.added_ms,
            wrapped: sealed.and_then(|sealed| sealed.wrapped().cloned()),
        }
    }
}

/// Every protector by name. A server may have the folder open.
///
/// # Errors
/// [`Error::NotInitialized`], [`Error::Store`].
pub fn list(data: &Path) -> Result<Vec<ListedProtector>, Error> {
    if !init::has_database(data)? {
        return Err(Error::NotInitialized(data.to_owned()));
    }
    let rows = match Store::open(data, Settings::default(), audit::marks) {
        Ok(store) => store.read(|tx| sealed::list_protectors(tx))?,
        Err(store::Error::Locked) => Store::read_served(data, |tx| sealed::list_protectors(tx))?,
        Err(other) => return Err(other.into()),
    };
    Ok(rows.iter().map(ListedProtector::of).collect())
}

/// A folder that nobody serves, and nobody will while this lives.
pub struct RootKeyFolder {
    store: Arc<Store>,
    account: AccountId,
    region: Region,
    log_id: String,
    keys: SealedKeys,
    witness: Witness,
    clock: Arc<dyn Clock>,
}

impl RootKeyFolder {
    /// Opens and locks the folder. The log goes on only if `witness` has seen no
    /// other.
    ///
    /// # Errors
    /// [`Error::NotInitialized`]; [`Error::Store`], also if a server runs.
    pub fn open(
        data: PathBuf,
        witness: WitnessSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        hardening::harden();
        if !init::has_database(&data)? {
            return Err(Error::NotInitialized(data));
        }
        let store = Arc::new(Store::open(&data, Settings::default(), audit::marks)?);
        let read =
            |tx: &mut dyn Tx| Ok((identity_of(tx), meta::log_id(tx)?, SealedKeys::load(tx)?));
        let (identity, log_id, keys) = store.read(read)?;
        let Some((account, region)) = identity? else { return Err(Error::NotInitialized(data)) };
        let witness = Witness::open(witness)?;
        Ok(Self { store, account, region, log_id, keys, witness, clock })
    }

    fn place(&self) -> Place<'_> {
        Place { account: &self.account, log_id: &self.log_id }
    }

    /// Adds a protector that `new` opens, after `source` has opened the root key by
    /// one that is there. Answers its name, which is that of its kind if none is
    /// given.
    ///
    /// # Errors
    /// [`Error::ProtectorName`], [`Error::ProtectorExists`], [`Error::SameKeyFile`],
    /// [`Error::TooManyProtectors`], and why the root key is not opened or sealed.
    pub async fn add(
        &self,
        source: &RootKeySource,
        name: Option<String>,
        new: &RootKeySource,
    ) -> Result<String, Error> {
        let name = name.unwrap_or_else(|| new.kind().as_str().to_owned());
        check_name(&name)?;
        if self.keys.protectors.iter().any(|row| row.name == name) {
            return Err(Error::ProtectorExists(name));
        }
        if self.keys.protectors.len() >= ROOT_KEY_PROTECTORS {
            return Err(Error::TooManyProtectors(ROOT_KEY_PROTECTORS));
        }
        let (root, by) = open(source, &self.keys.protectors, &self.place()).await?;
        let row = protect(&root, new, &self.place(), name.clone(), self.clock.now_ms()).await?;
        check_other(&row, &self.keys.protectors)?;
        let details = json!({ "protector": told(&row), "openedBy": by.name, "uid": uid() });
        self.commit(&self.keys.start(root)?, "AddRootKeyProtector", &details, Add(row)).await?;
        Ok(name)
    }

    /// Removes a protector, never the last one. `source` must open the root key by
    /// one that stays: whoever removes the last one that anybody can still open
    /// has lost every key. With `force` the one that goes may open it as well.
    ///
    /// # Errors
    /// [`Error::NoProtector`], [`Error::LastProtector`], [`Error::Unproven`].
    pub async fn remove(
        &self,
        source: &RootKeySource,
        name: &str,
        force: bool,
    ) -> Result<(), Error> {
        let (gone, rest): (Vec<_>, Vec<_>) =
            self.keys.protectors.iter().cloned().partition(|row| row.name == name);
        let Some(gone) = gone.first() else { return Err(Error::NoProtector(name.to_owned())) };
        if rest.is_empty() {
            return Err(Error::LastProtector(name.to_owned()));
        }
        let (root, by) = match open(source, &rest, &self.place()).await {
            Ok(opened) => opened,
            Err(_) if force => open(source, &self.keys.protectors, &self.place()).await?,
            Err(cause) => {
                return Err(Error::Unproven { name: name.to_owned(), cause: Box::new(cause) });
            }
        };
        let details = json!({
            "protector": told(gone), "openedBy": by.name, "forced": force, "uid": uid(),
        });
        let change = Remove(name.to_owned());
        self.commit(&self.keys.start(root)?, "RemoveRootKeyProtector", &details, change).await
    }

    /// Puts a new root key in the place of the old one: under every protector, and
    /// over everything that the old one sealed. `sources` must open all protectors
    /// between them. Answers by which one the old root key was opened.
    ///
    /// # Errors
    /// [`Error::NotResealed`] names the protectors that no source opens; nothing is
    /// changed then.
    pub async fn rotate(&self, sources: &[RootKeySource]) -> Result<OpenedBy, Error> {
        let (old, by, again) = self.open_all(sources).await?;
        let new = RootKey::generate(&mut OsEntropy)?;
        let mut protectors = Vec::new();
        for (row, source) in &again {
            let name = row.name.clone();
            let sealed = protect(&new, source.as_ref(), &self.place(), name, 0).await?;
            protectors.push(ProtectorRow { added_ms: row.added_ms, ..sealed });
        }
        let hsm = self.keys.start(old)?;
        let UnderRootKey { domain_keys, naming_key } = hsm.seal_under(&new)?;
        let created_ms = self.clock.now_ms();
        let domain_keys = domain_keys.into_iter().map(|key| DomainKeyRow {
            version: i64::from(key.version),
            sealed: key.bytes,
            created_ms,
        });
        let domain_keys = domain_keys.collect();
        let after = SealedKeys { protectors, domain_keys, naming_key: Some(naming_key) };
        // As the next start will.
        drop(after.start(new)?);
        let details = json!({
            "protectors": after.protectors.iter().map(told).collect::<Vec<_>>(),
            "openedBy": by.name,
            "uid": uid(),
        });
        self.commit(&hsm, "RotateRootKey", &details, Rotate(after)).await?;
        Ok(by)
    }

    /// The root key, by what it was opened first, and for each protector what opens
    /// it.
    async fn open_all<'s>(
        &self,
        sources: &'s [RootKeySource],
    ) -> Result<(RootKey, OpenedBy, Vec<(&ProtectorRow, Resealing<'s>)>), Error> {
        let mut opened = None;
        let mut again = Vec::new();
        let mut left = Vec::new();
        let mut refused = None;
        for row in &self.keys.protectors {
            match self.open_by_any(sources, row).await {
                Ok((source, root, by)) => {
                    again.push((row, Resealing::of(source, row)));
                    opened = opened.or(Some((root, by)));
                }
                Err(error) => {
                    left.push(row.name.clone());
                    refused = refused.or(Some(error));
                }
            }
        }
        match (opened, refused) {
            (Some((root, by)), None) => Ok((root, by, again)),
            (_, Some(cause)) => {
                Err(Error::NotResealed { names: left.join(", "), cause: Box::new(cause) })
            }
            (None, None) => Err(Error::NoSuchProtector("nothing".to_owned())),
        }
    }

    /// The first source that opens this protector, and what it opens.
    async fn open_by_any<'s>(
        &self,
        sources: &'s [RootKeySource],
        row: &ProtectorRow,
    ) -> Result<(&'s RootKeySource, RootKey, OpenedBy), Error> {
        let mut refused = None;
        for source in sources {
            match open(source, std::slice::from_ref(row), &self.place()).await {
                Ok((root, by)) => return Ok((source, root, by)),
                // A source of the right kind tells more than one of another.
                Err(Error::NoSuchProtector(kind)) => {
                    refused = refused.or(Some(Error::NoSuchProtector(kind)));
                }
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.unwrap_or_else(|| Error::NoProtector(row.name.clone())))
    }

    /// Commits a change with its record, signed as every other.
    async fn commit(
        &self,
        hsm: &Hsm,
        event_name: &'static str,
        details: &Value,
        change: impl Change,
    ) -> Result<(), Error> {
        let home = Home { account: &self.account, region: &self.region };
        ledger::start(&self.store, hsm, None, &self.witness, &home, self.clock.as_ref())?;
        let details = to_raw_value(details).map_err(audit::Error::Encode)?;
        let caller = init::caller(hsm, &self.account)?;
        let times = Times::read(&self.store, self.clock.as_ref())?;
        let event = audit::prepare(&Record {
            event_name,
            own: times.own(),
            service_event_details: Some(&details),
            event_id: init::random(hsm)?,
            salt: init::random(hsm)?,
            ..init::first_record(&caller, &self.account, &self.region, times.now_ms)
        })?;
        let unit = Unit { changes: vec![Box::new(change)], event, further: Vec::new() };
        self.store.commit(unit).await?;
        self.store.close();
        Ok(())
    }
}

/// What seals the new root key as a protector sealed the old one.
enum Resealing<'s> {
    Same(&'s RootKeySource),
    Remote(RootKeySource),
}

impl<'s> Resealing<'s> {
    /// A remote key protects again under its own name, whatever the settings say of
    /// new protectors.
    fn of(source: &'s RootKeySource, row: &ProtectorRow) -> Self {
        let sealed = SealedRootKey::decode(&row.sealed).ok();
        let remote = match source {
            RootKeySource::AwsKms(keys) => sealed.and_then(|sealed| keys.again(&sealed)),
            RootKeySource::KeyFile(_) | RootKeySource::Passphrase(_) => None,
        };
        remote.map_or(Self::Same(source), |keys| Self::Remote(RootKeySource::AwsKms(keys)))
    }

    fn as_ref(&self) -> &RootKeySource {
        match self {
            Self::Same(source) => source,
            Self::Remote(source) => source,
        }
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    let sign = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    match (1..=PROTECTOR_NAME_CHARS).contains(&name.len()) && name.bytes().all(sign) {
        true => Ok(()),
        false => Err(Error::ProtectorName(name.to_owned())),
    }
}

/// Refuses a key file that is a protector already: of two that one file opens, one
/// cannot be lost without the other.
fn check_other(new: &ProtectorRow, others: &[ProtectorRow]) -> Result<(), Error> {
    let new = SealedRootKey::decode(&new.sealed).map_err(Error::RootKey)?;
    let is_same = |row: &&ProtectorRow| {
        SealedRootKey::decode(&row.sealed).is_ok_and(|other| other.has_same_key(&new))
    };
    match others.iter().find(is_same) {
        Some(same) => Err(Error::SameKeyFile(same.name.clone())),
        None => Ok(()),
    }
}

/// What a record says of a protector.
fn told(row: &ProtectorRow) -> Value {
    let listed = ListedProtector::of(row);
    let mut told = json!({ "name": listed.name, "kind": listed.kind.map(ProtectorKind::as_str) });
    if let (Some(told), Some(wrapped)) = (told.as_object_mut(), listed.wrapped) {
        told.insert("remote".to_owned(), wrapped.remote.into());
        told.insert("keyArn".to_owned(), wrapped.key_arn.into());
    }
    told
}

/// Who runs the command, as the operating system knows it.
fn uid() -> u32 {
    getuid().as_raw()
}

struct Add(ProtectorRow);

impl Change for Add {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        sealed::insert_protector(tx, &self.0)
    }

    fn publish(&self) {}
}

struct Remove(String);

impl Change for Remove {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        sealed::delete_protector(tx, &self.0)
    }

    fn publish(&self) {}

    // The root key must not stay under a protector that somebody gave up.
    fn erases(&self) -> bool {
        true
    }
}

/// Everything under the new root key.
struct Rotate(SealedKeys);

impl Change for Rotate {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        let SealedKeys { protectors, domain_keys, naming_key } = &self.0;
        for row in protectors {
            sealed::update_protector(tx, &row.name, &row.sealed)?;
        }
        if let Some((new, old)) = domain_keys.split_last() {
            for row in old {
                sealed::update_domain_key(tx, row.version, &row.sealed)?;
            }
            sealed::insert_domain_key(tx, new)?;
        }
        naming_key.iter().try_for_each(|sealed| sealed::set_naming_key(tx, sealed))
    }

    fn publish(&self) {}

    // Nothing may stay under the old root key.
    fn erases(&self) -> bool {
        true
    }
}
