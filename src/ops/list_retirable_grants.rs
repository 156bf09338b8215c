//! ListRetirableGrants: those that a principal may retire. There are none yet.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_ListRetirableGrants.html>

use serde::Deserialize;

use super::access::Access;
use super::ctx::Ctx;
use super::grants::{NoGrants, PAGE, PRINCIPAL, SERVICE_PRINCIPAL, check_principal};
use super::operation::{Description, Done, Operation, Service};
use super::shapes::MARKER;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::paging;
use crate::wire::shape::{Member, Shape};

pub(super) struct ListRetirableGrants;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
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
    type Output = NoGrants;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<NoGrants>, ApiError> {
        if input.retiring_principal.is_some() == input.retiring_service_principal.is_some() {
            return Err(ApiError::validation(
                "You must specify either RetiringPrincipal or RetiringServicePrincipal.",
            ));
        }
        access.account(Action::LIST_RETIRABLE_GRANTS)?;
        let account = access.call().caller.principal.account();
        check_principal(ctx, account, input.retiring_principal.as_deref())?;
        // No marker was ever given out.
        if let Some(marker) = &input.marker {
            paging::last_entry("ListRetirableGrants", marker)?;
        }
        Ok(Done::read(NoGrants::PAGE))
    }
}
