//! What a record can be found by, and where it stands.

use std::borrow::Cow;
use std::net::IpAddr;

/// A place in the book. Records are ordered by it: times are the callers' and
/// may go back, places never do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Counted from 1 without a gap.
    pub seq: i64,
    /// Epoch milliseconds.
    pub time_ms: i64,
}

impl Position {
    /// Behind every record.
    pub const END: Self = Self { seq: i64::MAX, time_ms: i64::MAX };
}

/// What a value is the value of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    Account,
    EventSource,
    EventName,
    /// The user, or the role of a session.
    Principal,
    /// The session of a role.
    Session,
    AccessKey,
    /// ARN of a KMS key.
    Key,
    /// ARN of anything else.
    Resource,
    Error,
    SourceIp,
    /// Part of an encryption context, as a digest.
    Context,
    ReadOnly,
    Region,
    /// Id of the key material that was used.
    KeyMaterial,
    /// Id of a grant that was used, made or ended.
    Grant,
}

impl Field {
    const ALL: [Self; 15] = [
        Self::Account,
        Self::EventSource,
        Self::EventName,
        Self::Principal,
        Self::Session,
        Self::AccessKey,
        Self::Key,
        Self::Resource,
        Self::Error,
        Self::SourceIp,
        Self::Context,
        Self::ReadOnly,
        Self::Region,
        Self::KeyMaterial,
        Self::Grant,
    ];

    /// The fields of which a record can lose a value.
    pub(super) const PERSONAL: [Self; 3] = [Self::Session, Self::SourceIp, Self::Context];

    /// The field that the index writes so.
    pub(super) fn of_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.number() == number)
    }

    /// Whether a record can lose its value.
    pub(super) fn is_personal(self) -> bool {
        Self::PERSONAL.contains(&self)
    }

    /// What it is to who reads a report.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::EventSource => "event source",
            Self::EventName => "event name",
            Self::Principal => "principal",
            Self::Session => "session",
            Self::AccessKey => "access key",
            Self::Key => "key",
            Self::Resource => "resource",
            Self::Error => "error",
            Self::SourceIp => "source address",
            Self::Context => "context",
            Self::ReadOnly => "read-only mark",
            Self::Region => "Region",
            Self::KeyMaterial => "key material",
            Self::Grant => "grant",
        }
    }

    /// How the index writes it. A number never gets another meaning; a new
    /// field gets the next one.
    pub(super) const fn number(self) -> i64 {
        match self {
            Self::Account => 1,
            Self::EventSource => 2,
            Self::EventName => 3,
            Self::Principal => 4,
            Self::Session => 5,
            Self::AccessKey => 6,
            Self::Key => 7,
            Self::Resource => 8,
            Self::Error => 9,
            Self::SourceIp => 10,
            Self::Context => 11,
            Self::ReadOnly => 12,
            Self::Region => 13,
            Self::KeyMaterial => 14,
            Self::Grant => 15,
        }
    }
}

/// What one record can be found by. The store does not look into bodies:
/// whoever opens it says how to read these ([`ReadMarks`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// In any order; a field may have several.
    pub texts: Vec<(Field, String)>,
    pub source_ip: Option<IpAddr>,
    /// Digests of what stands in encryption contexts.
    pub tags: Vec<i64>,
    pub read_only: bool,
    pub request_id: Option<[u8; 16]>,
    pub event_id: Option<[u8; 16]>,
}

impl Marks {
    /// The first text of a field.
    pub(super) fn first(&self, field: Field) -> Option<&str> {
        self.texts.iter().find(|(of, _)| *of == field).map(|(_, text)| text.as_str())
    }

    /// All that the index keeps as texts.
    pub(super) fn stored_texts(&self) -> impl Iterator<Item = (Field, Cow<'_, str>)> {
        let texts = self.texts.iter().map(|(field, text)| (*field, Cow::Borrowed(text.as_str())));
        let address = |address: IpAddr| (Field::SourceIp, Cow::Owned(address.to_string()));
        texts.chain(self.source_ip.map(address))
    }

    /// The request id and the event id, once if they are the same.
    pub(super) fn ids(&self) -> impl Iterator<Item = [u8; 16]> {
        let event_id = self.event_id.filter(|id| Some(*id) != self.request_id);
        self.request_id.into_iter().chain(event_id)
    }
}

/// How much of a record is read for its marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// What its columns say, at little cost: of keys and addresses perhaps not
    /// all, and neither resources nor contexts.
    Columns,
    Whole,
}

/// Reads what a record can be found by. A body that cannot be read has nothing.
pub type ReadMarks = fn(&super::StoredRecord, Extent) -> Marks;

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    pub(super) low: [u8; 16],
    pub(super) high: [u8; 16],
}

impl Network {
    /// The addresses that share the first `prefix` bits with `address`; `None`
    /// if it has fewer.
    #[must_use]
    pub fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        let (bits, ahead) = match address {
            IpAddr::V4(_) => (32, 96_u8),
            IpAddr::V6(_) => (128, 0),
        };
        if prefix > bits {
            return None;
        }
        let free = 128_u32.checked_sub(u32::from(ahead.checked_add(prefix)?))?;
        let rest = u128::MAX.checked_shr(128_u32.checked_sub(free)?).unwrap_or(0);
        let address = u128::from_be_bytes(bytes(address));
        Some(Self { low: (address & !rest).to_be_bytes(), high: (address | rest).to_be_bytes() })
    }

    /// Whether the address lies in it.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        (self.low..=self.high).contains(&bytes(address))
    }
}

/// An address as 16 bytes; IPv4 mapped into IPv6.
pub(super) fn bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(network: (&str, u8), inside: &[&str], outside: &[&str]) {
        let range = Network::new(network.0.parse().unwrap(), network.1).unwrap();
        for address in inside {
            assert!(range.contains(address.parse().unwrap()), "{network:?} {address}");
        }
        for address in outside {
            assert!(!range.contains(address.parse().unwrap()), "{network:?} {address}");
        }
    }

    #[test]
    fn networks() {
        check(("10.1.2.3", 32), &["10.1.2.3"], &["10.1.2.4", "10.1.2.2", "::1"]);
        check(("10.1.2.3", 16), &["10.1.0.0", "10.1.255.255"], &["10.0.255.255", "10.2.0.0"]);
        check(("10.1.2.3", 0), &["0.0.0.0", "255.255.255.255"], &["::1", "2001:db8::"]);
        check(("2001:db8::1", 32), &["2001:db8:ffff::"], &["2001:db9::", "10.0.0.1"]);
        check(("::", 0), &["::", "ffff::", "10.0.0.1"], &[]);
        check(("2001:db8::1", 128), &["2001:db8::1"], &["2001:db8::2"]);
        assert_eq!(Network::new("10.0.0.0".parse().unwrap(), 33), None);
        assert_eq!(Network::new("::".parse().unwrap(), 129), None);
    }
}
