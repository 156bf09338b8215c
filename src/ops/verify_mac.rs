//! VerifyMac: succeeds if an HMAC is valid, and never answers that it is not.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_VerifyMac.html>

use serde::{Deserialize, Serialize};

use super::access::{Access, PermittedKey};
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{DRY_RUN, GRANT_TOKENS, KEY_ID, MAC_ALGORITHM, MESSAGE, in_blob, out_text};
use crate::base::algorithm::MacAlgorithm;
use crate::keys::cipher;
use crate::policy::actions::Action;
use crate::policy::fact::Fact;
use crate::wire::blob::{Blob, SecretBlob};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape};

pub(super) struct VerifyMac;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    message: SecretBlob,
    key_id: String,
    mac_algorithm: MacAlgorithm,
    mac: Blob,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    key_id: String,
    mac_valid: bool,
    mac_algorithm: MacAlgorithm,
}

impl Operation for VerifyMac {
    const DESCRIPTION: Description = Description {
        name: "VerifyMac",
        service: Service::Kms,
        read_only: true,
        input: &[MESSAGE, KEY_ID, MAC_ALGORITHM, in_blob("Mac"), GRANT_TOKENS, DRY_RUN],
        output: &[
            out_text("KeyId"),
            Member::optional("MacValid", Shape::Boolean),
            out_text("MacAlgorithm"),
        ],
        errors: &[
            Code::DisabledException,
            Code::DryRunOperationException,
            Code::InvalidGrantTokenException,
            Code::InvalidKeyUsageException,
            Code::KMSInvalidMacException,
            Code::KMSInvalidStateException,
            Code::KeyUnavailableException,
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
        let algorithm = input.mac_algorithm;
        access.says(Fact::MacAlgorithm, algorithm.as_str());
        let PermittedKey { permit, key } =
            access.key(Action::VERIFY_MAC, &input.key_id, Accepts::KeyOrAlias, None)?;
        cipher::check(&key, Self::DESCRIPTION.name, algorithm)?;
        let message = input.message.0.expose();
        access.backend().verify_mac(&permit, &key, algorithm, message, &input.mac.0).await?;
        Ok(Done::read(Output {
            key_id: key.arn.to_string(),
            mac_valid: true,
            mac_algorithm: algorithm,
        }))
    }
}
