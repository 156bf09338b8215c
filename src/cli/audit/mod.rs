//! `wardbook audit`: questions to the book.
//!
//! Deliberately absent: what the answers mean; `crate::audit` knows.

mod count;
mod erase;
mod evidence;
mod export;
mod field_reads;
mod filters;
mod follow;
mod query;
mod sql;
mod verify;

use clap::{Args, Subcommand};

use super::Context;
use super::client::Client;
use super::error::Error;
use crate::config::client;
use crate::config::flags::ClientFlags;

pub(super) use evidence::public_key;
pub(super) use query::{HEADS, page, row};
pub(super) use verify::{kept, print_findings};

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
    /// Who read which attributes of which items, how, why and by which policy, newest first; with
    /// --json one read a line
    FieldReads(Box<field_reads::FieldReads>),
    /// Events that fit all filters, newest first; with --json one CloudTrail record a line
    Query(Box<query::Query>),
    /// Ask the views `events` and `field_reads` of a data folder, or of a copy of one, in SQL; no
    /// server is asked
    Sql(sql::Sql),
    /// Print the signed head of the log, or keep it in a file
    Checkpoint(evidence::Checkpoint),
    /// Prove that an event is in the log
    Prove(evidence::Prove),
    /// Check that nothing was changed or removed since a checkpoint that was kept
    Consistency(evidence::Consistency),
    /// Check a proof; needs no server
    VerifyProof(evidence::VerifyProof),
    /// Check a data folder, a copy of it, or an export with proofs: every record, and every
    /// signed head; needs no server
    Verify(verify::Verify),
    /// Takes personal data out of events, which can still be proved; recorded, with the reason
    Erase(Box<erase::Erase>),
}

pub(super) fn run(context: &mut Context, arguments: Arguments) -> Result<(), Error> {
    let Arguments { client, command } = arguments;
    let environment = &context.environment;
    let connect = || Client::new(client::client(client, environment)?);
    let output = &mut context.output;
    match command {
        Command::Count(count) => count::ask(&connect()?, output, *count),
        Command::Export(export) => export::ask(&connect()?, output, *export),
        Command::FieldReads(asked) => field_reads::ask(&connect()?, output, &asked),
        Command::Query(query) => query::ask(&connect()?, output, *query),
        Command::Sql(sql) => sql::ask(output, &sql),
        Command::Checkpoint(wanted) => evidence::checkpoint(&connect()?, output, &wanted),
        Command::Prove(wanted) => evidence::prove(&connect()?, output, &wanted),
        Command::Consistency(wanted) => evidence::consistency(&connect()?, output, &wanted),
        Command::VerifyProof(wanted) => evidence::verify_proof(output, &wanted),
        Command::Verify(wanted) => verify::run(output, &wanted),
        Command::Erase(erase) => erase::run(&connect()?, output, *erase),
    }
}
