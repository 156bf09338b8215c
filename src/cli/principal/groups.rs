//! `create-group`, `delete-group`, `add-user-to-group` and
//! `remove-user-from-group`.

use clap::Args;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::output::Output;

#[derive(Args)]
pub(super) struct Name {
    /// Name of the group
    #[arg(value_name = "GROUP")]
    group_name: String,
}

#[derive(Args)]
pub(super) struct Member {
    #[command(flatten)]
    group: Name,
    /// Name of the user
    #[arg(value_name = "USER")]
    user_name: String,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
struct Group {
    arn: String,
    group_name: String,
}

pub(super) fn create(client: &Client, output: &mut Output, name: &Name) -> Result<(), Error> {
    let call = Call::new(Method::POST, &["v1", "groups"]);
    let group: Group = client.call(call.with(&json!({ "groupName": name.group_name }))?)?;
    output.done(&format!("Created {}.", group.arn), &group)
}

pub(super) fn delete(client: &Client, output: &mut Output, name: &Name) -> Result<(), Error> {
    let group_name = name.group_name.as_str();
    client.call_silent(Call::new(Method::DELETE, &["v1", "groups", group_name]))?;
    output.done(&format!("Deleted the group {group_name}."), &json!({ "group_name": group_name }))
}

pub(super) fn add(client: &Client, output: &mut Output, member: &Member) -> Result<(), Error> {
    call(client, Method::PUT, member)?;
    done(output, member, "Added", "to")
}

pub(super) fn remove(client: &Client, output: &mut Output, member: &Member) -> Result<(), Error> {
    call(client, Method::DELETE, member)?;
    done(output, member, "Removed", "from")
}

fn call(client: &Client, method: Method, member: &Member) -> Result<(), Error> {
    let path = ["v1", "groups", &member.group.group_name, "users", &member.user_name];
    client.call_silent(Call::new(method, &path))
}

fn done(output: &mut Output, member: &Member, verb: &str, how: &str) -> Result<(), Error> {
    let Member { group: Name { group_name }, user_name } = member;
    output.done(
        &format!("{verb} {user_name} {how} the group {group_name}."),
        &json!({ "group_name": group_name, "user_name": user_name }),
    )
}
