//! Every grant in memory, found by its key and grantee without a look at the
//! others. Only committed changes get in, as with keys.
//!
//! A list of grants is a sorted vector of pointers, 8 bytes a grant, or 16 with the
//! tag that they are searched by. AWS's quota keeps the lists of one key short.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::Grant;
use super::by_grantee::{ByGrantee, Tags};
use super::packed::{Bucket, Common, Interned, PackedGrant};
use super::principal::{GrantPrincipal, NamedPrincipal};
use crate::base::arn::KeyArn;
use crate::base::context::{EncryptionContext, canonical_pairs};
use crate::base::grant::{GrantId, GrantTerms};
use crate::base::ids::{AccountId, KeyId, Region};
use crate::policy::grant::GrantQuery;

/// The grants of all keys.
#[derive(Default)]
pub struct GrantIndex {
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    tags: Tags,
    principals: Interned<NamedPrincipal>,
    regions: BTreeMap<Region, RegionGrants>,
}

#[derive(Default)]
struct RegionGrants {
    keys: BTreeMap<KeyId, KeyGrants>,
    /// By retiring principal; in the order of keys, then of grant ids.
    retiring: BTreeMap<GrantPrincipal, Sorted>,
}

/// The grants of one key.
struct KeyGrants {
    arn: Arc<KeyArn>,
    commons: Interned<Common>,
    by_id: Sorted,
    by_grantee: ByGrantee,
}

type Sorted = Vec<Arc<PackedGrant>>;
type Order = fn(&PackedGrant, &PackedGrant) -> Ordering;

/// Where a page of retirable grants goes on.
pub type RetirablePosition = (KeyId, GrantId);

impl GrantIndex {
    /// The grant of this key with this id.
    #[must_use]
    pub fn find(&self, key: &KeyArn, id: &GrantId) -> Option<Grant> {
        let state = self.read();
        let by_id = &state.key(key)?.by_id;
        let at = by_id.binary_search_by(|held| held.id.cmp(id)).ok()?;
        by_id.get(at).map(|held| held.unpack())
    }

    /// A grant of the same key that says the same, name included.
    #[must_use]
    pub fn find_same(&self, grant: &Grant) -> Option<Grant> {
        let state = self.read();
        let mine = state.key(&grant.key)?.by_grantee.of(&state.tags, &grant.grantee.id);
        let fits = |held: &&Arc<PackedGrant>| {
            held.is_named(grant.name.as_deref()) && held.common.operations == grant.terms.operations
        };
        mine.filter(fits).map(|held| held.unpack()).find(|held| held.says_the_same(grant))
    }

    /// How many grants a key has.
    #[must_use]
    pub fn count(&self, key: &KeyArn) -> usize {
        self.read().key(key).map_or(0, |grants| grants.by_id.len())
    }

    /// Up to `limit` grants of a key in the order of their ids, those after `after`
    /// only, and only those that are `wanted`.
    #[must_use]
    pub fn list(
        &self,
        key: &KeyArn,
        wanted: impl Fn(&GrantId, &NamedPrincipal) -> bool,
        after: Option<&GrantId>,
        limit: usize,
    ) -> Vec<Grant> {
        let state = self.read();
        let Some(grants) = state.key(key) else { return Vec::new() };
        let from = grants.by_id.partition_point(|held| Some(&held.id) <= after);
        let rest = grants.by_id.get(from..).unwrap_or_default();
        let wanted = |held: &&Arc<PackedGrant>| wanted(&held.id, &held.common.grantee);
        rest.iter().filter(wanted).take(limit).map(|held| held.unpack()).collect()
    }

    /// Up to `limit` grants in a Region that name this retiring principal, in the
    /// order of keys and ids, those after `after` only; of a service, those made
    /// by `account` only.
    #[must_use]
    pub fn list_retirable(
        &self,
        region: &Region,
        retiring: &GrantPrincipal,
        account: &AccountId,
        after: Option<RetirablePosition>,
        limit: usize,
    ) -> Vec<Grant> {
        let state = self.read();
        let found = state.regions.get(region).and_then(|grants| grants.retiring.get(retiring));
        let Some(found) = found else { return Vec::new() };
        let from = found.partition_point(|held| Some((held.common.key.id, held.id)) <= after);
        let is_service = matches!(retiring, GrantPrincipal::Service(_));
        let shown =
            |held: &&Arc<PackedGrant>| !is_service || held.common.issuing_account == *account;
        let rest = found.get(from..).unwrap_or_default();
        rest.iter().filter(shown).take(limit).map(|held| held.unpack()).collect()
    }

    /// A grant to `grantee` that allows what `query` asks, if there is one that is
    /// `wanted` too. Which one of several does not matter: each allows it alone.
    pub(super) fn search(
        &self,
        query: &GrantQuery<'_>,
        grantee: &GrantPrincipal,
        wanted: &dyn Fn(&PackedGrant) -> bool,
    ) -> Option<GrantTerms> {
        let state = self.read();
        let (mine, tags) = (&state.key(query.key)?.by_grantee, &state.tags);
        let context = query.context.map(EncryptionContext::canonical_bytes).unwrap_or_default();
        let fits = |held: &&Arc<PackedGrant>| held.fits(query.operation, &context) && wanted(held);
        let in_bucket = |bucket: Bucket<'_>| mine.in_bucket(tags, grantee, bucket).find(fits);
        let found = if query.operation.is_constrained() {
            in_bucket(Bucket::Free).or_else(|| in_bucket(Bucket::Equals(&context))).or_else(|| {
                canonical_pairs(&context).find_map(|pair| in_bucket(Bucket::Subset(pair)))
            })
        } else {
            mine.of(tags, grantee).find(fits)
        };
        found.map(|held| held.terms())
    }

    /// Takes in many grants at once, sorting only at the end.
    ///
    /// # Errors
    /// The first that comes instead of a grant; those before it are in.
    pub fn put_all<E>(&self, mut grants: impl Iterator<Item = Result<Grant, E>>) -> Result<(), E> {
        let mut state = self.write();
        let result = grants.try_for_each(|grant| {
            let insert = |list: &mut Sorted, held, _order: Order| list.push(held);
            state.add(&grant?, insert, ByGrantee::push);
            Ok(())
        });
        for region in state.regions.values_mut() {
            for grants in region.keys.values_mut() {
                sort(&mut grants.by_id, by_id);
                grants.by_grantee.sort();
            }
            region.retiring.values_mut().for_each(|list| sort(list, by_key));
        }
        result
    }

    /// Puts a committed grant in.
    pub(super) fn put(&self, grant: &Grant) {
        let insert = |list: &mut Sorted, held: Arc<PackedGrant>, order: Order| {
            let at = list.partition_point(|other| order(other, &held).is_lt());
            list.insert(at, held);
        };
        self.write().add(grant, insert, ByGrantee::insert);
    }

    /// Takes a grant out that was retired or revoked.
    pub(super) fn remove(&self, key: &KeyArn, id: &GrantId) {
        let state = &mut *self.write();
        let Some(region) = state.regions.get_mut(&key.region) else { return };
        let Some(grants) = region.keys.get_mut(&key.id) else { return };
        let Ok(at) = grants.by_id.binary_search_by(|held| held.id.cmp(id)) else { return };
        let held = grants.by_id.remove(at);
        grants.by_grantee.remove(&state.tags, &held);
        if let Some(retiring) = &held.common.retiring
            && let Some(list) = region.retiring.get_mut(&retiring.id)
        {
            take(list, &held, by_key);
            if list.is_empty() {
                region.retiring.remove(&retiring.id);
            }
        }
        let common = Arc::clone(&held.common);
        drop(held);
        let unused = grants.commons.release(common);
        if grants.by_id.is_empty() {
            region.keys.remove(&key.id);
        }
        state.principals.release_of(unused);
    }

    /// Takes out all grants of a deleted key.
    pub(in crate::keys) fn remove_all(&self, key: &KeyArn) {
        let state = &mut *self.write();
        let Some(region) = state.regions.get_mut(&key.region) else { return };
        let Some(KeyGrants { commons, by_id, .. }) = region.keys.remove(&key.id) else { return };
        drop(by_id);
        region.retiring.retain(|_, list| {
            let from = list.partition_point(|held| held.common.key.id < key.id);
            let to = list.partition_point(|held| held.common.key.id <= key.id);
            list.drain(from..to);
            !list.is_empty()
        });
        for common in commons.into_values() {
            state.principals.release_of(Arc::into_inner(common));
        }
    }

    /// Whether nothing is held, not even what grants shared.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let state = self.read();
        let is_empty = |region: &RegionGrants| region.keys.is_empty() && region.retiring.is_empty();
        state.principals.len() == 0 && state.regions.values().all(is_empty)
    }

    // A panic while the lock was held cannot leave the lists half-changed in a way
    // that matters more than refusing every later call would.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn key(&self, key: &KeyArn) -> Option<&KeyGrants> {
        self.regions.get(&key.region)?.keys.get(&key.id).filter(|grants| *grants.arn == *key)
    }

    /// Adds a grant to every list that it belongs to, by way of `insert` and, for
    /// the list by grantee, `tag`.
    fn add(
        &mut self,
        grant: &Grant,
        insert: impl Fn(&mut Sorted, Arc<PackedGrant>, Order),
        tag: fn(&mut ByGrantee, &Tags, Arc<PackedGrant>),
    ) {
        let region = self.regions.entry(grant.key.region.clone()).or_default();
        let grants = region.keys.entry(grant.key.id).or_insert_with(|| KeyGrants {
            arn: Arc::new(grant.key.clone()),
            commons: Interned::default(),
            by_id: Sorted::new(),
            by_grantee: ByGrantee::default(),
        });
        // Nearly always the account that owns the key: one text for both.
        let own = Some(&grants.arn.account).filter(|own| **own == grant.issuing_account);
        let issuing_account = own.unwrap_or(&grant.issuing_account).clone();
        let common = grants.commons.share(Common {
            grantee: self.principals.share(grant.grantee.clone()),
            retiring: grant.retiring.clone().map(|retiring| self.principals.share(retiring)),
            operations: grant.terms.operations,
            issuing_account,
            key: Arc::clone(&grants.arn),
        });
        let held = Arc::new(PackedGrant::new(grant, common));
        insert(&mut grants.by_id, Arc::clone(&held), by_id);
        tag(&mut grants.by_grantee, &self.tags, Arc::clone(&held));
        if let Some(retiring) = &grant.retiring {
            insert(region.retiring.entry(retiring.id.clone()).or_default(), held, by_key);
        }
    }
}

impl Interned<NamedPrincipal> {
    /// Lets go of the principals of what no grant has in common any more.
    fn release_of(&mut self, unused: Option<Common>) {
        if let Some(Common { grantee, retiring, .. }) = unused {
            for principal in [Some(grantee), retiring].into_iter().flatten() {
                self.release(principal);
            }
        }
    }
}

fn by_id(one: &PackedGrant, other: &PackedGrant) -> Ordering {
    one.id.cmp(&other.id)
}

fn by_key(one: &PackedGrant, other: &PackedGrant) -> Ordering {
    one.common.key.id.cmp(&other.common.key.id).then_with(|| by_id(one, other))
}

fn sort(list: &mut Sorted, order: Order) {
    list.sort_unstable_by(|one, other| order(one, other));
    list.shrink_to_fit();
}

/// Takes one grant out of a sorted list.
fn take(list: &mut Sorted, held: &PackedGrant, order: Order) {
    if let Ok(at) = list.binary_search_by(|other| order(other, held)) {
        list.remove(at);
    }
}
