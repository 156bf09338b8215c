//! DeleteAlias: works in every state of the key.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_DeleteAlias.html>

use std::sync::Arc;

use serde::Deserialize;

use super::access::Access;
use super::aliases::{self, ALIAS_NAME};
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve;
use super::shapes::Nothing;
use crate::keys::changes::DeleteAlias as Delete;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct DeleteAlias;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    alias_name: String,
}

impl Operation for DeleteAlias {
    const DESCRIPTION: Description = Description {
        name: "DeleteAlias",
        service: Service::Kms,
        read_only: false,
        input: &[ALIAS_NAME],
        output: &[],
        errors: &[
            Code::KMSInvalidStateException,
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
        let action = Action::DELETE_ALIAS;
        let name = aliases::parse(&input.alias_name)?;
        access.alias(action, &name)?;
        let realm = access.call().realm();
        let Some(alias) = ctx.keys.find_alias(&realm, &name) else {
            return Err(resolve::unknown_alias(&realm, name.as_str()));
        };
        if let Some(key) = ctx.keys.find(&realm.region, alias.target) {
            access.known_key(action, &key)?;
        }
        let change = Delete { registry: Arc::clone(&ctx.keys), alias };
        Ok(Done::changed(Nothing {}, vec![Box::new(change)], None))
    }
}
