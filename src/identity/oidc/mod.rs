//! OpenID Connect: the issuers whose tokens this server believes, and how a
//! token becomes somebody (OpenID Connect Core 1.0; RFC 7519; RFC 8725).
//!
//! Deliberately absent: the network. An issuer's keys come from a file that the
//! operator puts there and replaces; nothing is fetched because a token says so.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::base::arn::RoleArn;
use crate::base::caller::{Federated, Principal};
use crate::base::ids::AccountId;
use crate::base::limits;

mod keys;
#[cfg(test)]
mod tests;
mod token;

pub use keys::Error as KeysError;

use keys::KeyFile;
use token::Token;

/// One issuer as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The issuer's URL, exactly as `iss` of its tokens.
    pub issuer: String,
    /// The file with its keys, a JSON Web Key Set (RFC 7517).
    pub jwks: PathBuf,
    /// What `aud` of its tokens may be.
    pub audiences: Vec<String>,
    /// The account whose roles its tokens lead to; the data folder's without.
    pub account: Option<AccountId>,
    /// The role of REST calls that name none.
    pub default_role: Option<String>,
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    #[error("more than {0} issuers are configured")]
    Number(usize),
    #[error("the issuer {0:?} is not an https URL of at most 255 characters without a query")]
    Issuer(String),
    #[error("the issuer {0:?} is configured twice for one account")]
    Twice(String),
    #[error("the issuer {0:?} has no audiences, or one that is empty or too long")]
    Audiences(String),
    #[error("{0:?} is not the ARN of a role in the issuer's account")]
    DefaultRole(String),
    #[error("the keys in {path} cannot be used")]
    Keys {
        path: PathBuf,
        #[source]
        cause: KeysError,
    },
}

/// Why a token is not believed. No text holds anything of the token but times
/// and names of claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("The ID Token provided is not a valid JWT.")]
    Malformed,
    #[error("No OpenIDConnect provider is configured for the issuer of the token.")]
    Issuer,
    #[error("The token is signed with an algorithm or a key that its issuer does not have.")]
    Key,
    #[error("The signature of the token is not valid.")]
    Signature,
    #[error("Incorrect token audience")]
    Audience,
    #[error("The claim {0} of the token is missing or cannot be accepted.")]
    Claim(&'static str),
    #[error(
        "Token expired: current date/time {} must be before the expiration date/time {}",
        now_ms.div_euclid(1_000),
        expires_ms.div_euclid(1_000)
    )]
    Expired { now_ms: i64, expires_ms: i64 },
}

/// Somebody whose token was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebIdentity {
    /// The account of the provider.
    pub account: AccountId,
    pub federated: Federated,
    /// When the token was issued, if it says so and not later than now, epoch
    /// milliseconds.
    pub issued_ms: i64,
    /// The role of REST calls that name none.
    pub default_role: Option<RoleArn>,
}

impl WebIdentity {
    /// The principal that trust policies are asked about.
    #[must_use]
    pub fn principal(&self) -> Principal {
        let Federated { provider, audience, subject } = self.federated.clone();
        Principal::WebIdentity { account: self.account.clone(), provider, audience, subject }
    }
}

/// Every configured issuer.
#[derive(Debug, Default)]
pub struct Providers(Vec<Provider>);

/// One issuer.
#[derive(Debug)]
struct Provider {
    issuer: String,
    /// The issuer without its scheme.
    name: String,
    account: AccountId,
    audiences: Vec<String>,
    default_role: Option<RoleArn>,
    keys: KeyFile,
}

impl Providers {
    /// Their issuers, each once.
    #[must_use]
    pub fn issuers(&self) -> BTreeSet<&str> {
        self.0.iter().map(|provider| provider.issuer.as_str()).collect()
    }

    /// Reads every file of keys for the first time.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn load(
        settings: Vec<Setting>,
        account: &AccountId,
        now_ms: i64,
    ) -> Result<Self, SettingError> {
        if settings.len() > limits::OIDC_PROVIDERS {
            return Err(SettingError::Number(limits::OIDC_PROVIDERS));
        }
        let mut providers: Vec<Provider> = Vec::new();
        for setting in settings {
            let provider = Provider::load(setting, account, now_ms)?;
            let is_same = |other: &Provider| {
                (&other.issuer, &other.account) == (&provider.issuer, &provider.account)
            };
            if providers.iter().any(is_same) {
                return Err(SettingError::Twice(provider.issuer));
            }
            providers.push(provider);
        }
        Ok(Self(providers))
    }

    /// Verifies a token. An issuer that several accounts have configured is the
    /// one of the account of `role`, if there is such.
    ///
    /// # Errors
    /// [`Error`].
    pub fn verify(
        &self,
        token: &str,
        role: Option<&RoleArn>,
        now_ms: i64,
    ) -> Result<WebIdentity, Error> {
        let token = Token::parse(token)?;
        let mut of_issuer = self.0.iter().filter(|provider| provider.issuer == token.issuer());
        let first = of_issuer.clone().next().ok_or(Error::Issuer)?;
        let at_home = of_issuer.find(|of| role.is_some_and(|role| role.account == of.account));
        at_home.unwrap_or(first).verify(&token, now_ms)
    }
}

impl Provider {
    fn load(setting: Setting, account: &AccountId, now_ms: i64) -> Result<Self, SettingError> {
        let Setting { issuer, jwks, audiences, account: own, default_role } = setting;
        let account = own.unwrap_or_else(|| account.clone());
        let Some(name) = provider_name(&issuer).map(str::to_owned) else {
            return Err(SettingError::Issuer(issuer));
        };
        let is_audience = |text: &String| !text.is_empty() && text.chars().count() <= 255;
        if audiences.is_empty() || !audiences.iter().all(is_audience) {
            return Err(SettingError::Audiences(issuer));
        }
        let default_role = match default_role {
            None => None,
            Some(text) => match RoleArn::parse(&text).filter(|role| role.account == account) {
                Some(role) => Some(role),
                None => return Err(SettingError::DefaultRole(text)),
            },
        };
        let keys = KeyFile::open(jwks.clone(), now_ms)
            .map_err(|cause| SettingError::Keys { path: jwks, cause })?;
        Ok(Self { issuer, name, account, audiences, default_role, keys })
    }

    fn verify(&self, token: &Token<'_>, now_ms: i64) -> Result<WebIdentity, Error> {
        let keys = self.keys.current(now_ms);
        let claims = token.verify(&keys, &self.issuer, &self.audiences)?;
        let issued_ms = claims.check_times(now_ms)?;
        Ok(WebIdentity {
            account: self.account.clone(),
            federated: Federated {
                provider: self.name.clone(),
                audience: claims.audience(&self.audiences)?.to_owned(),
                subject: claims.subject()?.to_owned(),
            },
            issued_ms,
            default_role: self.default_role.clone(),
        })
    }
}

/// The issuer without its scheme, as in the provider's ARN.
fn provider_name(issuer: &str) -> Option<&str> {
    let name = issuer.strip_prefix("https://")?;
    let is_plain = |b: u8| {
        b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'~' | b':' | b'/' | b'%')
    };
    let is_url = !name.is_empty() && issuer.len() <= 255 && name.bytes().all(is_plain);
    (is_url && !name.starts_with('/')).then_some(name)
}
