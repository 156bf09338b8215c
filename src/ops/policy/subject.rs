//! Somebody who could call: a principal by ARN, with everything that is known
//! of it.

use std::net::IpAddr;
use std::sync::Arc;

use crate::base::arn::{Arn, PARTITION};
use crate::base::caller::{Federated, Principal, SessionFacts};
use crate::base::ids::AccountId;
use crate::identity::directory::{Identity, Kind};
use crate::ops::ctx::Ctx;
use crate::policy::question::Standing;
use crate::policy::scenario::Scenario;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

/// The name of a session that stands for all sessions of a role. No session can
/// be called so.
pub(super) const ANY_SESSION: &str = "<any>";

/// Somebody who could call.
#[derive(Clone)]
pub(super) struct Subject {
    pub(super) scenario: Scenario,
    /// The user, or the role of the session; `None` for the root principal.
    pub(super) identity: Option<Arc<Identity>>,
}

impl Subject {
    /// The principal of `account` that `arn` names. A role stands for any of
    /// its sessions.
    pub(super) fn find(ctx: &Ctx, account: &AccountId, arn: &str) -> Result<Self, ApiError> {
        let unknown = || {
            let text = format!(
                "There is no principal {arn} in account {account}. Name its root principal, a \
                 user, a role, or a session of a role by ARN."
            );
            ApiError::new(Code::NotFoundException, text)
        };
        let parsed = Arn::parse(arn).filter(|parsed| {
            parsed.partition == PARTITION
                && parsed.region.is_empty()
                && parsed.account == account.as_str()
        });
        let parsed = parsed.ok_or_else(unknown)?;
        let identity = |kind, name: &str| ctx.directory.find_by_name(account, kind, name);
        let resource = parsed.resource;
        let found = match (parsed.service, resource.split_once('/')) {
            ("iam", None) if resource == "root" => Some(Self::root(ctx, account)),
            ("iam", Some(("user", name))) => {
                identity(Kind::User, name).map(|user| Self::user(ctx, user))
            }
            ("iam", Some(("role", name))) => {
                identity(Kind::Role, name).map(|role| Self::session(ctx, role, ANY_SESSION))
            }
            ("sts", Some(("assumed-role", session))) => {
                let (role, name) = session.split_once('/').ok_or_else(unknown)?;
                identity(Kind::Role, role).map(|role| Self::session(ctx, role, name))
            }
            _ => None,
        };
        found.ok_or_else(unknown)
    }

    /// The root principal of an account.
    pub(super) fn root(ctx: &Ctx, account: &AccountId) -> Self {
        Self::new(ctx, Principal::Root { account: account.clone() }, None)
    }

    /// Whoever a provider of the account vouches for.
    pub(super) fn web_identity(ctx: &Ctx, account: &AccountId, who: Federated) -> Self {
        let Federated { provider, audience, subject } = who;
        let account = account.clone();
        Self::new(ctx, Principal::WebIdentity { account, provider, audience, subject }, None)
    }

    /// A user.
    pub(super) fn user(ctx: &Ctx, user: Arc<Identity>) -> Self {
        let principal = Principal::User {
            account: user.account.clone(),
            unique_id: user.unique_id.clone(),
            name: user.name.clone(),
        };
        Self::new(ctx, principal, Some(user))
    }

    /// A session of a role.
    pub(super) fn session(ctx: &Ctx, role: Arc<Identity>, name: &str) -> Self {
        let principal = Principal::RoleSession {
            account: role.account.clone(),
            role_id: role.unique_id.clone(),
            role_name: role.name.clone(),
            name: name.to_owned(),
        };
        Self::new(ctx, principal, Some(role))
    }

    fn new(ctx: &Ctx, principal: Principal, identity: Option<Arc<Identity>>) -> Self {
        let session = matches!(principal, Principal::RoleSession { .. }).then(|| {
            Arc::new(SessionFacts { created_ms: ctx.clock.now_ms(), ..SessionFacts::default() })
        });
        let mut scenario = Scenario::of(principal, Standing::default(), ctx.clock.now_ms());
        scenario.caller.session = session;
        scenario.standing = ctx.directory.standing_of(&scenario.caller, &ctx.engine);
        Self { scenario, identity }
    }

    /// The principal.
    pub(super) fn principal(&self) -> &Principal {
        &self.scenario.caller.principal
    }

    /// The same, calling from somewhere.
    pub(super) fn calling(mut self, source_ip: Option<IpAddr>, secure_transport: bool) -> Self {
        self.scenario.caller.source_ip = source_ip;
        self.scenario.caller.secure_transport = secure_transport;
        self
    }
}
