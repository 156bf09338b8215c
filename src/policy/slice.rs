//! Ready-made policy sets: the policies of one document whose scope fits a
//! request, kept for the next request they fit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use cedar_policy::PolicySet;

use super::reads::Reads;

/// Policies whose scope is known to fit, so that only their conditions are
/// left.
#[derive(Debug)]
pub(super) struct Slice {
    pub(super) policies: PolicySet,
    pub(super) reads: Reads,
    /// By policy id. (Cedar's own look-up of an annotation parses the
    /// annotation's name each time, which costs more than a decision.)
    pub(super) sids: BTreeMap<String, String>,
    /// Ids of the policies whose scope names the principal itself, not a role,
    /// an account or everybody.
    pub(super) by_name: BTreeSet<String>,
}

/// The slices of one document. It lives and dies with the document, so nothing
/// has to be invalidated.
#[derive(Debug, Default)]
pub(super) struct SliceCache {
    /// By the positions of the policies in the document.
    slices: RwLock<BTreeMap<Vec<usize>, Cached>>,
    /// Counts uses, to know the least recent.
    uses: AtomicU64,
}

#[derive(Debug)]
struct Cached {
    slice: Arc<Slice>,
    last_use: AtomicU64,
}

impl SliceCache {
    /// The slice of these policies, made by `make` if it is not there.
    pub(super) fn find_or_make<E>(
        &self,
        members: &[usize],
        make: impl FnOnce() -> Result<Slice, E>,
    ) -> Result<Arc<Slice>, E> {
        let now = self.uses.fetch_add(1, Ordering::Relaxed);
        {
            let slices = self.slices.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(cached) = slices.get(members) {
                cached.last_use.store(now, Ordering::Relaxed);
                return Ok(Arc::clone(&cached.slice));
            }
        }
        let slice = Arc::new(make()?);
        let mut slices = self.slices.write().unwrap_or_else(PoisonError::into_inner);
        if slices.len() >= SLICES_CACHED {
            drop_least_recent(&mut slices);
        }
        let cached = Cached { slice: Arc::clone(&slice), last_use: AtomicU64::new(now) };
        slices.insert(members.to_vec(), cached);
        Ok(slice)
    }
}

fn drop_least_recent(slices: &mut BTreeMap<Vec<usize>, Cached>) {
    let oldest = slices
        .iter()
        .min_by_key(|(_, cached)| cached.last_use.load(Ordering::Relaxed))
        .map(|(members, _)| members.clone());
    if let Some(members) = oldest {
        slices.remove(&members);
    }
}

/// Slices kept of one document. A document has as many as it has groups of
/// statements that apply together: a handful, unless it is very large.
const SLICES_CACHED: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> Result<Slice, ()> {
        Ok(Slice {
            policies: PolicySet::new(),
            reads: Reads::default(),
            sids: BTreeMap::new(),
            by_name: BTreeSet::new(),
        })
    }

    #[test]
    fn keeps_what_is_used_and_stays_bounded() {
        let cache = SliceCache::default();
        let first = cache.find_or_make(&[0], empty).unwrap();
        for other in 1..=SLICES_CACHED * 2 {
            cache.find_or_make(&[other], empty).unwrap();
            let again = cache.find_or_make(&[0], || Err::<Slice, _>(())).unwrap();
            assert!(Arc::ptr_eq(&first, &again));
        }
        assert_eq!(cache.slices.read().unwrap().len(), SLICES_CACHED);
    }
}
