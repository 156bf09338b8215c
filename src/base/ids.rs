//! Identifiers with the syntax AWS gives them. Each is parsed once, at the door.

use std::fmt;
use std::sync::Arc;

use super::hex;

/// A 12-digit AWS account id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(Arc<str>);

impl AccountId {
    /// Reads exactly twelve ASCII digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let valid = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
        valid.then(|| Self(text.into()))
    }

    /// The twelve digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An AWS Region name, such as `eu-central-1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(Arc<str>);

impl Region {
    /// Reads a Region name: `^([a-z]+-){2,3}\d+$`, at most 32 characters, as
    /// the KMS model has it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() <= 32 && Self::is_formed(text)).then(|| Self(text.into()))
    }

    /// Whether `text`, however long, has the form of a Region name.
    #[must_use]
    pub fn is_formed(text: &str) -> bool {
        let Some((words, number)) = text.rsplit_once('-') else { return false };
        let count = words.split('-').count();
        (2..=3).contains(&count)
            && words
                .split('-')
                .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()))
            && !number.is_empty()
            && number.bytes().all(|b| b.is_ascii_digit())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An account in a Region: the place in which keys, aliases and item schemas
/// live, and which one page of a list shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Realm {
    pub account: AccountId,
    pub region: Region,
}

/// The id of a KMS key: a lower-case UUID for a single-Region key, `mrk-` and
/// 32 hex digits for a multi-Region key. 16 bytes either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId {
    bytes: [u8; 16],
    multi_region: bool,
}

impl KeyId {
    /// A new single-Region id from 16 random bytes, as a version 4 UUID.
    #[must_use]
    pub fn from_random(random: [u8; 16]) -> Self {
        let uuid = uuid::Builder::from_random_bytes(random).into_uuid();
        Self { bytes: *uuid.as_bytes(), multi_region: false }
    }

    /// The id with these 16 bytes, as stored.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16], multi_region: bool) -> Self {
        Self { bytes, multi_region }
    }

    /// Reads either spelling. Upper case is refused: ids are case-sensitive.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(digits) = text.strip_prefix("mrk-") {
            return Some(Self { bytes: hex::decode(digits)?, multi_region: true });
        }
        let uuid = uuid::Uuid::try_parse(text).ok()?;
        let id = Self { bytes: *uuid.as_bytes(), multi_region: false };
        // `try_parse` takes several spellings; an id has one.
        (id.to_string() == text).then_some(id)
    }

    /// The 16 bytes behind the text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.bytes
    }

    /// Whether this is the id of a multi-Region key.
    #[must_use]
    pub fn is_multi_region(&self) -> bool {
        self.multi_region
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.multi_region {
            write!(f, "mrk-{}", hex::encode(&self.bytes))
        } else {
            uuid::Uuid::from_bytes(self.bytes).as_hyphenated().fmt(f)
        }
    }
}

/// The id of one key material of a KMS key (`KeyMaterialId`): 64 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MaterialId([u8; 32]);

impl MaterialId {
    /// The id with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 64 lower-case hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        hex::decode(text).map(Self)
    }

    /// The 32 bytes behind the text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for MaterialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

/// The id of a custom key store: `cks-` and 17 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomKeyStoreId(
    /// The digits as a number of 68 bits.
    u128,
);

impl CustomKeyStoreId {
    /// A new id from 16 random bytes, of which 68 bits are used.
    #[must_use]
    pub fn from_random(random: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(random) >> 60)
    }

    /// Reads the one spelling that an id has.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("cks-")?;
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let valid = digits.len() == 17 && digits.bytes().all(is_digit);
        u128::from_str_radix(digits, 16).ok().filter(|_| valid).map(Self)
    }
}

impl fmt::Display for CustomKeyStoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cks-{:017x}", self.0)
    }
}

/// The id of one call: `x-amzn-RequestId` and CloudTrail's `requestID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId([u8; 16]);

impl RequestId {
    /// A new id from 16 random bytes, as a version 4 UUID.
    #[must_use]
    pub fn from_random(random: [u8; 16]) -> Self {
        Self(*uuid::Builder::from_random_bytes(random).into_uuid().as_bytes())
    }

    /// The id with these 16 bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Reads the hyphenated form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        uuid::Uuid::try_parse(text).ok().map(|uuid| Self(*uuid.as_bytes()))
    }

    /// The 16 bytes behind the text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid::Uuid::from_bytes(self.0).as_hyphenated().fmt(f)
    }
}

/// An alias name, `alias/` included; 1 to 256 of `[a-zA-Z0-9/_-]` after it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AliasName(Arc<str>);

impl AliasName {
    /// Reads a name that starts with `alias/` and holds only characters that
    /// an alias may have.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("alias/")?;
        let valid = !rest.is_empty()
            && text.len() <= 256
            && rest.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-'));
        valid.then(|| Self(text.into()))
    }

    /// The name, `alias/` included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name belongs to AWS (`alias/aws...`): nobody may create it.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with("alias/aws")
    }
}

impl fmt::Display for AliasName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_key(text: &str, want: bool) {
        let parsed = KeyId::parse(text);
        assert_eq!(parsed.is_some(), want, "{text}");
        if let Some(id) = parsed {
            assert_eq!(id.to_string(), text);
        }
    }

    #[test]
    fn key_ids() {
        check_key("1234abcd-12ab-34cd-56ef-1234567890ab", true);
        check_key("mrk-1234abcd12ab34cd56ef1234567890ab", true);
        check_key("1234ABCD-12ab-34cd-56ef-1234567890ab", false);
        check_key("1234abcd12ab34cd56ef1234567890ab", false);
        check_key("mrk-1234", false);
        check_key("", false);
    }

    #[test]
    fn custom_key_stores() {
        for good in ["cks-00000000000000000", "cks-1234567890abcdef0", "cks-fffffffffffffffff"] {
            assert_eq!(CustomKeyStoreId::parse(good).unwrap().to_string(), good);
        }
        for bad in
            ["", "cks-", "cks-1234567890abcdef", "cks-1234567890abcdef01", "1234567890abcdef0"]
        {
            assert_eq!(CustomKeyStoreId::parse(bad), None, "{bad}");
        }
        for bad in ["cks-1234567890ABCDEF0", "cks-+234567890abcdef0", "cks-1234567890abcde\u{e4}"] {
            assert_eq!(CustomKeyStoreId::parse(bad), None, "{bad}");
        }
        let id = CustomKeyStoreId::from_random([0xff; 16]);
        assert_eq!(id.to_string(), "cks-fffffffffffffffff");
    }

    #[test]
    fn regions() {
        assert!(Region::parse("eu-central-1").is_some());
        assert!(Region::parse("us-gov-west-1").is_some());
        assert!(Region::parse("eu-1").is_none());
        assert!(Region::parse("EU-central-1").is_none());
        assert!(Region::parse("eu-central-").is_none());
    }

    #[test]
    fn accounts_and_aliases() {
        assert!(AccountId::parse("111122223333").is_some());
        assert!(AccountId::parse("11112222333").is_none());
        assert!(AliasName::parse("alias/app/x_-1").is_some());
        assert!(AliasName::parse("alias/").is_none());
        assert!(AliasName::parse("alias/a b").is_none());
        assert!(AliasName::parse("alias/aws/s3").is_some_and(|name| name.is_reserved()));
    }
}
