//! `get`: everything about one user, role or group.

use clap::Args;
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::owner::Owner;
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::output::Output;

#[derive(Args)]
pub(super) struct Get {
    #[command(flatten)]
    owner: Owner,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
struct Principal {
    kind: String,
    arn: String,
    name: String,
    id: String,
    create_date: String,
    policies: Vec<Policy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Vec<Tag>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_keys: Option<Vec<AccessKey>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assume_role_policy_document: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_session_duration_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<Vec<String>>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
struct Policy {
    policy_name: String,
    policy: String,
}

#[derive(Deserialize, Serialize)]
struct Tag {
    key: String,
    value: String,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
struct AccessKey {
    access_key_id: String,
    status: String,
}

pub(super) fn run(client: &Client, output: &mut Output, get: &Get) -> Result<(), Error> {
    let place = get.owner.place();
    let call = Call::new(Method::GET, &["v1", place.collection, place.name]);
    let found: Principal = client.call(call)?;
    if output.is_json() {
        return Ok(output.json(&found)?);
    }
    for (name, value) in found.lines() {
        output.line(format_args!("{name:<12}{value}"))?;
    }
    for (name, text) in found.texts() {
        output.line(format_args!("\n{name}\n{}", text.trim_end()))?;
    }
    Ok(())
}

impl Principal {
    /// What fits on a line, with its name.
    fn lines(&self) -> Vec<(&'static str, String)> {
        let tags = self.tags.iter().flatten().map(|tag| format!("{}={}", tag.key, tag.value));
        let keys = self.access_keys.iter().flatten();
        let keys = keys.map(|key| format!("{} ({})", key.access_key_id, key.status));
        let lists = [
            ("groups", self.groups.iter().flatten().cloned().collect()),
            ("users", self.users.iter().flatten().cloned().collect()),
            ("tags", tags.collect()),
            ("access keys", keys.collect::<Vec<_>>()),
        ];
        let mut lines = vec![
            (self.kind_name(), self.name.clone()),
            ("arn", self.arn.clone()),
            ("id", self.id.clone()),
            ("created", self.create_date.clone()),
        ];
        lines.extend(
            lists
                .into_iter()
                .filter(|(_, of)| !of.is_empty())
                .map(|(name, of)| (name, of.join(", "))),
        );
        lines.extend(self.max_session_duration_seconds.map(|s| ("session", format!("{s} s"))));
        lines
    }

    fn kind_name(&self) -> &'static str {
        match self.kind.as_str() {
            "role" => "role",
            "group" => "group",
            _ => "user",
        }
    }

    /// Documents, with what they are.
    fn texts(&self) -> Vec<(String, &str)> {
        let policies = self.policies.iter();
        let mut texts: Vec<_> = policies
            .map(|policy| (format!("policy {}", policy.policy_name), policy.policy.as_str()))
            .collect();
        let others = [
            ("permissions boundary", &self.permissions_boundary),
            ("trust policy", &self.assume_role_policy_document),
        ];
        let others = others.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)));
        texts.extend(others.map(|(name, text)| (name.to_owned(), text)));
        texts
    }
}
