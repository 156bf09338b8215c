//! A bucket of S3, or of anything that speaks its protocol.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::RequestChecksumCalculation;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::Error;
use crate::base::limits;

/// One bucket, and the client that writes to it.
#[derive(Debug)]
pub struct S3 {
    bucket: String,
    endpoint: Option<String>,
    /// Made with the first object.
    client: OnceCell<Client>,
}

impl S3 {
    /// A bucket. Credentials and the Region are those that the AWS tools would
    /// find: environment, profile, or the role of the machine. `endpoint` is that of
    /// a server that is not AWS.
    #[must_use]
    pub fn new(bucket: String, endpoint: Option<String>) -> Self {
        Self { bucket, endpoint, client: OnceCell::new() }
    }

    async fn connect(&self) -> Client {
        let attempt = Duration::from_millis(limits::TRAIL_PUT_MS);
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(attempt).build();
        let shared =
            aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts).load().await;
        let mut config = aws_sdk_s3::config::Builder::from(&shared)
            // Checksums in trailers are more than many servers of that protocol take.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
        if let Some(endpoint) = &self.endpoint {
            config = config.endpoint_url(endpoint).force_path_style(true);
        }
        Client::from_conf(config.build())
    }

    pub(super) async fn put(
        &self,
        object: &str,
        bytes: Vec<u8>,
        metadata: &[(&str, &str)],
    ) -> Result<(), Error> {
        let client = self.client.get_or_init(|| self.connect()).await;
        let mut request = client
            .put_object()
            .bucket(&self.bucket)
            .key(object)
            .content_type("application/json")
            .content_encoding("gzip")
            // A bucket that locks objects by default takes none without a checksum.
            .checksum_sha256(BASE64_STANDARD.encode(Sha256::digest(&bytes)))
            .body(ByteStream::from(bytes));
        for (name, value) in metadata {
            request = request.metadata(*name, *value);
        }
        match request.send().await {
            Ok(_stored) => Ok(()),
            Err(error) => Err(Error::Put {
                object: object.to_owned(),
                code: error.code().map(str::to_owned),
                cause: error.into(),
            }),
        }
    }
}
