//! What is gathered about a call while it runs, for its record.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::audit::FieldReads;
use crate::base::ids::{AccountId, MaterialId};
use crate::base::managed::ManagedService;
use crate::keys::backend::RemoteCalls;
use crate::policy::decision::Explanation;

/// What the record will say about the call, gathered on the way, so that a
/// call that fails has it too.
#[derive(Debug, Default)]
pub struct Facts {
    pub request_parameters: Option<Value>,
    /// ARNs of the keys, aliases and roles that the call found, in order.
    pub resources: Vec<String>,
    pub decisions: Vec<Explanation>,
    pub additional: Map<String, Value>,
    /// The materials that were used of keys of which AWS's record does not name
    /// them: those that are not symmetric.
    pub unseen_materials: Vec<MaterialId>,
    /// What the call opened of items.
    pub field_reads: Option<FieldReads>,
    /// What remotes were asked.
    pub remote_calls: RemoteCalls,
    /// `serviceEventDetails` of what the server did by itself.
    pub service_event_details: Option<Value>,
    /// Whether the caller only wants to know what would happen.
    pub dry_run: bool,
    /// `GrantTokens`, which no record ever shows.
    pub grant_tokens: Vec<String>,
    /// The service whose key the call named before it was there. The pipeline
    /// makes it, and runs the call again.
    pub missing_service: Option<ManagedService>,
}

/// What the record said and does not say any more.
#[derive(Default)]
pub(super) struct Taken {
    resources: Vec<String>,
    decisions: Vec<Explanation>,
}

/// How much the record said at some point of a call.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    resources: usize,
    decisions: usize,
}

impl Facts {
    /// `additionalEventData` in the book of `account`: what was noted, and what remotes
    /// were asked for its keys. For those of others that is the others' own affair.
    pub(super) fn additional_event_data(
        &self,
        account: &AccountId,
    ) -> Option<Cow<'_, Map<String, Value>>> {
        let Some(noted) = self.remote_calls.of(account) else {
            return (!self.additional.is_empty()).then_some(Cow::Borrowed(&self.additional));
        };
        let mut data = self.additional.clone();
        if let Some(key) = noted.key {
            data.insert("customKeyStoreId".to_owned(), key.store.to_string().into());
            data.insert("xksKeyId".to_owned(), key.id.into());
        }
        if noted.count > noted.shown.len() {
            data.insert("remoteCallCount".to_owned(), noted.count.into());
        }
        data.insert("remoteCalls".to_owned(), json!(noted.shown));
        Some(Cow::Owned(data))
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { resources: self.resources.len(), decisions: self.decisions.len() }
    }

    pub(super) fn forget_since(&mut self, mark: Mark) {
        self.take_since(mark);
    }

    /// As [`Self::forget_since`], and hands it over.
    pub(super) fn take_since(&mut self, mark: Mark) -> Taken {
        let resources = self.resources.split_off(mark.resources.min(self.resources.len()));
        let decisions = self.decisions.split_off(mark.decisions.min(self.decisions.len()));
        Taken { resources, decisions }
    }

    /// Says again what was taken.
    pub(super) fn put_back(&mut self, taken: Taken) {
        self.resources.extend(taken.resources);
        self.decisions.extend(taken.decisions);
    }

    /// Keeps of what came since `mark` only what was not there before.
    pub(super) fn forget_repetitions(&mut self, mark: Mark) {
        keep_new(&mut self.resources, mark.resources);
        keep_new(&mut self.decisions, mark.decisions);
    }
}

fn keep_new<T: PartialEq>(all: &mut Vec<T>, from: usize) {
    for one in all.split_off(from.min(all.len())) {
        if !all.contains(&one) {
            all.push(one);
        }
    }
}
