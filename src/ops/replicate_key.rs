//! ReplicateKey.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_ReplicateKey.html>

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::access::{Access, PermittedKey};
use super::create_key::{Proposed, check_room};
use super::ctx::Ctx;
use super::key_metadata::{KeyMetadata, MEMBERS};
use super::operation::{Description, Done, Further, Operation, Service};
use super::put_key_policy;
use super::resolve::Accepts;
use super::shapes::{
    KEY_ID, REGION_SHAPE, TAGS, Tag, merge_tags, not_primary, out_text, tags_by_key,
};
use crate::base::arn::KeyArn;
use crate::base::ids::{Realm, Region};
use crate::base::spec::MultiRegionRole;
use crate::keys::changes::CreateKey as Create;
use crate::keys::key::Key;
use crate::keys::multi_region::{self, NewReplica};
use crate::keys::rotate::change_shared;
use crate::keys::state::StateRule;
use crate::policy::actions::Action;
use crate::policy::fact::Fact;
use crate::policy::question::Resource;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, POLICY_TEXT, Recorded, Shape, matching, text};

pub(super) struct ReplicateKey;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
    replica_region: String,
    policy: Option<String>,
    bypass_policy_lockout_safety_check: Option<bool>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    replica_key_metadata: KeyMetadata,
    replica_policy: String,
    replica_tags: Vec<Tag>,
}

impl Operation for ReplicateKey {
    const DESCRIPTION: Description = Description {
        name: "ReplicateKey",
        service: Service::Kms,
        read_only: false,
        input: &[
            KEY_ID,
            Member::required("ReplicaRegion", REGION_SHAPE),
            Member::optional("Policy", matching(1, 131_072, POLICY_TEXT)),
            Member::optional("BypassPolicyLockoutSafetyCheck", Shape::Boolean)
                .recorded(Recorded::OrFalse),
            Member::optional("Description", text(0, 8192)).recorded(Recorded::OrEmpty),
            Member::optional("Tags", TAGS),
        ],
        output: &[
            Member::optional("ReplicaKeyMetadata", Shape::Structure(MEMBERS)),
            out_text("ReplicaPolicy"),
            Member::optional("ReplicaTags", TAGS),
        ],
        errors: &[
            Code::AlreadyExistsException,
            Code::DisabledException,
            Code::InvalidArnException,
            Code::KMSInvalidStateException,
            Code::LimitExceededException,
            Code::MalformedPolicyDocumentException,
            Code::NotFoundException,
            Code::TagException,
            Code::UnsupportedOperationException,
        ],
    };

    // For compiling a policy no other change should wait.
    const TAKES_TURN: bool = false;

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        access.says(Fact::ReplicaRegion, input.replica_region.clone());
        access.says_tags(tags_by_key(&input.tags));
        let PermittedKey { permit, key: primary } =
            access.key(Action::REPLICATE_KEY, &input.key_id, Accepts::Key, None)?;
        if !primary.is_primary() {
            return Err(not_primary(&primary));
        }
        let region = served_region(ctx, &input.replica_region)?;
        says(access, &primary, input.bypass_policy_lockout_safety_check);
        let target = Resource::Account { account: &primary.arn.account, region: &region };
        access.resource(Action::CREATE_KEY, target)?;
        if !input.tags.is_empty() {
            access.resource(Action::TAG_RESOURCE, target)?;
        }
        let arn = KeyArn { region: region.clone(), ..primary.arn.clone() };
        check(ctx, &primary, &arn)?;
        let tags = merge_tags(&ctx.quotas, &BTreeMap::new(), input.tags)?;
        let bypass_lockout_check = input.bypass_policy_lockout_safety_check == Some(true);
        let proposed = Proposed {
            arn: &arn,
            spec: primary.spec,
            usage: primary.usage,
            origin: primary.origin,
            multi_region: Some(MultiRegionRole::Replica),
            tags: &tags,
            policy: input.policy.as_deref(),
            bypass_lockout_check,
        };
        let policy = proposed.compile(ctx, access).await?;
        access.takes_turn().await;
        let primary = access.again(&primary)?;
        check(ctx, &primary, &arn)?;
        let new = NewReplica {
            region,
            description: input.description,
            tags,
            policy,
            created_ms: ctx.clock.now_ms(),
        };
        let replica = Arc::new(multi_region::replicate(&ctx.hsm, &permit, &primary, new)?);
        Ok(answer(ctx, &primary, replica, bypass_lockout_check))
    }
}

/// Checks that `primary` can have the replica `replica` now.
fn check(ctx: &Ctx, primary: &Key, replica: &KeyArn) -> Result<(), ApiError> {
    if !primary.is_primary() {
        return Err(not_primary(primary));
    }
    StateRule::Replicate.check(primary.state, &primary.arn)?;
    if ctx.keys.find(&replica.region, replica.id).is_some() {
        let text = format!("The key {replica} already exists");
        return Err(ApiError::new(Code::AlreadyExistsException, text));
    }
    check_room(ctx, &Realm { account: replica.account.clone(), region: replica.region.clone() })
}

/// Says what the replica is to be.
fn says(access: &mut Access<'_>, primary: &Key, bypass: Option<bool>) {
    access.says(Fact::KeySpec, primary.spec.as_str());
    access.says(Fact::KeyUsage, primary.usage.as_str());
    access.says(Fact::KeyOrigin, primary.origin.as_str());
    access.says(Fact::MultiRegion, true);
    access.says(Fact::MultiRegionKeyType, MultiRegionRole::Replica.as_str());
    put_key_policy::says_bypass(access, bypass);
}

/// The Region of this name, if this server answers in it.
fn served_region(ctx: &Ctx, name: &str) -> Result<Region, ApiError> {
    let region = ctx.regions.iter().find(|region| region.as_str() == name);
    region.cloned().ok_or_else(|| {
        let text = format!("Region {name} is not one of those that this server answers in.");
        ApiError::new(Code::UnsupportedOperationException, text)
    })
}

fn answer(ctx: &Ctx, primary: &Arc<Key>, replica: Arc<Key>, bypassed: bool) -> Done<Output> {
    let metadata = || KeyMetadata::of(&ctx.keys, &replica);
    let created = created(&replica, bypassed, &metadata());
    let tags = replica.tags.iter();
    let output = Output {
        replica_key_metadata: metadata().creating(),
        replica_policy: replica.policy.text().to_owned(),
        replica_tags: tags
            .map(|(key, value)| Tag { tag_key: key.clone(), tag_value: value.clone() })
            .collect(),
    };
    let mut response = Map::new();
    let shown = output.replica_key_metadata.recorded();
    response.insert("replicaKeyMetadata".to_owned(), shown);
    response.insert("replicaPolicy".to_owned(), Value::from(replica.policy.text()));
    if !replica.tags.is_empty() {
        response.insert("replicaTags".to_owned(), recorded_tags(&replica));
    }
    // A rotation must wait again: the new replica does not have the material.
    let mut changes = match primary.pending_material() {
        Some(_) => change_shared(&ctx.keys, primary, |key| key.wait_for_related_keys(|_| true)),
        None => Vec::new(),
    };
    let registry = Arc::clone(&ctx.keys);
    changes.push(Box::new(Create { registry, key: replica, store: None }));
    Done::changed(output, changes, Some(response.into())).with_further(vec![created])
}

/// The record of the replica's creation in its own Region.
fn created(replica: &Key, bypassed: bool, metadata: &KeyMetadata) -> Further {
    let mut parameters = json!({
        "policy": replica.policy.text(),
        "description": replica.description,
        "keyUsage": replica.usage,
        "keySpec": replica.spec,
        "origin": replica.origin,
        "bypassPolicyLockoutSafetyCheck": bypassed,
        "multiRegion": true,
    });
    if let Value::Object(parameters) = &mut parameters
        && !replica.tags.is_empty()
    {
        parameters.insert("tags".to_owned(), recorded_tags(replica));
    }
    Further {
        name: "CreateKey",
        region: replica.arn.region.clone(),
        request_parameters: Some(parameters),
        response_elements: Some(json!({ "keyMetadata": metadata.recorded() })),
        resources: vec![replica.arn.clone()],
    }
}

fn recorded_tags(key: &Key) -> Value {
    let tags = key.tags.iter();
    tags.map(|(key, value)| json!({ "tagKey": key, "tagValue": value })).collect()
}
