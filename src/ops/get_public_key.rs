//! GetPublicKey: the public half of an asymmetric key, and what it is for.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_GetPublicKey.html>

use serde::{Deserialize, Serialize};

use super::access::{Access, PermittedKey};
use super::ctx::Ctx;
use super::key_metadata::{customer_master_key_spec, only};
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{GRANT_TOKENS, KEY_ID, out_blob, out_names, out_text};
use crate::base::algorithm::{
    EncapsulationAlgorithm, EncryptionAlgorithm, KeyAgreementAlgorithm, SigningAlgorithm,
};
use crate::base::spec::{KeySpec, KeyUsage};
use crate::policy::actions::Action;
use crate::wire::blob::Blob;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct GetPublicKey;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    key_id: String,
    public_key: Blob,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_master_key_spec: Option<KeySpec>,
    key_spec: KeySpec,
    key_usage: KeyUsage,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    encryption_algorithms: &'static [EncryptionAlgorithm],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    signing_algorithms: &'static [SigningAlgorithm],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    key_agreement_algorithms: &'static [KeyAgreementAlgorithm],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    encapsulation_algorithms: &'static [EncapsulationAlgorithm],
}

impl Operation for GetPublicKey {
    const DESCRIPTION: Description = Description {
        name: "GetPublicKey",
        service: Service::Kms,
        read_only: true,
        input: &[KEY_ID, GRANT_TOKENS],
        output: &[
            out_text("KeyId"),
            out_blob("PublicKey", false),
            out_text("CustomerMasterKeySpec"),
            out_text("KeySpec"),
            out_text("KeyUsage"),
            out_names("EncryptionAlgorithms"),
            out_names("SigningAlgorithms"),
            out_names("KeyAgreementAlgorithms"),
            out_names("EncapsulationAlgorithms"),
        ],
        errors: &[
            Code::DisabledException,
            Code::InvalidArnException,
            Code::InvalidGrantTokenException,
            Code::InvalidKeyUsageException,
            Code::KMSInvalidStateException,
            Code::KeyUnavailableException,
            Code::NotFoundException,
            Code::UnsupportedOperationException,
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
            access.key(Action::GET_PUBLIC_KEY, &input.key_id, Accepts::KeyOrAlias, None)?;
        let public_key = access.backend().public_key(&permit, &key).await?;
        let (spec, usage) = (key.spec, key.usage);
        Ok(Done::read(Output {
            key_id: key.arn.to_string(),
            public_key: Blob(public_key),
            customer_master_key_spec: customer_master_key_spec(spec),
            key_spec: spec,
            key_usage: usage,
            encryption_algorithms: only(
                usage == KeyUsage::EncryptDecrypt,
                spec.encryption_algorithms(),
            ),
            signing_algorithms: only(usage == KeyUsage::SignVerify, spec.signing_algorithms()),
            key_agreement_algorithms: only(
                usage == KeyUsage::KeyAgreement,
                spec.key_agreement_algorithms(),
            ),
            encapsulation_algorithms: spec.encapsulation_algorithms(),
        }))
    }
}
