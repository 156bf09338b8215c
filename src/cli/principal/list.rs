//! `list`.

use reqwest::Method;
use serde::{Deserialize, Serialize};

use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::output::Output;

#[derive(Deserialize, Serialize)]
struct Principals {
    users: Vec<User>,
    roles: Vec<Role>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
struct User {
    arn: String,
    user_name: String,
    user_id: String,
    policies: Vec<String>,
    access_keys: Vec<AccessKey>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
struct AccessKey {
    access_key_id: String,
    status: String,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
struct Role {
    arn: String,
    role_name: String,
    role_id: String,
    policies: Vec<String>,
}

pub(super) fn run(client: &Client, output: &mut Output) -> Result<(), Error> {
    let found: Principals = client.call(Call::new(Method::GET, &["v1", "principals"]))?;
    if output.is_json() {
        return Ok(output.json(&found)?);
    }
    let users = found.users.iter().map(|user| {
        let keys = user.access_keys.iter().map(|key| match key.status.as_str() {
            "Active" => key.access_key_id.clone(),
            _ => format!("{} (inactive)", key.access_key_id),
        });
        row("user", &user.user_name, &user.user_id, &user.policies, &keys.collect::<Vec<_>>())
    });
    let roles = found.roles.iter();
    let roles = roles.map(|role| row("role", &role.role_name, &role.role_id, &role.policies, &[]));
    let rows: Vec<_> = users.chain(roles).collect();
    Ok(output.table(&["KIND", "NAME", "ID", "POLICIES", "ACCESS KEYS"], &rows)?)
}

fn row(kind: &str, name: &str, id: &str, policies: &[String], keys: &[String]) -> Vec<String> {
    let shown = |list: &[String]| if list.is_empty() { "-".to_owned() } else { list.join(", ") };
    vec![kind.to_owned(), name.to_owned(), id.to_owned(), shown(policies), shown(keys)]
}
