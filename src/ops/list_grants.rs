//! ListGrants: the grants of a key, of which there are none yet.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_ListGrants.html>

use serde::Deserialize;

use super::access::Access;
use super::ctx::Ctx;
use super::grants::{GRANT_ID, NoGrants, PAGE, PRINCIPAL, SERVICE_PRINCIPAL, check_id};
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{KEY_ID, MARKER};
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
    type Output = NoGrants;

    async fn run(
        _ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<NoGrants>, ApiError> {
        if input.grantee_principal.is_some() && input.grantee_service_principal.is_some() {
            return Err(ApiError::validation(
                "You can specify GranteePrincipal or GranteeServicePrincipal, but not both.",
            ));
        }
        let key = access.key(Action::LIST_GRANTS, &input.key_id, Accepts::Key, None)?.key;
        if let Some(id) = &input.grant_id {
            check_id(id)?;
        }
        // No marker was ever given out.
        if let Some(marker) = &input.marker {
            paging::last_entry(&format!("ListGrants {}", key.arn), marker)?;
        }
        Ok(Done::read(NoGrants::PAGE))
    }
}
