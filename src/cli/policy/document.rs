//! `wardbook policy check`, `compile` and `lint`: one file, no server.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::cli::error::Error;
use crate::cli::input;
use crate::cli::output::Output;
use crate::policy::document::Document;
use crate::policy::engine::Engine;
use crate::policy::stand_in::AnyPrincipal;

#[derive(Args)]
pub(super) struct File {
    /// What the policy is for
    #[arg(long, value_name = "KIND", default_value = "key")]
    kind: Kind,
    /// The policy, in Cedar or as AWS JSON; - reads standard input
    #[arg(value_name = "FILE")]
    path: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Kind {
    /// A KMS key
    Key,
    /// A user, role or group
    Identity,
    /// A role: who may assume it
    Trust,
    /// The whole server
    Guardrail,
}

/// The engine of this program, without a server.
pub(super) fn engine() -> Result<Engine, Error> {
    Engine::new().map_err(Error::Engine)
}

/// Reads and compiles a policy.
pub(super) fn read(engine: &Engine, kind: Kind, path: &Path) -> Result<Arc<Document>, Error> {
    let text = input::text(path)?;
    let compiled = match kind {
        Kind::Key => engine.compile_key_policy(&text, &AnyPrincipal),
        Kind::Identity => engine.compile_identity_policy(&text),
        Kind::Trust => engine.compile_trust_policy(&text, &AnyPrincipal),
        Kind::Guardrail => engine.compile_guardrail(&text),
    };
    compiled.map_err(|cause| Error::Policy { path: path.to_owned(), cause })
}

pub(super) fn check(output: &mut Output, file: &File) -> Result<(), Error> {
    let document = read(&engine()?, file.kind, &file.path)?;
    let warnings: Vec<_> = document
        .warnings()
        .iter()
        .map(|warning| format!("Statement[{}]: {}", warning.statement, warning.text))
        .collect();
    if output.is_json() {
        output.json(&json!({ "document": document.id(), "warnings": warnings }))?;
        return Ok(());
    }
    output.line(format_args!("{} is accepted.", file.path.display()))?;
    for warning in warnings {
        output.line(format_args!("  {warning}"))?;
    }
    Ok(())
}

pub(super) fn compile(output: &mut Output, file: &File) -> Result<(), Error> {
    let document = read(&engine()?, file.kind, &file.path)?;
    let cedar = document.to_cedar();
    match output.is_json() {
        true => output.json(&json!({ "document": document.id(), "cedar": cedar }))?,
        false => output.data(cedar)?,
    }
    Ok(())
}

pub(super) fn lint(output: &mut Output, file: &File) -> Result<(), Error> {
    let document = read(&engine()?, file.kind, &file.path)?;
    let findings = document.lint();
    if output.is_json() {
        output.json(&findings)?;
    } else {
        for finding in &findings {
            let place = match (finding.statement, &finding.sid) {
                (Some(at), Some(sid)) => format!("Statement[{at}] ({sid:?})"),
                (Some(at), None) => format!("Statement[{at}]"),
                (None, _) => "the policy".to_owned(),
            };
            output.line(format_args!("{place}: {} [{}]", finding.text, finding.rule))?;
        }
    }
    match findings.len() {
        0 => Ok(()),
        number => Err(Error::Findings(number)),
    }
}
