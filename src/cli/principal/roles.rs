//! `create-role`, `delete-role` and `create-session`.

use clap::Args;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::secret;
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::output::Output;
use crate::wire::text::SecretText;

#[derive(Args)]
pub(super) struct Name {
    /// Name of the role
    #[arg(value_name = "ROLE")]
    role_name: String,
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

pub(super) fn create(client: &Client, output: &mut Output, name: &Name) -> Result<(), Error> {
    let call = Call::new(Method::POST, &["v1", "roles"]);
    let role: Role = client.call(call.with(&json!({ "roleName": name.role_name }))?)?;
    output.done(&format!("Created {}.", role.arn), &role)
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
    let mut body = json!({ "sessionName": session.session_name });
    if let (Some(seconds), Some(members)) = (session.duration_seconds, body.as_object_mut()) {
        members.insert("durationSeconds".to_owned(), json!(seconds));
    }
    let made: Credentials = client.call(Call::new(Method::POST, &path).with(&body)?)?;
    if output.is_json() {
        return Ok(output.json(&made)?);
    }
    // Comments, so that a shell can read all of it.
    output.line(format_args!("# {} until {}", made.arn, made.expiration))?;
    output.line(format_args!("export AWS_ACCESS_KEY_ID={}", made.access_key_id))?;
    output.secret("export AWS_SECRET_ACCESS_KEY=", &made.secret_access_key.0)?;
    Ok(output.secret("export AWS_SESSION_TOKEN=", &made.session_token.0)?)
}
