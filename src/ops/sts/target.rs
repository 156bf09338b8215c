//! The role that somebody wants to be.

use std::sync::Arc;

use crate::base::arn::RoleArn;
use crate::identity::directory::{Identity, Kind, RoleTerms};
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::policy::actions::Action;
use crate::policy::question::{NO_TAGS, Resource};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

/// A role by the name that a call has for it, whether there is such or not.
pub(super) struct Target {
    pub(super) arn: RoleArn,
    role: Option<Arc<Identity>>,
}

impl Target {
    /// Finds the role with this ARN, in whatever account.
    ///
    /// # Errors
    /// `ValidationException` for what is no ARN of a role.
    pub(super) fn find(ctx: &Ctx, arn: &str) -> Result<Self, ApiError> {
        match RoleArn::parse(arn) {
            Some(arn) => Ok(Self::of(ctx, arn)),
            None => Err(ApiError::validation(format!("{arn} is invalid"))),
        }
    }

    /// Finds the role.
    pub(super) fn of(ctx: &Ctx, arn: RoleArn) -> Self {
        let role = ctx.directory.find_by_name(&arn.account, Kind::Role, &arn.name);
        Self { arn, role }
    }

    /// Asks for each of `actions` on the role, which must be there. The text of
    /// the refusal is the same whether there is no such role, its trust policy
    /// does not let the caller in, or the caller's own policies do not: it would
    /// tell which roles exist.
    ///
    /// # Errors
    /// `AccessDeniedException` with the text `denied`.
    pub(super) fn assume(
        &self,
        access: &mut Access<'_>,
        actions: &[Action],
        denied: impl Fn(Action) -> String,
    ) -> Result<(Arc<Identity>, RoleTerms), ApiError> {
        access.record_role(self.arn.to_string());
        let RoleArn { account, name } = &self.arn;
        let unique_id = self.role.as_ref().map_or("", |role| role.unique_id.as_str());
        let trust =
            self.role.as_ref().and_then(|role| role.role.as_ref()).map(|terms| &terms.trust);
        let tags = self.role.as_ref().map_or(&NO_TAGS, |role| &role.tags);
        let refuse = |action| ApiError::new(Code::AccessDeniedException, denied(action));
        for action in actions {
            let resource = Resource::Role { account, unique_id, name, tags, trust };
            access.resource(*action, resource).map_err(|_denied| refuse(*action))?;
        }
        // Whoever is allowed everything by the own policies is here for what is not there.
        let first = actions.first().copied().unwrap_or(Action::ASSUME_ROLE);
        let role = self.role.clone().and_then(|role| Some((role.role.clone()?, role)));
        let (terms, role) = role.ok_or_else(|| {
            access.record_denied(first, self.arn.to_string());
            refuse(first)
        })?;
        Ok((role, terms))
    }
}
