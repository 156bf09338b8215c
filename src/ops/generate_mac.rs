//! GenerateMac: the HMAC of a message.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateMac.html>

use serde::{Deserialize, Serialize};

use super::access::{Access, PermittedKey};
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{
    DRY_RUN, GRANT_TOKENS, KEY_ID, MAC_ALGORITHM, MESSAGE, USE_ERRORS, out_blob, out_text,
};
use crate::base::algorithm::MacAlgorithm;
use crate::keys::cipher;
use crate::policy::actions::Action;
use crate::policy::fact::Fact;
use crate::wire::blob::{Blob, SecretBlob};
use crate::wire::error::ApiError;

pub(super) struct GenerateMac;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    message: SecretBlob,
    key_id: String,
    mac_algorithm: MacAlgorithm,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    mac: Blob,
    mac_algorithm: MacAlgorithm,
    key_id: String,
}

impl Operation for GenerateMac {
    const DESCRIPTION: Description = Description {
        name: "GenerateMac",
        service: Service::Kms,
        read_only: true,
        input: &[MESSAGE, KEY_ID, MAC_ALGORITHM, GRANT_TOKENS, DRY_RUN],
        output: &[out_blob("Mac", false), out_text("MacAlgorithm"), out_text("KeyId")],
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
        let algorithm = input.mac_algorithm;
        access.says(Fact::MacAlgorithm, algorithm.as_str());
        let PermittedKey { permit, key } =
            access.key(Action::GENERATE_MAC, &input.key_id, Accepts::KeyOrAlias, None)?;
        cipher::check(&key, Self::DESCRIPTION.name, algorithm)?;
        let message = input.message.0.expose();
        let mac = access.backend().generate_mac(&permit, &key, algorithm, message).await?;
        Ok(Done::read(Output {
            mac: Blob(mac),
            mac_algorithm: algorithm,
            key_id: key.arn.to_string(),
        }))
    }
}
