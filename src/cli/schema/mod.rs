//! `wardbook schema`: the item schemas of a server, kept as files.
//!
//! A schema is one file, and the file's name is the schema's. What concerns a file
//! alone (`lint`) needs no server; what is stored, the server judges.

mod apply;
mod diff;
mod files;
mod lint;
mod show;

use clap::{Args, Subcommand};

use super::Context;
use super::client::Client;
use super::error::Error;
use crate::config::client;
use crate::config::flags::ClientFlags;

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    client: ClientFlags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Store schemas that are new or different; all of them or none
    Apply(apply::Apply),
    /// Show what a file would change; exit code 0 nothing, 1 safe changes, 4 unsafe ones
    Diff(diff::Diff),
    /// List what a schema says that is seldom meant; needs no server
    Lint(lint::Lint),
    /// List the versions of a schema, the newest first
    History(show::Name),
    /// Print a schema
    Get(show::Get),
    /// List the schemas
    List,
}

pub(super) fn run(context: &mut Context, arguments: Arguments) -> Result<(), Error> {
    let Arguments { client, command } = arguments;
    let output = &mut context.output;
    if let Command::Lint(asked) = &command {
        return lint::run(output, asked);
    }
    let client = Client::new(client::client(client, &context.environment)?)?;
    match command {
        Command::Apply(asked) => apply::run(&client, output, &asked),
        Command::Diff(asked) => diff::run(&client, output, &asked),
        Command::Lint(asked) => lint::run(output, &asked),
        Command::History(asked) => show::history(&client, output, &asked),
        Command::Get(asked) => show::find(&client, output, &asked),
        Command::List => show::list(&client, output),
    }
}
