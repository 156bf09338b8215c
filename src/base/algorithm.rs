//! The algorithms of the cryptographic operations, as requests name them.
//! The orders are those in which AWS's validation texts list them, measured.

use super::names::wire_names;

wire_names! {
    /// `EncryptionAlgorithm` of Encrypt, Decrypt and ReEncrypt.
    pub enum EncryptionAlgorithm {
        RsaesOaepSha1 = "RSAES_OAEP_SHA_1",
        RsaesOaepSha256 = "RSAES_OAEP_SHA_256",
        Sm2pke = "SM2PKE",
        SymmetricDefault = "SYMMETRIC_DEFAULT",
    }
}

wire_names! {
    /// `SigningAlgorithm` of Sign and Verify.
    pub enum SigningAlgorithm {
        RsassaPssSha256 = "RSASSA_PSS_SHA_256",
        RsassaPssSha384 = "RSASSA_PSS_SHA_384",
        RsassaPssSha512 = "RSASSA_PSS_SHA_512",
        RsassaPkcs1V15Sha256 = "RSASSA_PKCS1_V1_5_SHA_256",
        RsassaPkcs1V15Sha384 = "RSASSA_PKCS1_V1_5_SHA_384",
        RsassaPkcs1V15Sha512 = "RSASSA_PKCS1_V1_5_SHA_512",
        EcdsaSha256 = "ECDSA_SHA_256",
        EcdsaSha384 = "ECDSA_SHA_384",
        EcdsaSha512 = "ECDSA_SHA_512",
        /// Ed25519 over the message itself (RFC 8032, section 5.1.6).
        Ed25519Sha512 = "ED25519_SHA_512",
        /// Ed25519ph over the 64-byte digest, which is hashed once more
        /// (FIPS 186-5, section 7.8.1).
        Ed25519PhSha512 = "ED25519_PH_SHA_512",
        Sm2dsa = "SM2DSA",
        MlDsaShake256 = "ML_DSA_SHAKE_256",
    }
}

wire_names! {
    /// `MessageType` of Sign and Verify.
    pub enum MessageType {
        /// The message; hashed here.
        Raw = "RAW",
        /// The hash of the message.
        Digest = "DIGEST",
        /// ML-DSA's 64-byte message representative (FIPS 204, section 6.2).
        ExternalMu = "EXTERNAL_MU",
    }
}

wire_names! {
    /// `MacAlgorithm` of GenerateMac and VerifyMac.
    pub enum MacAlgorithm {
        HmacSha384 = "HMAC_SHA_384",
        HmacSha256 = "HMAC_SHA_256",
        HmacSha224 = "HMAC_SHA_224",
        HmacSha512 = "HMAC_SHA_512",
    }
}

wire_names! {
    /// `KeyAgreementAlgorithm` of DeriveSharedSecret.
    pub enum KeyAgreementAlgorithm {
        Ecdh = "ECDH",
    }
}

wire_names! {
    /// `EncapsulationAlgorithm` of Encapsulate and Decapsulate.
    pub enum EncapsulationAlgorithm {
        MlKem = "ML_KEM",
    }
}

wire_names! {
    /// `WrappingAlgorithm` of GetParametersForImport.
    pub enum WrappingAlgorithm {
        /// Refused by AWS since October 2023.
        RsaesPkcs1V15 = "RSAES_PKCS1_V1_5",
        RsaesOaepSha1 = "RSAES_OAEP_SHA_1",
        RsaesOaepSha256 = "RSAES_OAEP_SHA_256",
        RsaAesKeyWrapSha1 = "RSA_AES_KEY_WRAP_SHA_1",
        RsaAesKeyWrapSha256 = "RSA_AES_KEY_WRAP_SHA_256",
        Sm2pke = "SM2PKE",
    }
}

impl SigningAlgorithm {
    /// Bytes of the digest that the algorithm signs; `None` where it signs the
    /// message itself.
    #[must_use]
    pub const fn digest_len(self) -> Option<usize> {
        match self {
            Self::RsassaPssSha256
            | Self::RsassaPkcs1V15Sha256
            | Self::EcdsaSha256
            | Self::Sm2dsa => Some(32),
            Self::RsassaPssSha384 | Self::RsassaPkcs1V15Sha384 | Self::EcdsaSha384 => Some(48),
            Self::RsassaPssSha512
            | Self::RsassaPkcs1V15Sha512
            | Self::EcdsaSha512
            | Self::Ed25519PhSha512 => Some(64),
            Self::Ed25519Sha512 | Self::MlDsaShake256 => None,
        }
    }
}
