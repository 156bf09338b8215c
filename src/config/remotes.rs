//! The remotes, tables `[remotes.NAME]` of the settings file.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use reqwest::Url;
use serde::Deserialize;

use super::Error;
use crate::base::arn::Arn;
use crate::base::ids::{AccountId, Region};
use crate::base::limits;
use crate::keys::backend::remote::{Mode, RemoteName, Role, Settings};

/// The tables, by the names of the remotes.
pub(super) type RemoteTables = BTreeMap<String, RemoteTable>;

/// One remote as it stands in the file.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RemoteTable {
    region: String,
    endpoint: Option<String>,
    insecure_endpoint: Option<bool>,
    profile: Option<String>,
    role: Option<RoleTable>,
    mode: Option<String>,
    #[serde(default)]
    accounts: Vec<String>,
    operation_timeout_ms: Option<u64>,
    attempts: Option<u32>,
    max_in_flight: Option<usize>,
}

/// The role of a remote.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RoleTable {
    arn: String,
    external_id: Option<String>,
    session_name: Option<String>,
    endpoint: Option<String>,
}

/// The remotes, checked.
pub(super) fn settings(tables: RemoteTables) -> Result<Vec<Settings>, Error> {
    if tables.len() > limits::REMOTES {
        let value = tables.len().to_string();
        return Err(Error::Value { name: "remotes", value, expected: "at most 64 tables" });
    }
    // So that nobody who adds a remote has to count.
    let share = limits::REMOTE_CALLS.checked_div(tables.len()).unwrap_or(limits::REMOTE_CALLS);
    let read = tables.into_iter().map(|(name, table)| table.settings(name, share));
    let remotes = read.collect::<Result<Vec<_>, _>>()?;
    let calls = remotes.iter().fold(0, |sum: usize, one| sum.saturating_add(one.max_in_flight));
    if calls > limits::REMOTE_CALLS {
        let expected = "at most 256 for all remotes together, half of what the server does at once";
        return Err(Error::Value { name: "max-in-flight", value: calls.to_string(), expected });
    }
    Ok(remotes)
}

impl RemoteTable {
    fn settings(self, name: String, share: usize) -> Result<Settings, Error> {
        let Some(name) = RemoteName::parse(&name) else {
            let expected = "a name of 1 to 64 lower-case letters, digits and hyphens";
            return Err(Error::Value { name: "remotes", value: name, expected });
        };
        self.checked(name.clone(), share)
            .map_err(|cause| Error::Remote { name, cause: Box::new(cause) })
    }

    fn checked(self, name: RemoteName, share: usize) -> Result<Settings, Error> {
        let region = Region::parse(&self.region).ok_or(Error::Value {
            name: "region",
            value: self.region,
            expected: "a Region, such as eu-central-1",
        })?;
        let usual = Settings::new(name, region);
        let insecure = self.insecure_endpoint.unwrap_or(false);
        let mode = self.mode.map_or(Ok(usual.mode), |text| {
            let expected = "pass-through, raw or double";
            Mode::parse(&text).ok_or(Error::Value { name: "mode", value: text, expected })
        });
        Ok(Settings {
            endpoint: endpoint(self.endpoint, insecure)?,
            profile: self.profile.map(profile).transpose()?,
            role: self.role.map(|table| table.role(insecure)).transpose()?,
            mode: mode?,
            accounts: self.accounts.into_iter().map(account).collect::<Result<_, _>>()?,
            operation_timeout_ms: within(
                "operation-timeout-ms",
                self.operation_timeout_ms.unwrap_or(usual.operation_timeout_ms),
                50..=60_000,
                "a number of milliseconds from 50 to 60000",
            )?,
            attempts: within(
                "attempts",
                self.attempts.unwrap_or(usual.attempts),
                1..=5,
                "a number from 1 to 5",
            )?,
            max_in_flight: within(
                "max-in-flight",
                self.max_in_flight.unwrap_or(usual.max_in_flight.min(share)),
                1..=limits::REMOTE_CALLS,
                "a number from 1 to 256",
            )?,
            ..usual
        })
    }
}

impl RoleTable {
    fn role(self, insecure: bool) -> Result<Role, Error> {
        let is_role = Arn::parse(&self.arn).is_some_and(|arn| {
            let name = arn.resource.strip_prefix("role/");
            arn.partition.starts_with("aws")
                && arn.service == "iam"
                && AccountId::parse(arn.account).is_some()
                && name.is_some_and(|name| !name.is_empty())
        });
        if !is_role {
            let expected = "the ARN of a role, such as arn:aws:iam::111122223333:role/wardbook";
            return Err(Error::Value { name: "role.arn", value: self.arn, expected });
        }
        // STS API Reference, AssumeRole.
        let is_sign = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
        let session_name = self.session_name.unwrap_or_else(|| "wardbook".to_owned());
        if !(2..=64).contains(&session_name.len()) || !session_name.bytes().all(is_sign) {
            let expected = "2 to 64 letters, digits and any of _+=,.@-";
            return Err(Error::Value { name: "role.session-name", value: session_name, expected });
        }
        let is_sign = |b: u8| is_sign(b) || b"/:".contains(&b);
        let external_id = self.external_id;
        if let Some(value) = external_id
            .clone()
            .filter(|id| !(2..=1_224).contains(&id.len()) || !id.bytes().all(is_sign))
        {
            let expected = "2 to 1224 letters, digits and any of _+=,.@:/-";
            return Err(Error::Value { name: "role.external-id", value, expected });
        }
        let endpoint = endpoint(self.endpoint, insecure)?;
        Ok(Role { arn: self.arn, external_id, session_name, endpoint })
    }
}

/// A URL without anything that does not belong to an endpoint. Plaintexts go there,
/// so it is HTTPS, or this machine, unless somebody insists.
fn endpoint(text: Option<String>, insecure: bool) -> Result<Option<String>, Error> {
    let Some(value) = text else { return Ok(None) };
    let url = Url::parse(&value).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    let Some(host) = url.as_ref().and_then(Url::host_str) else {
        // The text is not told: somebody may have put a password into it.
        let (value, expected) =
            ("...".to_owned(), "an http:// or https:// URL without credentials");
        return Err(Error::Value { name: "endpoint", value, expected });
    };
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    let is_here = host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback());
    if value.starts_with("https:") || is_here || insecure {
        return Ok(Some(value));
    }
    let expected =
        "an https:// URL; set insecure-endpoint = true to send plaintexts over plain HTTP";
    Err(Error::Value { name: "endpoint", value, expected })
}

fn profile(name: String) -> Result<String, Error> {
    match name.is_empty() || name.chars().any(char::is_control) {
        true => Err(Error::Value { name: "profile", value: name, expected: "a name" }),
        false => Ok(name),
    }
}

fn account(text: String) -> Result<AccountId, Error> {
    AccountId::parse(&text).ok_or(Error::Value {
        name: "accounts",
        value: text,
        expected: "an account id of 12 digits",
    })
}

fn within<T: PartialOrd + ToString>(
    name: &'static str,
    value: T,
    range: RangeInclusive<T>,
    expected: &'static str,
) -> Result<T, Error> {
    match range.contains(&value) {
        true => Ok(value),
        false => Err(Error::Value { name, value: value.to_string(), expected }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Settings>, String> {
        let tables: BTreeMap<String, RemoteTables> =
            toml::from_str(text).map_err(|error| error.to_string())?;
        let tables = tables.into_iter().find(|(name, _)| name == "remotes").unwrap().1;
        settings(tables).map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            format!("{error}: {}", cause.unwrap_or_default())
        })
    }

    #[test]
    fn a_region_is_enough() {
        let [remote] = &read("[remotes.a]\nregion = 'eu-central-1'\n").unwrap()[..] else {
            panic!()
        };
        let name = RemoteName::parse("a").unwrap();
        assert_eq!(*remote, Settings::new(name, Region::parse("eu-central-1").unwrap()));
    }

    #[test]
    fn everything_can_be_set() {
        let text = "[remotes.b]\nregion = 'us-gov-west-1'\nendpoint = 'http://127.0.0.1:5000'\n\
                    profile = 'prod'\nmode = 'double'\naccounts = ['111122223333']\n\
                    operation-timeout-ms = 50\nattempts = 5\nmax-in-flight = 1\n\
                    [remotes.b.role]\narn = 'arn:aws-us-gov:iam::111122223333:role/x/y'\n\
                    external-id = 'a/b'\nsession-name = 'wb'\nendpoint = 'https://sts.test'\n\
                    [remotes.a]\nregion = 'eu-central-1'\nendpoint = 'http://kms'\n\
                    insecure-endpoint = true\n";
        let [a, b] = &read(text).unwrap()[..] else { panic!() };
        assert_eq!(a.endpoint.as_deref(), Some("http://kms"));
        assert_eq!((b.name.as_str(), b.mode), ("b", Mode::Double));
        assert_eq!((b.operation_timeout_ms, b.attempts, b.max_in_flight), (50, 5, 1));
        assert_eq!((b.profile.as_deref(), b.accounts.len()), (Some("prod"), 1));
        let role = b.role.as_ref().unwrap();
        assert_eq!(role.arn, "arn:aws-us-gov:iam::111122223333:role/x/y");
        assert_eq!((role.external_id.as_deref(), role.session_name.as_str()), (Some("a/b"), "wb"));
        assert_eq!(role.endpoint.as_deref(), Some("https://sts.test"));
    }

    fn many(count: usize, more: &str) -> String {
        (0..count).map(|n| format!("[remotes.r{n}]\nregion = 'eu-central-1'\n{more}\n")).collect()
    }

    #[test]
    fn all_remotes_together_take_half_of_the_places() {
        for (count, each) in [(1, 64), (4, 64), (8, 32), (64, 4)] {
            let remotes = read(&many(count, "")).unwrap();
            assert!(remotes.iter().all(|one| one.max_in_flight == each), "{count}");
        }
        assert!(read(&many(1, "max-in-flight = 256")).is_ok());
        assert!(read(&many(8, "max-in-flight = 32")).is_ok());
        let refused = read(&many(8, "max-in-flight = 33")).unwrap_err();
        assert!(refused.contains("max-in-flight: \"264\""), "{refused}");
        assert!(refused.contains("at most 256 for all remotes together"), "{refused}");
    }

    #[track_caller]
    fn check_refused(more: &str, told: &str) {
        let refused = read(&format!("[remotes.a]\nregion = 'eu-central-1'\n{more}\n")).unwrap_err();
        assert!(refused.contains(told), "{more}: {refused}");
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_name() {
        for (more, told) in [
            ("mode = 'Raw'", "remotes.a: mode: \"Raw\""),
            ("attempts = 0", "remotes.a: attempts: \"0\""),
            ("attempts = 6", "attempts: \"6\""),
            ("operation-timeout-ms = 49", "operation-timeout-ms: \"49\""),
            ("operation-timeout-ms = 60001", "operation-timeout-ms: \"60001\""),
            ("max-in-flight = 0", "max-in-flight: \"0\""),
            ("max-in-flight = 257", "max-in-flight: \"257\""),
            ("accounts = ['1']", "accounts: \"1\""),
            ("profile = ''", "profile: \"\""),
            ("endpoint = 'kms'", "endpoint: \"...\""),
            ("endpoint = 'ftp://kms'", "endpoint: \"...\""),
            ("endpoint = 'https://a:b@kms'", "endpoint: \"...\""),
            ("endpoint = 'https://kms?x=y'", "endpoint: \"...\""),
            ("endpoint = 'http://kms'", "insecure-endpoint"),
            ("endpoint = 'http://127.0.0.1.test'", "insecure-endpoint"),
            ("role.arn = 'arn:aws:iam::1:role/x'", "role.arn: "),
            ("role.arn = 'arn:aws:iam::111122223333:user/x'", "role.arn: "),
            (
                "role = { arn = 'arn:aws:iam::111122223333:role/x', session-name = 'a b' }",
                "role.session-name",
            ),
            (
                "role = { arn = 'arn:aws:iam::111122223333:role/x', external-id = '?' }",
                "role.external-id",
            ),
            (
                "role = { arn = 'arn:aws:iam::111122223333:role/x', endpoint = 'http://sts' }",
                "insecure-endpoint",
            ),
            ("access-key-id = 'AKIA'", "unknown field `access-key-id`"),
            ("role.name = 'x'", "unknown field `name`"),
        ] {
            check_refused(more, told);
        }
        for (text, told) in [
            ("[remotes.A]\nregion = 'eu-central-1'\n", "remotes: \"A\""),
            ("[remotes.a]\nregion = 'x'\n", "remotes.a: region: \"x\""),
            ("[remotes.a]\n", "missing field `region`"),
        ] {
            let refused = read(text).unwrap_err();
            assert!(refused.contains(told), "{refused}");
        }
        assert!(read(&many(65, "")).unwrap_err().contains("at most 64"));
    }
}
