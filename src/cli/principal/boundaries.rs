//! `put-permissions-boundary` and `delete-permissions-boundary`.

use std::path::PathBuf;

use clap::Args;
use reqwest::Method;
use serde_json::json;

use super::owner::{Holder, Place};
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::input;
use crate::cli::output::Output;

#[derive(Args)]
pub(super) struct Put {
    #[command(flatten)]
    holder: Holder,
    /// The policy, in Cedar or as AWS JSON; - reads standard input
    #[arg(value_name = "FILE")]
    policy: PathBuf,
}

#[derive(Args)]
pub(super) struct Delete {
    #[command(flatten)]
    holder: Holder,
}

pub(super) fn put(client: &Client, output: &mut Output, put: &Put) -> Result<(), Error> {
    let (place, policy) = (put.holder.place(), input::text(&put.policy)?);
    let body = json!({ "permissionsBoundary": policy });
    client.call_silent(Call::new(Method::PUT, &path(place)).with(&body)?)?;
    let text = format!("{} is limited to what the policy allows.", place.name);
    output.done(&text, &place.json("permissions_boundary", true))
}

pub(super) fn delete(client: &Client, output: &mut Output, delete: &Delete) -> Result<(), Error> {
    let place = delete.holder.place();
    client.call_silent(Call::new(Method::DELETE, &path(place)))?;
    let text = format!("{} has no permissions boundary any more.", place.name);
    output.done(&text, &place.json("permissions_boundary", false))
}

fn path(place: Place<'_>) -> [&str; 4] {
    ["v1", place.collection, place.name, "permissions-boundary"]
}
