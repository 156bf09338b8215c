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
    groups: Vec<Group>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
struct User {
    arn: String,
    user_name: String,
    user_id: String,
    policies: Vec<String>,
    access_keys: Vec<AccessKey>,
    groups: Vec<String>,
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

#[derive(Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
struct Group {
    arn: String,
    group_name: String,
    group_id: String,
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
        let lists = [&user.policies, &user.groups, &keys.collect()];
        row(["user", &user.user_name, &user.user_id], lists)
    });
    let none = Vec::new();
    let roles = found
        .roles
        .iter()
        .map(|role| row(["role", &role.role_name, &role.role_id], [&role.policies, &none, &none]));
    let groups = found.groups.iter().map(|group| {
        row(["group", &group.group_name, &group.group_id], [&group.policies, &none, &none])
    });
    let rows: Vec<_> = users.chain(roles).chain(groups).collect();
    Ok(output.table(&["KIND", "NAME", "ID", "POLICIES", "GROUPS", "ACCESS KEYS"], &rows)?)
}

fn row(names: [&str; 3], lists: [&Vec<String>; 3]) -> Vec<String> {
    let shown = |list: &Vec<String>| if list.is_empty() { "-".to_owned() } else { list.join(", ") };
    names.into_iter().map(str::to_owned).chain(lists.into_iter().map(shown)).collect()
}
