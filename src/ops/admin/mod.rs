//! wardbook's own calls below the items: accounts, users, roles and groups.
//! Rows of the same kind as those of KMS, through the same pipeline.
//!
//! Deliberately absent: paths and methods; `http` says where each is found.

use super::ctx::Ctx;
use super::operation::Entry;

mod add_user_to_group;
mod attach_policy;
mod create_access_key;
mod create_account;
mod create_group;
mod create_role;
mod create_user;
mod delete_access_key;
mod delete_group;
mod delete_permissions_boundary;
mod delete_role;
mod delete_user;
mod detach_policy;
mod get_principal;
mod list_accounts;
mod list_principals;
mod put_permissions_boundary;
mod remove_user_from_group;
mod subject;
mod tag_principal;
mod tags;
mod untag_principal;
mod update_access_key;
mod update_role;

pub(super) use subject::ask_first_account;

/// The operations, sorted by name.
pub static TABLE: &[Entry<Ctx>] = &[
    Entry::of::<add_user_to_group::AddUserToGroup>(),
    Entry::of::<attach_policy::AttachPolicy>(),
    Entry::of::<create_access_key::CreateAccessKey>(),
    Entry::of::<create_account::CreateAccount>(),
    Entry::of::<create_group::CreateGroup>(),
    Entry::of::<create_role::CreateRole>(),
    Entry::of::<create_user::CreateUser>(),
    Entry::of::<delete_access_key::DeleteAccessKey>(),
    Entry::of::<delete_group::DeleteGroup>(),
    Entry::of::<delete_permissions_boundary::DeletePermissionsBoundary>(),
    Entry::of::<delete_role::DeleteRole>(),
    Entry::of::<delete_user::DeleteUser>(),
    Entry::of::<detach_policy::DetachPolicy>(),
    Entry::of::<get_principal::GetPrincipal>(),
    Entry::of::<list_accounts::ListAccounts>(),
    Entry::of::<list_principals::ListPrincipals>(),
    Entry::of::<put_permissions_boundary::PutPermissionsBoundary>(),
    Entry::of::<remove_user_from_group::RemoveUserFromGroup>(),
    Entry::of::<tag_principal::TagPrincipal>(),
    Entry::of::<untag_principal::UntagPrincipal>(),
    Entry::of::<update_access_key::UpdateAccessKey>(),
    Entry::of::<update_role::UpdateRole>(),
];
