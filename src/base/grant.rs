//! What a grant can allow.

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
