//! `create-user` and `delete-user`.

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
    /// Name of the user
    #[arg(value_name = "USER")]
    pub(super) user_name: String,
}

/// A new user; printed with the names that it has in Rust.
#[derive(Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub(in crate::cli) struct User {
    pub(in crate::cli) arn: String,
    pub(in crate::cli) user_name: String,
    pub(in crate::cli) access_key_id: String,
    #[serde(deserialize_with = "secret")]
    pub(in crate::cli) secret_access_key: SecretText,
}

/// Asks the server for a new user.
pub(in crate::cli) fn request(client: &Client, user_name: &str) -> Result<User, Error> {
    let call = Call::new(Method::POST, &["v1", "users"]);
    client.call(call.with(&json!({ "userName": user_name }))?)
}

pub(super) fn create(client: &Client, output: &mut Output, name: &Name) -> Result<(), Error> {
    let user = request(client, &name.user_name)?;
    if output.is_json() {
        return Ok(output.json(&user)?);
    }
    output.line(format_args!("Created {}. The secret is shown once.\n", user.arn))?;
    output.line(format_args!("  access key id      {}", user.access_key_id))?;
    Ok(output.secret("  secret access key  ", &user.secret_access_key.0)?)
}

pub(super) fn delete(client: &Client, output: &mut Output, name: &Name) -> Result<(), Error> {
    let user_name = name.user_name.as_str();
    client.call_silent(Call::new(Method::DELETE, &["v1", "users", user_name]))?;
    output.done(&format!("Deleted the user {user_name}."), &json!({ "user_name": user_name }))
}
