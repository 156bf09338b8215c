//! Filters as callers write them: names, values, and what they mean.

use std::net::IpAddr;

use uuid::Uuid;

use super::{Error, field_reads, marks};
use crate::base::arn::KeyArn;
use crate::base::ids::RequestId;
use crate::store::{Condition, Conditions, Field, Network, Sought};

/// What of a record can be filtered by, by the name that callers use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    Principal,
    AccessKeyId,
    KeyId,
    EventName,
    EventSource,
    ErrorCode,
    SourceIp,
    Resource,
    Context,
    RequestId,
    EventId,
    ReadOnly,
    Region,
    KeyMaterialId,
    GrantId,
    Table,
}

impl Name {
    /// Every name, as it is written.
    pub const ALL: [(&'static str, Self); 16] = [
        ("principal", Self::Principal),
        ("accessKeyId", Self::AccessKeyId),
        ("keyId", Self::KeyId),
        ("eventName", Self::EventName),
        ("eventSource", Self::EventSource),
        ("errorCode", Self::ErrorCode),
        ("sourceIp", Self::SourceIp),
        ("resource", Self::Resource),
        ("context", Self::Context),
        ("requestId", Self::RequestId),
        ("eventId", Self::EventId),
        ("readOnly", Self::ReadOnly),
        ("awsRegion", Self::Region),
        ("keyMaterialId", Self::KeyMaterialId),
        ("grantId", Self::GrantId),
        ("table", Self::Table),
    ];

    /// The name that is written so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == text).map(|(_, name)| *name)
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, name)| *name == self).map_or("", |(text, _)| text)
    }
}

/// One value that a record may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterValue {
    /// A text of one of these fields.
    Text(Vec<Field>, String),
    /// The id of a key, without its ARN.
    KeyId(String),
    AnyError,
    NoError,
    Network(Network),
    /// `name` or `name=value` of an encryption context.
    Context(String),
    /// The table of an item.
    Table(String),
    ReadOnly,
    Writing,
    RequestId([u8; 16]),
    EventId([u8; 16]),
}

impl FilterValue {
    /// Reads a value of the filter `name`.
    ///
    /// # Errors
    /// [`Error::Value`].
    pub fn parse(name: Name, text: &str) -> Result<Self, Error> {
        let of = |field: Field| Ok(Self::Text(vec![field], text.to_owned()));
        let wrong = |expected| Error::Value { name: name.as_str(), expected };
        match name {
            // A role is found by its ARN in all its sessions.
            Name::Principal => {
                Ok(Self::Text(vec![Field::Principal, Field::Session], text.to_owned()))
            }
            Name::AccessKeyId => of(Field::AccessKey),
            Name::KeyId if text.starts_with("arn:") => of(Field::Key),
            Name::KeyId => Ok(Self::KeyId(text.to_owned())),
            Name::EventName => of(Field::EventName),
            Name::EventSource => of(Field::EventSource),
            Name::ErrorCode => match text {
                "any" => Ok(Self::AnyError),
                "none" => Ok(Self::NoError),
                _ => of(Field::Error),
            },
            Name::SourceIp => network(text)
                .map(Self::Network)
                .ok_or_else(|| wrong("an IP address or a network such as 10.1.0.0/16")),
            Name::Resource if !text.starts_with("arn:") => Err(wrong("an ARN")),
            Name::Resource if KeyArn::parse(text).is_some() => of(Field::Key),
            Name::Resource => of(Field::Resource),
            Name::Context => Ok(Self::Context(text.to_owned())),
            Name::Region => of(Field::Region),
            Name::KeyMaterialId => of(Field::KeyMaterial),
            Name::GrantId if !marks::is_grant_id(text) => Err(wrong("64 hexadecimal digits")),
            Name::GrantId => of(Field::Grant),
            Name::Table => Ok(Self::Table(text.to_owned())),
            Name::ReadOnly => match text {
                "true" => Ok(Self::ReadOnly),
                "false" => Ok(Self::Writing),
                _ => Err(wrong("true or false")),
            },
            Name::RequestId => uuid(text).map(Self::RequestId).ok_or_else(|| wrong("a UUID")),
            Name::EventId => uuid(text).map(Self::EventId).ok_or_else(|| wrong("a UUID")),
        }
    }

    /// The value in the store's terms; a text may stand in several fields.
    fn sought(&self) -> Vec<Sought<'_>> {
        vec![match self {
            Self::Text(fields, text) => {
                return fields.iter().map(|field| Sought::Text(*field, text)).collect();
            }
            Self::KeyId(key_id) => Sought::KeyId(key_id),
            Self::AnyError => Sought::Failed,
            Self::NoError => Sought::Succeeded,
            Self::Network(network) => Sought::SourceIn(*network),
            Self::Context(text) => Sought::Tag(marks::tag(text)),
            Self::Table(name) => Sought::Tag(field_reads::of_table(name)),
            Self::ReadOnly => Sought::ReadOnly,
            Self::Writing => Sought::Writing,
            Self::RequestId(id) => Sought::RequestId(*id),
            Self::EventId(id) => Sought::EventId(*id),
        }]
    }
}

impl From<RequestId> for FilterValue {
    fn from(id: RequestId) -> Self {
        Self::RequestId(*id.as_bytes())
    }
}

/// An address alone is a network of one.
fn network(text: &str) -> Option<Network> {
    let Some((address, prefix)) = text.split_once('/') else {
        let address: IpAddr = text.parse().ok()?;
        return Network::new(address, if address.is_ipv4() { 32 } else { 128 });
    };
    let is_number = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
    Network::new(address.parse().ok()?, prefix.parse().ok().filter(|_| is_number)?)
}

fn uuid(text: &str) -> Option<[u8; 16]> {
    Uuid::try_parse(text).ok().map(Uuid::into_bytes)
}

/// Holds for records that have any of the values; with `not`, for those that
/// have none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Term {
    pub any_of: Vec<FilterValue>,
    pub not: bool,
}

impl Term {
    /// Holds for records that have the value.
    #[must_use]
    pub fn is(value: FilterValue) -> Self {
        Self { any_of: vec![value], not: false }
    }

    /// Holds for records with this text.
    #[must_use]
    pub fn text(field: Field, text: &str) -> Self {
        Self::is(FilterValue::Text(vec![field], text.to_owned()))
    }
}

/// Which records: all of it must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// `recipientAccountId`.
    pub account: Option<String>,
    /// The earliest time, epoch milliseconds.
    pub from_ms: Option<i64>,
    /// The end, epoch milliseconds; not included.
    pub to_ms: Option<i64>,
    pub terms: Vec<Term>,
}

impl Selection {
    /// The conditions of all terms, to be borrowed by [`Self::conditions`].
    pub(super) fn all(&self) -> Vec<Condition<'_>> {
        let account = self.account.iter().map(|account| Condition {
            any_of: vec![Sought::Text(Field::Account, account)],
            not: false,
        });
        let terms = self.terms.iter().map(|term| Condition {
            any_of: term.any_of.iter().flat_map(FilterValue::sought).collect(),
            not: term.not,
        });
        // The account has the most records, so it comes last.
        terms.chain(account).collect()
    }

    pub(super) fn conditions<'a>(&self, all: &'a [Condition<'a>]) -> Conditions<'a> {
        Conditions {
            all,
            from_ms: self.from_ms.unwrap_or(i64::MIN),
            to_ms: self.to_ms.unwrap_or(i64::MAX),
        }
    }
}
