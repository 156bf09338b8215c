//! What a grant is and can allow.

use std::fmt;

use super::context::EncryptionContext;
use super::hex;
use super::names::wire_names;
use super::spec::{KeySpec, KeyUsage};

wire_names! {
    /// An operation that a grant can allow (`GrantOperation`).
    pub enum GrantOperation {
        Decrypt = "Decrypt",
        Encrypt = "Encrypt",
        GenerateDataKey = "GenerateDataKey",
        GenerateDataKeyWithoutPlaintext = "GenerateDataKeyWithoutPlaintext",
        ReEncryptFrom = "ReEncryptFrom",
        ReEncryptTo = "ReEncryptTo",
        Sign = "Sign",
        Verify = "Verify",
        GetPublicKey = "GetPublicKey",
        CreateGrant = "CreateGrant",
        RetireGrant = "RetireGrant",
        DescribeKey = "DescribeKey",
        GenerateDataKeyPair = "GenerateDataKeyPair",
        GenerateDataKeyPairWithoutPlaintext = "GenerateDataKeyPairWithoutPlaintext",
        GenerateMac = "GenerateMac",
        VerifyMac = "VerifyMac",
        DeriveSharedSecret = "DeriveSharedSecret",
        Encapsulate = "Encapsulate",
        Decapsulate = "Decapsulate",
    }
}

impl GrantOperation {
    /// Whether a key of this spec and usage can do it.
    #[must_use]
    pub const fn fits(self, spec: KeySpec, usage: KeyUsage) -> bool {
        let symmetric = matches!(spec, KeySpec::SymmetricDefault);
        match self {
            Self::CreateGrant | Self::RetireGrant | Self::DescribeKey => true,
            Self::Decrypt | Self::Encrypt | Self::ReEncryptFrom | Self::ReEncryptTo => {
                matches!(usage, KeyUsage::EncryptDecrypt)
            }
            Self::GenerateDataKey
            | Self::GenerateDataKeyWithoutPlaintext
            | Self::GenerateDataKeyPair
            | Self::GenerateDataKeyPairWithoutPlaintext => symmetric,
            Self::Sign | Self::Verify => matches!(usage, KeyUsage::SignVerify),
            Self::GenerateMac | Self::VerifyMac => matches!(usage, KeyUsage::GenerateVerifyMac),
            Self::DeriveSharedSecret => matches!(usage, KeyUsage::KeyAgreement),
            Self::Encapsulate | Self::Decapsulate => {
                matches!(usage, KeyUsage::EncapsulateDecapsulate)
            }
            Self::GetPublicKey => !symmetric && !matches!(usage, KeyUsage::GenerateVerifyMac),
        }
    }

    /// Whether a grant that is constrained to an encryption context may allow
    /// it: it has one, or the constraint leaves it alone.
    #[must_use]
    pub const fn bears_context(self) -> bool {
        matches!(
            self,
            Self::Decrypt
                | Self::Encrypt
                | Self::GenerateDataKey
                | Self::GenerateDataKeyWithoutPlaintext
                | Self::GenerateDataKeyPair
                | Self::GenerateDataKeyPairWithoutPlaintext
                | Self::ReEncryptFrom
                | Self::ReEncryptTo
                | Self::CreateGrant
                | Self::RetireGrant
                | Self::DescribeKey
        )
    }

    /// Whether a constraint to an encryption context holds for it. It leaves
    /// DescribeKey and RetireGrant alone, which have none, and CreateGrant, which
    /// hands it on ([`GrantTerms::covers`]).
    #[must_use]
    pub const fn is_constrained(self) -> bool {
        !matches!(self, Self::DescribeKey | Self::RetireGrant | Self::CreateGrant)
    }
}

/// The id of a grant: 32 random bytes, 64 hex digits on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GrantId([u8; 32]);

impl GrantId {
    /// The id with these bytes.
    #[must_use]
    pub const fn from_random(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Reads 64 lower-case hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        hex::decode(text).map(Self)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A set of operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct GrantOperations(u32);

impl GrantOperations {
    /// Whether `operation` is in the set.
    #[must_use]
    pub fn contains(self, operation: GrantOperation) -> bool {
        self.0 & Self::bit(operation) != 0
    }

    /// Whether all of this set is in `other`.
    #[must_use]
    pub const fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// The operations, in AWS's order.
    pub fn iter(self) -> impl Iterator<Item = GrantOperation> {
        GrantOperation::ALL.iter().copied().filter(move |operation| self.contains(*operation))
    }

    fn bit(operation: GrantOperation) -> u32 {
        let at = GrantOperation::ALL.iter().position(|other| *other == operation);
        at.and_then(|at| 1_u32.checked_shl(u32::try_from(at).ok()?)).unwrap_or(0)
    }
}

impl FromIterator<GrantOperation> for GrantOperations {
    fn from_iter<I: IntoIterator<Item = GrantOperation>>(operations: I) -> Self {
        Self(operations.into_iter().fold(0, |set, operation| set | Self::bit(operation)))
    }
}

/// What a grant allows, and under which constraints: all that a decision reads
/// of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantTerms {
    pub id: GrantId,
    pub operations: GrantOperations,
    /// `EncryptionContextSubset`: pairs that the encryption context must have;
    /// empty for no such constraint.
    pub subset: EncryptionContext,
    /// `EncryptionContextEquals`: what the encryption context must be; empty
    /// for no such constraint.
    pub equals: EncryptionContext,
    /// `SourceArn`: the resource that the call must be about.
    pub source_arn: Option<String>,
}

impl GrantTerms {
    /// Whether a grant with these terms may be handed on as one with the terms of
    /// `new`: no further operation, and constraints as strict or stricter (AWS KMS
    /// Developer Guide, "Granting CreateGrant permission").
    #[must_use]
    pub fn covers(&self, new: &Self) -> bool {
        let equals = self.equals.is_empty() || self.equals == new.equals;
        let subset = new.subset.contains(&self.subset) || new.equals.contains(&self.subset);
        let source = self.source_arn.is_none() || self.source_arn == new.source_arn;
        new.operations.is_subset(self.operations) && equals && subset && source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(spec: KeySpec, usage: KeyUsage, fitting: &[GrantOperation]) {
        let fits = |operation: &GrantOperation| operation.fits(spec, usage);
        let found: Vec<_> = GrantOperation::ALL.iter().copied().filter(fits).collect();
        assert_eq!(found, fitting, "{spec} {usage}");
    }

    fn context(pairs: &[(&str, &str)]) -> EncryptionContext {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        EncryptionContext::new(pairs.iter().map(owned).collect())
    }

    type Pairs<'a> = &'a [(&'a str, &'a str)];

    fn terms(operations: &[GrantOperation], subset: Pairs<'_>, equals: Pairs<'_>) -> GrantTerms {
        GrantTerms {
            id: GrantId::from_random([0; 32]),
            operations: operations.iter().copied().collect(),
            subset: context(subset),
            equals: context(equals),
            source_arn: None,
        }
    }

    #[test]
    fn a_grant_is_handed_on_no_wider_than_it_is() {
        use GrantOperation as G;
        let all = [G::CreateGrant, G::Decrypt, G::Encrypt];
        let (one, two): (Pairs<'_>, Pairs<'_>) = (&[("a", "1")], &[("a", "1"), ("b", "2")]);
        let free = terms(&all, &[], &[]);
        for new in [&free, &terms(&[G::Decrypt], one, &[]), &terms(&all, &[], two)] {
            assert!(free.covers(new));
        }
        assert!(!free.covers(&terms(&[G::Decrypt, G::RetireGrant], &[], &[])));
        let subset = terms(&all, one, &[]);
        for new in [&subset, &terms(&all, two, &[]), &terms(&all, &[], one), &terms(&all, &[], two)]
        {
            assert!(subset.covers(new));
        }
        for new in [&free, &terms(&all, &[("a", "2")], &[]), &terms(&all, &[], &[("b", "2")])] {
            assert!(!subset.covers(new));
        }
        let equals = terms(&all, &[], one);
        assert!(equals.covers(&equals));
        for new in [&free, &subset, &terms(&all, &[], two)] {
            assert!(!equals.covers(new));
        }
        let source = GrantTerms { source_arn: Some("arn".to_owned()), ..free.clone() };
        assert!(source.covers(&source) && free.covers(&source) && !source.covers(&free));
    }

    #[test]
    fn operations_fit_the_kind_of_key() {
        use GrantOperation as G;
        check(
            KeySpec::SymmetricDefault,
            KeyUsage::EncryptDecrypt,
            &[
                G::Decrypt,
                G::Encrypt,
                G::GenerateDataKey,
                G::GenerateDataKeyWithoutPlaintext,
                G::ReEncryptFrom,
                G::ReEncryptTo,
                G::CreateGrant,
                G::RetireGrant,
                G::DescribeKey,
                G::GenerateDataKeyPair,
                G::GenerateDataKeyPairWithoutPlaintext,
            ],
        );
        check(
            KeySpec::Rsa2048,
            KeyUsage::EncryptDecrypt,
            &[
                G::Decrypt,
                G::Encrypt,
                G::ReEncryptFrom,
                G::ReEncryptTo,
                G::GetPublicKey,
                G::CreateGrant,
                G::RetireGrant,
                G::DescribeKey,
            ],
        );
        check(
            KeySpec::Hmac256,
            KeyUsage::GenerateVerifyMac,
            &[G::CreateGrant, G::RetireGrant, G::DescribeKey, G::GenerateMac, G::VerifyMac],
        );
        check(
            KeySpec::MlKem768,
            KeyUsage::EncapsulateDecapsulate,
            &[
                G::GetPublicKey,
                G::CreateGrant,
                G::RetireGrant,
                G::DescribeKey,
                G::Encapsulate,
                G::Decapsulate,
            ],
        );
    }
}
