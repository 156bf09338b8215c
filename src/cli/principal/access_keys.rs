//! `create-access-key`, `deactivate-access-key`, `activate-access-key` and
//! `delete-access-key`.

use clap::Args;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{secret, users};
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::output::Output;
use crate::wire::text::SecretText;

#[derive(Args)]
pub(super) struct Key {
    /// Name of the user whose access key it is
    #[arg(value_name = "USER")]
    user_name: String,
    /// The access key's id
    #[arg(value_name = "ACCESS_KEY_ID")]
    access_key_id: String,
}

impl Key {
    fn path(&self) -> [&str; 5] {
        ["v1", "users", &self.user_name, "access-keys", &self.access_key_id]
    }
}

/// Whether the server accepts an access key.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) enum Status {
    Active,
    Inactive,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
struct NewKey {
    user_name: String,
    access_key_id: String,
    #[serde(deserialize_with = "secret")]
    secret_access_key: SecretText,
}

pub(super) fn create(
    client: &Client,
    output: &mut Output,
    user: &users::Name,
) -> Result<(), Error> {
    let call = Call::new(Method::POST, &["v1", "users", &user.user_name, "access-keys"]);
    let key: NewKey = client.call(call)?;
    if output.is_json() {
        return Ok(output.json(&key)?);
    }
    let user_name = &key.user_name;
    output.line(format_args!("A new access key of {user_name}. The secret is shown once.\n"))?;
    output.line(format_args!("  access key id      {}", key.access_key_id))?;
    Ok(output.secret("  secret access key  ", &key.secret_access_key.0)?)
}

pub(super) fn update(
    client: &Client,
    output: &mut Output,
    key: &Key,
    status: Status,
) -> Result<(), Error> {
    let call = Call::new(Method::PUT, &key.path()).with(&json!({ "status": status }))?;
    client.call_silent(call)?;
    let Key { user_name, access_key_id } = key;
    let text = match status {
        Status::Active => format!("Activated {access_key_id} of {user_name}."),
        Status::Inactive => format!("Deactivated {access_key_id} of {user_name}."),
    };
    let done = json!({ "user_name": user_name, "access_key_id": access_key_id, "status": status });
    output.done(&text, &done)
}

pub(super) fn delete(client: &Client, output: &mut Output, key: &Key) -> Result<(), Error> {
    client.call_silent(Call::new(Method::DELETE, &key.path()))?;
    let Key { user_name, access_key_id } = key;
    output.done(
        &format!("Deleted {access_key_id} of {user_name}."),
        &json!({ "user_name": user_name, "access_key_id": access_key_id }),
    )
}
