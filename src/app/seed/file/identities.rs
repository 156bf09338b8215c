//! Accounts, groups, users and roles in a seed file.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Defaults, Secret, parsed};
use crate::base::ids::AccountId;
use crate::base::limits::{
    ACCESS_KEY_ID_BYTES, ACCESS_KEY_ID_MIN, MAX_SESSION_SECONDS_MAX, MAX_SESSION_SECONDS_MIN,
    TAG_KEY_CHARS, TAG_VALUE_CHARS,
};
use crate::base::secret::SecretBytes;
use crate::identity::directory::Kind;
use crate::identity::{account, tags};

/// An account with a name; one without a name need not be said.
#[derive(Debug)]
pub(in crate::app::seed) struct SeedAccount {
    pub(in crate::app::seed) id: AccountId,
    pub(in crate::app::seed) name: String,
}

/// A user, a role or a group.
#[derive(Debug)]
pub(in crate::app::seed) struct SeedIdentity {
    pub(in crate::app::seed) account: Option<AccountId>,
    pub(in crate::app::seed) kind: Kind,
    pub(in crate::app::seed) name: String,
    /// By name: AWS JSON or Cedar.
    pub(in crate::app::seed) policies: BTreeMap<String, String>,
    pub(in crate::app::seed) boundary: Option<String>,
    pub(in crate::app::seed) tags: BTreeMap<String, String>,
    /// Of a user: names.
    pub(in crate::app::seed) groups: Vec<String>,
    /// Of a role: the trust policy.
    pub(in crate::app::seed) trust: Option<String>,
    /// Of a role: the longest session, seconds.
    pub(in crate::app::seed) max_session_s: i64,
    pub(in crate::app::seed) access_keys: Vec<(String, SecretBytes)>,
    /// Whether the access keys are active.
    pub(in crate::app::seed) active: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Account {
    id: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Identity {
    account: Option<String>,
    name: String,
    #[serde(default)]
    policies: BTreeMap<String, String>,
    permissions_boundary: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    groups: Vec<String>,
    trust_policy: Option<String>,
    max_session_duration_seconds: Option<i64>,
    #[serde(default)]
    access_keys: Vec<AccessKey>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct AccessKey {
    id: String,
    secret: Secret,
}

impl Account {
    pub(super) fn check(self) -> Result<SeedAccount, String> {
        let id = AccountId::parse(&self.id).ok_or("`id` is an account id of twelve digits")?;
        if !account::is_name(&self.name) {
            return Err("`name` takes 1 to 50 printable characters of ASCII".to_owned());
        }
        Ok(SeedAccount { id, name: self.name })
    }
}

impl Identity {
    pub(super) fn check(self, kind: Kind, defaults: &Defaults) -> Result<SeedIdentity, String> {
        let longest = if kind == Kind::Group { 128 } else { 64 };
        if !is_name(&self.name, longest) {
            let text = format!("`name` takes 1 to {longest} of letters, digits and `_+=,.@-`");
            return Err(text);
        }
        let has_marks = self.permissions_boundary.is_some() || !self.tags.is_empty();
        let has_terms = self.trust_policy.is_some() || self.max_session_duration_seconds.is_some();
        let misplaced = [
            (kind == Kind::Group && has_marks, "a group has neither tags nor a boundary"),
            (kind != Kind::Role && has_terms, "only a role has a trust policy and sessions"),
            (kind != Kind::User && !self.groups.is_empty(), "only users are in groups"),
            (
                kind == Kind::Role && !self.access_keys.is_empty(),
                "a role has no access keys: it is assumed",
            ),
            (kind == Kind::Group && !self.access_keys.is_empty(), "a group has no access keys"),
        ];
        if let Some((_, problem)) = misplaced.into_iter().find(|(is_so, _)| *is_so) {
            return Err(problem.to_owned());
        }
        let range = MAX_SESSION_SECONDS_MIN..=MAX_SESSION_SECONDS_MAX;
        let max_session_s = self.max_session_duration_seconds.unwrap_or(MAX_SESSION_SECONDS_MIN);
        if !range.contains(&max_session_s) {
            return Err("`max-session-duration-seconds` takes 3600 to 43200".to_owned());
        }
        let fits = |(key, value): (&String, &String)| {
            tags::is_key(key)
                && key.chars().count() <= TAG_KEY_CHARS
                && tags::is_value(value)
                && value.chars().count() <= TAG_VALUE_CHARS
        };
        if !self.tags.iter().all(fits) {
            return Err("`tags` has a key or a value that IAM does not take".to_owned());
        }
        let tags = tags::put(&BTreeMap::new(), self.tags.into_iter().collect());
        let tags = tags.map_err(|error| error.to_string())?;
        let mut access_keys = Vec::new();
        for AccessKey { id, secret } in self.access_keys {
            let fits = (ACCESS_KEY_ID_MIN..=ACCESS_KEY_ID_BYTES).contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_alphanumeric());
            if !fits || secret.as_bytes().is_empty() {
                let wanted =
                    "an access key has an `id` of 16 to 128 letters and digits, and a `secret`";
                return Err(wanted.to_owned());
            }
            access_keys.push((id, SecretBytes::new(secret.as_bytes().to_vec())));
        }
        let account = parsed("account", self.account.as_deref(), AccountId::parse)?;
        Ok(SeedIdentity {
            account: account.or_else(|| defaults.account.clone()),
            kind,
            name: self.name,
            policies: self.policies,
            boundary: self.permissions_boundary,
            tags,
            groups: self.groups,
            trust: self.trust_policy,
            max_session_s,
            access_keys,
            active: true,
        })
    }
}

/// The names of users, roles and groups, as IAM has them.
fn is_name(name: &str, longest: usize) -> bool {
    (1..=longest).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b))
}
