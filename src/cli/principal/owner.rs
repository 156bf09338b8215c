//! Whom a command is about: a user, a role or a group, by exactly one flag.

use clap::Args;
use serde_json::{Value, json};

/// Somebody whom policies are attached to.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct Owner {
    /// Name of the user
    #[arg(long, value_name = "USER")]
    user_name: Option<String>,
    /// Name of the role
    #[arg(long, value_name = "ROLE")]
    role_name: Option<String>,
    /// Name of the group
    #[arg(long, value_name = "GROUP")]
    group_name: Option<String>,
}

/// Somebody who calls, or whose sessions do.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct Holder {
    /// Name of the user
    #[arg(long, value_name = "USER")]
    user_name: Option<String>,
    /// Name of the role
    #[arg(long, value_name = "ROLE")]
    role_name: Option<String>,
}

/// Where somebody is in the API, and in the answers of commands.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) collection: &'static str,
    member: &'static str,
    pub(super) name: &'a str,
}

impl Owner {
    pub(super) fn place(&self) -> Place<'_> {
        match &self.group_name {
            Some(name) => Place { collection: "groups", member: "group_name", name },
            None => place(self.user_name.as_deref(), self.role_name.as_deref()),
        }
    }
}

impl Holder {
    pub(super) fn place(&self) -> Place<'_> {
        place(self.user_name.as_deref(), self.role_name.as_deref())
    }
}

impl Place<'_> {
    /// What a command with `--json` says of it, with a member more.
    pub(super) fn json(&self, name: &str, value: impl Into<Value>) -> Value {
        json!({ self.member: self.name, name: value.into() })
    }
}

fn place<'a>(user: Option<&'a str>, role: Option<&'a str>) -> Place<'a> {
    match user {
        Some(name) => Place { collection: "users", member: "user_name", name },
        None => {
            let name = role.unwrap_or_default();
            Place { collection: "roles", member: "role_name", name }
        }
    }
}
