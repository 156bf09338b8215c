//! The AWS SDK, exactly as an application would use it: only the endpoint is
//! not Amazon's.

use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_kms::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::{Client, Config};
use tokio::runtime::Runtime;

use super::server::Server;
use crate::cli::error::Error;

/// An application's KMS client.
pub(super) struct Kms {
    runtime: Runtime,
    client: Client,
}

/// A refusal that the demo may expect.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) message: String,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Demo(format!("{}: {}", refusal.code, refusal.message))
    }
}

impl Kms {
    /// A client with this access key.
    pub(super) fn new(server: &Server, access_key_id: &str, secret: &str) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::Demo(error.to_string()))?;
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(server.region.clone()))
            .endpoint_url(&server.endpoint)
            .credentials_provider(Credentials::new(access_key_id, secret, None, None, "demo"))
            .build();
        Ok(Self { runtime, client: Client::from_conf(config) })
    }

    /// The ARN of a new key.
    pub(super) fn create_key(&self, description: &str) -> Result<String, Refusal> {
        let call = self.client.create_key().description(description).send();
        let created = self.runtime.block_on(call).map_err(|error| refusal(&error))?;
        Ok(created.key_metadata.and_then(|metadata| metadata.arn).unwrap_or_default())
    }

    pub(super) fn create_alias(&self, name: &str, key: &str) -> Result<(), Refusal> {
        let call = self.client.create_alias().alias_name(name).target_key_id(key).send();
        self.runtime.block_on(call).map(drop).map_err(|error| refusal(&error))
    }

    pub(super) fn put_key_policy(&self, key: &str, policy: &str) -> Result<(), Refusal> {
        let call = self.client.put_key_policy().key_id(key).policy(policy).send();
        self.runtime.block_on(call).map(drop).map_err(|error| refusal(&error))
    }

    pub(super) fn encrypt(
        &self,
        key: &str,
        plaintext: &str,
        context: (&str, &str),
    ) -> Result<Vec<u8>, Refusal> {
        let call = self
            .client
            .encrypt()
            .key_id(key)
            .plaintext(Blob::new(plaintext))
            .encryption_context(context.0, context.1)
            .send();
        let answer = self.runtime.block_on(call).map_err(|error| refusal(&error))?;
        Ok(answer.ciphertext_blob.map(Blob::into_inner).unwrap_or_default())
    }

    pub(super) fn decrypt(
        &self,
        ciphertext: &[u8],
        context: (&str, &str),
    ) -> Result<Vec<u8>, Refusal> {
        let call = self
            .client
            .decrypt()
            .ciphertext_blob(Blob::new(ciphertext))
            .encryption_context(context.0, context.1)
            .send();
        let answer = self.runtime.block_on(call).map_err(|error| refusal(&error))?;
        Ok(answer.plaintext.map(Blob::into_inner).unwrap_or_default())
    }
}

fn refusal<E, R>(error: &SdkError<E, R>) -> Refusal
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    let code = error.code().unwrap_or("no answer").to_owned();
    let message = match error.message() {
        Some(message) => message.to_owned(),
        None if error.code().is_some() => String::new(),
        None => DisplayErrorContext(error).to_string(),
    };
    Refusal { code, message }
}
