//! GetKeyPolicy: the text as it was put.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyPolicy.html>

use serde::{Deserialize, Serialize};

use super::access::Access;
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{KEY_ID, out_text};
use crate::policy::actions::Action;
use crate::policy::fact::Fact;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Recorded, WORD, matching};

pub(super) struct GetKeyPolicy;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
    policy_name: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    policy: String,
    policy_name: &'static str,
}

impl Operation for GetKeyPolicy {
    const DESCRIPTION: Description = Description {
        name: "GetKeyPolicy",
        service: Service::Kms,
        read_only: true,
        input: &[
            KEY_ID,
            Member::optional("PolicyName", matching(1, 128, WORD))
                .recorded(Recorded::OrText("default")),
        ],
        output: &[out_text("Policy"), out_text("PolicyName")],
        errors: &[
            Code::InvalidArnException,
            Code::KMSInvalidStateException,
            Code::NotFoundException,
        ],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        _ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let name = input.policy_name.as_deref().unwrap_or("default");
        access.says(Fact::PolicyName, name.to_owned());
        let key = access.key(Action::GET_KEY_POLICY, &input.key_id, Accepts::Key, None)?.key;
        if name != "default" {
            return Err(ApiError::new(Code::NotFoundException, "No such policy exists"));
        }
        Ok(Done::read(Output { policy: key.policy.text().to_owned(), policy_name: "default" }))
    }
}
