//! What the settings say of a remote.

use std::fmt;
use std::sync::Arc;

use crate::base::ids::{AccountId, Region};

/// The name of a remote in the settings: 1 to 64 of `[a-z0-9-]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemoteName(Arc<str>);

impl RemoteName {
    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_sign = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let valid = (1..=64).contains(&text.len()) && text.bytes().all(is_sign);
        valid.then(|| Self(text.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RemoteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What ciphertexts of a remote's symmetric keys look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The remote's ciphertext inside a blob of ours, which names our key.
    #[default]
    PassThrough,
    /// The remote's ciphertext as it is: whoever may use the remote key can open it
    /// without us.
    Raw,
    /// Sealed by our HSM first, then by the remote: neither can open it alone.
    Double,
}

impl Mode {
    /// Every mode.
    pub const ALL: &'static [Self] = &[Self::PassThrough, Self::Raw, Self::Double];

    /// The name in the settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PassThrough => "pass-through",
            Self::Raw => "raw",
            Self::Double => "double",
        }
    }

    /// The mode with this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mode| mode.as_str() == text)
    }
}

/// A role to assume (STS API, AssumeRole); its credentials are kept while they are
/// valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    pub arn: String,
    pub external_id: Option<String>,
    /// Stands in the records of the remote's account.
    pub session_name: String,
    /// Of STS; that of AWS in the remote's Region without.
    pub endpoint: Option<String>,
}

/// One remote. There are no credentials in it: they come from `profile`, or from
/// where all AWS tools look for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub name: RemoteName,
    pub region: Region,
    /// That of AWS in the Region without; never one of the environment, which may
    /// well lead to this very server.
    pub endpoint: Option<String>,
    pub profile: Option<String>,
    pub role: Option<Role>,
    pub mode: Mode,
    /// Accounts of ours that may use it; empty for the one of the data folder.
    pub accounts: Vec<AccountId>,
    /// For one call with all that belongs to it, milliseconds.
    pub operation_timeout_ms: u64,
    /// How often a call is sent at most.
    pub attempts: u32,
    /// Calls at a time; more are throttled.
    pub max_in_flight: usize,
}

impl Settings {
    /// The usual value of [`Self::operation_timeout_ms`].
    pub const OPERATION_TIMEOUT_MS: u64 = 2_000;
    /// The usual value of [`Self::attempts`].
    pub const ATTEMPTS: u32 = 2;
    /// The usual value of [`Self::max_in_flight`], where remotes are not so many that
    /// each has less ([`limits::REMOTE_CALLS`](crate::base::limits::REMOTE_CALLS)).
    pub const MAX_IN_FLIGHT: usize = 64;

    /// AWS KMS in this Region, with usual settings.
    #[must_use]
    pub fn new(name: RemoteName, region: Region) -> Self {
        Self {
            name,
            region,
            endpoint: None,
            profile: None,
            role: None,
            mode: Mode::default(),
            accounts: Vec::new(),
            operation_timeout_ms: Self::OPERATION_TIMEOUT_MS,
            attempts: Self::ATTEMPTS,
            max_in_flight: Self::MAX_IN_FLIGHT,
        }
    }

    /// Whether `account` may use it; `home` is that of the data folder.
    #[must_use]
    pub fn is_open_to(&self, account: &AccountId, home: &AccountId) -> bool {
        match self.accounts.as_slice() {
            [] => account == home,
            accounts => accounts.contains(account),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        for good in ["a", "prod-eu-1", &"x".repeat(64)] {
            assert_eq!(RemoteName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "A", "a_b", "a.b", "a b", "\u{e4}", &"x".repeat(65)] {
            assert_eq!(RemoteName::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn modes_have_names() {
        for mode in Mode::ALL {
            assert_eq!(Mode::parse(mode.as_str()), Some(*mode));
        }
        assert_eq!(Mode::parse("Raw"), None);
    }

    #[test]
    fn a_remote_is_for_the_home_account_unless_others_are_named() {
        let account = |text: &str| AccountId::parse(text).unwrap();
        let (home, other) = (account("111122223333"), account("444455556666"));
        let region = Region::parse("eu-central-1").unwrap();
        let mut settings = Settings::new(RemoteName::parse("a").unwrap(), region);
        assert!(settings.is_open_to(&home, &home) && !settings.is_open_to(&other, &home));
        settings.accounts.push(other.clone());
        assert!(!settings.is_open_to(&home, &home) && settings.is_open_to(&other, &home));
    }
}
