//! What a KMS key is: spec, usage, state, origin, and which go together
//! (AWS KMS API Reference, CreateKey and KeyMetadata).

use super::algorithm::{
    EncapsulationAlgorithm, EncryptionAlgorithm, KeyAgreementAlgorithm, MacAlgorithm,
    SigningAlgorithm,
};
use super::names::wire_names;

wire_names! {
    /// `KeySpec`: the kind of key material. `SM2` exists in AWS's China Regions
    /// only and cannot be made here.
    pub enum KeySpec {
        Rsa2048 = "RSA_2048",
        Rsa3072 = "RSA_3072",
        Rsa4096 = "RSA_4096",
        EccNistP256 = "ECC_NIST_P256",
        EccNistP384 = "ECC_NIST_P384",
        EccNistP521 = "ECC_NIST_P521",
        EccSecgP256k1 = "ECC_SECG_P256K1",
        EccNistEdwards25519 = "ECC_NIST_EDWARDS25519",
        SymmetricDefault = "SYMMETRIC_DEFAULT",
        Hmac224 = "HMAC_224",
        Hmac256 = "HMAC_256",
        Hmac384 = "HMAC_384",
        Hmac512 = "HMAC_512",
        Sm2 = "SM2",
        MlDsa44 = "ML_DSA_44",
        MlDsa65 = "ML_DSA_65",
        MlDsa87 = "ML_DSA_87",
        MlKem512 = "ML_KEM_512",
        MlKem768 = "ML_KEM_768",
        MlKem1024 = "ML_KEM_1024",
    }
}

wire_names! {
    /// `KeyUsage`: what a key may be used for; fixed at creation.
    pub enum KeyUsage {
        SignVerify = "SIGN_VERIFY",
        EncryptDecrypt = "ENCRYPT_DECRYPT",
        GenerateVerifyMac = "GENERATE_VERIFY_MAC",
        KeyAgreement = "KEY_AGREEMENT",
        EncapsulateDecapsulate = "ENCAPSULATE_DECAPSULATE",
    }
}

wire_names! {
    /// `KeyState` (AWS KMS Developer Guide, "Key states of AWS KMS keys"), in
    /// the order of the state table.
    pub enum KeyState {
        Enabled = "Enabled",
        Disabled = "Disabled",
        PendingDeletion = "PendingDeletion",
        PendingReplicaDeletion = "PendingReplicaDeletion",
        PendingImport = "PendingImport",
        Unavailable = "Unavailable",
        Creating = "Creating",
        Updating = "Updating",
    }
}

wire_names! {
    /// `Origin`: where the key material came from.
    pub enum Origin {
        AwsKms = "AWS_KMS",
        External = "EXTERNAL",
        AwsCloudHsm = "AWS_CLOUDHSM",
        ExternalKeyStore = "EXTERNAL_KEY_STORE",
    }
}

wire_names! {
    /// `KeyManager`: who looks after a key.
    pub enum KeyManager {
        /// A service, for its own use in the customer's account: the key of
        /// `alias/aws/<service>`.
        Aws = "AWS",
        Customer = "CUSTOMER",
    }
}

wire_names! {
    /// `MultiRegionKeyType`.
    pub enum MultiRegionRole {
        Primary = "PRIMARY",
        Replica = "REPLICA",
    }
}

wire_names! {
    /// `KeyMaterialState`.
    pub enum MaterialState {
        /// Decrypts only.
        NonCurrent = "NON_CURRENT",
        Current = "CURRENT",
        /// Imported, not yet rotated to.
        PendingRotation = "PENDING_ROTATION",
        /// The same, while a replica still lacks it.
        PendingMultiRegionImportAndRotation = "PENDING_MULTI_REGION_IMPORT_AND_ROTATION",
    }
}

wire_names! {
    /// `RotationType`: why a material became the current one.
    pub enum RotationType {
        Automatic = "AUTOMATIC",
        OnDemand = "ON_DEMAND",
    }
}

wire_names! {
    /// `ExpirationModel` of imported material.
    pub enum ExpirationModel {
        Expires = "KEY_MATERIAL_EXPIRES",
        DoesNotExpire = "KEY_MATERIAL_DOES_NOT_EXPIRE",
    }
}

wire_names! {
    /// `ImportType`: whether the imported material is one that the key had
    /// before.
    pub enum ImportType {
        New = "NEW_KEY_MATERIAL",
        Existing = "EXISTING_KEY_MATERIAL",
    }
}

wire_names! {
    /// `KeyPairSpec` of a data key pair.
    pub enum KeyPairSpec {
        Rsa2048 = "RSA_2048",
        Rsa3072 = "RSA_3072",
        Rsa4096 = "RSA_4096",
        EccNistP256 = "ECC_NIST_P256",
        EccNistP384 = "ECC_NIST_P384",
        EccNistP521 = "ECC_NIST_P521",
        EccSecgP256k1 = "ECC_SECG_P256K1",
        EccNistEdwards25519 = "ECC_NIST_EDWARDS25519",
        Sm2 = "SM2",
        MlKem512 = "ML_KEM_512",
        MlKem768 = "ML_KEM_768",
        MlKem1024 = "ML_KEM_1024",
    }
}

impl KeySpec {
    /// The usages a key of this spec may have.
    #[must_use]
    pub const fn usages(self) -> &'static [KeyUsage] {
        use KeyUsage::{
            EncapsulateDecapsulate, EncryptDecrypt, GenerateVerifyMac, KeyAgreement, SignVerify,
        };
        match self {
            Self::SymmetricDefault => &[EncryptDecrypt],
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => &[EncryptDecrypt, SignVerify],
            Self::EccNistP256 | Self::EccNistP384 | Self::EccNistP521 => {
                &[SignVerify, KeyAgreement]
            }
            Self::EccSecgP256k1
            | Self::EccNistEdwards25519
            | Self::MlDsa44
            | Self::MlDsa65
            | Self::MlDsa87 => &[SignVerify],
            Self::Hmac224 | Self::Hmac256 | Self::Hmac384 | Self::Hmac512 => &[GenerateVerifyMac],
            Self::Sm2 => &[EncryptDecrypt, SignVerify, KeyAgreement],
            Self::MlKem512 | Self::MlKem768 | Self::MlKem1024 => &[EncapsulateDecapsulate],
        }
    }

    /// Whether the key has a public half.
    #[must_use]
    pub const fn is_asymmetric(self) -> bool {
        !matches!(
            self,
            Self::SymmetricDefault | Self::Hmac224 | Self::Hmac256 | Self::Hmac384 | Self::Hmac512
        )
    }

    /// Whether it is an RSA key, which takes long to make.
    #[must_use]
    pub const fn is_rsa(self) -> bool {
        matches!(self, Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096)
    }

    /// What Encrypt and Decrypt take with such a key.
    #[must_use]
    pub const fn encryption_algorithms(self) -> &'static [EncryptionAlgorithm] {
        use EncryptionAlgorithm::{RsaesOaepSha1, RsaesOaepSha256, SymmetricDefault};
        match self {
            Self::SymmetricDefault => &[SymmetricDefault],
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => &[RsaesOaepSha1, RsaesOaepSha256],
            _ => &[],
        }
    }

    /// What Sign and Verify take with such a key, in the order of KeyMetadata.
    #[must_use]
    pub const fn signing_algorithms(self) -> &'static [SigningAlgorithm] {
        use SigningAlgorithm as A;
        match self {
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => &[
                A::RsassaPkcs1V15Sha256,
                A::RsassaPkcs1V15Sha384,
                A::RsassaPkcs1V15Sha512,
                A::RsassaPssSha256,
                A::RsassaPssSha384,
                A::RsassaPssSha512,
            ],
            Self::EccNistP256 | Self::EccSecgP256k1 => &[A::EcdsaSha256],
            Self::EccNistP384 => &[A::EcdsaSha384],
            Self::EccNistP521 => &[A::EcdsaSha512],
            Self::EccNistEdwards25519 => &[A::Ed25519Sha512, A::Ed25519PhSha512],
            Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87 => &[A::MlDsaShake256],
            _ => &[],
        }
    }

    /// What GenerateMac and VerifyMac take with such a key.
    #[must_use]
    pub const fn mac_algorithms(self) -> &'static [MacAlgorithm] {
        match self {
            Self::Hmac224 => &[MacAlgorithm::HmacSha224],
            Self::Hmac256 => &[MacAlgorithm::HmacSha256],
            Self::Hmac384 => &[MacAlgorithm::HmacSha384],
            Self::Hmac512 => &[MacAlgorithm::HmacSha512],
            _ => &[],
        }
    }

    /// What DeriveSharedSecret takes with such a key.
    #[must_use]
    pub const fn key_agreement_algorithms(self) -> &'static [KeyAgreementAlgorithm] {
        match self {
            Self::EccNistP256 | Self::EccNistP384 | Self::EccNistP521 => {
                &[KeyAgreementAlgorithm::Ecdh]
            }
            _ => &[],
        }
    }

    /// What Encapsulate and Decapsulate take with such a key.
    #[must_use]
    pub const fn encapsulation_algorithms(self) -> &'static [EncapsulationAlgorithm] {
        match self {
            Self::MlKem512 | Self::MlKem768 | Self::MlKem1024 => &[EncapsulationAlgorithm::MlKem],
            _ => &[],
        }
    }
}

impl KeyPairSpec {
    /// The spec of a KMS key of the same kind.
    #[must_use]
    pub const fn key_spec(self) -> KeySpec {
        match self {
            Self::Rsa2048 => KeySpec::Rsa2048,
            Self::Rsa3072 => KeySpec::Rsa3072,
            Self::Rsa4096 => KeySpec::Rsa4096,
            Self::EccNistP256 => KeySpec::EccNistP256,
            Self::EccNistP384 => KeySpec::EccNistP384,
            Self::EccNistP521 => KeySpec::EccNistP521,
            Self::EccSecgP256k1 => KeySpec::EccSecgP256k1,
            Self::EccNistEdwards25519 => KeySpec::EccNistEdwards25519,
            Self::Sm2 => KeySpec::Sm2,
            Self::MlKem512 => KeySpec::MlKem512,
            Self::MlKem768 => KeySpec::MlKem768,
            Self::MlKem1024 => KeySpec::MlKem1024,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for spec in KeySpec::ALL {
            assert_eq!(KeySpec::parse(spec.as_str()), Some(*spec));
        }
        for spec in KeyPairSpec::ALL {
            assert_eq!(spec.key_spec().as_str(), spec.as_str());
        }
        assert_eq!(KeySpec::parse("rsa_2048"), None);
        assert_eq!(KeyState::NAMES.len(), KeyState::ALL.len());
    }

    #[test]
    fn every_usage_has_its_algorithms() {
        for spec in KeySpec::ALL.iter().filter(|spec| **spec != KeySpec::Sm2) {
            for usage in spec.usages() {
                let algorithms = match usage {
                    KeyUsage::EncryptDecrypt => spec.encryption_algorithms().len(),
                    KeyUsage::SignVerify => spec.signing_algorithms().len(),
                    KeyUsage::GenerateVerifyMac => spec.mac_algorithms().len(),
                    KeyUsage::KeyAgreement => spec.key_agreement_algorithms().len(),
                    KeyUsage::EncapsulateDecapsulate => spec.encapsulation_algorithms().len(),
                };
                assert!(algorithms > 0, "{spec} {usage}");
            }
        }
    }
}
