//! GetParametersForImport: a wrapping key, and the token that goes with it.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_GetParametersForImport.html>

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::access::{Access, PermittedKey};
use super::ctx::Ctx;
use super::imported::check_origin;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{KEY_ID, out_blob, out_text};
use crate::base::algorithm::WrappingAlgorithm;
use crate::base::spec::KeySpec;
use crate::base::timestamp;
use crate::hsm::WrappingKey;
use crate::keys::import;
use crate::keys::state::StateRule;
use crate::policy::actions::Action;
use crate::policy::fact::Fact;
use crate::wire::blob::Blob;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape};

pub(super) struct GetParametersForImport;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
    wrapping_algorithm: WrappingAlgorithm,
    wrapping_key_spec: KeySpec,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    key_id: String,
    import_token: Blob,
    public_key: Blob,
    parameters_valid_to: f64,
}

impl Operation for GetParametersForImport {
    const DESCRIPTION: Description = Description {
        name: "GetParametersForImport",
        service: Service::Kms,
        read_only: true,
        input: &[
            KEY_ID,
            Member::required("WrappingAlgorithm", Shape::Enum(WrappingAlgorithm::NAMES)),
            Member::required(
                "WrappingKeySpec",
                Shape::Enum(&["RSA_2048", "RSA_3072", "RSA_4096", "SM2"]),
            ),
        ],
        output: &[
            out_text("KeyId"),
            out_blob("ImportToken", false),
            out_blob("PublicKey", true),
            Member::optional("ParametersValidTo", Shape::Timestamp),
        ],
        errors: &[
            Code::InvalidArnException,
            Code::KMSInvalidStateException,
            Code::NotFoundException,
            Code::UnsupportedOperationException,
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
        let (algorithm, spec) = (input.wrapping_algorithm, input.wrapping_key_spec);
        access.says(Fact::WrappingAlgorithm, algorithm.as_str());
        access.says(Fact::WrappingKeySpec, spec.as_str());
        let PermittedKey { permit, key } =
            access.key(Action::GET_PARAMETERS_FOR_IMPORT, &input.key_id, Accepts::Key, None)?;
        check_origin(&key)?;
        StateRule::ImportParameters.check(key.state, &key.arn)?;
        import::check_wrapping(algorithm, spec, key.spec)?;
        let wrapping = make_wrapping_key(ctx, access, spec).await?;
        let expires_ms = ctx.clock.now_ms().saturating_add(import::TOKEN_LIFETIME_MS);
        let token =
            import::seal_token(&ctx.hsm, &permit, &key, algorithm, &wrapping.private, expires_ms)?;
        Ok(Done::read(Output {
            key_id: key.arn.to_string(),
            import_token: Blob(token),
            public_key: Blob(wrapping.public),
            parameters_valid_to: timestamp::epoch_seconds(expires_ms),
        }))
    }
}

/// Made elsewhere and by few at a time: an RSA key takes up to seconds.
async fn make_wrapping_key(
    ctx: &Ctx,
    access: &Access<'_>,
    spec: KeySpec,
) -> Result<WrappingKey, ApiError> {
    let account = access.call().caller.principal.account();
    let hsm = Arc::clone(&ctx.hsm);
    Ok(ctx.rsa_keys.make_for(account, move || hsm.generate_wrapping_key(spec)).await??)
}
