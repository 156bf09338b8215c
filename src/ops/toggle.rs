//! Enabling and disabling: what EnableKey and DisableKey share.

use serde::Deserialize;

use super::access::Access;
use super::ctx::Ctx;
use super::operation::Done;
use super::resolve::Accepts;
use super::shapes::{Nothing, recorded_key};
use crate::base::spec::KeyState;
use crate::keys::changes::UpdateKey;
use crate::keys::state::StateRule;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

/// The input of both operations.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    pub(super) key_id: String,
}

/// The errors of both operations.
pub(super) const ERRORS: &[Code] =
    &[Code::InvalidArnException, Code::KMSInvalidStateException, Code::NotFoundException];

/// Puts a key into `state`.
pub(super) fn toggle(
    ctx: &Ctx,
    access: &mut Access<'_>,
    action: Action,
    input: &Input,
    state: KeyState,
) -> Result<Done<Nothing>, ApiError> {
    let key = access.key(action, &input.key_id, Accepts::Key, None)?.key;
    StateRule::Toggle.check(key.state, &key.arn)?;
    let change = UpdateKey::new(&ctx.keys, &key, |key| key.state = state);
    Ok(Done::changed(Nothing {}, vec![change], recorded_key(&key.arn)))
}
