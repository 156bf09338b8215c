//! What is gathered about a call while it runs, for its record.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::audit::FieldReads;
use crate::base::ids::MaterialId;
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

/// How much the record said at some point of a call.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    resources: usize,
    decisions: usize,
}

impl Facts {
    /// `additionalEventData`: what was noted, and what remotes were asked.
    pub(super) fn additional_event_data(&self) -> Option<Cow<'_, Map<String, Value>>> {
        let Some((shown, count)) = self.remote_calls.noted() else {
            return (!self.additional.is_empty()).then_some(Cow::Borrowed(&self.additional));
        };
        let mut data = self.additional.clone();
        data.insert("remoteCalls".to_owned(), json!(shown));
        if count > shown.len() {
            data.insert("remoteCallCount".to_owned(), count.into());
        }
        Some(Cow::Owned(data))
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { resources: self.resources.len(), decisions: self.decisions.len() }
    }

    pub(super) fn forget_since(&mut self, mark: Mark) {
        self.take_since(mark);
    }

    /// As [`Self::forget_since`], and hands the decisions back.
    pub(super) fn take_since(&mut self, mark: Mark) -> Vec<Explanation> {
        self.resources.truncate(mark.resources);
        self.decisions.split_off(mark.decisions.min(self.decisions.len()))
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
