//! AssumeRole: temporary credentials for a session of a role.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
//!
//! `POST /v1/roles/{roleName}/sessions` is the same for a role of the own account,
//! with members in the spelling of the REST API.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::members::{
    CREDENTIALS_OUT, DURATION_SECONDS, EXTERNAL_ID, POLICY, ROLE_ARN, ROLE_SESSION_NAME, Refused,
    TAGS, TRANSITIVE_TAG_KEYS, Tag, refused,
};
use super::session::{self, RoleSession};
use super::tags::SessionTags;
use super::target::Target;
use crate::base::arn::RoleArn;
use crate::base::caller::{Principal, SessionFacts};
use crate::base::limits;
use crate::ops::access::Access;
use crate::ops::call::Call;
use crate::ops::ctx::Ctx;
use crate::ops::facts::Facts;
use crate::ops::operation::{Description, Done, Operation, ReadInput, Service};
use crate::ops::pipeline;
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::policy::fact::Fact;
use crate::wire;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct AssumeRole;

pub(super) struct Input(Members);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    role_arn: String,
    role_session_name: String,
    duration_seconds: Option<i64>,
    policy: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    transitive_tag_keys: Vec<String>,
    external_id: Option<String>,
    #[serde(flatten)]
    refused: Refused,
}

impl Operation for AssumeRole {
    const DESCRIPTION: Description = Description {
        name: "AssumeRole",
        service: Service::Sts,
        read_only: true,
        input: &[
            ROLE_ARN,
            ROLE_SESSION_NAME,
            DURATION_SECONDS,
            POLICY,
            TAGS,
            TRANSITIVE_TAG_KEYS,
            EXTERNAL_ID,
            refused("MinimumSessionTokenSize"),
            refused("PolicyArns"),
            refused("ProvidedContexts"),
            refused("SerialNumber"),
            refused("SourceIdentity"),
            refused("TokenCode"),
        ],
        output: &[
            out_text("arn"),
            out_text("assumedRoleId"),
            CREDENTIALS_OUT[0],
            CREDENTIALS_OUT[1],
            CREDENTIALS_OUT[2],
            CREDENTIALS_OUT[3],
            out_text("packedPolicySize"),
        ],
        errors: &[Code::MalformedPolicyDocumentException, Code::PackedPolicyTooLargeException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = RoleSession;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        Input(input): Input,
    ) -> Result<Done<RoleSession>, ApiError> {
        input.refused.check()?;
        let caller = &access.call().caller;
        let from = caller.session.as_deref();
        let tags = SessionTags::of(input.tags, input.transitive_tag_keys, from)?;
        access.says(Fact::RoleSessionName, input.role_session_name.clone());
        if let Some(id) = input.external_id {
            access.says(Fact::ExternalId, id);
        }
        if !tags.is_empty() {
            // Those that are handed on as well: a policy sees all that there will be.
            access.says_tags(tags.all());
        }
        if !tags.transitive.is_empty() {
            let keys = tags.transitive.iter().cloned();
            access.says(Fact::TransitiveTagKeys, keys.collect::<Vec<_>>());
        }
        if !tags.inherited.is_empty() {
            access.record_parameter("incomingTransitiveTags", json!(tags.inherited));
        }
        let target = Target::find(ctx, &input.role_arn)?;
        let actions = match tags.is_empty() {
            true => &[Action::ASSUME_ROLE][..],
            false => &[Action::ASSUME_ROLE, Action::TAG_SESSION],
        };
        let principal = &caller.principal;
        let (role, terms) = target.assume(access, actions, |action| {
            let arn = &target.arn;
            format!("User: {principal} is not authorized to perform: {action} on resource: {arn}")
        })?;
        let is_chained = matches!(principal, Principal::RoleSession { .. });
        if is_chained && input.duration_seconds > Some(limits::CHAINED_SESSION_S) {
            return Err(ApiError::validation(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed \
                 by role chaining",
            ));
        }
        let seconds = session::seconds(input.duration_seconds, terms.max_session_s)?;
        session::check_policy(ctx, input.policy.as_deref())?;
        let facts = SessionFacts {
            created_ms: ctx.clock.now_ms(),
            tags: tags.all(),
            transitive_tag_keys: tags.transitive,
            policy: input.policy,
            federated: None,
        };
        let (made, recorded) =
            session::of_role(ctx, &role, &input.role_session_name, facts, seconds)?;
        Ok(Done::changed(made, Vec::new(), Some(recorded)))
    }
}

impl ReadInput for Input {
    fn read(description: &Description, call: &Call, facts: &mut Facts) -> Result<Self, ApiError> {
        let members = match call.members.iter().find(|(name, _)| name == "roleName") {
            None => pipeline::read_members(description, call, facts),
            Some((_, role)) => {
                pipeline::read_members(description, &in_words_of_sts(call, role)?, facts)
            }
        };
        members.map(Self)
    }
}

/// A call of the REST API in the words of STS.
fn in_words_of_sts(call: &Call, role: &str) -> Result<Call, ApiError> {
    let body = wire::json::object(&call.body)?;
    let mut members: Map<String, Value> = body
        .into_iter()
        .map(|(name, value)| match name.as_str() {
            "sessionName" => ("RoleSessionName".to_owned(), value),
            _ => (upper_camel(&name), capitalized(value)),
        })
        .collect();
    let account = call.caller.principal.account().clone();
    let arn = RoleArn { account, name: role.to_owned() };
    members.insert("RoleArn".to_owned(), Value::from(arn.to_string()));
    Ok(Call {
        caller: call.caller.clone(),
        region: call.region.clone(),
        body: serde_json::to_vec(&members).map_err(ApiError::internal)?,
        members: Vec::new(),
        decided: Vec::new(),
    })
}

/// The entries of a list, with the names of their members in STS's spelling.
fn capitalized(value: Value) -> Value {
    match value {
        Value::Array(entries) => entries.into_iter().map(capitalized).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (upper_camel(&name), value)).collect()
        }
        other => other,
    }
}

fn upper_camel(name: &str) -> String {
    let mut chars = name.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}
