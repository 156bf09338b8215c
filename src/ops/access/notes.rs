//! What the way to a thing notes for the record of its call.

use serde_json::Value;

use super::Access;
use crate::audit::FieldReads;
use crate::base::arn::KeyArn;
use crate::base::ids::MaterialId;
use crate::base::limits::RECORD_MEMBERS_BYTES;
use crate::ops::facts::{Mark, Taken};
use crate::policy::actions::Action;
use crate::policy::decision::{DenialKind, Explanation};
use crate::wire::error::ApiError;

impl Access<'_> {
    /// Notes a denial that no policy spoke: what was asked about is not there.
    pub fn record_denied(&mut self, action: Action, resource: String) {
        let kind = DenialKind::ImplicitResourcePolicy;
        self.facts.decisions.push(Explanation::foreign(action, resource, kind));
    }

    /// Notes the material that a symmetric key was used with.
    pub fn record_material(&mut self, id: MaterialId) {
        self.record_additional("keyMaterialId", Value::from(id.to_string()));
    }

    /// Notes a member of `requestParameters` that was not sent but holds for the
    /// call.
    pub fn record_parameter(&mut self, name: &str, value: Value) {
        if let Some(Value::Object(parameters)) = &mut self.facts.request_parameters {
            parameters.insert(name.to_owned(), value);
        }
    }

    /// Whether a record has room for what was asked, what was decided, and `answer` as its
    /// response elements. What is too long is left out of a record, with its hash.
    ///
    /// # Errors
    /// `KMSInternalException`; but all of it can be written.
    pub fn can_record(&self, answer: &Value) -> Result<bool, ApiError> {
        let bytes = |written: Result<Vec<u8>, _>| {
            written.map(|json| json.len()).map_err(ApiError::internal)
        };
        let said = [
            bytes(serde_json::to_vec(&self.facts.request_parameters))?,
            bytes(serde_json::to_vec(&self.facts.decisions))?,
            bytes(serde_json::to_vec(answer))?,
        ];
        Ok(said.into_iter().fold(0, usize::saturating_add) <= RECORD_MEMBERS_BYTES)
    }

    /// Notes a member of `additionalEventData`.
    pub fn record_additional(&mut self, name: &str, value: Value) {
        self.facts.additional.insert(name.to_owned(), value);
    }

    /// Notes what the call opened of items: rows of the field-read book, whatever
    /// becomes of the call.
    pub fn record_field_reads(&mut self, reads: FieldReads) {
        self.facts.field_reads = Some(reads);
    }

    /// Notes `serviceEventDetails`.
    pub fn record_service_event(&mut self, details: Value) {
        self.facts.service_event_details = Some(details);
    }

    /// Notes the ARN of a key that the call is about without naming it, such
    /// as a new one.
    pub fn record_resource(&mut self, arn: &KeyArn) {
        self.facts.resources.push(arn.to_string());
    }

    /// Notes the ARN of a role that the call is about.
    pub fn record_role(&mut self, arn: String) {
        self.facts.resources.push(arn);
    }

    /// How much the record says until now.
    pub(in crate::ops) fn mark(&self) -> Mark {
        self.facts.mark()
    }

    /// Lets the record say once what it says again since `before`.
    pub(in crate::ops) fn forget_repetitions(&mut self, before: Mark) {
        self.facts.forget_repetitions(before);
    }

    /// Takes out of the record what it says since `before`, and hands it over.
    pub(in crate::ops) fn take_since(&mut self, before: Mark) -> Taken {
        self.facts.take_since(before)
    }

    /// Notes what was taken out before.
    pub(in crate::ops) fn put_back(&mut self, taken: Taken) {
        self.facts.put_back(taken);
    }

    /// Notes a material beside the one that [`Self::record_material`] names.
    pub(in crate::ops) fn record_further_material(&mut self, id: MaterialId) {
        self.facts.unseen_materials.push(id);
    }

    /// AWS records Decrypt's key as if the caller had named it.
    pub(super) fn record_key_arn(&mut self, arn: &KeyArn) {
        if let Some(Value::Object(parameters)) = &mut self.facts.request_parameters {
            parameters.entry("keyId").or_insert_with(|| Value::from(arn.to_string()));
        }
    }
}
