//! The client at the other end of real sockets: servers that answer, fail, lie and
//! hang. Nothing is timed: a limit is only ever too short for a server that never
//! answers.

mod answers;
mod server;
mod trouble;

use std::future::ready;
use std::sync::Arc;

use aws_sdk_kms::config::{Credentials, ProvideCredentials, SharedCredentialsProvider};

use super::credentials::Provide;
use super::{Remote, RemoteName, Settings};
use crate::base::algorithm::EncryptionAlgorithm;
use crate::base::clock::{Clock, ManualClock};
use crate::base::context::EncryptionContext;
use crate::base::ids::Region;

const ARN: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const SYMMETRIC: EncryptionAlgorithm = EncryptionAlgorithm::SymmetricDefault;

/// Long enough for every server that answers.
const PATIENT_MS: u64 = 30_000;
/// For servers that do not.
const HASTY_MS: u64 = 60;

fn settings(endpoint: String, operation_timeout_ms: u64) -> Settings {
    let region = Region::parse("eu-central-1").unwrap();
    Settings {
        endpoint: Some(endpoint),
        operation_timeout_ms,
        ..Settings::new(RemoteName::parse("test").unwrap(), region)
    }
}

fn credentials() -> Credentials {
    Credentials::new("AKIATEST", "secret", None, None, "test")
}

impl Remote {
    /// One that need not look for credentials.
    fn with_credentials(
        settings: Settings,
        clock: Arc<dyn Clock>,
        provider: impl ProvideCredentials + 'static,
    ) -> Self {
        let provider = SharedCredentialsProvider::new(provider);
        Self::providing(settings, clock, move || provider.clone())
    }

    /// One whose clients get what `provide` says.
    fn providing(
        settings: Settings,
        clock: Arc<dyn Clock>,
        provide: impl Fn() -> SharedCredentialsProvider + Send + Sync + 'static,
    ) -> Self {
        let provide: Box<Provide> = Box::new(move |_| Box::pin(ready(provide())));
        Self { provide, ..Self::new(settings, clock) }
    }
}

fn remote_with(settings: Settings) -> Remote {
    Remote::with_credentials(settings, Arc::new(ManualClock::at(0)), credentials())
}

fn remote(endpoint: String) -> Remote {
    remote_with(settings(endpoint, PATIENT_MS))
}

fn no_context() -> EncryptionContext {
    EncryptionContext::default()
}
