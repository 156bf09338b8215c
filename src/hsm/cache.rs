//! Opened asymmetric keys, kept in memory for the next call: to parse and check
//! one costs more than to sign with it.
//!
//! Deliberately absent: symmetric and HMAC keys, which are opened from their
//! tokens in a microsecond; and the lock, which the HSM holds around each of these
//! methods and never while it computes. What is dropped is handed out, so that
//! it is wiped after the lock is released.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::ids::MaterialId;

use super::opened::OpenedKey;

/// How many keys are kept, at 1 to 30 KiB each.
pub(super) const CAPACITY: usize = 1_024;

/// The keys by the digest of token and binding: what is found here is what the
/// token would open under this binding and no other.
#[derive(Default)]
pub(super) struct OpenedKeys {
    keys: BTreeMap<[u8; 32], Kept>,
    /// Counts lookups, to know the least recently used key.
    uses: u64,
    /// Counts calls that forget.
    epoch: Epoch,
}

struct Kept {
    key: Arc<OpenedKey>,
    material_id: MaterialId,
    last_use: u64,
}

/// When a key was looked up. One that was being opened while something was
/// forgotten may be the forgotten one, and is not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Epoch(u64);

impl OpenedKeys {
    /// The key of this name, or the moment at which there was none.
    pub(super) fn find(&mut self, name: &[u8; 32]) -> Result<Arc<OpenedKey>, Epoch> {
        self.uses = self.uses.wrapping_add(1);
        let kept = self.keys.get_mut(name).ok_or(self.epoch)?;
        kept.last_use = self.uses;
        Ok(Arc::clone(&kept.key))
    }

    /// Keeps a key that was not there at `since`. If there is no room, it takes
    /// the place of the one that was not used for the longest time.
    pub(super) fn keep(
        &mut self,
        since: Epoch,
        name: [u8; 32],
        material_id: MaterialId,
        key: Arc<OpenedKey>,
    ) -> Option<Arc<OpenedKey>> {
        if since != self.epoch {
            return None;
        }
        let kept = Kept { key, material_id, last_use: self.uses };
        let replaced = self.keys.insert(name, kept);
        let evicted = if self.keys.len() > CAPACITY { self.evict() } else { None };
        replaced.or(evicted).map(|kept| kept.key)
    }

    /// Forgets every key of one material.
    pub(super) fn forget(&mut self, material_id: MaterialId) -> Vec<Arc<OpenedKey>> {
        self.epoch.0 = self.epoch.0.wrapping_add(1);
        let gone = self.keys.extract_if(.., |_, kept| kept.material_id == material_id);
        gone.map(|(_, kept)| kept.key).collect()
    }

    /// Forgets every key.
    pub(super) fn clear(&mut self) -> Vec<Arc<OpenedKey>> {
        self.epoch.0 = self.epoch.0.wrapping_add(1);
        std::mem::take(&mut self.keys).into_values().map(|kept| kept.key).collect()
    }

    #[cfg(test)]
    pub(super) fn contains(&self, name: &[u8; 32]) -> bool {
        self.keys.contains_key(name)
    }

    fn evict(&mut self) -> Option<Kept> {
        let (name, _) = self.keys.iter().min_by_key(|(_, kept)| kept.last_use)?;
        let name = *name;
        self.keys.remove(&name)
    }
}
