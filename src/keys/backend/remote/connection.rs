//! The SDK's client of one remote: where it connects to, how long it waits, what it
//! tries again, and how much it reads.

use std::time::Duration;

use aws_sdk_kms::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, InterceptorContext,
};
use aws_sdk_kms::config::retry::{
    ClassifyRetry, RetryAction, RetryConfig, RetryPartition, TokenBucket,
};
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::config::{
    AppName, BehaviorVersion, ConfigBag, IdentityCache, Intercept, Region, RuntimeComponents,
    SharedCredentialsProvider, SharedHttpClient,
};
use aws_sdk_kms::error::BoxError;
use aws_sdk_kms::{Client, Config};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use serde::Deserialize;

use super::credentials;
use super::errors::kind_of;
use super::failure::FailureKind;
use super::settings::Settings;
use crate::base::limits;

/// The shortest pause before another attempt; with jitter it is below.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// The client of a remote. Nobody is asked for anything yet.
pub(super) async fn open(settings: &Settings, provide: &credentials::Provide) -> Client {
    let provider = provide(settings).await;
    client(settings, provider)
}

/// A client with these credentials. Only what `settings` says counts for where the
/// remote is: `AWS_ENDPOINT_URL` often leads to this server.
fn client(settings: &Settings, provider: SharedCredentialsProvider) -> Client {
    let limits = Limits::of(settings);
    // A bucket of its own: the SDK's are shared by all clients of a Region.
    let partition = RetryPartition::custom(format!("wardbook-{}", settings.name))
        .token_bucket(TokenBucket::default())
        .build();
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(settings.region.to_string()))
        .credentials_provider(credentials::Prompt::new(provider, &limits))
        .identity_cache(IdentityCache::lazy().load_timeout(limits.whole).build())
        .timeout_config(limits.timeouts)
        .retry_config(limits.retries)
        .retry_partition(partition)
        .retry_classifier(PassThrottlingOn)
        .interceptor(ShortAnswers);
    config.set_app_name(AppName::new("wardbook").ok());
    config.set_endpoint_url(settings.endpoint.clone());
    if let Some(direct) = direct(settings.endpoint.as_deref()) {
        config.set_http_client(Some(direct));
    }
    Client::from_conf(config.build())
}

/// The connections to an `http://` endpoint: without any proxy. What `HTTP_PROXY` names
/// would read the plaintexts, and for this machine nobody needs one.
pub(super) fn direct(endpoint: Option<&str>) -> Option<SharedHttpClient> {
    let is_plain = !endpoint?.starts_with("https:");
    // The SDK's own, but for the proxies that it looks for in the environment.
    let tls = Provider::Rustls(CryptoMode::AwsLc);
    is_plain.then(|| aws_smithy_http_client::Builder::new().tls_provider(tls).build_https())
}

/// How long the parts of a call may take, and how often.
pub(super) struct Limits {
    /// The whole of it.
    pub(super) whole: Duration,
    pub(super) timeouts: TimeoutConfig,
    pub(super) retries: RetryConfig,
}

impl Limits {
    pub(super) fn of(settings: &Settings) -> Self {
        let whole = Duration::from_millis(settings.operation_timeout_ms);
        // So that after one connection that hangs there is time for another.
        let attempt = whole.checked_div(settings.attempts).unwrap_or(whole);
        let timeouts =
            TimeoutConfig::builder().connect_timeout(attempt).read_timeout(attempt).build();
        let retries = RetryConfig::standard()
            .with_max_attempts(settings.attempts)
            .with_initial_backoff(RETRY_PAUSE)
            .with_max_backoff(attempt);
        Self { whole, timeouts, retries }
    }
}

/// What the remote throttles is not tried again: its callers are told, and know
/// best how long they can wait.
#[derive(Debug)]
struct PassThrottlingOn;

impl ClassifyRetry for PassThrottlingOn {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        // The SDK's own verdict comes later and cannot be seen from here.
        let code = context.response().and_then(|response| {
            let told: ErrorBody = serde_json::from_slice(response.body().bytes()?).ok()?;
            let code = told.code.rsplit_once('#').map_or(told.code.as_str(), |(_, code)| code);
            Some(kind_of(Some(code), response.status().as_u16()))
        });
        match code {
            Some(FailureKind::Throttled) => RetryAction::RetryForbidden,
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "throttling is passed on"
    }
}

/// The body of an error (Smithy, AWS JSON 1.1 protocol).
#[derive(Deserialize)]
struct ErrorBody {
    #[serde(rename = "__type")]
    code: String,
}

/// Reads no answer that is longer than any of AWS KMS.
#[derive(Debug)]
struct ShortAnswers;

impl Intercept for ShortAnswers {
    fn name(&self) -> &'static str {
        "short answers"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        match context.response().body().content_length() {
            Some(bytes) if bytes <= limits::REMOTE_ANSWER_BYTES => Ok(()),
            Some(bytes) => Err(BadLength::TooLong(bytes).into()),
            None => Err(BadLength::Unknown.into()),
        }
    }
}

/// An answer that is not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadLength {
    #[error("an answer of {0} bytes")]
    TooLong(u64),
    #[error("an answer that does not tell its length")]
    Unknown,
}
