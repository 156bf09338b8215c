//! DisableKey.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_DisableKey.html>

use super::access::Access;
use super::ctx::Ctx;
use super::get_key_last_usage::says_days_without_usage;
use super::operation::{Description, Done, Operation, Service};
use super::shapes::{KEY_ID, Nothing};
use super::toggle::{self, toggle};
use crate::base::spec::KeyState;
use crate::policy::actions::Action;
use crate::wire::error::ApiError;

pub(super) struct DisableKey;

impl Operation for DisableKey {
    const DESCRIPTION: Description = Description {
        name: "DisableKey",
        service: Service::Kms,
        read_only: false,
        input: &[KEY_ID],
        output: &[],
        errors: toggle::ERRORS,
    };

    // For a search of the book no other change should wait.
    const TAKES_TURN: bool = false;

    type Context = Ctx;
    type Input = toggle::Input;
    type Output = Nothing;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: toggle::Input,
    ) -> Result<Done<Nothing>, ApiError> {
        says_days_without_usage(ctx, access, &input.key_id).await?;
        access.takes_turn().await;
        toggle(ctx, access, Action::DISABLE_KEY, &input, KeyState::Disabled)
    }
}
