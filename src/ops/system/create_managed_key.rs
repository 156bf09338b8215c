//! The key of a service, made when it is first named (AWS KMS Developer Guide,
//! "AWS managed keys"): nobody calls for it, nobody may change it, and it
//! rotates every year.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use crate::base::arn::KeyArn;
use crate::base::ids::Realm;
use crate::base::managed::ManagedService;
use crate::base::spec::{KeyManager, KeySpec, KeyUsage, Origin};
use crate::keys::changes::{CreateKey, PutAlias};
use crate::keys::create::{self, NewKey};
use crate::keys::key::{Alias, Rotation};
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::Nothing;
use crate::policy::actions::Action;
use crate::policy::builtin::managed_key_policy;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape};

pub(super) struct CreateManagedKey;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    service: ManagedService,
}

/// Days between the rotations of a key that AWS manages.
const ROTATION_DAYS: i64 = 365;

impl Operation for CreateManagedKey {
    const DESCRIPTION: Description = Description {
        name: "CreateKey",
        service: Service::System,
        read_only: false,
        input: &[Member::required("Service", Shape::Enum(ManagedService::NAMES)).unrecorded()],
        output: &[],
        errors: &[],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Nothing;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Nothing>, ApiError> {
        let permit = access.account(Action::SYSTEM_CREATE_KEY)?;
        let (service, realm) = (input.service, access.call().realm());
        let name = service.alias().ok_or_else(|| ApiError::internal("an alias is no alias"))?;
        let Realm { account, region } = realm.clone();
        let policy = managed_key_policy(service, &account, &region);
        let created_ms = ctx.clock.now_ms();
        let new = NewKey {
            arn: KeyArn { region, account, id: create::generate_id(&ctx.hsm, false)? },
            spec: KeySpec::SymmetricDefault,
            usage: KeyUsage::EncryptDecrypt,
            origin: Origin::AwsKms,
            manager: KeyManager::Aws,
            description: format!(
                "Default key that protects my {service} data when no other key is defined"
            ),
            tags: BTreeMap::new(),
            policy: ctx.engine.managed_key_policy(&policy)?,
            created_ms,
            remote: None,
        };
        let mut key = create::create(&ctx.hsm, &permit, new)?;
        key.rotation = Some(Rotation::starting(created_ms, ROTATION_DAYS));
        access.record_resource(&key.arn);
        access.record_service_event(
            json!({ "keyId": key.id().to_string(), "aliasName": name.as_str() }),
        );
        let alias =
            Alias { realm, name, target: key.id(), created_ms, updated_ms: created_ms, version: 1 };
        let registry = &ctx.keys;
        let create = CreateKey { registry: Arc::clone(registry), key: Arc::new(key), store: None };
        let put = PutAlias { registry: Arc::clone(registry), alias };
        Ok(Done::changed(Nothing {}, vec![Box::new(create), Box::new(put)], None))
    }
}
