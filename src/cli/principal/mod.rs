//! `wardbook principal`: accounts, users, roles and groups, their access keys,
//! policies and tags.
//!
//! Deliberately absent: any check of names or policies. The server checks.

mod access_keys;
mod accounts;
mod boundaries;
mod get;
mod groups;
mod list;
mod owner;
mod policies;
mod roles;
mod tags;
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
    /// Create a role, which trusts its account if nothing else is said
    CreateRole(roles::Create),
    /// Change who may assume a role, or for how long
    UpdateRole(roles::Update),
    /// Delete a role with its policies; its sessions end at once
    DeleteRole(roles::Name),
    /// Print temporary credentials for a session of a role
    CreateSession(roles::Session),
    /// Create a group
    CreateGroup(groups::Name),
    /// Delete a group without users, with its policies
    DeleteGroup(groups::Name),
    /// Let the policies of a group hold for a user
    AddUserToGroup(groups::Member),
    /// Let the policies of a group no longer hold for a user
    RemoveUserFromGroup(groups::Member),
    /// Attach a policy to a user, role or group, or replace the one of this name
    AttachPolicy(policies::Attach),
    /// Detach a policy
    DetachPolicy(policies::Detach),
    /// Limit a user or role to what a policy allows
    PutPermissionsBoundary(boundaries::Put),
    /// Take that limit away
    DeletePermissionsBoundary(boundaries::Delete),
    /// Put tags on a user or role, which policies can read
    Tag(tags::Tag),
    /// Take tags from a user or role
    Untag(tags::Untag),
    /// Create one more access key, whose secret is printed once
    CreateAccessKey(users::Name),
    /// Refuse an access key until it is activated again
    DeactivateAccessKey(access_keys::Key),
    /// Accept an access key again
    ActivateAccessKey(access_keys::Key),
    /// Delete an access key
    DeleteAccessKey(access_keys::Key),
    /// List users, roles and groups with their policies and access keys
    List,
    /// Show everything about a user, role or group
    Get(get::Get),
    /// Create one more account, with an administrator whose secret is printed once
    CreateAccount(accounts::Create),
    /// List the accounts of the server
    ListAccounts,
}

pub(super) fn run(context: &mut Context, arguments: Arguments) -> Result<(), Error> {
    let client = Client::new(client::client(arguments.client, &context.environment)?)?;
    let output = &mut context.output;
    match arguments.command {
        Command::CreateUser(user) => users::create(&client, output, &user),
        Command::DeleteUser(user) => users::delete(&client, output, &user),
        Command::CreateRole(role) => roles::create(&client, output, &role),
        Command::UpdateRole(role) => roles::update(&client, output, &role),
        Command::DeleteRole(role) => roles::delete(&client, output, &role),
        Command::CreateSession(session) => roles::create_session(&client, output, &session),
        Command::CreateGroup(group) => groups::create(&client, output, &group),
        Command::DeleteGroup(group) => groups::delete(&client, output, &group),
        Command::AddUserToGroup(member) => groups::add(&client, output, &member),
        Command::RemoveUserFromGroup(member) => groups::remove(&client, output, &member),
        Command::AttachPolicy(policy) => policies::attach(&client, output, &policy),
        Command::DetachPolicy(policy) => policies::detach(&client, output, &policy),
        Command::PutPermissionsBoundary(put) => boundaries::put(&client, output, &put),
        Command::DeletePermissionsBoundary(delete) => boundaries::delete(&client, output, &delete),
        Command::Tag(tag) => tags::tag(&client, output, &tag),
        Command::Untag(untag) => tags::untag(&client, output, &untag),
        Command::CreateAccessKey(user) => access_keys::create(&client, output, &user),
        Command::DeactivateAccessKey(key) => {
            access_keys::update(&client, output, &key, access_keys::Status::Inactive)
        }
        Command::ActivateAccessKey(key) => {
            access_keys::update(&client, output, &key, access_keys::Status::Active)
        }
        Command::DeleteAccessKey(key) => access_keys::delete(&client, output, &key),
        Command::List => list::run(&client, output),
        Command::Get(get) => get::run(&client, output, &get),
        Command::CreateAccount(create) => accounts::create(&client, output, &create),
        Command::ListAccounts => accounts::list(&client, output),
    }
}

/// Reads a secret out of an answer.
fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<SecretText, D::Error> {
    let text = String::deserialize(from)?;
    Ok(SecretText(SecretBytes::new(text.into_bytes())))
}
