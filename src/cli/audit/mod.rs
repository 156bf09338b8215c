//! `wardbook audit`: questions to the book.
//!
//! Deliberately absent: what the answers mean; `crate::audit` knows.

mod count;
mod export;
mod filters;
mod follow;
mod query;
mod sql;

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
    /// All events that fit all filters, into a file
    Export(Box<export::Export>),
    /// Events that fit all filters, newest first; with --json one CloudTrail record a line
    Query(Box<query::Query>),
    /// Ask the view `events` of a data folder, or of a copy of one, in SQL; no server is asked
    Sql(sql::Sql),
}

pub(super) fn run(context: &mut Context, arguments: Arguments) -> Result<(), Error> {
    if let Command::Sql(sql) = arguments.command {
        return sql::ask(&mut context.output, &sql);
    }
    let client = Client::new(client::client(arguments.client, &context.environment)?)?;
    match arguments.command {
        Command::Count(count) => count::ask(&client, &mut context.output, *count),
        Command::Export(export) => export::ask(&client, &mut context.output, *export),
        Command::Query(query) => query::ask(&client, &mut context.output, *query),
        Command::Sql(_) => Ok(()),
    }
}
