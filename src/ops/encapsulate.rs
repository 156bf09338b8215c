//! Encapsulate: a shared secret for whoever has the private key.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_Encapsulate.html>

use serde::{Deserialize, Serialize};

use super::access::{Access, PermittedKey};
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{
    DRY_RUN, ENCAPSULATION_ALGORITHM, GRANT_TOKENS, KEY_ID, USE_ERRORS, out_blob, out_text,
};
use crate::base::algorithm::EncapsulationAlgorithm;
use crate::keys::cipher::{self, Encapsulated};
use crate::policy::actions::Action;
use crate::wire::blob::{Blob, SecretBlob};
use crate::wire::error::ApiError;

pub(super) struct Encapsulate;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
    encapsulation_algorithm: EncapsulationAlgorithm,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    key_id: String,
    shared_secret: SecretBlob,
    shared_secret_ciphertext_blob: Blob,
    encapsulation_algorithm: EncapsulationAlgorithm,
}

impl Operation for Encapsulate {
    const DESCRIPTION: Description = Description {
        name: "Encapsulate",
        service: Service::Kms,
        read_only: true,
        input: &[KEY_ID, ENCAPSULATION_ALGORITHM, GRANT_TOKENS, DRY_RUN],
        output: &[
            out_text("KeyId"),
            out_blob("SharedSecret", true),
            out_blob("SharedSecretCiphertextBlob", false),
            out_text("EncapsulationAlgorithm"),
        ],
        errors: USE_ERRORS,
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
            access.key(Action::ENCAPSULATE, &input.key_id, Accepts::KeyOrAlias, None)?;
        let algorithm = input.encapsulation_algorithm;
        cipher::check(&key, Self::DESCRIPTION.name, algorithm)?;
        let Encapsulated { secret, ciphertext } = access.backend().encapsulate(&permit, &key)?;
        Ok(Done::read(Output {
            key_id: key.arn.to_string(),
            shared_secret: SecretBlob(secret),
            shared_secret_ciphertext_blob: Blob(ciphertext),
            encapsulation_algorithm: algorithm,
        }))
    }
}
