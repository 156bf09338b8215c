//! CreateAlias.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html>

use std::sync::Arc;

use serde::Deserialize;

use super::access::Access;
use super::aliases::{self, ALIAS_NAME};
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{KEY_ID_SHAPE, Nothing, recorded_key};
use crate::base::arn::AliasArn;
use crate::keys::changes::PutAlias;
use crate::keys::key::Alias;
use crate::keys::state::StateRule;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::Member;

pub(super) struct CreateAlias;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    alias_name: String,
    target_key_id: String,
}

impl Operation for CreateAlias {
    const DESCRIPTION: Description = Description {
        name: "CreateAlias",
        service: Service::Kms,
        read_only: false,
        input: &[ALIAS_NAME, Member::required("TargetKeyId", KEY_ID_SHAPE)],
        output: &[],
        errors: &[
            Code::AlreadyExistsException,
            Code::InvalidAliasNameException,
            Code::KMSInvalidStateException,
            Code::LimitExceededException,
            Code::NotAuthorizedException,
            Code::NotFoundException,
        ],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Nothing;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Nothing>, ApiError> {
        let name = aliases::parse(&input.alias_name)?;
        aliases::refuse_alias_target(&input.target_key_id)?;
        let realm = access.call().realm();
        let action = Action::CREATE_ALIAS;
        let key = access.key(action, &input.target_key_id, Accepts::Key, None)?.key;
        access.alias(action, &name)?;
        StateRule::Edit.check(key.state, &key.arn)?;
        if ctx.keys.find_alias(&realm, &name).is_some() {
            let arn = AliasArn { region: realm.region, account: realm.account, name };
            let text = format!("An alias with the name {arn} already exists");
            return Err(ApiError::new(Code::AlreadyExistsException, text));
        }
        aliases::check_room(ctx, &realm, key.id())?;
        let now_ms = ctx.clock.now_ms();
        let alias = Alias {
            realm,
            name,
            target: key.id(),
            created_ms: now_ms,
            updated_ms: now_ms,
            version: 1,
        };
        let change = PutAlias { registry: Arc::clone(&ctx.keys), alias };
        Ok(Done::changed(Nothing {}, vec![Box::new(change)], recorded_key(&key.arn)))
    }
}
