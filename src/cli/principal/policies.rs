//! `attach-policy` and `detach-policy`.

use std::path::PathBuf;

use clap::Args;
use reqwest::Method;
use serde_json::json;

use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::input;
use crate::cli::output::Output;

/// Exactly one of the two names.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Owner {
    /// Name of the user
    #[arg(long, value_name = "USER")]
    user_name: Option<String>,
    /// Name of the role
    #[arg(long, value_name = "ROLE")]
    role_name: Option<String>,
}

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
        let (kind, owner) = match (&self.owner.user_name, &self.owner.role_name) {
            (Some(user), _) => ("users", user.as_str()),
            (None, role) => ("roles", role.as_deref().unwrap_or_default()),
        };
        ["v1", kind, owner, "policies", &self.policy_name]
    }

    /// Says what became of the policy, `how` standing before its owner.
    fn done(&self, output: &mut Output, verb: &str, how: &str) -> Result<(), Error> {
        let [_, kind, owner, _, policy_name] = self.path();
        let member = if kind == "users" { "user_name" } else { "role_name" };
        output.done(
            &format!("{verb} {policy_name} {how} {owner}."),
            &json!({ member: owner, "policy_name": policy_name }),
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
