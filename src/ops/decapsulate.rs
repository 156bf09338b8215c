//! Decapsulate: the shared secret of a ciphertext.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_Decapsulate.html>

use serde::{Deserialize, Serialize};

use super::access::{Access, PermittedKey};
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{
    DRY_RUN, ENCAPSULATION_ALGORITHM, GRANT_TOKENS, KEY_ID, in_blob, out_blob, out_text,
};
use crate::base::algorithm::EncapsulationAlgorithm;
use crate::keys::cipher;
use crate::policy::actions::Action;
use crate::wire::blob::{Blob, SecretBlob};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct Decapsulate;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
    shared_secret_ciphertext_blob: Blob,
    encapsulation_algorithm: EncapsulationAlgorithm,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    key_id: String,
    shared_secret: SecretBlob,
    encapsulation_algorithm: EncapsulationAlgorithm,
}

impl Operation for Decapsulate {
    const DESCRIPTION: Description = Description {
        name: "Decapsulate",
        service: Service::Kms,
        read_only: true,
        input: &[
            KEY_ID,
            in_blob("SharedSecretCiphertextBlob"),
            ENCAPSULATION_ALGORITHM,
            GRANT_TOKENS,
            DRY_RUN,
        ],
        output: &[
            out_text("KeyId"),
            out_blob("SharedSecret", true),
            out_text("EncapsulationAlgorithm"),
        ],
        errors: &[
            Code::DisabledException,
            Code::DryRunOperationException,
            Code::InvalidCiphertextException,
            Code::InvalidGrantTokenException,
            Code::InvalidKeyUsageException,
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
        let PermittedKey { permit, key } =
            access.key(Action::DECAPSULATE, &input.key_id, Accepts::KeyOrAlias, None)?;
        let algorithm = input.encapsulation_algorithm;
        cipher::check(&key, Self::DESCRIPTION.name, algorithm)?;
        let ciphertext = &input.shared_secret_ciphertext_blob.0;
        let secret = access.backend().decapsulate(&permit, &key, ciphertext)?;
        Ok(Done::read(Output {
            key_id: key.arn.to_string(),
            shared_secret: SecretBlob(secret),
            encapsulation_algorithm: algorithm,
        }))
    }
}
