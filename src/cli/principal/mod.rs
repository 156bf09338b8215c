//! `wardbook principal`: users, roles, their access keys and policies.
//!
//! Deliberately absent: any check of names or policies. The server checks.

mod access_keys;
mod list;
mod policies;
mod roles;
pub(super) mod users;

use clap::{Args, Subcommand};
use serde::{Deserialize, Deserializer};

use super::Context;
use super::client::Client;
use super::error::Error;
use crate::base::secret::SecretBytes;
use crate::config::client;
use crate::config::flags::ClientFlags;
use crate::wire::text::SecretText;

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    client: ClientFlags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Create a user with an access key, whose secret is printed once
    CreateUser(users::Name),
    /// Delete a user with its access keys and policies
    DeleteUser(users::Name),
    /// Create a role
    CreateRole(roles::Name),
    /// Delete a role with its policies; its sessions end at once
    DeleteRole(roles::Name),
    /// Print temporary credentials for a session of a role
    CreateSession(roles::Session),
    /// Attach a policy to a user or role, or replace the one of this name
    AttachPolicy(policies::Attach),
    /// Detach a policy
    DetachPolicy(policies::Detach),
    /// Create one more access key, whose secret is printed once
    CreateAccessKey(users::Name),
    /// Refuse an access key until it is activated again
    DeactivateAccessKey(access_keys::Key),
    /// Accept an access key again
    ActivateAccessKey(access_keys::Key),
    /// Delete an access key
    DeleteAccessKey(access_keys::Key),
    /// List users and roles with their policies and access keys
    List,
}

pub(super) fn run(context: &mut Context, arguments: Arguments) -> Result<(), Error> {
    let client = Client::new(client::client(arguments.client, &context.environment)?)?;
    let output = &mut context.output;
    match arguments.command {
        Command::CreateUser(user) => users::create(&client, output, &user),
        Command::DeleteUser(user) => users::delete(&client, output, &user),
        Command::CreateRole(role) => roles::create(&client, output, &role),
        Command::DeleteRole(role) => roles::delete(&client, output, &role),
        Command::CreateSession(session) => roles::create_session(&client, output, &session),
        Command::AttachPolicy(policy) => policies::attach(&client, output, &policy),
        Command::DetachPolicy(policy) => policies::detach(&client, output, &policy),
        Command::CreateAccessKey(user) => access_keys::create(&client, output, &user),
        Command::DeactivateAccessKey(key) => {
            access_keys::update(&client, output, &key, access_keys::Status::Inactive)
        }
        Command::ActivateAccessKey(key) => {
            access_keys::update(&client, output, &key, access_keys::Status::Active)
        }
        Command::DeleteAccessKey(key) => access_keys::delete(&client, output, &key),
        Command::List => list::run(&client, output),
    }
}

/// Reads a secret out of an answer.
fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<SecretText, D::Error> {
    let text = String::deserialize(from)?;
    Ok(SecretText(SecretBytes::new(text.into_bytes())))
}
