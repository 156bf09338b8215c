//! `create-role`, `update-role`, `delete-role` and `create-session`.

use std::path::PathBuf;

use clap::Args;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::secret;
use super::tags::{self, pair};
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::input;
use crate::cli::output::Output;
use crate::wire::text::SecretText;

#[derive(Args)]
pub(super) struct Name {
    /// Name of the role
    #[arg(value_name = "ROLE")]
    role_name: String,
}

/// Who may assume a role, and for how long.
#[derive(Args)]
pub(super) struct Terms {
    /// The trust policy: who may assume the role, in Cedar or as AWS JSON; - reads
    /// standard input
    #[arg(long, value_name = "FILE")]
    assume_role_policy: Option<PathBuf>,
    /// The longest session, 3600 to 43200 seconds
    #[arg(long, value_name = "SECONDS")]
    max_session_duration_seconds: Option<u64>,
}

impl Terms {
    /// The members of the request.
    fn members(&self) -> Result<Map<String, Value>, Error> {
        let mut members = Map::new();
        if let Some(path) = &self.assume_role_policy {
            members.insert("assumeRolePolicyDocument".to_owned(), json!(input::text(path)?));
        }
        if let Some(seconds) = self.max_session_duration_seconds {
            members.insert("maxSessionDurationSeconds".to_owned(), json!(seconds));
        }
        Ok(members)
    }
}

#[derive(Args)]
pub(super) struct Create {
    #[command(flatten)]
    role: Name,
    #[command(flatten)]
    terms: Terms,
}

#[derive(Args)]
pub(super) struct Update {
    #[command(flatten)]
    role: Name,
    #[command(flatten)]
    terms: Terms,
}

#[derive(Args)]
pub(super) struct Session {
    #[command(flatten)]
    role: Name,
    /// Name of the session, which shows in the book
    #[arg(long, value_name = "NAME")]
    session_name: String,
    /// How long the credentials are good, 900 to 43200 seconds [default: 3600]
    #[arg(long, value_name = "SECONDS")]
    duration_seconds: Option<u64>,
    /// Session policy: the session may do nothing beyond it; - reads standard input
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Tag of the session; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    tag: Vec<(String, String)>,
    /// The external id that the trust policy asks for
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
}

impl Session {
    /// The members of the request.
    fn members(&self) -> Result<Map<String, Value>, Error> {
        let mut members = Map::new();
        members.insert("sessionName".to_owned(), json!(self.session_name));
        if let Some(seconds) = self.duration_seconds {
            members.insert("durationSeconds".to_owned(), json!(seconds));
        }
        if let Some(path) = &self.policy {
            members.insert("policy".to_owned(), json!(input::text(path)?));
        }
        if !self.tag.is_empty() {
            members.insert("tags".to_owned(), tags::json(&self.tag));
        }
        if let Some(id) = &self.external_id {
            members.insert("externalId".to_owned(), json!(id));
        }
        Ok(members)
    }
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
struct Role {
    arn: String,
    role_name: String,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
struct Credentials {
    arn: String,
    access_key_id: String,
    #[serde(deserialize_with = "secret")]
    secret_access_key: SecretText,
    #[serde(deserialize_with = "secret")]
    session_token: SecretText,
    expiration: String,
}

pub(super) fn create(client: &Client, output: &mut Output, create: &Create) -> Result<(), Error> {
    let mut members = create.terms.members()?;
    members.insert("roleName".to_owned(), json!(create.role.role_name));
    let role: Role = client.call(Call::new(Method::POST, &["v1", "roles"]).with(&members)?)?;
    output.done(&format!("Created {}.", role.arn), &role)
}

pub(super) fn update(client: &Client, output: &mut Output, update: &Update) -> Result<(), Error> {
    let role_name = update.role.role_name.as_str();
    let call = Call::new(Method::PUT, &["v1", "roles", role_name]);
    client.call_silent(call.with(&update.terms.members()?)?)?;
    output.done(&format!("Updated the role {role_name}."), &json!({ "role_name": role_name }))
}

pub(super) fn delete(client: &Client, output: &mut Output, name: &Name) -> Result<(), Error> {
    let role_name = name.role_name.as_str();
    client.call_silent(Call::new(Method::DELETE, &["v1", "roles", role_name]))?;
    output.done(&format!("Deleted the role {role_name}."), &json!({ "role_name": role_name }))
}

pub(super) fn create_session(
    client: &Client,
    output: &mut Output,
    session: &Session,
) -> Result<(), Error> {
    let path = ["v1", "roles", &session.role.role_name, "sessions"];
    let call = Call::new(Method::POST, &path).with(&session.members()?)?;
    let made: Credentials = client.call(call)?;
    if output.is_json() {
        return Ok(output.json(&made)?);
    }
    // Comments, so that a shell can read all of it.
    output.line(format_args!("# {} until {}", made.arn, made.expiration))?;
    output.line(format_args!("export AWS_ACCESS_KEY_ID={}", made.access_key_id))?;
    output.secret("export AWS_SECRET_ACCESS_KEY=", &made.secret_access_key.0)?;
    Ok(output.secret("export AWS_SESSION_TOKEN=", &made.session_token.0)?)
}
