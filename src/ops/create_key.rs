//! CreateKey.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html>

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::access::Access;
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::put_key_policy;
use super::shapes::{KEY_METADATA, KeyMetadata, TAGS, Tag, merge_tags};
use crate::base::arn::KeyArn;
use crate::base::limits;
use crate::base::spec::{KeySpec, KeyUsage, Origin};
use crate::keys::changes::CreateKey as Create;
use crate::keys::create::{self, NewKey};
use crate::policy::actions::Action;
use crate::policy::builtin::default_key_policy;
use crate::policy::question::Resource;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, POLICY_TEXT, Recorded, Shape, matching, text};

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
    #[serde(default)]
    bypass_policy_lockout_safety_check: bool,
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
            Member::optional("CustomKeyStoreId", text(1, 64)),
            Member::optional("BypassPolicyLockoutSafetyCheck", Shape::Boolean)
                .recorded(Recorded::OrFalse),
            Member::optional("Tags", TAGS),
            Member::optional("MultiRegion", Shape::Boolean),
            Member::optional("XksKeyId", text(1, 128)),
        ],
        output: &[KEY_METADATA],
        errors: &[
            Code::CustomKeyStoreNotFoundException,
            Code::InvalidArnException,
            Code::LimitExceededException,
            Code::MalformedPolicyDocumentException,
            Code::TagException,
            Code::UnsupportedOperationException,
        ],
    };

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
        let permit = access.account(Action::CREATE_KEY)?;
        if !input.tags.is_empty() {
            access.account(Action::TAG_RESOURCE)?;
        }
        check_supported(&input, spec)?;
        if ctx.keys.count(&realm) >= limits::KEYS_PER_REGION {
            let text = format!("The account already has {} KMS keys.", limits::KEYS_PER_REGION);
            return Err(ApiError::new(Code::LimitExceededException, text));
        }
        let tags = merge_tags(&BTreeMap::new(), input.tags)?;
        let id = create::generate_id(&ctx.hsm)?;
        let arn = KeyArn { region: realm.region.clone(), account: realm.account.clone(), id };
        let policy = match &input.policy {
            None => ctx
                .engine
                .compile_key_policy(&default_key_policy(&realm.account), ctx.directory.as_ref())?,
            Some(text) => {
                let document = put_key_policy::compile(ctx, text)?;
                let key = Resource::Key {
                    arn: &arn,
                    spec,
                    usage,
                    origin: Origin::AwsKms,
                    policy: &document,
                };
                if !input.bypass_policy_lockout_safety_check {
                    put_key_policy::check_lockout(ctx, access, key)?;
                }
                document
            }
        };
        let new = NewKey {
            realm,
            id,
            spec,
            usage,
            description: input.description,
            tags,
            policy,
            created_ms: ctx.clock.now_ms(),
        };
        let key = Arc::new(create::create(&ctx.hsm, &permit, new)?);
        access.record_resource(&key.arn);
        let response = json!({ "keyMetadata": KeyMetadata::recorded(&key) });
        let key_metadata = KeyMetadata::of(&key);
        let change = Create { registry: Arc::clone(&ctx.keys), key };
        Ok(Done::changed(Output { key_metadata }, vec![Box::new(change)], Some(response)))
    }
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

/// What this server cannot make yet is refused by name.
fn check_supported(input: &Input, spec: KeySpec) -> Result<(), ApiError> {
    let origin = input.origin.as_deref().unwrap_or(Origin::AwsKms.as_str());
    let refused = |what: String| {
        let text = format!("{what} is not yet supported by this server.");
        Err(ApiError::new(Code::UnsupportedOperationException, text))
    };
    if input.custom_key_store_id.is_some() {
        return Err(ApiError::bare(Code::CustomKeyStoreNotFoundException));
    }
    if spec != KeySpec::SymmetricDefault {
        return refused(format!("KeySpec {spec}"));
    }
    if origin != Origin::AwsKms.as_str() {
        return refused(format!("Origin {origin}"));
    }
    if input.xks_key_id.is_some() {
        return refused("XksKeyId".to_owned());
    }
    if input.multi_region {
        return refused("MultiRegion".to_owned());
    }
    Ok(())
}
