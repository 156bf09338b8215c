//! EnableKey.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKey.html>

use super::access::Access;
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::rotation;
use super::shapes::{KEY_ID, Nothing};
use super::toggle::{self, toggle};
use crate::base::spec::KeyState;
use crate::policy::actions::Action;
use crate::wire::error::ApiError;

pub(super) struct EnableKey;

impl Operation for EnableKey {
    const DESCRIPTION: Description = Description {
        name: "EnableKey",
        service: Service::Kms,
        read_only: false,
        input: &[KEY_ID],
        output: &[],
        errors: toggle::ERRORS,
    };

    type Context = Ctx;
    type Input = toggle::Input;
    type Output = Nothing;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: toggle::Input,
    ) -> Result<Done<Nothing>, ApiError> {
        let mut done = toggle(ctx, access, Action::ENABLE_KEY, &input, KeyState::Enabled)?;
        // What fell due while the key was disabled is done at once.
        done.changes.push(rotation::wake(ctx));
        Ok(done)
    }
}
