//! GetPrincipal: everything about one user, role or group, but for secrets.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::subject::{self, Named, ONE_OF_GROUP, ONE_OF_ROLE, ONE_OF_USER};
use super::tags::Tag;
use crate::base::timestamp;
use crate::identity::directory::{Identity, Kind};
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::policy::document::Document;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape, text};

pub(super) struct GetPrincipal;

#[derive(Deserialize)]
pub(super) struct Input {
    #[serde(flatten)]
    named: Named,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    /// `user`, `role` or `group`.
    kind: &'static str,
    arn: String,
    name: String,
    id: String,
    /// RFC 3339.
    create_date: String,
    policies: Vec<Policy>,
    #[serde(flatten)]
    more: More,
}

/// What not all kinds have.
#[derive(Serialize)]
#[serde(rename_all = "camelCase", untagged)]
enum More {
    #[serde(rename_all = "camelCase")]
    User {
        #[serde(flatten)]
        marks: Marks,
        /// Names.
        groups: Vec<String>,
        access_keys: Vec<subject::Key>,
    },
    #[serde(rename_all = "camelCase")]
    Role {
        #[serde(flatten)]
        marks: Marks,
        assume_role_policy_document: Option<String>,
        max_session_duration_seconds: Option<i64>,
    },
    Group {
        /// Names.
        users: Vec<String>,
    },
}

/// What users and roles have.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Marks {
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary: Option<String>,
    tags: Vec<Tag>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Policy {
    policy_name: String,
    policy: String,
}

impl Operation for GetPrincipal {
    const DESCRIPTION: Description = Description {
        name: "GetPrincipal",
        service: Service::Iam,
        read_only: true,
        input: &[ONE_OF_USER, ONE_OF_ROLE, ONE_OF_GROUP],
        output: &[
            out_text("kind"),
            out_text("arn"),
            out_text("name"),
            out_text("id"),
            out_text("createDate"),
            out_list("policies", &POLICY),
            out_text("permissionsBoundary"),
            out_list("tags", &TAG),
            out_list("groups", &NAME),
            out_list("accessKeys", &subject::KEY),
            out_text("assumeRolePolicyDocument"),
            Member::optional("maxSessionDurationSeconds", Shape::Integer { min: 0, max: i64::MAX }),
            out_list("users", &NAME),
        ],
        errors: &[Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let found = subject::find_named(ctx, access, Action::GET_PRINCIPAL, &input.named)?;
        let policy = |(name, document): (&String, &Arc<Document>)| Policy {
            policy_name: name.clone(),
            policy: document.text().to_owned(),
        };
        Ok(Done::read(Output {
            kind: found.kind.as_str(),
            arn: found.arn(),
            name: found.name.clone(),
            id: found.unique_id.clone(),
            create_date: timestamp::event_time(found.created_ms),
            policies: found.policies.iter().map(policy).collect(),
            more: more(ctx, &found),
        }))
    }
}

fn more(ctx: &Ctx, found: &Identity) -> More {
    let tag = |(key, value): (&String, &String)| Tag { key: key.clone(), value: value.clone() };
    let marks = || Marks {
        permissions_boundary: found.boundary.as_ref().map(|policy| policy.text().to_owned()),
        tags: found.tags.iter().map(tag).collect(),
    };
    match found.kind {
        Kind::User => More::User {
            marks: marks(),
            groups: subject::names(&ctx.directory.groups_of(found)),
            access_keys: subject::access_keys(ctx, found),
        },
        Kind::Role => More::Role {
            marks: marks(),
            assume_role_policy_document: found
                .role
                .as_ref()
                .map(|terms| terms.trust.text().to_owned()),
            max_session_duration_seconds: found.role.as_ref().map(|terms| terms.max_session_s),
        },
        Kind::Group => More::Group { users: subject::names(&ctx.directory.members_of(found)) },
    }
}

const fn out_list(name: &'static str, of: &'static Shape) -> Member {
    Member::optional(name, Shape::List { of, min: 0, max: usize::MAX })
}

const NAME: Shape = text(0, usize::MAX);
const POLICY: Shape = Shape::Structure(&[out_text("policyName"), out_text("policy")]);
const TAG: Shape = Shape::Structure(&[out_text("key"), out_text("value")]);
