//! Signing keys: derived from a secret access key for one day, Region and
//! service, and kept for as long as they are of use.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::TERMINATOR;
use super::parse::Authorization;
use crate::base::limits;
use crate::base::secret::SecretBytes;

type HmacSha256 = Hmac<Sha256>;

/// The key of one access key, day, Region and service. Holds HMAC's state, not
/// the key, and wipes it when dropped.
pub struct SigningKey(HmacSha256);

impl SigningKey {
    /// IAM User Guide, "Derive a signing key". `date` is `YYYYMMDD`.
    #[must_use]
    pub fn derive(secret: &SecretBytes, date: &str, region: &str, service: &str) -> Self {
        let start = Zeroizing::new([b"AWS4".as_slice(), secret.expose()].concat());
        let date_key = keyed(&start).chain_update(date).finalize();
        let region_key = keyed(date_key.as_bytes()).chain_update(region).finalize();
        let service_key = keyed(region_key.as_bytes()).chain_update(service).finalize();
        let signing_key = keyed(service_key.as_bytes()).chain_update(TERMINATOR).finalize();
        Self(keyed(signing_key.as_bytes()))
    }

    /// The signature of `string_to_sign`.
    pub(super) fn sign(&self, string_to_sign: &str) -> [u8; 32] {
        self.0.clone().chain_update(string_to_sign).finalize().into_bytes().0
    }

    /// Whether `signature` is that of `string_to_sign`; in constant time.
    pub(super) fn verifies(&self, string_to_sign: &str, signature: &[u8; 32]) -> bool {
        self.0.clone().chain_update(string_to_sign).verify_slice(signature).is_ok()
    }
}

#[expect(clippy::expect_used, reason = "RFC 2104: HMAC takes a key of any length")]
fn keyed(key: &[u8]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("a key of any length")
}

/// The signing keys of the access keys that called lately, at most
/// [`limits::SIGNING_KEYS_CACHED`] of them.
///
/// It knows nothing about which access keys are active: look the access key up
/// first, every time. Only keys of known access keys and checked scopes get
/// in, so strangers cannot fill it.
pub struct SigningKeyCache {
    entries: RwLock<Entries>,
    capacity: usize,
}

#[derive(Default)]
struct Entries {
    /// By access key id; each has keys for a few scopes.
    by_access_key: BTreeMap<Box<str>, Vec<Entry>>,
    len: usize,
}

struct Entry {
    /// `date/region/service/aws4_request`.
    scope: Box<str>,
    key: Arc<SigningKey>,
}

impl Default for SigningKeyCache {
    fn default() -> Self {
        Self::new(limits::SIGNING_KEYS_CACHED)
    }
}

impl SigningKeyCache {
    /// An empty cache for `capacity` keys.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { entries: RwLock::default(), capacity }
    }

    /// The signing key for an authorization, derived from `secret` if it is
    /// not known yet. A hit takes a read lock and allocates nothing.
    ///
    /// # Errors
    /// Whatever `secret` answers; nothing is kept then.
    pub fn find_or_derive<E>(
        &self,
        authorization: &Authorization<'_>,
        secret: impl FnOnce() -> Result<SecretBytes, E>,
    ) -> Result<Arc<SigningKey>, E> {
        if let Some(key) = self.find(authorization) {
            return Ok(key);
        }
        // Derived outside the lock: two calls may both do it, and agree.
        let key = Arc::new(SigningKey::derive(
            &secret()?,
            authorization.date(),
            authorization.region(),
            authorization.service(),
        ));
        self.insert(authorization, Arc::clone(&key));
        Ok(key)
    }

    /// Drops the keys of an access key that was deleted or deactivated.
    pub fn forget(&self, access_key_id: &str) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = entries.by_access_key.remove(access_key_id) {
            entries.len = entries.len.saturating_sub(keys.len());
        }
    }

    /// How many keys are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).len
    }

    /// Whether no key is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn find(&self, authorization: &Authorization<'_>) -> Option<Arc<SigningKey>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let keys = entries.by_access_key.get(authorization.access_key_id())?;
        let entry = keys.iter().find(|entry| *entry.scope == *authorization.scope())?;
        Some(Arc::clone(&entry.key))
    }

    fn insert(&self, authorization: &Authorization<'_>, key: Arc<SigningKey>) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len >= self.capacity {
            entries.make_room(authorization.date());
        }
        let keys = entries.by_access_key.entry(authorization.access_key_id().into()).or_default();
        if keys.iter().any(|entry| *entry.scope == *authorization.scope()) {
            return;
        }
        keys.push(Entry { scope: authorization.scope().into(), key });
        entries.len = entries.len.saturating_add(1);
    }
}

impl Entries {
    /// Drops the keys of earlier days, and all keys if there are none: to
    /// derive a key again costs microseconds, to keep order of use would cost
    /// every hit a write.
    fn make_room(&mut self, date: &str) {
        let before = self.len;
        for keys in self.by_access_key.values_mut() {
            keys.retain(|entry| entry.scope.split('/').next().is_some_and(|day| day >= date));
        }
        self.by_access_key.retain(|_, keys| !keys.is_empty());
        self.len = self.by_access_key.values().map(Vec::len).sum();
        if self.len == before {
            self.by_access_key.clear();
            self.len = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use zeroize::ZeroizeOnDrop;

    use super::*;

    /// HMAC's state is two states of its digest, and nothing else.
    #[test]
    fn keys_are_wiped() {
        fn wiped<T: ZeroizeOnDrop>() {}
        wiped::<Sha256>();
    }

    #[test]
    fn a_key_of_any_length_derives() {
        for len in [0, 40, 60, 61, 200] {
            let secret = SecretBytes::new(vec![b'k'; len]);
            let key = SigningKey::derive(&secret, "20261102", "eu-central-1", "kms");
            assert!(key.verifies("text", &key.sign("text")));
            assert!(!key.verifies("other", &key.sign("text")));
        }
    }
}
