//! CreateKey.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html>

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::access::Access;
use super::ctx::Ctx;
use super::custom_key_stores;
use super::key_metadata::{KEY_METADATA, KeyMetadata};
use super::operation::{Description, Done, Operation, Service};
use super::put_key_policy;
use super::remote_key::{self, Wanted};
use super::shapes::{TAGS, Tag, merge_tags, tags_by_key};
use crate::base::arn::KeyArn;
use crate::base::ids::Realm;
use crate::base::spec::{KeyManager, KeySpec, KeyUsage, MultiRegionRole, Origin};
use crate::keys::changes::CreateKey as Create;
use crate::keys::create::{self, NewKey, NewRemote};
use crate::policy::actions::Action;
use crate::policy::builtin::default_key_policy;
use crate::policy::document::Document;
use crate::policy::fact::Fact;
use crate::policy::question::{KeyResource, NoAliases};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, POLICY_TEXT, Recorded, Shape, XKS_KEY_ID, matching, text};

pub(super) struct CreateKey;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    policy: Option<String>,
    #[serde(default)]
    description: String,
    key_usage: Option<String>,
    key_spec: Option<String>,
    customer_master_key_spec: Option<String>,
    origin: Option<String>,
    custom_key_store_id: Option<String>,
    xks_key_id: Option<String>,
    bypass_policy_lockout_safety_check: Option<bool>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    multi_region: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    key_metadata: KeyMetadata,
}

impl Operation for CreateKey {
    const DESCRIPTION: Description = Description {
        name: "CreateKey",
        service: Service::Kms,
        read_only: false,
        input: &[
            Member::optional("Policy", matching(1, 131_072, POLICY_TEXT)),
            Member::optional("Description", text(0, 8192)).recorded(Recorded::OrEmpty),
            Member::optional("KeyUsage", Shape::Enum(KeyUsage::NAMES))
                .recorded(Recorded::OrText("ENCRYPT_DECRYPT")),
            Member::optional("CustomerMasterKeySpec", Shape::Enum(KeySpec::NAMES))
                .recorded(Recorded::OrText("SYMMETRIC_DEFAULT")),
            Member::optional("KeySpec", Shape::Enum(KeySpec::NAMES))
                .recorded(Recorded::OrText("SYMMETRIC_DEFAULT")),
            Member::optional("Origin", Shape::Enum(Origin::NAMES))
                .recorded(Recorded::OrText("AWS_KMS")),
            custom_key_stores::STORE_FILTER,
            Member::optional("BypassPolicyLockoutSafetyCheck", Shape::Boolean)
                .recorded(Recorded::OrFalse),
            Member::optional("Tags", TAGS),
            Member::optional("MultiRegion", Shape::Boolean),
            Member::optional("XksKeyId", matching(1, 128, XKS_KEY_ID)),
        ],
        output: &[KEY_METADATA],
        errors: &[
            Code::CustomKeyStoreInvalidStateException,
            Code::CustomKeyStoreNotFoundException,
            Code::InvalidArnException,
            Code::LimitExceededException,
            Code::MalformedPolicyDocumentException,
            Code::TagException,
            Code::UnsupportedOperationException,
            Code::XksKeyAlreadyInUseException,
            Code::XksKeyInvalidConfigurationException,
            Code::XksKeyNotFoundException,
        ],
    };

    // An RSA key takes up to seconds, for which no other change should wait. All
    // that a turn could keep from happening is a few keys beyond the quota.
    const TAKES_TURN: bool = false;

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let (spec, usage) = kind(&input)?;
        let realm = access.call().realm();
        says(access, &input, spec, usage);
        let permit = access.account(Action::CREATE_KEY)?;
        if !input.tags.is_empty() {
            access.account(Action::TAG_RESOURCE)?;
        }
        let (origin, remote) = check_origin(ctx, access, &input, spec, usage).await?;
        check_room(ctx, &realm)?;
        let tags = merge_tags(&ctx.quotas, &BTreeMap::new(), input.tags)?;
        let id = create::generate_id(&ctx.hsm, input.multi_region)?;
        let arn = KeyArn { region: realm.region, account: realm.account, id };
        let policy = Proposed {
            arn: &arn,
            spec,
            usage,
            origin,
            multi_region: input.multi_region.then_some(MultiRegionRole::Primary),
            tags: &tags,
            policy: input.policy.as_deref(),
            bypass_lockout_check: input.bypass_policy_lockout_safety_check == Some(true),
        };
        let policy = policy.compile(ctx, access).await?;
        let new = NewKey {
            arn,
            spec,
            usage,
            origin,
            manager: KeyManager::Customer,
            description: input.description,
            tags,
            policy,
            created_ms: ctx.clock.now_ms(),
            remote,
        };
        let store = new.remote.as_ref().map(|remote| Arc::clone(&remote.store));
        let hsm = Arc::clone(&ctx.hsm);
        // All others take less than a millisecond, or none at all.
        let key = match spec.is_rsa() && origin == Origin::AwsKms {
            true => {
                let account = access.call().caller.principal.account();
                let create = move || create::create(&hsm, &permit, new);
                ctx.rsa_keys.make_for(account, create).await??
            }
            false => create::create(&hsm, &permit, new)?,
        };
        let key = Arc::new(key);
        access.record_resource(&key.arn);
        let key_metadata = KeyMetadata::of(&ctx.keys, &key);
        let response = json!({ "keyMetadata": key_metadata.recorded() });
        let change = Create { registry: Arc::clone(&ctx.keys), key, store };
        Ok(Done::changed(Output { key_metadata }, vec![Box::new(change)], Some(response)))
    }
}

/// Says what the key is to be.
fn says(access: &mut Access<'_>, input: &Input, spec: KeySpec, usage: KeyUsage) {
    let origin = input.origin.as_deref().and_then(Origin::parse).unwrap_or(Origin::AwsKms);
    access.says(Fact::KeySpec, spec.as_str());
    access.says(Fact::KeyUsage, usage.as_str());
    access.says(Fact::KeyOrigin, origin.as_str());
    access.says(Fact::MultiRegion, input.multi_region);
    if input.multi_region {
        access.says(Fact::MultiRegionKeyType, MultiRegionRole::Primary.as_str());
    }
    access.says_tags(tags_by_key(&input.tags));
    put_key_policy::says_bypass(access, input.bypass_policy_lockout_safety_check);
}

/// Refuses one more key than a realm may have.
///
/// # Errors
/// `LimitExceededException`.
pub(super) fn check_room(ctx: &Ctx, realm: &Realm) -> Result<(), ApiError> {
    let quota = ctx.quotas.keys_per_region;
    if ctx.keys.count(realm) < quota {
        return Ok(());
    }
    let text = format!("The account already has {quota} KMS keys.");
    Err(ApiError::new(Code::LimitExceededException, text))
}

/// A policy for a key that is being made.
pub(super) struct Proposed<'a> {
    pub arn: &'a KeyArn,
    pub spec: KeySpec,
    pub usage: KeyUsage,
    pub origin: Origin,
    pub multi_region: Option<MultiRegionRole>,
    pub tags: &'a BTreeMap<String, String>,
    /// `None` for the default one.
    pub policy: Option<&'a str>,
    pub bypass_lockout_check: bool,
}

impl Proposed<'_> {
    /// Compiles it, and checks what the caller sent against locking the caller
    /// out.
    ///
    /// # Errors
    /// `MalformedPolicyDocumentException` or `LimitExceededException`.
    pub(super) async fn compile(
        &self,
        ctx: &Ctx,
        access: &Access<'_>,
    ) -> Result<Arc<Document>, ApiError> {
        let &Self { arn, spec, usage, origin, multi_region, tags, .. } = self;
        let Some(text) = self.policy else { return default_policy(ctx, arn) };
        let policy = put_key_policy::compile(ctx, access, text).await?;
        if !self.bypass_lockout_check {
            let policy = &policy;
            let aliases = &NoAliases;
            let key = KeyResource { arn, spec, usage, origin, multi_region, tags, aliases, policy };
            put_key_policy::check_lockout(ctx, access, key)?;
        }
        Ok(policy)
    }
}

/// The policy of a key made without one.
fn default_policy(ctx: &Ctx, arn: &KeyArn) -> Result<Arc<Document>, ApiError> {
    let text = default_key_policy(&arn.account);
    Ok(ctx.engine.compile_key_policy(&text, ctx.directory.as_ref())?)
}

/// The spec and the usage that the members together ask for.
fn kind(input: &Input) -> Result<(KeySpec, KeyUsage), ApiError> {
    if input.key_spec.is_some() && input.customer_master_key_spec.is_some() {
        return Err(ApiError::validation(
            "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. \
             CustomerMasterKeySpec is deprecated.",
        ));
    }
    let named = input.key_spec.as_deref().or(input.customer_master_key_spec.as_deref());
    let spec = named.and_then(KeySpec::parse).unwrap_or(KeySpec::SymmetricDefault);
    let usage = match input.key_usage.as_deref().and_then(KeyUsage::parse) {
        Some(usage) => usage,
        None if spec == KeySpec::SymmetricDefault => KeyUsage::EncryptDecrypt,
        None => {
            return Err(ApiError::validation(
                "You must specify a KeyUsage value for all KMS keys except for symmetric \
                 encryption keys.",
            ));
        }
    };
    if !spec.usages().contains(&usage) {
        let text = format!("KeyUsage {usage} is not compatible with KeySpec {spec}");
        return Err(ApiError::validation(text));
    }
    Ok((spec, usage))
}

/// Where the material is to come from. What this server cannot make is refused
/// by name.
async fn check_origin(
    ctx: &Ctx,
    access: &Access<'_>,
    input: &Input,
    spec: KeySpec,
    usage: KeyUsage,
) -> Result<(Origin, Option<NewRemote>), ApiError> {
    if spec == KeySpec::Sm2 {
        let text = "KeySpec SM2 is supported in China Regions only.";
        return Err(ApiError::new(Code::UnsupportedOperationException, text));
    }
    let origin = input.origin.as_deref().and_then(Origin::parse);
    if let Some(store) = &input.custom_key_store_id {
        let xks_key_id = input.xks_key_id.as_deref();
        let multi_region = input.multi_region;
        let wanted = Wanted { store, xks_key_id, origin, spec, usage, multi_region };
        let remote = remote_key::check(ctx, access, wanted).await?;
        return Ok((Origin::ExternalKeyStore, Some(remote)));
    }
    match origin {
        None | Some(Origin::AwsKms) if input.xks_key_id.is_none() => Ok((Origin::AwsKms, None)),
        Some(Origin::External) if input.xks_key_id.is_none() => Ok((Origin::External, None)),
        _ => Err(ApiError::validation(
            "You must specify a CustomKeyStoreId for a KMS key in a custom key store.",
        )),
    }
}
