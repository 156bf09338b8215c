//! Amazon Resource Names: `arn:partition:service:region:account:resource`.

use std::fmt;

use super::ids::{AccountId, AliasName, KeyId, Region};

/// The partition of every ARN made here.
pub const PARTITION: &str = "aws";

/// The six parts of any ARN, borrowed; nothing but the shape is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arn<'a> {
    pub partition: &'a str,
    pub service: &'a str,
    pub region: &'a str,
    pub account: &'a str,
    /// Everything after the fifth colon, further colons included.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Splits `text` into the six parts.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.strip_prefix("arn:")?.splitn(5, ':');
        Some(Self {
            partition: parts.next()?,
            service: parts.next()?,
            region: parts.next()?,
            account: parts.next()?,
            resource: parts.next()?,
        })
    }
}

/// The ARN of a KMS key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyArn {
    pub region: Region,
    pub account: AccountId,
    pub id: KeyId,
}

impl KeyArn {
    /// Reads a key ARN.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let arn = Arn::parse(text)?;
        if arn.partition != PARTITION || arn.service != "kms" {
            return None;
        }
        Some(Self {
            region: Region::parse(arn.region)?,
            account: AccountId::parse(arn.account)?,
            id: KeyId::parse(arn.resource.strip_prefix("key/")?)?,
        })
    }
}

impl fmt::Display for KeyArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:{PARTITION}:kms:{}:{}:key/{}", self.region, self.account, self.id)
    }
}

/// The ARN of a role. Names have no path here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleArn {
    pub account: AccountId,
    pub name: String,
}

impl RoleArn {
    /// Reads a role ARN.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let arn = Arn::parse(text)?;
        let name = arn.resource.strip_prefix("role/")?;
        if arn.partition != PARTITION || arn.service != "iam" || !arn.region.is_empty() {
            return None;
        }
        if name.is_empty() {
            return None;
        }
        Some(Self { account: AccountId::parse(arn.account)?, name: name.to_owned() })
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:{PARTITION}:iam::{}:role/{}", self.account, self.name)
    }
}

/// The ARN of an OpenID Connect provider; `issuer` is without its scheme.
#[must_use]
pub fn oidc_provider(account: &AccountId, issuer: &str) -> String {
    format!("arn:{PARTITION}:iam::{account}:oidc-provider/{issuer}")
}

/// The ARN of an alias.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AliasArn {
    pub region: Region,
    pub account: AccountId,
    pub name: AliasName,
}

impl fmt::Display for AliasArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:{PARTITION}:kms:{}:{}:{}", self.region, self.account, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_arn_round_trips() {
        let text = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        assert_eq!(KeyArn::parse(text).unwrap().to_string(), text);
        assert_eq!(KeyArn::parse("arn:aws:kms:eu-central-1:111122223333:alias/x"), None);
    }

    #[test]
    fn role_arn_round_trips() {
        let text = "arn:aws:iam::111122223333:role/app";
        assert_eq!(RoleArn::parse(text).unwrap().to_string(), text);
        for other in [
            "arn:aws:iam::111122223333:user/app",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam:eu-central-1:111122223333:role/app",
            "arn:aws-cn:iam::111122223333:role/app",
            "arn:aws:sts::111122223333:role/app",
            "arn:aws:iam::1:role/app",
        ] {
            assert_eq!(RoleArn::parse(other), None, "{other}");
        }
    }

    #[test]
    fn resource_keeps_further_colons() {
        let arn = Arn::parse("arn:aws:sts::1:assumed-role/a:b").unwrap();
        assert_eq!(arn.resource, "assumed-role/a:b");
        assert_eq!(Arn::parse("arn:aws:kms:x:y"), None);
    }
}
