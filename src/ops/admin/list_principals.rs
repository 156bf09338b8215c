//! ListPrincipals: the users, roles and groups of the caller's account, with the
//! names of their policies and the ids of their access keys.

use serde::{Deserialize, Serialize};

use super::subject::{self, KEY, Key};
use crate::identity::directory::{Identity, Kind};
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape, text};

pub(super) struct ListPrincipals;

#[derive(Deserialize)]
pub(super) struct Input {}

#[derive(Serialize)]
pub(super) struct Output {
    users: Vec<User>,
    roles: Vec<Role>,
    groups: Vec<Group>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct User {
    arn: String,
    user_name: String,
    user_id: String,
    policies: Vec<String>,
    access_keys: Vec<Key>,
    /// Names.
    groups: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Role {
    arn: String,
    role_name: String,
    role_id: String,
    policies: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    arn: String,
    group_name: String,
    group_id: String,
    policies: Vec<String>,
}

impl Operation for ListPrincipals {
    const DESCRIPTION: Description = Description {
        name: "ListPrincipals",
        service: Service::Iam,
        read_only: true,
        input: &[],
        output: &[
            Member::optional("users", Shape::List { of: &USER, min: 0, max: usize::MAX }),
            Member::optional("roles", Shape::List { of: &ROLE, min: 0, max: usize::MAX }),
            Member::optional("groups", Shape::List { of: &GROUP, min: 0, max: usize::MAX }),
        ],
        errors: &[],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        _input: Input,
    ) -> Result<Done<Output>, ApiError> {
        access.account(Action::LIST_PRINCIPALS)?;
        let account = access.call().caller.principal.account();
        let user = |identity: &Identity| User {
            arn: identity.arn(),
            user_name: identity.name.clone(),
            user_id: identity.unique_id.clone(),
            policies: identity.policies.keys().cloned().collect(),
            access_keys: subject::access_keys(ctx, identity),
            groups: subject::names(&ctx.directory.groups_of(identity)),
        };
        let role = |identity: &Identity| Role {
            arn: identity.arn(),
            role_name: identity.name.clone(),
            role_id: identity.unique_id.clone(),
            policies: identity.policies.keys().cloned().collect(),
        };
        let group = |identity: &Identity| Group {
            arn: identity.arn(),
            group_name: identity.name.clone(),
            group_id: identity.unique_id.clone(),
            policies: identity.policies.keys().cloned().collect(),
        };
        let users = ctx.directory.list(account, Kind::User);
        let roles = ctx.directory.list(account, Kind::Role);
        let groups = ctx.directory.list(account, Kind::Group);
        Ok(Done::read(Output {
            users: users.iter().map(|identity| user(identity)).collect(),
            roles: roles.iter().map(|identity| role(identity)).collect(),
            groups: groups.iter().map(|identity| group(identity)).collect(),
        }))
    }
}

const NAMES: Shape = Shape::List { of: &text(1, 128), min: 0, max: usize::MAX };
const USER: Shape = Shape::Structure(&[
    out_text("arn"),
    out_text("userName"),
    out_text("userId"),
    Member::optional("policies", NAMES),
    Member::optional("accessKeys", Shape::List { of: &KEY, min: 0, max: usize::MAX }),
    Member::optional("groups", NAMES),
]);
const ROLE: Shape = Shape::Structure(&[
    out_text("arn"),
    out_text("roleName"),
    out_text("roleId"),
    Member::optional("policies", NAMES),
]);
const GROUP: Shape = Shape::Structure(&[
    out_text("arn"),
    out_text("groupName"),
    out_text("groupId"),
    Member::optional("policies", NAMES),
]);
