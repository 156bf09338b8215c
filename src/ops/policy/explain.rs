//! Explain: the whole story of a request, recorded or not yet made.

use super::asked::Told;
use super::hypothesis::{self, Hypothesis, Words};
use super::outcome::By;
use super::recorded;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape};

pub(super) struct Explain;

impl Operation for Explain {
    const DESCRIPTION: Description = Description {
        name: "Explain",
        service: Service::Policy,
        read_only: true,
        input: &hypothesis::MEMBERS,
        output: &[
            Member::required("story", Shape::Document),
            Member::optional("also", Shape::List { of: &Shape::Document, min: 0, max: usize::MAX }),
        ],
        errors: &[Code::InvalidArnException, Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Words;
    type Output = Told;

    async fn run(ctx: &Ctx, access: &mut Access<'_>, words: Words) -> Result<Done<Told>, ApiError> {
        access.account(Action::EXPLAIN)?;
        let mut asked = match words.is_recorded() {
            true => recorded::read(ctx, access, words).await?,
            false => Hypothesis::read(ctx, access, words)?,
        };
        let explain = move || {
            let stories = asked.explain(None);
            asked.tell(stories, By::Now)
        };
        let account = access.call().caller.principal.account();
        let told = ctx.policy_searches.make_for(account, explain).await?;
        told.map(Done::read).ok_or_else(|| ApiError::internal("a call without a question"))
    }
}
