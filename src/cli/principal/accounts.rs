//! `create-account` and `list-accounts`.

use clap::Args;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::secret;
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::output::Output;
use crate::wire::text::SecretText;

#[derive(Args)]
pub(super) struct Create {
    /// Twelve digits [default: random ones]
    #[arg(long, value_name = "ID")]
    account_id: Option<String>,
    /// What the account is called
    #[arg(long, value_name = "NAME")]
    account_name: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
struct NewAccount {
    account_id: String,
    arn: String,
    user_name: String,
    access_key_id: String,
    #[serde(deserialize_with = "secret")]
    secret_access_key: SecretText,
}

#[derive(Deserialize, Serialize)]
struct Accounts {
    accounts: Vec<Account>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
struct Account {
    account_id: String,
    #[serde(default)]
    account_name: String,
    create_date: String,
}

pub(super) fn create(client: &Client, output: &mut Output, create: &Create) -> Result<(), Error> {
    let members = [("accountId", &create.account_id), ("accountName", &create.account_name)];
    let given = members.into_iter().filter_map(|(name, value)| {
        value.as_ref().map(|value| (name.to_owned(), Value::from(value.as_str())))
    });
    let call = Call::new(Method::POST, &["v1", "accounts"]);
    let made: NewAccount = client.call(call.with(&given.collect::<Map<_, _>>())?)?;
    if output.is_json() {
        return Ok(output.json(&made)?);
    }
    let id = &made.account_id;
    output.line(format_args!("Created the account {id}. The secret is shown once.\n"))?;
    output.line(format_args!("  administrator      {}", made.arn))?;
    output.line(format_args!("  access key id      {}", made.access_key_id))?;
    Ok(output.secret("  secret access key  ", &made.secret_access_key.0)?)
}

pub(super) fn list(client: &Client, output: &mut Output) -> Result<(), Error> {
    let found: Accounts = client.call(Call::new(Method::GET, &["v1", "accounts"]))?;
    if output.is_json() {
        return Ok(output.json(&found)?);
    }
    let row = |account: &Account| {
        let name = match account.account_name.as_str() {
            "" => "-",
            name => name,
        };
        vec![account.account_id.clone(), name.to_owned(), account.create_date.clone()]
    };
    let rows: Vec<_> = found.accounts.iter().map(row).collect();
    Ok(output.table(&["ACCOUNT", "NAME", "CREATED"], &rows)?)
}
