//! Where the credentials for a remote come from: its profile, or else everywhere
//! the AWS tools look; and from there to its role.

use std::pin::Pin;
use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_kms::config::Region;

use super::connection::{Limits, direct};
use super::settings::{Role, Settings};

/// Makes the credentials of a remote.
pub(super) type Provide = dyn Fn(&Settings) -> Pin<Box<dyn Future<Output = SharedCredentialsProvider> + Send + '_>>
    + Send
    + Sync;

/// The credentials of a remote. Files are read when they are asked for first, and what
/// was in them, or that nothing was, is known from then on.
pub(super) async fn provider(settings: &Settings) -> SharedCredentialsProvider {
    let limits = &Limits::of(settings);
    let region = Region::new(settings.region.to_string());
    let config = ProviderConfig::without_region()
        .with_region(Some(region.clone()))
        .with_timeout_config(limits.timeouts.clone())
        .with_retry_config(limits.retries.clone());
    let own = match &settings.profile {
        Some(profile) => SharedCredentialsProvider::new(
            ProfileFileCredentialsProvider::builder()
                .profile_name(profile)
                .configure(&config)
                .build(),
        ),
        None => {
            let chain = DefaultCredentialsChain::builder().configure(config).region(region.clone());
            SharedCredentialsProvider::new(chain.build().await)
        }
    };
    match &settings.role {
        Some(role) => assumed(role, own, region, limits).await,
        None => own,
    }
}

/// The credentials of a role, which `own` may assume.
pub(super) async fn assumed(
    role: &Role,
    own: SharedCredentialsProvider,
    region: Region,
    limits: &Limits,
) -> SharedCredentialsProvider {
    let version = BehaviorVersion::latest();
    let usual = aws_config::defaults(version).no_credentials().region(region.clone()).load().await;
    // Of the usual only what this process is: what the environment says of endpoints
    // is about other programs, as for KMS.
    let mut config = SdkConfig::builder()
        .behavior_version(version)
        .region(region)
        .timeout_config(limits.timeouts.clone())
        .retry_config(limits.retries.clone());
    config.set_sleep_impl(usual.sleep_impl());
    config.set_time_source(usual.time_source());
    config.set_http_client(direct(role.endpoint.as_deref()).or_else(|| usual.http_client()));
    config.set_endpoint_url(role.endpoint.clone());
    let mut provider = AssumeRoleProvider::builder(&role.arn)
        .configure(&config.build())
        .session_name(&role.session_name);
    if let Some(external_id) = &role.external_id {
        provider = provider.external_id(external_id);
    }
    SharedCredentialsProvider::new(provider.build_from_provider(own).await)
}

/// A provider that nobody waits for too long: the metadata service of a machine that
/// has none does not even refuse.
#[derive(Debug)]
pub(super) struct Prompt {
    inner: SharedCredentialsProvider,
    limit: Duration,
}

impl Prompt {
    pub(super) fn new(inner: SharedCredentialsProvider, limits: &Limits) -> Self {
        // Before the time of the whole call is over, so that the failure says why.
        Self { inner, limit: limits.whole.mul_f64(0.75) }
    }
}

impl ProvideCredentials for Prompt {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            match tokio::time::timeout(self.limit, self.inner.provide_credentials()).await {
                Ok(provided) => provided,
                Err(_late) => Err(CredentialsError::provider_timed_out(self.limit)),
            }
        })
    }
}
