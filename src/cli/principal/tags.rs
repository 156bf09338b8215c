//! `tag` and `untag`.

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use super::owner::Holder;
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::output::Output;

#[derive(Args)]
pub(super) struct Tag {
    #[command(flatten)]
    holder: Holder,
    /// The tags, such as team=payments
    #[arg(value_name = "KEY=VALUE", required = true, value_parser = pair)]
    tags: Vec<(String, String)>,
}

#[derive(Args)]
pub(super) struct Untag {
    #[command(flatten)]
    holder: Holder,
    /// The keys of the tags
    #[arg(value_name = "KEY", required = true)]
    tag_keys: Vec<String>,
}

/// The first `=` ends the key.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("a tag is written KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Tags as the API takes them.
pub(super) fn json(tags: &[(String, String)]) -> Value {
    tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

pub(super) fn tag(client: &Client, output: &mut Output, tag: &Tag) -> Result<(), Error> {
    let place = tag.holder.place();
    let tags = json(&tag.tags);
    let path = ["v1", place.collection, place.name, "tags"];
    client.call_silent(Call::new(Method::POST, &path).with(&json!({ "tags": tags }))?)?;
    output.done(&format!("Tagged {}.", place.name), &place.json("tags", tags))
}

pub(super) fn untag(client: &Client, output: &mut Output, untag: &Untag) -> Result<(), Error> {
    let (place, keys) = (untag.holder.place(), &untag.tag_keys);
    let path = ["v1", place.collection, place.name, "untag"];
    client.call_silent(Call::new(Method::POST, &path).with(&json!({ "tagKeys": keys }))?)?;
    let text = format!("Took {} from {}.", keys.join(", "), place.name);
    output.done(&text, &place.json("tag_keys", keys.clone()))
}
