//! `attach-policy` and `detach-policy`.

use std::path::PathBuf;

use clap::Args;
use reqwest::Method;
use serde_json::json;

use super::owner::Owner;
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::input;
use crate::cli::output::Output;

#[derive(Args)]
struct Name {
    #[command(flatten)]
    owner: Owner,
    /// Name of the policy
    #[arg(long, value_name = "NAME")]
    policy_name: String,
}

impl Name {
    fn path(&self) -> [&str; 5] {
        let place = self.owner.place();
        ["v1", place.collection, place.name, "policies", &self.policy_name]
    }

    /// Says what became of the policy, `how` standing before its owner.
    fn done(&self, output: &mut Output, verb: &str, how: &str) -> Result<(), Error> {
        let (place, policy_name) = (self.owner.place(), &self.policy_name);
        output.done(
            &format!("{verb} {policy_name} {how} {}.", place.name),
            &place.json("policy_name", policy_name.as_str()),
        )
    }
}

#[derive(Args)]
pub(super) struct Attach {
    #[command(flatten)]
    name: Name,
    /// The policy, in Cedar or as AWS JSON; - reads standard input
    #[arg(value_name = "FILE")]
    policy: PathBuf,
}

#[derive(Args)]
pub(super) struct Detach {
    #[command(flatten)]
    name: Name,
}

pub(super) fn attach(client: &Client, output: &mut Output, attach: &Attach) -> Result<(), Error> {
    let policy = input::text(&attach.policy)?;
    let call = Call::new(Method::PUT, &attach.name.path()).with(&json!({ "policy": policy }))?;
    client.call_silent(call)?;
    attach.name.done(output, "Attached", "to")
}

pub(super) fn detach(client: &Client, output: &mut Output, detach: &Detach) -> Result<(), Error> {
    client.call_silent(Call::new(Method::DELETE, &detach.name.path()))?;
    detach.name.done(output, "Detached", "from")
}
