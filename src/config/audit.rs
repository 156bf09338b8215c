//! The settings under `[audit]`. As flags and in the environment their names
//! begin with `audit-`.

use std::path::{Path, PathBuf};

use reqwest::Url;
use serde::Deserialize;

use super::Error;
use super::environment::Environment;
use super::flags::AuditFlags;
use crate::app::WitnessSettings;
use crate::audit::ledger::VerifierKey;

/// What one source says of the log.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct AuditLayer {
    origin: Option<String>,
    witness_file: Option<PathBuf>,
    witness_url: Option<String>,
    /// Is about one start, so it is a flag only.
    #[serde(skip)]
    accept_loss: Option<u64>,
}

impl AuditLayer {
    /// The settings of the environment.
    pub(super) fn of_environment(from: &Environment) -> Result<Self, Error> {
        Ok(Self {
            origin: from.text("WARDBOOK_AUDIT_ORIGIN")?,
            witness_file: from.text("WARDBOOK_AUDIT_WITNESS_FILE")?.map(PathBuf::from),
            witness_url: from.text("WARDBOOK_AUDIT_WITNESS_URL")?,
            accept_loss: None,
        })
    }

    /// These settings, and those of `below` where there is none.
    pub(super) fn over(self, below: Self) -> Self {
        Self {
            origin: self.origin.or(below.origin),
            witness_file: self.witness_file.or(below.witness_file),
            witness_url: self.witness_url.or(below.witness_url),
            accept_loss: self.accept_loss.or(below.accept_loss),
        }
    }

    /// The same settings with paths seen from `folder`.
    pub(super) fn seen_from(self, folder: &Path) -> Self {
        Self { witness_file: self.witness_file.map(|path| folder.join(path)), ..self }
    }

    /// The origin of the log, checked.
    pub(super) fn origin(&self) -> Result<Option<String>, Error> {
        let Some(origin) = self.origin.clone() else { return Ok(None) };
        match VerifierKey::new(&origin, [0; 32]) {
            Ok(_) => Ok(Some(origin)),
            Err(_) => Err(Error::Value {
                name: "audit-origin",
                value: origin,
                expected: "a name without spaces and plus signs, such as wardbook.example.com/log",
            }),
        }
    }

    /// The witnesses.
    pub(super) fn witness(self) -> Result<WitnessSettings, Error> {
        let url = self.witness_url.map(|text| match Url::parse(&text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
            _ => Err(Error::Value {
                name: "audit-witness-url",
                value: text,
                expected: "an http:// or https:// URL",
            }),
        });
        let (file, accept_loss) = (self.witness_file, self.accept_loss);
        Ok(WitnessSettings { file, url: url.transpose()?, accept_loss })
    }
}

impl From<AuditFlags> for AuditLayer {
    fn from(flags: AuditFlags) -> Self {
        Self {
            origin: flags.audit_origin,
            witness_file: flags.audit_witness_file,
            witness_url: flags.audit_witness_url,
            accept_loss: flags.audit_accept_loss,
        }
    }
}
