//! Explain: the whole story of a request, recorded or not yet made.

use serde::Serialize;

use super::hypothesis::{self, Hypothesis, Words};
use super::outcome::By;
use super::recorded;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::policy::actions::Action;
use crate::policy::explain::Story;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape};

pub(super) struct Explain;

#[derive(Serialize)]
pub(super) struct Output {
    story: Story,
}

impl Operation for Explain {
    const DESCRIPTION: Description = Description {
        name: "Explain",
        service: Service::Policy,
        read_only: true,
        input: &[
            hypothesis::PRINCIPAL,
            hypothesis::ACTION,
            hypothesis::KEY,
            hypothesis::CONTEXT,
            hypothesis::SOURCE_IP,
            hypothesis::SECURE,
            hypothesis::TIME,
            hypothesis::TAGS,
            hypothesis::CONDITIONS,
            hypothesis::REQUEST_ID,
        ],
        output: &[Member::required("story", Shape::Document)],
        errors: &[Code::InvalidArnException, Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Words;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        words: Words,
    ) -> Result<Done<Output>, ApiError> {
        access.account(Action::EXPLAIN)?;
        let mut hypothesis = match &words.request_id {
            Some(_) => recorded::read(ctx, access, words).await?.hypothesis,
            None => Hypothesis::read(ctx, access, words)?,
        };
        let explain = move || {
            let mut story = hypothesis.explain(None);
            hypothesis.tell_recorded(&mut story, By::Now);
            story
        };
        let account = access.call().caller.principal.account();
        let story = ctx.policy_searches.make_for(account, explain).await?;
        Ok(Done::read(Output { story }))
    }
}
