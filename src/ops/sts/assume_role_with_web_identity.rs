//! AssumeRoleWithWebIdentity: a session of a role for somebody for whom an OpenID
//! Connect provider vouches. The call is not signed; its token was verified
//! before it began, and nothing of it is looked at here.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::members::{
    CREDENTIALS_OUT, DURATION_SECONDS, POLICY, ROLE_ARN, ROLE_SESSION_NAME, Refused, refused,
};
use super::session::{self, RoleSession};
use super::target::Target;
use crate::base::arn::oidc_provider;
use crate::base::caller::{Federated, Principal, SessionFacts};
use crate::base::limits;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::policy::fact::Fact;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, secret};

pub(super) struct AssumeRoleWithWebIdentity;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    role_arn: String,
    role_session_name: String,
    duration_seconds: Option<i64>,
    policy: Option<String>,
    #[serde(flatten)]
    refused: Refused,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    #[serde(flatten)]
    session: RoleSession,
    subject_from_web_identity_token: String,
    provider: String,
    audience: String,
}

/// AWS's text; the same whether there is no such role or its trust policy does
/// not let the caller in.
pub(super) fn denied(_action: Action) -> String {
    "Not authorized to perform sts:AssumeRoleWithWebIdentity".to_owned()
}

impl Operation for AssumeRoleWithWebIdentity {
    const DESCRIPTION: Description = Description {
        name: "AssumeRoleWithWebIdentity",
        service: Service::Sts,
        read_only: true,
        input: &[
            ROLE_ARN,
            ROLE_SESSION_NAME,
            Member::required("WebIdentityToken", secret(4, limits::WEB_IDENTITY_TOKEN_BYTES, None))
                .unrecorded(),
            DURATION_SECONDS,
            POLICY,
            refused("MinimumSessionTokenSize"),
            refused("PolicyArns"),
            refused("ProviderId"),
        ],
        output: &[
            out_text("arn"),
            out_text("assumedRoleId"),
            CREDENTIALS_OUT[0],
            CREDENTIALS_OUT[1],
            CREDENTIALS_OUT[2],
            CREDENTIALS_OUT[3],
            out_text("packedPolicySize"),
            out_text("subjectFromWebIdentityToken"),
            out_text("provider"),
            out_text("audience"),
        ],
        errors: &[
            Code::IDPRejectedClaimException,
            Code::InvalidIdentityTokenException,
            Code::MalformedPolicyDocumentException,
            Code::PackedPolicyTooLargeException,
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
        input.refused.check()?;
        let Principal::WebIdentity { account, provider, audience, subject } =
            &access.call().caller.principal
        else {
            // Nobody's token was verified.
            let text = denied(Action::ASSUME_ROLE_WITH_WEB_IDENTITY);
            return Err(ApiError::new(Code::AccessDeniedException, text));
        };
        access.says(Fact::RoleSessionName, input.role_session_name.clone());
        let target = Target::find(ctx, &input.role_arn)?;
        let actions = &[Action::ASSUME_ROLE_WITH_WEB_IDENTITY];
        let (role, terms) = target.assume(access, actions, denied)?;
        let seconds = session::seconds(input.duration_seconds, terms.max_session_s)?;
        session::check_policy(ctx, input.policy.as_deref())?;
        let federated = Federated {
            provider: provider.clone(),
            audience: audience.clone(),
            subject: subject.clone(),
        };
        let facts = SessionFacts {
            created_ms: ctx.clock.now_ms(),
            policy: input.policy,
            federated: Some(federated),
            ..SessionFacts::default()
        };
        let (made, mut recorded) =
            session::of_role(ctx, &role, &input.role_session_name, facts, seconds)?;
        let output = Output {
            session: made,
            subject_from_web_identity_token: subject.clone(),
            provider: oidc_provider(account, provider),
            audience: audience.clone(),
        };
        if let Some(members) = recorded.as_object_mut() {
            let mut add = |name: &str, text: &str| {
                members.insert(name.to_owned(), Value::from(text));
            };
            add("subjectFromWebIdentityToken", subject);
            add("provider", &output.provider);
            add("audience", audience);
        }
        Ok(Done::changed(output, Vec::new(), Some(recorded)))
    }
}
