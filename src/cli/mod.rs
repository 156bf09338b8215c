//! The command line: one file a command, each of them thin.
//!
//! Exit codes: 0, it is done; 1, the server or the command itself says no; 2,
//! the command line, a setting or a named file cannot be used; 3, the server
//! cannot start or cannot be reached; 4, `schema diff` finds an unsafe change.
//!
//! Deliberately absent: where settings come from (`config`), and whatever a
//! server does (`app`). Commands other than `serve`, `init`, `root-key` and `restore` are
//! ordinary clients of a running server and may do what the policy lets them.

mod audit;
mod backup;
mod client;
mod demo;
mod describe_ops;
mod error;
mod init;
mod input;
mod items;
mod output;
mod policy;
mod principal;
mod restore;
mod root_key;
mod schema;
mod serve;
mod unfinished;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::app;
use crate::config::environment::Environment;
use error::Error;
use output::Output;

/// A policy-and-audit key-management server that speaks the AWS KMS protocol.
#[derive(Parser)]
#[command(name = "wardbook", version, after_help = EXIT_CODES)]
struct CommandLine {
    /// Print JSON instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes:
  0  done
  1  refused by the server, or found wrong by the command
  2  the command line, a setting or a named file cannot be used
  3  the server cannot start or cannot be reached
  4  an unsafe change of a schema, found by `schema diff`

Every flag of `serve` is also a setting: --tls-cert is WARDBOOK_TLS_CERT in the
environment and `tls-cert` in wardbook.toml; the flag wins, the file comes last.";

#[derive(Subcommand)]
enum Command {
    /// Run the server; an empty data folder is initialized first
    Serve(Box<serve::Arguments>),
    /// Initialize a data folder
    Init(init::Arguments),
    /// What opens the root key of a data folder that nobody serves: list, add, remove, rotate
    RootKey(Box<root_key::Arguments>),
    /// Users, roles, their access keys and policies
    Principal(principal::Arguments),
    /// Why a call is allowed or denied, and who could do what
    Policy(Box<policy::Arguments>),
    /// Ask the book what happened
    Audit(audit::Arguments),
    /// Encrypt and decrypt items
    Items(items::Arguments),
    /// Item schemas as files: apply, diff, lint, history
    Schema(schema::Arguments),
    /// Take a backup of everything a server has, or check one
    Backup(backup::Arguments),
    /// Make a data folder from a backup
    Restore(restore::Arguments),
    /// Walk through everything on a throw-away server
    Demo,
    /// List every operation with its input, output and errors
    DescribeOps,
}

impl Command {
    /// Whether it may read what opens the root key, which is to be nowhere but in
    /// memory.
    fn opens_the_root_key(&self) -> bool {
        matches!(
            self,
            Self::Serve(_) | Self::Init(_) | Self::RootKey(_) | Self::Backup(_) | Self::Restore(_)
        )
    }
}

/// What a command works with.
struct Context {
    environment: Environment,
    output: Output,
}

/// Runs the program with these arguments, the program's name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let line = match CommandLine::try_parse_from(arguments) {
        Ok(line) => line,
        Err(refused) => return answer_of(&refused),
    };
    if line.command.opens_the_root_key() {
        app::harden();
    }
    let output = Output::of_process(line.json);
    let mut context = Context { environment: Environment::of_process(), output };
    let done = match line.command {
        Command::Serve(arguments) => serve::run(&mut context, *arguments),
        Command::Init(arguments) => init::run(&mut context, arguments),
        Command::RootKey(arguments) => root_key::run(&mut context, *arguments),
        Command::Principal(arguments) => principal::run(&mut context, arguments),
        Command::Policy(arguments) => policy::run(&mut context, *arguments),
        Command::Audit(arguments) => audit::run(&mut context, arguments),
        Command::Items(arguments) => items::run(&mut context, arguments),
        Command::Schema(arguments) => schema::run(&mut context, arguments),
        Command::Backup(arguments) => backup::run(&mut context, arguments),
        Command::Restore(arguments) => restore::run(&mut context, arguments),
        Command::Demo => demo::run(&mut context.output),
        Command::DescribeOps => describe_ops::run(&mut context),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has seen enough: `wardbook ... | head`. That is no
        // message; but what the command had still to do was not done.
        Err(error) if error.is_closed_output() => ExitCode::from(error::CLOSED_OUTPUT),
        Err(error) => {
            context.output.error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

/// Help and version are answers; everything else clap refuses is a usage error.
fn answer_of(refused: &clap::Error) -> ExitCode {
    // If not even this can be printed, the exit code has to do.
    drop(refused.print());
    match refused.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(error::USAGE),
    }
}
