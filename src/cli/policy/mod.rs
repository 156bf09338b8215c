//! `wardbook policy`: why a call is allowed or denied, what another policy would
//! change, who could and what could.
//!
//! Questions about keys and principals go to a server, which answers only whom
//! its own policies let ask. What concerns a file alone is done here, by the same
//! code: principals then stand for themselves, each by its ARN.

mod access;
mod diff;
mod document;
mod explain;
mod request;
mod simulate;
mod trial;

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
    /// Search for requests whose outcome changes from one key policy to another
    Diff(diff::Diff),
    /// Put a key policy, with tests that it and every later one must pass
    Put(trial::Put),
    /// Run tests against a key policy; needs no server
    Test(trial::Test),
    /// Say whether a policy is accepted, or why not; needs no server
    Check(document::File),
    /// Print what a policy means in Cedar; needs no server
    Compile(document::File),
    /// List what a policy says that is seldom meant; needs no server
    Lint(document::File),
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
        Command::Diff(asked) => match asked.key() {
            Some(key) => diff::on_server(&connect(context)?, &mut context.output, &asked, key),
            None => diff::of_files(&mut context.output, &asked),
        },
        Command::Put(asked) => trial::put(&connect(context)?, &mut context.output, &asked),
        Command::Test(asked) => trial::test(&mut context.output, &asked),
        Command::Check(file) => document::check(&mut context.output, &file),
        Command::Compile(file) => document::compile(&mut context.output, &file),
        Command::Lint(file) => document::lint(&mut context.output, &file),
        Command::WhoCan(asked) => access::who_can(&connect(context)?, &mut context.output, &asked),
        Command::WhatCan(asked) => {
            access::what_can(&connect(context)?, &mut context.output, &asked)
        }
    }
}
