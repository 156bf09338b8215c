//! UpdatePrimaryRegion: the primary key and one of its replicas change roles,
//! at once and together.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdatePrimaryRegion.html>

use serde::Deserialize;
use serde_json::json;

use super::access::Access;
use super::ctx::Ctx;
use super::operation::{Description, Done, Further, Operation, Service};
use super::resolve::{self, Accepts};
use super::shapes::{KEY_ID, Nothing, REGION_SHAPE, not_primary, recorded_key};
use crate::keys::multi_region;
use crate::keys::state::StateRule;
use crate::policy::actions::Action;
use crate::policy::fact::Fact;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::Member;

pub(super) struct UpdatePrimaryRegion;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
    primary_region: String,
}

impl Operation for UpdatePrimaryRegion {
    const DESCRIPTION: Description = Description {
        name: "UpdatePrimaryRegion",
        service: Service::Kms,
        read_only: false,
        input: &[KEY_ID, Member::required("PrimaryRegion", REGION_SHAPE)],
        output: &[],
        errors: &[
            Code::DisabledException,
            Code::InvalidArnException,
            Code::KMSInvalidStateException,
            Code::NotFoundException,
            Code::UnsupportedOperationException,
        ],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Nothing;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Nothing>, ApiError> {
        let action = Action::UPDATE_PRIMARY_REGION;
        access.says(Fact::PrimaryRegion, input.primary_region.clone());
        let primary = access.key(action, &input.key_id, Accepts::Key, None)?.key;
        if !primary.is_primary() {
            return Err(not_primary(&primary));
        }
        if input.primary_region == primary.arn.region.as_str() {
            let text = format!("{} is already the multi-region primary key.", primary.arn);
            return Err(ApiError::new(Code::UnsupportedOperationException, text));
        }
        let mut replicas = multi_region::replicas(&ctx.keys, &primary).into_iter();
        let named = replicas.find(|key| key.arn.region.as_str() == input.primary_region);
        let Some(replica) = named else {
            let id = primary.id().to_string();
            return Err(resolve::unknown_key(&input.primary_region, &primary.arn.account, &id));
        };
        let replica = access.known_key(action, &replica)?.key;
        for key in [&primary, &replica] {
            StateRule::UpdatePrimary.check(key.state, &key.arn)?;
        }
        let [demoted, promoted] = multi_region::change_primary(&ctx.keys, &primary, &replica);
        // AWS leaves this one without resources; the call's own names both keys.
        let promotion = Further {
            name: "UpdatePrimaryRegion",
            region: replica.arn.region.clone(),
            request_parameters: Some(json!({
                "keyId": replica.arn.to_string(),
                "primaryRegion": input.primary_region,
            })),
            response_elements: None,
            resources: Vec::new(),
        };
        let done = Done::changed(Nothing {}, vec![demoted, promoted], recorded_key(&primary.arn));
        Ok(done.with_further(vec![promotion]))
    }
}
