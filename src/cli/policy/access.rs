//! `wardbook policy who-can` and `what-can`.

use clap::Args;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::request;
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::output::Output;
use crate::policy::explain::{Access, Reached, Stranger, Way};

#[derive(Args)]
pub(super) struct WhoCan {
    /// Id, ARN or alias of the key
    #[arg(long, required_unless_present = "attribute")]
    key: Option<String>,
    /// Schema and name of an attribute of items, such as people/ssn, instead of a key
    #[arg(long, value_name = "SCHEMA/NAME", conflicts_with = "key")]
    attribute: Option<String>,
    /// Action, such as kms:Decrypt
    #[arg(long, value_parser = request::action)]
    action: String,
}

#[derive(Args)]
pub(super) struct WhatCan {
    /// ARN of the caller: root, a user, a role, or a session of a role
    #[arg(long, value_name = "ARN")]
    principal: String,
    /// Only this key: id, ARN or alias [default: every key]
    #[arg(long)]
    key: Option<String>,
    /// Only this attribute of items: schema and name, such as people/ssn
    #[arg(long, value_name = "SCHEMA/NAME", conflicts_with = "key")]
    attribute: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Who {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attribute_arn: Option<String>,
    action: String,
    principals: Vec<Found>,
    others: Vec<Stranger>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(default, skip_serializing)]
    next_cursor: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Found {
    principal: String,
    #[serde(flatten)]
    reached: Reached,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct What {
    principal: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<Actions>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    audit_log: Option<Actions>,
    keys: Vec<OfKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attribute: Option<Actions>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(default, skip_serializing)]
    next_cursor: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfKey {
    key_arn: String,
    #[serde(flatten)]
    actions: Actions,
}

#[derive(Serialize, Deserialize)]
struct Actions {
    always: Vec<String>,
    conditional: Vec<String>,
    denied: Vec<String>,
}

/// Asks for all pages.
fn pages<T: for<'de> Deserialize<'de>>(
    client: &Client,
    path: &str,
    mut members: Map<String, Value>,
    mut take: impl FnMut(T) -> Option<String>,
) -> Result<(), Error> {
    loop {
        let call = Call::new(Method::POST, &["v1", "policy", path]).with(&members)?;
        match take(client.call(call)?) {
            Some(cursor) => members.insert("cursor".to_owned(), json!(cursor)),
            None => return Ok(()),
        };
    }
}

pub(super) fn who_can(client: &Client, output: &mut Output, asked: &WhoCan) -> Result<(), Error> {
    let mut members = Map::new();
    for (name, value) in [("keyId", &asked.key), ("attribute", &asked.attribute)] {
        members.extend(value.iter().map(|value| (name.to_owned(), json!(value))));
    }
    members.insert("action".to_owned(), json!(asked.action));
    let mut all: Option<Who> = None;
    pages(client, "who-can", members, |mut page: Who| {
        let next = page.next_cursor.take();
        match &mut all {
            Some(all) => all.principals.append(&mut page.principals),
            None => all = Some(page),
        }
        next
    })?;
    let Some(all) = all else { return Ok(()) };
    if output.is_json() {
        output.json(&all)?;
        return Ok(());
    }
    let what = all.key_arn.iter().chain(&all.attribute_arn).next();
    let what = what.map(String::as_str).unwrap_or_default();
    output.line(format_args!("{} on {what}\n", all.action))?;
    for (access, heading) in [
        (Access::Always, "always"),
        (Access::Conditional, "under conditions"),
        (Access::Denied, "not, because something forbids it"),
    ] {
        let mut found = all.principals.iter().filter(|one| one.reached.access == access).peekable();
        if found.peek().is_some() {
            output.line(heading)?;
        }
        for one in found {
            output.line(format_args!("  {}", one.principal))?;
            show_ways(output, "by", &one.reached.ways)?;
            show_ways(output, "unless", &one.reached.unless)?;
        }
    }
    if !all.others.is_empty() {
        output.line("whom the key policy names beyond, if their own accounts allow it too")?;
    }
    for other in &all.others {
        output.line(format_args!("  {}", other.who))?;
        show_ways(output, "by", std::slice::from_ref(&other.way))?;
    }
    if let Some(note) = &all.note {
        output.note(note);
    }
    if all.principals.is_empty() && all.others.is_empty() {
        output.line("nobody")?;
    }
    Ok(())
}

fn show_ways(output: &mut Output, head: &str, ways: &[Way]) -> Result<(), Error> {
    for way in ways {
        output.line(format_args!("      {head} {}", way.by.join(" and ")))?;
        for condition in &way.conditions {
            output.line(format_args!("         if {condition}"))?;
        }
    }
    Ok(())
}

pub(super) fn what_can(client: &Client, output: &mut Output, asked: &WhatCan) -> Result<(), Error> {
    let mut members = Map::new();
    members.insert("principal".to_owned(), json!(asked.principal));
    for (name, value) in [("keyId", &asked.key), ("attribute", &asked.attribute)] {
        members.extend(value.iter().map(|value| (name.to_owned(), json!(value))));
    }
    let mut all: Option<What> = None;
    pages(client, "what-can", members, |mut page: What| {
        let next = page.next_cursor.take();
        match &mut all {
            Some(all) => {
                all.keys.append(&mut page.keys);
                all.note = all.note.take().or(page.note);
            }
            None => all = Some(page),
        }
        next
    })?;
    let Some(all) = all else { return Ok(()) };
    if output.is_json() {
        output.json(&all)?;
        return Ok(());
    }
    output.line(&all.principal)?;
    for (what, actions) in [("account", &all.account), ("audit log", &all.audit_log)] {
        if let Some(actions) = actions {
            output.line(format_args!("\non the {what}"))?;
            show_actions(output, actions)?;
        }
    }
    for key in &all.keys {
        output.line(format_args!("\non {}", key.key_arn))?;
        show_actions(output, &key.actions)?;
    }
    if let (Some(actions), Some(attribute)) = (&all.attribute, &asked.attribute) {
        output.line(format_args!("\non attribute {attribute}"))?;
        return show_actions(output, actions);
    }
    if let Some(note) = &all.note {
        output.note(note);
    }
    if all.keys.is_empty() {
        output.line("\nnothing on any key")?;
    }
    Ok(())
}

fn show_actions(output: &mut Output, actions: &Actions) -> Result<(), Error> {
    for (heading, list) in [
        ("always", &actions.always),
        ("under conditions", &actions.conditional),
        ("forbidden", &actions.denied),
    ] {
        if !list.is_empty() {
            output.line(format_args!("  {heading}: {}", list.join(" ")))?;
        }
    }
    if actions.always.is_empty() && actions.conditional.is_empty() && actions.denied.is_empty() {
        output.line("  nothing")?;
    }
    Ok(())
}
