//! wardbook's own calls below the items: users and roles, and the book. Rows of the same kind as those of KMS, through the same pipeline.
//!
//! Deliberately absent: paths and methods; `http` says where each is found.

use super::ctx::Ctx;
use super::operation::Entry;

mod attach_policy;
mod create_access_key;
mod create_role;
mod create_user;
mod delete_access_key;
mod delete_role;
mod delete_user;
mod detach_policy;
mod list_principals;
mod query_events;
mod subject;
mod update_access_key;

/// The operations, sorted by name.
pub static TABLE: &[Entry<Ctx>] = &[
    Entry::of::<attach_policy::AttachPolicy>(),
    Entry::of::<create_access_key::CreateAccessKey>(),
    Entry::of::<create_role::CreateRole>(),
    Entry::of::<create_user::CreateUser>(),
    Entry::of::<delete_access_key::DeleteAccessKey>(),
    Entry::of::<delete_role::DeleteRole>(),
    Entry::of::<delete_user::DeleteUser>(),
    Entry::of::<detach_policy::DetachPolicy>(),
    Entry::of::<list_principals::ListPrincipals>(),
    Entry::of::<query_events::QueryEvents>(),
    Entry::of::<update_access_key::UpdateAccessKey>(),
];
