//! A grant as it is held in memory, where a million of them must find room: what
//! many grants have in common is shared, and the rest is in one allocation, or in
//! none for a grant without name and constraints.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Grant;
use super::principal::NamedPrincipal;
use crate::base::arn::KeyArn;
use crate::base::context::{EncryptionContext, canonical_pairs};
use crate::base::grant::{GrantId, GrantOperation, GrantOperations, GrantTerms};
use crate::base::ids::AccountId;

/// What grants have in common that were made for the same purpose.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Common {
    pub(super) grantee: Arc<NamedPrincipal>,
    pub(super) retiring: Option<Arc<NamedPrincipal>>,
    pub(super) operations: GrantOperations,
    pub(super) issuing_account: AccountId,
    pub(super) key: Arc<KeyArn>,
}

/// One grant.
pub(super) struct PackedGrant {
    pub(super) id: GrantId,
    created_ms: i64,
    pub(super) common: Arc<Common>,
    /// The fields that it has, each as tag, length and bytes.
    fields: Option<Box<[u8]>>,
}

const EQUALS: u8 = 1;
const SUBSET: u8 = 2;
const NAME: u8 = 3;
const SOURCE_ARN: u8 = 4;

/// Under what a grant is found among those of its grantee.
#[derive(Clone, Copy, Hash)]
pub(super) enum Bucket<'a> {
    /// Not bound to an encryption context.
    Free,
    /// By the canonical bytes of the context that it must be.
    Equals(&'a [u8]),
    /// By those of the first pair that must be in it.
    Subset(&'a [u8]),
}

impl PackedGrant {
    pub(super) fn new(grant: &Grant, common: Arc<Common>) -> Self {
        let GrantTerms { id, subset, equals, source_arn, .. } = &grant.terms;
        let mut fields = Vec::new();
        let mut put = |tag: u8, bytes: &[u8]| {
            if !bytes.is_empty() {
                // The door lets nothing through that is longer than a request.
                let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                fields.push(tag);
                fields.extend_from_slice(&len.to_be_bytes());
                fields.extend_from_slice(bytes);
            }
        };
        put(EQUALS, &equals.canonical_bytes());
        put(SUBSET, &subset.canonical_bytes());
        put(NAME, grant.name.as_deref().unwrap_or_default().as_bytes());
        put(SOURCE_ARN, source_arn.as_deref().unwrap_or_default().as_bytes());
        let fields = (!fields.is_empty()).then(|| fields.into_boxed_slice());
        Self { id: *id, created_ms: grant.created_ms, common, fields }
    }

    /// The bytes of a field; empty for one that the grant does not have.
    fn field(&self, wanted: u8) -> &[u8] {
        let mut rest = self.fields.as_deref().unwrap_or_default();
        while let Some(([tag, len @ ..], after)) = rest.split_first_chunk::<5>() {
            let len = usize::try_from(u32::from_be_bytes(*len)).unwrap_or(usize::MAX);
            let Some((bytes, next)) = after.split_at_checked(len) else { break };
            if *tag == wanted {
                return bytes;
            }
            rest = next;
        }
        &[]
    }

    pub(super) fn is_named(&self, name: Option<&str>) -> bool {
        self.field(NAME) == name.unwrap_or_default().as_bytes()
    }

    fn text(&self, field: u8) -> Option<String> {
        let bytes = self.field(field);
        (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into_owned())
    }

    fn context(&self, field: u8) -> EncryptionContext {
        EncryptionContext::from_canonical_bytes(self.field(field)).unwrap_or_default()
    }

    pub(super) fn bucket(&self) -> Bucket<'_> {
        match (self.field(EQUALS), self.field(SUBSET)) {
            ([], []) => Bucket::Free,
            ([], subset) => Bucket::Subset(canonical_pairs(subset).next().unwrap_or(subset)),
            (equals, _) => Bucket::Equals(equals),
        }
    }

    /// Whether it could allow `operation` in the context with these canonical bytes,
    /// as far as it is for the grant to say.
    pub(super) fn fits(&self, operation: GrantOperation, context: &[u8]) -> bool {
        // No call here is made by a service for a resource.
        if !self.common.operations.contains(operation) || !self.field(SOURCE_ARN).is_empty() {
            return false;
        }
        let equals = self.field(EQUALS);
        // Both are in the order of their keys: what was passed does not come again.
        let mut pairs = canonical_pairs(context);
        !operation.is_constrained()
            || (equals.is_empty() || equals == context)
                && canonical_pairs(self.field(SUBSET))
                    .all(|demanded| pairs.any(|pair| pair == demanded))
    }

    pub(super) fn terms(&self) -> GrantTerms {
        GrantTerms {
            id: self.id,
            operations: self.common.operations,
            subset: self.context(SUBSET),
            equals: self.context(EQUALS),
            source_arn: self.text(SOURCE_ARN),
        }
    }

    pub(super) fn unpack(&self) -> Grant {
        let common = &self.common;
        Grant {
            terms: self.terms(),
            key: KeyArn::clone(&common.key),
            name: self.text(NAME),
            grantee: NamedPrincipal::clone(&common.grantee),
            retiring: common.retiring.as_deref().cloned(),
            issuing_account: common.issuing_account.clone(),
            created_ms: self.created_ms,
        }
    }
}

/// Values of which there is one each, however many share it.
pub(super) struct Interned<T>(BTreeSet<Arc<T>>);

impl<T: Ord> Interned<T> {
    pub(super) fn share(&mut self, value: T) -> Arc<T> {
        if let Some(held) = self.0.get(&value) {
            return Arc::clone(held);
        }
        let new = Arc::new(value);
        self.0.insert(Arc::clone(&new));
        new
    }

    /// Lets go of a value, and hands it back if nobody else shares it.
    pub(super) fn release(&mut self, value: Arc<T>) -> Option<T> {
        // The caller's, and the one in here.
        if Arc::strong_count(&value) > 2 {
            return None;
        }
        self.0.remove(&value);
        Arc::into_inner(value)
    }

    pub(super) fn into_values(self) -> impl Iterator<Item = Arc<T>> {
        self.0.into_iter()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}
