//! ListGrants: the grants of a key, in the order of their ids.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_ListGrants.html>

use serde::Deserialize;

use super::access::Access;
use super::ctx::Ctx;
use super::grants::{self, GRANT_ID, Output, PAGE, PRINCIPAL, SERVICE_PRINCIPAL, parse_id};
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{KEY_ID, MARKER};
use crate::base::grant::GrantId;
use crate::keys::grants::principal::{GrantPrincipal, NamedPrincipal};
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::paging;
use crate::wire::shape::{Member, Shape};

pub(super) struct ListGrants;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
    limit: Option<usize>,
    marker: Option<String>,
    grant_id: Option<String>,
    grantee_principal: Option<String>,
    grantee_service_principal: Option<String>,
}

impl Operation for ListGrants {
    const DESCRIPTION: Description = Description {
        name: "ListGrants",
        service: Service::Kms,
        read_only: true,
        input: &[
            Member::optional("Limit", Shape::Integer { min: 1, max: 100 }),
            MARKER,
            KEY_ID,
            Member::optional("GrantId", GRANT_ID),
            Member::optional("GranteePrincipal", PRINCIPAL),
            Member::optional("GranteeServicePrincipal", SERVICE_PRINCIPAL),
        ],
        output: PAGE,
        errors: &[
            Code::InvalidArnException,
            Code::InvalidGrantIdException,
            Code::InvalidMarkerException,
            Code::KMSInvalidStateException,
            Code::NotFoundException,
        ],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        if input.grantee_principal.is_some() && input.grantee_service_principal.is_some() {
            return Err(ApiError::validation(
                "You can specify GranteePrincipal or GranteeServicePrincipal, but not both.",
            ));
        }
        grants::says_direct(access);
        let key = access.key(Action::LIST_GRANTS, &input.key_id, Accepts::Key, None)?.key;
        let id = input.grant_id.as_deref().map(parse_id).transpose()?;
        let grantee = input.grantee_principal.as_deref();
        let service = input.grantee_service_principal.as_deref();
        let list = format!(
            "ListGrants {} {} {}",
            key.arn,
            input.grant_id.as_deref().unwrap_or_default(),
            grantee.or(service).unwrap_or_default()
        );
        let after = match input.marker.as_deref() {
            Some(marker) => GrantId::parse(&paging::last_entry(&list, marker)?),
            None => None,
        };
        let wanted = |held: &GrantId, to: &NamedPrincipal| {
            let is_service = matches!(to.id, GrantPrincipal::Service(_));
            id.is_none_or(|id| id == *held)
                && grantee.is_none_or(|name| !is_service && *to.name == *name)
                && service.is_none_or(|name| is_service && *to.name == *name)
        };
        let limit = input.limit.unwrap_or(50);
        let found = ctx.grants.list(&key.arn, wanted, after.as_ref(), limit.saturating_add(1));
        let page =
            paging::page(&list, limit, found.into_iter(), |grant| grant.terms.id.to_string());
        Ok(Done::read(Output::of(page)))
    }
}
