//! `wardbook items`: encrypts and decrypts items.
//!
//! Deliberately absent: cryptography. Items travel to the server, where the
//! policy decides and the book records.

mod convert;
mod job;
pub(super) mod stream;

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
    /// Encrypt items, a JSON array or one item after the other; prints them in the same form
    Encrypt(convert::Conversion),
    /// Decrypt items, as far as the policy lets the caller see them
    Decrypt(convert::Decryption),
    /// Work through files of items: rewrap, re-encrypt, decrypt, or count them
    #[command(subcommand)]
    Job(job::Command),
}

pub(super) fn run(context: &mut Context, arguments: Arguments) -> Result<(), Error> {
    let Arguments { client: flags, command } = arguments;
    // A report asks no server, and needs no credentials.
    let client = |context: &Context| Client::new(client::client(flags, &context.environment)?);
    match command {
        Command::Encrypt(conversion) => {
            convert::encrypt(&client(context)?, &mut context.output, &conversion)
        }
        Command::Decrypt(decryption) => {
            convert::decrypt(&client(context)?, &mut context.output, decryption)
        }
        Command::Job(command) => job::run(context, client, command),
    }
}
