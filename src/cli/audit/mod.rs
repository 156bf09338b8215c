//! `wardbook audit`: questions to the book.
//!
//! Deliberately absent: what the answers mean; `crate::audit` knows.

mod count;
mod erase;
mod filters;
mod query;

use clap::{Args, Subcommand};

use super::Context;
use super::client::Client;
use super::error::Error;
use crate::config::client;
use crate::config::flags::ClientFlags;

pub(super) use query::{HEADS, page, row};

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    client: ClientFlags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// How many events fit all filters, by time or by what they have in common
    Count(Box<count::Count>),
    /// Events that fit all filters, newest first; with --json one CloudTrail record a line
    Query(Box<query::Query>),
    /// Takes personal data out of events, which can still be proved; recorded, with the reason
    Erase(Box<erase::Erase>),
}

pub(super) fn run(context: &mut Context, arguments: Arguments) -> Result<(), Error> {
    let client = Client::new(client::client(arguments.client, &context.environment)?)?;
    match arguments.command {
        Command::Count(count) => count::ask(&client, &mut context.output, *count),
        Command::Query(query) => query::ask(&client, &mut context.output, *query),
        Command::Erase(erase) => erase::run(&client, &mut context.output, *erase),
    }
}
