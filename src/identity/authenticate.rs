//! From a signed request to the principal that signed it, and from a provider's
//! token to the web identity that it is about.

use std::sync::Arc;

use super::credentials::{self, Holder, Session};
use super::directory::{AccessKey, Directory, Identity, Kind};
use super::oidc::{self, Providers, WebIdentity};
use crate::base::arn::RoleArn;
use crate::base::caller::{Principal, SessionFacts};
use crate::base::ids::Region;
use crate::base::limits;
use crate::base::secret::SecretBytes;
use crate::hsm::{self, Hsm, Purpose};
use crate::wire::sigv4::key::SigningKeyCache;
use crate::wire::sigv4::parse::{Authorization, Expected};
use crate::wire::sigv4::{self, Payload, Request};

/// What verifies signatures and tokens.
pub struct Authenticator {
    hsm: Arc<Hsm>,
    directory: Arc<Directory>,
    signing_keys: SigningKeyCache,
    regions: Vec<Region>,
    providers: Arc<Providers>,
}

/// Who signed, with what, and for which Region.
#[derive(Debug)]
pub struct Authenticated {
    pub principal: Principal,
    pub access_key_id: String,
    /// What temporary credentials carry; `None` for long-term ones.
    pub session: Option<Arc<SessionFacts>>,
    pub region: Region,
}

/// Why a request is not authenticated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Signature(#[from] sigv4::error::Error),
    /// `UnrecognizedClientException`: unknown or inactive access key, or a
    /// session token that is missing, foreign or of a deleted role.
    #[error("The security token included in the request is invalid.")]
    InvalidToken,
    /// `ExpiredTokenException`.
    #[error("The security token included in the request is expired")]
    ExpiredToken,
    #[error("the software HSM failed")]
    Hsm(#[source] hsm::Error),
}

impl Authenticator {
    /// An authenticator for the configured Regions and OpenID Connect providers.
    #[must_use]
    pub fn new(
        hsm: Arc<Hsm>,
        directory: Arc<Directory>,
        regions: Vec<Region>,
        providers: Arc<Providers>,
    ) -> Self {
        Self { hsm, directory, signing_keys: SigningKeyCache::default(), regions, providers }
    }

    /// Checks the signature of `request`, which must be scoped to `service`, and cover
    /// what `payload` says.
    ///
    /// # Errors
    /// The first check that fails; nothing is learned of whose secret it was.
    pub fn authenticate(
        &self,
        request: &Request<'_>,
        service: &str,
        payload: Payload,
        now_ms: i64,
    ) -> Result<Authenticated, Error> {
        let (authorization, claim, region) = self.claim(request, service, payload, now_ms)?;
        let key =
            self.signing_keys.find_or_derive(&authorization, || self.secret(&claim.secret))?;
        authorization.verify(&key)?;
        Ok(Authenticated {
            principal: claim.principal,
            access_key_id: authorization.access_key_id().to_owned(),
            session: claim.session,
            region,
        })
    }

    /// Checks all of `request` but the signature itself, which may need a body that is
    /// not there yet: this proves nothing but that the credential exists.
    ///
    /// # Errors
    /// As [`Self::authenticate`].
    pub fn check_claim(
        &self,
        request: &Request<'_>,
        service: &str,
        payload: Payload,
        now_ms: i64,
    ) -> Result<(), Error> {
        self.claim(request, service, payload, now_ms).map(drop)
    }

    /// What the request says of who signed it.
    fn claim<'r>(
        &self,
        request: &'r Request<'_>,
        service: &str,
        payload: Payload,
        now_ms: i64,
    ) -> Result<(Authorization<'r>, Claim, Region), Error> {
        let is_region = |name: &str| self.regions.iter().any(|region| region.as_str() == name);
        let expected = Expected { service, is_region: &is_region, now_ms, payload };
        let authorization = Authorization::parse(request, &expected)?;
        let region = Region::parse(authorization.region()).ok_or(Error::InvalidToken)?;
        // Only the access key of `serve --dev` is that short. Everybody knows its
        // secret, so a page in a browser could sign with it, under a name of its own
        // that leads here.
        let is_known_to_all = authorization.access_key_id().len() < limits::ACCESS_KEY_ID_MIN;
        if is_known_to_all && !names_this_machine(request) {
            return Err(Error::InvalidToken);
        }
        let claim = match authorization.session_token() {
            Some(token) => self.session_claim(&authorization, token, now_ms)?,
            None => self.user_claim(&authorization)?,
        };
        Ok((authorization, claim, region))
    }

    /// Verifies the token of a web identity that wants to be `role`.
    ///
    /// # Errors
    /// As [`oidc::Providers::verify`].
    pub fn web_identity(
        &self,
        token: &str,
        role: Option<&RoleArn>,
        now_ms: i64,
    ) -> Result<WebIdentity, oidc::Error> {
        self.providers.verify(token, role, now_ms)
    }

    fn user_claim(&self, authorization: &Authorization<'_>) -> Result<Claim, Error> {
        let (key, user) = self.active_key(authorization.access_key_id())?;
        let secret = Secret::Sealed { id: key.id.clone(), sealed: key.sealed_secret.clone() };
        Ok(Claim { principal: user_principal(&user), session: None, secret })
    }

    /// An access key that is active, and its user.
    fn active_key(&self, id: &str) -> Result<(Arc<AccessKey>, Arc<Identity>), Error> {
        let key = self.directory.find_access_key(id).ok_or(Error::InvalidToken)?;
        let user = self.directory.find(&key.user_id).ok_or(Error::InvalidToken)?;
        if key.active { Ok((key, user)) } else { Err(Error::InvalidToken) }
    }

    fn session_claim(
        &self,
        authorization: &Authorization<'_>,
        token: &str,
        now_ms: i64,
    ) -> Result<Claim, Error> {
        let session = credentials::open_session(&self.hsm, token).ok_or(Error::InvalidToken)?;
        let terms = &session.terms;
        let principal = match &terms.holder {
            Holder::Role { role_id, session_name } => {
                let role = self.directory.find(role_id).filter(|role| role.kind == Kind::Role);
                let role = role.ok_or(Error::InvalidToken)?;
                Principal::RoleSession {
                    account: role.account.clone(),
                    role_id: role.unique_id.clone(),
                    role_name: role.name.clone(),
                    name: session_name.clone(),
                }
            }
            Holder::User { user_id, access_key_id } => {
                let (_, user) = self.active_key(access_key_id)?;
                if user.unique_id != *user_id {
                    return Err(Error::InvalidToken);
                }
                user_principal(&user)
            }
        };
        if terms.access_key_id != authorization.access_key_id() {
            return Err(Error::InvalidToken);
        }
        if terms.expires_ms <= now_ms {
            return Err(Error::ExpiredToken);
        }
        let facts = Some(Arc::new(terms.facts.clone()));
        Ok(Claim { principal, session: facts, secret: Secret::Session(Box::new(session)) })
    }

    fn secret(&self, secret: &Secret) -> Result<SecretBytes, Error> {
        match secret {
            Secret::Sealed { id, sealed } => {
                self.hsm.unseal(Purpose::AccessKey, id.as_bytes(), sealed).map_err(Error::Hsm)
            }
            Secret::Session(session) => Ok(session.secret()),
        }
    }
}

fn user_principal(user: &Identity) -> Principal {
    Principal::User {
        account: user.account.clone(),
        unique_id: user.unique_id.clone(),
        name: user.name.clone(),
    }
}

/// Whether the request was sent to this machine by one of its own names.
fn names_this_machine(request: &Request<'_>) -> bool {
    let host = request.headers.iter().find(|(name, _)| *name == "host");
    let Some(host) = host.and_then(|(_, value)| std::str::from_utf8(value).ok()) else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

/// Who the caller says to be, before the signature has proven it.
struct Claim {
    principal: Principal,
    session: Option<Arc<SessionFacts>>,
    secret: Secret,
}

/// Where the secret of a claim is; opened only when no signing key is cached.
enum Secret {
    Sealed { id: String, sealed: Vec<u8> },
    Session(Box<Session>),
}
