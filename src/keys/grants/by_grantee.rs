//! The grants of one key in the order of a tag: half of it says the grantee, half
//! what the grant is bound to. A search compares tags, which lie side by side; a
//! look at the grants themselves, each somewhere else in memory, is for those few
//! whose tag is the right one.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::packed::{Bucket, PackedGrant};
use super::principal::GrantPrincipal;
use crate::base::grant::GrantId;

/// Makes tags. Its key is random: whoever makes grants cannot choose them so
/// that many get the same tag.
#[derive(Default)]
pub(super) struct Tags(RandomState);

/// The grantee's half, and then the bucket's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Tag(u32, u32);

struct Tagged {
    tag: Tag,
    held: Arc<PackedGrant>,
}

/// By tag, then by grant id.
#[derive(Default)]
pub(super) struct ByGrantee(Vec<Tagged>);

impl Tags {
    fn half<T: std::hash::Hash>(&self, value: T) -> u32 {
        // Any 32 of the 64 bits do.
        let [_, _, _, _, half @ ..] = self.0.hash_one(value).to_be_bytes();
        u32::from_be_bytes(half)
    }

    fn of(&self, held: &PackedGrant) -> Tag {
        Tag(self.half(&held.common.grantee.id), self.half(held.bucket()))
    }
}

impl Tagged {
    fn order(&self) -> (Tag, &GrantId) {
        (self.tag, &self.held.id)
    }
}

impl ByGrantee {
    /// Adds a grant where it comes, which needs a [`Self::sort`] before a search.
    pub(super) fn push(&mut self, tags: &Tags, held: Arc<PackedGrant>) {
        self.0.push(Tagged { tag: tags.of(&held), held });
    }

    pub(super) fn sort(&mut self) {
        self.0.sort_unstable_by(|one, other| one.order().cmp(&other.order()));
        self.0.shrink_to_fit();
    }

    /// Adds a grant in its place.
    pub(super) fn insert(&mut self, tags: &Tags, held: Arc<PackedGrant>) {
        let new = Tagged { tag: tags.of(&held), held };
        let at = self.0.partition_point(|other| other.order() < new.order());
        self.0.insert(at, new);
    }

    pub(super) fn remove(&mut self, tags: &Tags, held: &PackedGrant) {
        let order = (tags.of(held), &held.id);
        if let Ok(at) = self.0.binary_search_by(|other| other.order().cmp(&order)) {
            self.0.remove(at);
        }
    }

    /// All grants to `grantee`.
    pub(super) fn of<'a>(
        &'a self,
        tags: &Tags,
        grantee: &'a GrantPrincipal,
    ) -> impl Iterator<Item = &'a Arc<PackedGrant>> {
        let half = tags.half(grantee);
        self.range(Tag(half, u32::MIN), Tag(half, u32::MAX), grantee)
    }

    /// Those of them in one bucket, and by chance a few of another.
    pub(super) fn in_bucket<'a>(
        &'a self,
        tags: &Tags,
        grantee: &'a GrantPrincipal,
        bucket: Bucket<'_>,
    ) -> impl Iterator<Item = &'a Arc<PackedGrant>> {
        let tag = Tag(tags.half(grantee), tags.half(bucket));
        self.range(tag, tag, grantee)
    }

    fn range<'a>(
        &'a self,
        first: Tag,
        last: Tag,
        grantee: &'a GrantPrincipal,
    ) -> impl Iterator<Item = &'a Arc<PackedGrant>> {
        let from = self.0.partition_point(|held| held.tag < first);
        let rest = self.0.get(from..).unwrap_or_default();
        rest.iter()
            .take_while(move |held| held.tag <= last)
            .map(|tagged| &tagged.held)
            .filter(move |held| held.common.grantee.id == *grantee)
    }
}
