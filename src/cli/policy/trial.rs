//! `wardbook policy test` and `put`: a key policy with its tests.

use std::path::PathBuf;

use clap::Args;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::document::{self, Kind};
use crate::base::arn::KeyArn;
use crate::base::clock::{Clock, SystemClock};
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::input;
use crate::cli::output::Output;
use crate::policy::document::Document;
use crate::policy::stand_in::{AnyPrincipal, StandInKey};
use crate::policy::trial::Trials;

#[derive(Args)]
pub(super) struct Test {
    /// ARN of the key that the policy is for [default: a key of the account that the policy trusts]
    #[arg(long, value_name = "ARN")]
    key_arn: Option<String>,
    /// The key policy, in Cedar or as AWS JSON
    #[arg(value_name = "POLICY")]
    policy: PathBuf,
    /// The tests: JSON as for `cedar run-tests`
    #[arg(value_name = "TESTS")]
    tests: PathBuf,
}

#[derive(Args)]
pub(super) struct Put {
    /// Id, ARN or alias of the key
    #[arg(long)]
    key: String,
    /// The key policy, in Cedar or as AWS JSON; - reads standard input
    #[arg(value_name = "FILE")]
    policy: PathBuf,
    /// Tests that it and every later policy must pass [default: those that the key has]
    #[arg(long, value_name = "FILE")]
    tests: Option<PathBuf>,
    /// Refuse it if a search finds a request that it allows and the present one denies
    #[arg(long)]
    no_wider: bool,
    /// Put it even if it locks the caller out
    #[arg(long)]
    bypass_lockout_check: bool,
}

/// The key that a policy is asked about without a server.
pub(super) fn stand_in_key(arn: Option<&str>, policy: &Document) -> Result<StandInKey, Error> {
    let arn = match arn {
        Some(arn) => arn.to_owned(),
        None => {
            let account = policy.trusted_account();
            let account = account.map_or("111122223333".to_owned(), |account| account.to_string());
            format!("arn:aws:kms:us-east-1:{account}:key/00000000-0000-4000-8000-000000000000")
        }
    };
    KeyArn::parse(&arn).map(StandInKey::new).ok_or(Error::KeyArn(arn))
}

pub(super) fn test(output: &mut Output, asked: &Test) -> Result<(), Error> {
    let engine = document::engine()?;
    let policy = document::read(&engine, Kind::Key, &asked.policy)?;
    let key = stand_in_key(asked.key_arn.as_deref(), &policy)?;
    let named = |cause| Error::Trials { path: asked.tests.clone(), cause };
    let tests = Trials::parse(&input::text(&asked.tests)?).map_err(named)?;
    let now_ms = SystemClock::new().now_ms();
    let outcomes = tests.run(&engine, key.with(&policy), &AnyPrincipal, now_ms).map_err(named)?;
    if outcomes.is_empty() {
        return Err(Error::NoTests { path: asked.tests.clone() });
    }
    let failed = outcomes.iter().filter(|outcome| !outcome.passed).count();
    if output.is_json() {
        output.json(&outcomes)?;
    } else {
        for outcome in &outcomes {
            let mark = if outcome.passed { "ok  " } else { "FAIL" };
            output.line(format_args!("{mark}  {}", outcome.name))?;
            if !outcome.passed {
                output.line(format_args!("      {}", outcome.failure))?;
            }
        }
    }
    match failed {
        0 => Ok(()),
        failed => Err(Error::TestsFailed { failed, total: outcomes.len() }),
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    key_arn: String,
    tests: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requests_compared: Option<usize>,
}

pub(super) fn put(client: &Client, output: &mut Output, asked: &Put) -> Result<(), Error> {
    let mut members = json!({ "policy": input::text(&asked.policy)?, "noWider": asked.no_wider });
    if let Some(path) = &asked.tests {
        let tests: Value = serde_json::from_str(&input::text(path)?)
            .map_err(|cause| Error::Json { path: path.clone(), cause })?;
        insert(&mut members, "tests", tests);
    }
    if asked.bypass_lockout_check {
        insert(&mut members, "bypassPolicyLockoutSafetyCheck", json!(true));
    }
    let key = resolve(client, &asked.key)?;
    let call = Call::new(Method::PUT, &["v1", "keys", &key, "policy"]).with(&members)?;
    let answer: Answer = client.call(call)?;
    let of_tests = match answer.tests {
        0 if asked.tests.is_some() => "its tests are taken away".to_owned(),
        0 => "it has no tests".to_owned(),
        1 => "it passed its test".to_owned(),
        number => format!("it passed its {number} tests"),
    };
    let mut text = format!("Put the policy of {}; {of_tests}.", answer.key_arn);
    if let Some(requests) = answer.requests_compared {
        text.push_str(&format!(" Of {requests} requests that were tried, none is newly allowed."));
    }
    output.done(&text, &answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    key_metadata: KeyMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyMetadata {
    key_id: String,
}

/// The key that an alias names: PutKeyPolicy takes none.
fn resolve(client: &Client, key: &str) -> Result<String, Error> {
    if !key.contains("alias/") {
        return Ok(key.to_owned());
    }
    let call = Call::kms("TrentService.DescribeKey").with(&json!({ "KeyId": key }))?;
    Ok(client.call::<Described>(call)?.key_metadata.key_id)
}

fn insert(members: &mut Value, name: &str, value: Value) {
    if let Value::Object(members) = members {
        members.insert(name.to_owned(), value);
    }
}
