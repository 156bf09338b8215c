//! UpdateAlias: points an alias to another key.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdateAlias.html>

use std::sync::Arc;

use serde::Deserialize;

use super::access::Access;
use super::aliases::{self, ALIAS_NAME};
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::{self, Accepts};
use super::shapes::{KEY_ID_SHAPE, Nothing, recorded_key};
use crate::base::spec::KeySpec;
use crate::keys::changes::PutAlias;
use crate::keys::key::Alias;
use crate::keys::state::StateRule;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::Member;

pub(super) struct UpdateAlias;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    alias_name: String,
    target_key_id: String,
}

impl Operation for UpdateAlias {
    const DESCRIPTION: Description = Description {
        name: "UpdateAlias",
        service: Service::Kms,
        read_only: false,
        input: &[ALIAS_NAME, Member::required("TargetKeyId", KEY_ID_SHAPE)],
        output: &[],
        errors: &[
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
        let action = Action::UPDATE_ALIAS;
        let name = aliases::parse(&input.alias_name)?;
        aliases::refuse_alias_target(&input.target_key_id)?;
        access.alias(action, &name)?;
        let target = access.key(action, &input.target_key_id, Accepts::Key, None)?.key;
        let realm = access.call().realm();
        let Some(alias) = ctx.keys.find_alias(&realm, &name) else {
            return Err(resolve::unknown_alias(&realm, name.as_str()));
        };
        if let Some(present) = ctx.keys.find(&realm.region, alias.target) {
            access.known_key(action, &present)?;
            if kind(present.spec) != kind(target.spec) {
                let text = "An alias of a symmetric, an asymmetric or an HMAC key cannot be \
                            changed to a key of another of these types.";
                return Err(ApiError::validation(text));
            }
            if present.usage != target.usage {
                return Err(ApiError::validation(format!(
                    "Alias {name} cannot be changed from a CMK with key usage {} to a CMK with \
                     key usage {}. The key usage of the current CMK and the new CMK must be the \
                     same.",
                    present.usage, target.usage
                )));
            }
        }
        StateRule::Edit.check(target.state, &target.arn)?;
        if target.id() != alias.target {
            aliases::check_room(ctx, &realm, target.id())?;
        }
        let alias = Alias {
            target: target.id(),
            updated_ms: ctx.clock.now_ms(),
            version: alias.version.saturating_add(1),
            ..alias
        };
        let change = PutAlias { registry: Arc::clone(&ctx.keys), alias };
        Ok(Done::changed(Nothing {}, vec![Box::new(change)], recorded_key(&target.arn)))
    }
}

/// The three types of keys between which an alias cannot move.
const fn kind(spec: KeySpec) -> (bool, bool) {
    (spec.is_asymmetric(), spec.mac_algorithms().is_empty())
}
