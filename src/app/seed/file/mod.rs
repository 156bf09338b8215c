//! The seed file: TOML, read strictly. An error names the line and never shows
//! what stands there, which may be a secret.

mod identities;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;
use toml::Spanned;
use zeroize::Zeroizing;

use super::grant::{self, SeedGrant};
use crate::base::ids::{AccountId, AliasName, KeyId, Region};
use crate::base::secret::SecretBytes;
use crate::base::spec::{KeySpec, KeyUsage};
use crate::identity::directory::Kind;
use identities::{Account, Identity};
pub(super) use identities::{SeedAccount, SeedIdentity};

/// Why a seed file is not used.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    #[error("cannot read the seed file {path}")]
    Read {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("{path}, line {line}: {problem}")]
    Line { path: PathBuf, line: usize, problem: String },
}

/// What a seed file asks for, checked as far as that can be without a server.
#[derive(Debug)]
pub struct Seed {
    pub(super) path: PathBuf,
    pub(super) accounts: Vec<At<SeedAccount>>,
    /// Groups first, then users and roles.
    pub(super) identities: Vec<At<SeedIdentity>>,
    pub(super) keys: Vec<At<SeedKey>>,
    pub(super) grants: Vec<At<SeedGrant>>,
}

/// A thing and the line on which it begins.
#[derive(Debug)]
pub(super) struct At<T> {
    pub(super) line: usize,
    pub(super) what: T,
}

/// A KMS key with given material.
#[derive(Debug)]
pub(super) struct SeedKey {
    pub(super) account: Option<AccountId>,
    pub(super) region: Option<Region>,
    pub(super) id: KeyId,
    pub(super) spec: KeySpec,
    pub(super) usage: KeyUsage,
    pub(super) description: String,
    pub(super) enabled: bool,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) aliases: Vec<AliasName>,
    pub(super) policy: Option<String>,
    /// Oldest first; fresh material if there is none.
    pub(super) materials: Vec<SecretBytes>,
}

impl Seed {
    /// Reads a seed file.
    ///
    /// # Errors
    /// [`SeedError`].
    pub fn read(path: &Path) -> Result<Self, SeedError> {
        let text = std::fs::read_to_string(path)
            .map(Zeroizing::new)
            .map_err(|cause| SeedError::Read { path: path.to_owned(), cause })?;
        Self::parse(&text, path)
    }

    /// Reads the text of a seed file; `path` is for errors.
    ///
    /// # Errors
    /// [`SeedError::Line`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, SeedError> {
        let refused = |offset: usize, problem: String| SeedError::Line {
            path: path.to_owned(),
            line: line(text, offset),
            problem,
        };
        let file: File = toml::from_str(text).map_err(|error| {
            refused(error.span().map_or(0, |span| span.start), shown(error.message()))
        })?;
        let defaults = Defaults {
            account: parsed("account", file.account.as_deref(), AccountId::parse)
                .map_err(|problem| refused(0, problem))?,
            region: parsed("region", file.region.as_deref(), Region::parse)
                .map_err(|problem| refused(0, problem))?,
        };
        let mut accounts = Vec::new();
        for entry in file.accounts {
            let start = entry.span().start;
            let what = entry.into_inner().check().map_err(|problem| refused(start, problem))?;
            accounts.push(At { line: line(text, start), what });
        }
        // What others name comes first.
        let groups = file.groups.into_iter().map(|group| (group, Kind::Group));
        let users = file.users.into_iter().map(|user| (user, Kind::User));
        let roles = file.roles.into_iter().map(|role| (role, Kind::Role));
        let mut identities = Vec::new();
        for (entry, kind) in groups.chain(users).chain(roles) {
            let start = entry.span().start;
            let read = entry.into_inner().check(kind, &defaults);
            let what = read.map_err(|problem| refused(start, problem))?;
            identities.push(At { line: line(text, start), what });
        }
        let mut keys = Vec::new();
        for entry in file.keys {
            let start = entry.span().start;
            let read = entry.into_inner().check(&defaults);
            let what = read.map_err(|problem| refused(start, problem))?;
            keys.push(At { line: line(text, start), what });
        }
        let mut grants = Vec::new();
        for entry in file.grants {
            let start = entry.span().start;
            let what = checked_grant(entry.into_inner(), &defaults)
                .map_err(|problem| refused(start, problem))?;
            grants.push(At { line: line(text, start), what });
        }
        Ok(Self { path: path.to_owned(), accounts, identities, keys, grants })
    }

    /// The Regions that the file names: a server must answer in them.
    #[must_use]
    pub fn regions(&self) -> Vec<Region> {
        let of_keys = self.keys.iter().filter_map(|key| key.what.region.clone());
        of_keys.chain(self.grants.iter().filter_map(|grant| grant.what.region.clone())).collect()
    }
}

/// What may be shown of the parser's message: names of members, no values.
fn shown(message: &str) -> String {
    const OF_NAMES: [&str; 3] = ["unknown field", "missing field", "duplicate key"];
    match OF_NAMES.iter().any(|start| message.starts_with(start)) {
        true => message.to_owned(),
        false => "this is not TOML, or a value of the wrong type".to_owned(),
    }
}

/// The line of a place in the text, from 1.
fn line(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or_default();
    before.iter().filter(|byte| **byte == b'\n').count().saturating_add(1)
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    account: Option<String>,
    region: Option<String>,
    #[serde(default)]
    accounts: Vec<Spanned<Account>>,
    #[serde(default)]
    groups: Vec<Spanned<Identity>>,
    #[serde(default)]
    users: Vec<Spanned<Identity>>,
    #[serde(default)]
    roles: Vec<Spanned<Identity>>,
    #[serde(default)]
    keys: Vec<Spanned<Key>>,
    #[serde(default)]
    grants: Vec<Spanned<grant::Entry>>,
}

/// What entries take that do not say it themselves.
struct Defaults {
    account: Option<AccountId>,
    region: Option<Region>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Key {
    account: Option<String>,
    region: Option<String>,
    id: String,
    spec: Option<String>,
    usage: Option<String>,
    #[serde(default)]
    description: String,
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    aliases: Vec<String>,
    policy: Option<String>,
    #[serde(default)]
    material: Vec<Secret>,
    private_key: Option<Secret>,
}

/// A text that is wiped when it is dropped.
struct Secret(Zeroizing<String>);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|text| Self(Zeroizing::new(text)))
    }
}

impl Secret {
    fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

const fn yes() -> bool {
    true
}

impl Key {
    fn check(self, defaults: &Defaults) -> Result<SeedKey, String> {
        let id = KeyId::parse(&self.id)
            .ok_or("`id` is a UUID in lower case, or `mrk-` and 32 hex digits")?;
        let spec = parsed("spec", self.spec.as_deref(), KeySpec::parse)?
            .unwrap_or(KeySpec::SymmetricDefault);
        let usage = match parsed("usage", self.usage.as_deref(), KeyUsage::parse)? {
            Some(usage) => usage,
            None => match spec.usages() {
                [only] => *only,
                _ => return Err(format!("a key of spec {spec} needs a `usage`")),
            },
        };
        if !spec.usages().contains(&usage) {
            return Err(format!("the usage {usage} does not fit the spec {spec}"));
        }
        let mut aliases = Vec::new();
        for name in &self.aliases {
            let alias = AliasName::parse(name).filter(|_| !name.starts_with("alias/aws"));
            aliases.push(alias.ok_or("an alias begins with `alias/`, and not with `alias/aws`")?);
        }
        let materials = materials(spec, self.private_key.as_ref(), &self.material)?;
        let account = parsed("account", self.account.as_deref(), AccountId::parse)?;
        let region = parsed("region", self.region.as_deref(), Region::parse)?;
        Ok(SeedKey {
            account: account.or_else(|| defaults.account.clone()),
            region: region.or_else(|| defaults.region.clone()),
            id,
            spec,
            usage,
            description: self.description,
            enabled: self.enabled,
            tags: self.tags,
            aliases,
            policy: self.policy,
            materials,
        })
    }
}

fn checked_grant(entry: grant::Entry, defaults: &Defaults) -> Result<SeedGrant, String> {
    let account = parsed("account", entry.account.as_deref(), AccountId::parse)?;
    let region = parsed("region", entry.region.as_deref(), Region::parse)?;
    let region = region.or_else(|| defaults.region.clone());
    Ok(entry.check(account.or_else(|| defaults.account.clone()), region))
}

/// Given key material: base64 for symmetric and HMAC keys, PEM for the others.
fn materials(
    spec: KeySpec,
    private_key: Option<&Secret>,
    material: &[Secret],
) -> Result<Vec<SecretBytes>, String> {
    if let Some(pem) = private_key {
        if !spec.is_asymmetric() || !material.is_empty() {
            return Err(format!(
                "a key of spec {spec} takes `material`, or `private-key`: not both"
            ));
        }
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_bad| {
            "`private-key` is not PEM of PKCS#8 (`openssl pkcs8 -topk8 -nocrypt` makes it so)"
        })?;
        return Ok(vec![SecretBytes::new(key.secret_pkcs8_der().to_vec())]);
    }
    if spec.is_asymmetric() && !material.is_empty() {
        return Err(format!("a key of spec {spec} takes a `private-key` in PEM"));
    }
    if spec != KeySpec::SymmetricDefault && material.len() > 1 {
        return Err(format!("a key of spec {spec} has one `material`"));
    }
    let decoded = material.iter().map(|text| BASE64_STANDARD.decode(text.as_bytes()));
    let decoded: Result<Vec<_>, _> = decoded.map(|bytes| bytes.map(SecretBytes::new)).collect();
    // The decoder's own error quotes the offending byte.
    decoded.map_err(|_bad| "`material` is a list of base64 texts".to_owned())
}

/// A member that must be readable if it is there.
fn parsed<T>(
    name: &str,
    text: Option<&str>,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, String> {
    match text {
        None => Ok(None),
        Some(text) => {
            let value = parse(text);
            value.map(Some).ok_or_else(|| format!("`{text}` is no {name} that AWS KMS knows"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Seed::parse(text, Path::new("seed.toml")).unwrap_err().to_string()
    }

    #[test]
    fn errors_name_the_line_and_show_no_secret() {
        let cases = [
            ("account = \"1\"\n", "line 1", "account"),
            ("\n[[users]]\nname = \"a\"\nodd = 1\n", "line 4", "unknown field `odd`"),
            ("\n\n[[users]]\nname = \"a b\"\n", "line 3", "`name`"),
            (
                "[[users]]\nname = \"a\"\naccess-keys = [{ id = \"A\", secret = \"SECRET }]\n",
                "line 3",
                "",
            ),
            ("[[keys]]\nid = \"1\"\n", "line 1", "UUID"),
            ("[[keys]]\nid = \"1\"\nmaterial = \"SECRET\"\n", "line 3", "wrong type"),
            ("[[users]]\nname = \"a\"\naccess-keys = \"SECRET\"\n", "line 3", "wrong type"),
            ("[[users]]\nname = \"a\"\naccess-keys = [\"SECRET\"]\n", "line 3", "wrong type"),
            (
                "[[users]]\nname = \"a\"\naccess-keys = [{ id = \"AKIASEEDEDSEEDED\", secret = 5553535 }]\n",
                "line 3",
                "wrong type",
            ),
            (
                "[[users]]\nname = \"a\"\naccess-keys = [{ id = \"short\", secret = \"SECRET\" }]\n",
                "line 1",
                "16 to 128",
            ),
            (
                "[[keys]]\nid = \"0d7a2d8e-93bd-4b4f-8a5c-6e9a3f0c1b2d\"\nmaterial = [\"SECRET!\"]\n",
                "line 1",
                "base64",
            ),
            (
                "[[keys]]\nid = \"0d7a2d8e-93bd-4b4f-8a5c-6e9a3f0c1b2d\"\nspec = \"RSA_2048\"\n",
                "line 1",
                "needs a `usage`",
            ),
            (
                "[[keys]]\nid = \"0d7a2d8e-93bd-4b4f-8a5c-6e9a3f0c1b2d\"\nspec = \"RSA_2048\"\nusage = \"SIGN_VERIFY\"\nprivate-key = \"SECRET\"\n",
                "line 1",
                "openssl pkcs8",
            ),
        ];
        for (text, line, says) in cases {
            let refused = refusal(text);
            assert!(refused.contains(line) && refused.contains(says), "{text}: {refused}");
            assert!(!refused.contains("SECRET") && !refused.contains("5553535"), "{refused}");
        }
    }

    #[test]
    fn entries_take_the_defaults_of_the_file() {
        let text = "account = \"111122223333\"\nregion = \"eu-central-1\"\n\
                    [[keys]]\nid = \"0d7a2d8e-93bd-4b4f-8a5c-6e9a3f0c1b2d\"\n\
                    [[keys]]\nid = \"mrk-0d7a2d8e93bd4b4f8a5c6e9a3f0c1b2d\"\nregion = \"us-east-1\"\n";
        let seed = Seed::parse(text, Path::new("seed.toml")).unwrap();
        let regions: Vec<String> = seed.regions().iter().map(Region::to_string).collect();
        assert_eq!(regions, ["eu-central-1", "us-east-1"]);
        assert_eq!(seed.keys[1].line, 5);
        assert_eq!(seed.keys[0].what.usage, KeyUsage::EncryptDecrypt);
    }
}
