//! The settings of the commands that call a running server.

use aws_config::meta::region::ProvideRegion;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::profile::region::ProfileFileRegionProvider;
use aws_credential_types::provider::ProvideCredentials;

use super::Error;
use super::environment::Environment;
use super::flags::ClientFlags;
use crate::base::secret::SecretBytes;

const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:7643";
/// Where the endpoint is looked for; the last two are those of the AWS SDKs.
const ENDPOINT_NAMES: &[&str] = &["WARDBOOK_ENDPOINT", "AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL"];
const CA_NAMES: &[&str] = &["WARDBOOK_CA_CERT", "AWS_CA_BUNDLE"];
const REGION_NAMES: &[&str] = &["AWS_REGION", "AWS_DEFAULT_REGION"];

/// Who signs.
pub struct Credentials {
    pub access_key_id: String,
    pub secret: SecretBytes,
    /// The token of temporary credentials.
    pub session_token: Option<SecretBytes>,
}

/// Which server to call, and as whom.
pub struct Client {
    pub endpoint: String,
    pub region: String,
    pub credentials: Credentials,
    /// PEM of a certificate authority to trust beside the system's.
    pub ca_cert: Option<Vec<u8>>,
}

/// The settings of a client command.
///
/// # Errors
/// [`Error`].
pub fn client(flags: ClientFlags, environment: &Environment) -> Result<Client, Error> {
    let endpoint = match flags.endpoint {
        Some(url) => url,
        None => environment.first(ENDPOINT_NAMES)?.unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned()),
    };
    let ca_cert = match flags.ca_cert {
        Some(path) => Some(path),
        None => environment.first(CA_NAMES)?.map(Into::into),
    };
    let region = match flags.region {
        Some(region) => Some(region),
        None => environment.first(REGION_NAMES)?,
    };
    let credentials = of_environment(environment)?;
    let (credentials, region) = match (credentials, region) {
        (Some(credentials), Some(region)) => (credentials, region),
        (credentials, region) => of_profile(credentials, region)?,
    };
    let ca_cert =
        ca_cert.map(|path| std::fs::read(&path).map_err(|cause| Error::Read { path, cause }));
    Ok(Client { endpoint, region, credentials, ca_cert: ca_cert.transpose()? })
}

fn of_environment(environment: &Environment) -> Result<Option<Credentials>, Error> {
    const ID: &str = "AWS_ACCESS_KEY_ID";
    const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
    match (environment.text(ID)?, environment.secret(SECRET)?) {
        (None, None) => Ok(None),
        (Some(access_key_id), Some(secret)) => {
            let session_token = environment.secret("AWS_SESSION_TOKEN")?;
            Ok(Some(Credentials { access_key_id, secret, session_token }))
        }
        (Some(_), None) => Err(Error::Half { set: ID, missing: SECRET }),
        (None, Some(_)) => Err(Error::Half { set: SECRET, missing: ID }),
    }
}

/// What is still missing, from the profile that `AWS_PROFILE` names.
fn of_profile(
    credentials: Option<Credentials>,
    region: Option<String>,
) -> Result<(Credentials, String), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Error::Profile)?.block_on(async {
        let credentials = match credentials {
            Some(credentials) => credentials,
            None => {
                let provider = ProfileFileCredentialsProvider::builder().build();
                let found = provider.provide_credentials().await;
                let found = found.map_err(|cause| Error::NoCredentials(cause.into()))?;
                let secret = |text: &str| SecretBytes::new(text.as_bytes().to_vec());
                Credentials {
                    access_key_id: found.access_key_id().to_owned(),
                    secret: secret(found.secret_access_key()),
                    session_token: found.session_token().map(secret),
                }
            }
        };
        let region = match region {
            Some(region) => Some(region),
            None => {
                let found = ProfileFileRegionProvider::new().region().await;
                found.map(|region| region.as_ref().to_owned())
            }
        };
        Ok((credentials, region.ok_or(Error::NoRegion)?))
    })
}
