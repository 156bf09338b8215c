//! ListRetirableGrants: those that name a principal as the retiring one, of keys in
//! any account.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_ListRetirableGrants.html>

use serde::Deserialize;

use super::access::Access;
use super::ctx::Ctx;
use super::grants::{self, Output, PAGE, PRINCIPAL, SERVICE_PRINCIPAL};
use super::operation::{Description, Done, Operation, Service};
use super::shapes::MARKER;
use crate::base::arn::Arn;
use crate::base::grant::GrantId;
use crate::base::ids::{AccountId, KeyId, Realm};
use crate::keys::grants::index::RetirablePosition;
use crate::keys::grants::principal::GrantPrincipal;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::paging;
use crate::wire::shape::{Member, Shape};

pub(super) struct ListRetirableGrants;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    limit: Option<usize>,
    marker: Option<String>,
    retiring_principal: Option<String>,
    retiring_service_principal: Option<String>,
}

impl Operation for ListRetirableGrants {
    const DESCRIPTION: Description = Description {
        name: "ListRetirableGrants",
        service: Service::Kms,
        read_only: true,
        input: &[
            Member::optional("Limit", Shape::Integer { min: 1, max: 100 }),
            MARKER,
            Member::optional("RetiringPrincipal", PRINCIPAL),
            Member::optional("RetiringServicePrincipal", SERVICE_PRINCIPAL),
        ],
        output: PAGE,
        errors: &[Code::InvalidArnException, Code::InvalidMarkerException, Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let (arn, service) = (input.retiring_principal, input.retiring_service_principal);
        if arn.is_some() == service.is_some() {
            return Err(ApiError::validation(
                "You must specify either RetiringPrincipal or RetiringServicePrincipal.",
            ));
        }
        access.account(Action::LIST_RETIRABLE_GRANTS)?;
        let realm = access.call().realm();
        let retiring = match (&arn, &service) {
            (Some(name), _) => own_principal(ctx, &realm.account, name)?,
            (None, name) => grants::service(name.as_deref().unwrap_or_default()).id,
        };
        let list = format!("ListRetirableGrants {retiring}");
        let after = match input.marker.as_deref() {
            Some(marker) => position(&paging::last_entry(&list, marker)?),
            None => None,
        };
        let limit = input.limit.unwrap_or(50);
        let Realm { account, region } = &realm;
        let most = limit.saturating_add(1);
        let found = ctx.grants.list_retirable(region, &retiring, account, after, most);
        let page = paging::page(&list, limit, found.into_iter(), |grant| {
            format!("{} {}", grant.key.id, grant.terms.id)
        });
        Ok(Done::read(Output::of(page)))
    }
}

/// A principal of the caller's own account; of others nothing is told.
fn own_principal(ctx: &Ctx, own: &AccountId, name: &str) -> Result<GrantPrincipal, ApiError> {
    match Arn::parse(name).is_some_and(|arn| arn.account == own.as_str()) {
        true => Ok(grants::principal(ctx, name)?.id),
        false => Err(grants::no_principal(name)),
    }
}

/// The place that a marker names.
fn position(text: &str) -> Option<RetirablePosition> {
    let (key, grant) = text.split_once(' ')?;
    Some((KeyId::parse(key)?, GrantId::parse(grant)?))
}
