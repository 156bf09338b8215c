//! The OpenID Connect providers, tables `[[oidc]]` of the settings file.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Error;
use crate::base::ids::AccountId;
use crate::identity::oidc::Setting;

/// One provider as it stands in the file.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct OidcTable {
    issuer: String,
    jwks: PathBuf,
    audiences: Vec<String>,
    account: Option<String>,
    default_role: Option<String>,
}

impl OidcTable {
    /// The same table with paths seen from `folder`.
    pub(super) fn seen_from(self, folder: &Path) -> Self {
        Self { jwks: folder.join(self.jwks), ..self }
    }

    /// The provider; what else must hold is checked where it is used.
    pub(super) fn setting(self) -> Result<Setting, Error> {
        let Self { issuer, jwks, audiences, account, default_role } = self;
        let account = account.map(|text| {
            AccountId::parse(&text).ok_or(Error::Value {
                name: "oidc.account",
                value: text,
                expected: "an account id of 12 digits",
            })
        });
        Ok(Setting { issuer, jwks, audiences, account: account.transpose()?, default_role })
    }
}
