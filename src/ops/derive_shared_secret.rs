//! DeriveSharedSecret: ECDH with a public key of somebody else.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_DeriveSharedSecret.html>

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::access::{Access, PermittedKey};
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{
    DRY_RUN, GRANT_TOKENS, KEY_ID, RECIPIENT, USE_ERRORS, out_blob, out_text, refuse_recipient,
};
use crate::base::algorithm::KeyAgreementAlgorithm;
use crate::base::limits;
use crate::base::spec::Origin;
use crate::keys::cipher;
use crate::policy::actions::Action;
use crate::policy::fact::Fact;
use crate::wire::blob::{Blob, SecretBlob};
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape};

pub(super) struct DeriveSharedSecret;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
    key_agreement_algorithm: KeyAgreementAlgorithm,
    public_key: Blob,
    recipient: Option<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    key_id: String,
    shared_secret: SecretBlob,
    key_agreement_algorithm: KeyAgreementAlgorithm,
    key_origin: Origin,
}

impl Operation for DeriveSharedSecret {
    const DESCRIPTION: Description = Description {
        name: "DeriveSharedSecret",
        service: Service::Kms,
        read_only: true,
        input: &[
            KEY_ID,
            Member::required("KeyAgreementAlgorithm", Shape::Enum(KeyAgreementAlgorithm::NAMES)),
            Member::required(
                "PublicKey",
                Shape::Blob { min: 1, max: limits::PUBLIC_KEY_BYTES, sensitive: false },
            )
            .unrecorded(),
            GRANT_TOKENS,
            DRY_RUN,
            RECIPIENT,
        ],
        output: &[
            out_text("KeyId"),
            out_blob("SharedSecret", true),
            out_blob("CiphertextForRecipient", false),
            out_text("KeyAgreementAlgorithm"),
            out_text("KeyOrigin"),
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
        refuse_recipient(input.recipient.as_ref())?;
        let algorithm = input.key_agreement_algorithm;
        access.says(Fact::KeyAgreementAlgorithm, algorithm.as_str());
        let PermittedKey { permit, key } =
            access.key(Action::DERIVE_SHARED_SECRET, &input.key_id, Accepts::KeyOrAlias, None)?;
        cipher::check(&key, Self::DESCRIPTION.name, algorithm)?;
        let peer = &input.public_key.0;
        let secret = access.backend().derive_shared_secret(&permit, &key, algorithm, peer).await?;
        Ok(Done::read(Output {
            key_id: key.arn.to_string(),
            shared_secret: SecretBlob(secret),
            key_agreement_algorithm: algorithm,
            key_origin: key.origin,
        }))
    }
}
