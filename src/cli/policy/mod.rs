//! `wardbook policy`: why a call is allowed or denied, what another policy would
//! change, who could and what could.
//!
//! Deliberately absent: any decision. Questions about keys and principals go to
//! a server, which answers only whom its own policies let ask.

mod access;
mod explain;
mod request;
mod simulate;

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
    /// Tell why a call was, or would be, allowed or denied
    Explain(request::Request),
    /// Ask the same by another key policy, or by the one of then
    Simulate(simulate::Simulate),
    /// List who may do something with a key, by what and under which conditions
    WhoCan(access::WhoCan),
    /// List what somebody may do, key by key
    WhatCan(access::WhatCan),
}

pub(super) fn run(context: &mut Context, arguments: Arguments) -> Result<(), Error> {
    let Arguments { client, command } = arguments;
    let connect = |context: &Context| -> Result<Client, Error> {
        Client::new(client::client(client, &context.environment)?)
    };
    match command {
        Command::Explain(request) => {
            explain::run(&connect(context)?, &mut context.output, &request)
        }
        Command::Simulate(asked) => simulate::run(&connect(context)?, &mut context.output, &asked),
        Command::WhoCan(asked) => access::who_can(&connect(context)?, &mut context.output, &asked),
        Command::WhatCan(asked) => {
            access::what_can(&connect(context)?, &mut context.output, &asked)
        }
    }
}
