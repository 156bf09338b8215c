//! Request rates: how calls are grouped, and how often a group may be called
//! (AWS KMS Developer Guide, "Request quotas"). Who counts is `ops`.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use super::names::wire_names;
use super::spec::{KeyPairSpec, KeySpec};

wire_names! {
    /// Calls that are counted together. The cryptographic operations share a
    /// group for each kind of key, data key pairs have one for each of their
    /// specs, calls by the token of a web identity have one before it is known
    /// who that is, and every other operation of KMS has one of its own, of its
    /// name.
    pub enum RateGroup {
        Symmetric = "symmetric",
        Rsa = "rsa",
        Ecc = "ecc",
        MlDsa = "ml-dsa",
        MlKem = "ml-kem",
        WebIdentity = "web-identity",
        DataKeyPairRsa2048 = "GenerateDataKeyPair-RSA_2048",
        DataKeyPairRsa3072 = "GenerateDataKeyPair-RSA_3072",
        DataKeyPairRsa4096 = "GenerateDataKeyPair-RSA_4096",
        DataKeyPairEccNistP256 = "GenerateDataKeyPair-ECC_NIST_P256",
        DataKeyPairEccNistP384 = "GenerateDataKeyPair-ECC_NIST_P384",
        DataKeyPairEccNistP521 = "GenerateDataKeyPair-ECC_NIST_P521",
        DataKeyPairEccSecgP256k1 = "GenerateDataKeyPair-ECC_SECG_P256K1",
        DataKeyPairEccNistEdwards25519 = "GenerateDataKeyPair-ECC_NIST_EDWARDS25519",
        DataKeyPairSm2 = "GenerateDataKeyPair-SM2",
        DataKeyPairMlKem512 = "GenerateDataKeyPair-ML_KEM_512",
        DataKeyPairMlKem768 = "GenerateDataKeyPair-ML_KEM_768",
        DataKeyPairMlKem1024 = "GenerateDataKeyPair-ML_KEM_1024",
        CancelKeyDeletion = "CancelKeyDeletion",
        ConnectCustomKeyStore = "ConnectCustomKeyStore",
        CreateAlias = "CreateAlias",
        CreateCustomKeyStore = "CreateCustomKeyStore",
        CreateGrant = "CreateGrant",
        CreateKey = "CreateKey",
        DeleteAlias = "DeleteAlias",
        DeleteCustomKeyStore = "DeleteCustomKeyStore",
        DeleteImportedKeyMaterial = "DeleteImportedKeyMaterial",
        DescribeCustomKeyStores = "DescribeCustomKeyStores",
        DescribeKey = "DescribeKey",
        DisableKey = "DisableKey",
        DisableKeyRotation = "DisableKeyRotation",
        DisconnectCustomKeyStore = "DisconnectCustomKeyStore",
        EnableKey = "EnableKey",
        EnableKeyRotation = "EnableKeyRotation",
        GetKeyLastUsage = "GetKeyLastUsage",
        GetKeyPolicy = "GetKeyPolicy",
        GetKeyRotationStatus = "GetKeyRotationStatus",
        GetParametersForImport = "GetParametersForImport",
        GetPublicKey = "GetPublicKey",
        ImportKeyMaterial = "ImportKeyMaterial",
        ListAliases = "ListAliases",
        ListGrants = "ListGrants",
        ListKeyPolicies = "ListKeyPolicies",
        ListKeyRotations = "ListKeyRotations",
        ListKeys = "ListKeys",
        ListResourceTags = "ListResourceTags",
        ListRetirableGrants = "ListRetirableGrants",
        PutKeyPolicy = "PutKeyPolicy",
        ReplicateKey = "ReplicateKey",
        RetireGrant = "RetireGrant",
        RevokeGrant = "RevokeGrant",
        RotateKeyOnDemand = "RotateKeyOnDemand",
        ScheduleKeyDeletion = "ScheduleKeyDeletion",
        TagResource = "TagResource",
        UntagResource = "UntagResource",
        UpdateAlias = "UpdateAlias",
        UpdateCustomKeyStore = "UpdateCustomKeyStore",
        UpdateKeyDescription = "UpdateKeyDescription",
        UpdatePrimaryRegion = "UpdatePrimaryRegion",
    }
}

impl RateGroup {
    /// Where the cryptographic use of a key is counted.
    #[must_use]
    pub const fn of_key(spec: KeySpec) -> Self {
        match spec {
            KeySpec::SymmetricDefault
            | KeySpec::Hmac224
            | KeySpec::Hmac256
            | KeySpec::Hmac384
            | KeySpec::Hmac512 => Self::Symmetric,
            KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => Self::Rsa,
            KeySpec::EccNistP256
            | KeySpec::EccNistP384
            | KeySpec::EccNistP521
            | KeySpec::EccSecgP256k1
            | KeySpec::EccNistEdwards25519
            | KeySpec::Sm2 => Self::Ecc,
            KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87 => Self::MlDsa,
            KeySpec::MlKem512 | KeySpec::MlKem768 | KeySpec::MlKem1024 => Self::MlKem,
        }
    }

    /// Where the making of a data key pair is counted.
    #[must_use]
    pub const fn of_data_key_pair(spec: KeyPairSpec) -> Self {
        match spec {
            KeyPairSpec::Rsa2048 => Self::DataKeyPairRsa2048,
            KeyPairSpec::Rsa3072 => Self::DataKeyPairRsa3072,
            KeyPairSpec::Rsa4096 => Self::DataKeyPairRsa4096,
            KeyPairSpec::EccNistP256 => Self::DataKeyPairEccNistP256,
            KeyPairSpec::EccNistP384 => Self::DataKeyPairEccNistP384,
            KeyPairSpec::EccNistP521 => Self::DataKeyPairEccNistP521,
            KeyPairSpec::EccSecgP256k1 => Self::DataKeyPairEccSecgP256k1,
            KeyPairSpec::EccNistEdwards25519 => Self::DataKeyPairEccNistEdwards25519,
            KeyPairSpec::Sm2 => Self::DataKeyPairSm2,
            KeyPairSpec::MlKem512 => Self::DataKeyPairMlKem512,
            KeyPairSpec::MlKem768 => Self::DataKeyPairMlKem768,
            KeyPairSpec::MlKem1024 => Self::DataKeyPairMlKem1024,
        }
    }

    /// AWS's own rate; where it varies with the Region, that of most of them.
    /// Groups of ML-KEM keys are not in AWS's table: as those of elliptic curves.
    #[must_use]
    pub const fn aws(self) -> Rate {
        let a_second = match self {
            Self::Symmetric => 10_000,
            Self::DescribeKey | Self::GetPublicKey | Self::ListResourceTags => 2_000,
            Self::Rsa
            | Self::Ecc
            | Self::MlDsa
            | Self::MlKem
            | Self::GetKeyPolicy
            | Self::GetKeyRotationStatus => 1_000,
            Self::WebIdentity => 600,
            Self::ListAliases | Self::ListKeys => 500,
            Self::DataKeyPairEccNistP256
            | Self::DataKeyPairEccNistP384
            | Self::DataKeyPairEccNistP521
            | Self::DataKeyPairEccSecgP256k1
            | Self::DataKeyPairEccNistEdwards25519
            | Self::DataKeyPairMlKem512
            | Self::DataKeyPairMlKem768
            | Self::DataKeyPairMlKem1024
            | Self::ListGrants
            | Self::ListKeyPolicies
            | Self::ListKeyRotations
            | Self::ListRetirableGrants => 100,
            Self::CreateGrant | Self::RetireGrant | Self::RevokeGrant => 50,
            Self::DataKeyPairSm2 => 25,
            Self::DataKeyPairRsa2048 => 20,
            Self::DeleteAlias
            | Self::DeleteImportedKeyMaterial
            | Self::EnableKeyRotation
            | Self::ImportKeyMaterial
            | Self::PutKeyPolicy
            | Self::ScheduleKeyDeletion => 15,
            Self::TagResource => 10,
            Self::CancelKeyDeletion
            | Self::ConnectCustomKeyStore
            | Self::CreateAlias
            | Self::CreateCustomKeyStore
            | Self::CreateKey
            | Self::DeleteCustomKeyStore
            | Self::DescribeCustomKeyStores
            | Self::DisableKey
            | Self::DisableKeyRotation
            | Self::DisconnectCustomKeyStore
            | Self::EnableKey
            | Self::GetKeyLastUsage
            | Self::ReplicateKey
            | Self::RotateKeyOnDemand
            | Self::UntagResource
            | Self::UpdateAlias
            | Self::UpdateCustomKeyStore
            | Self::UpdateKeyDescription
            | Self::UpdatePrimaryRegion => 5,
            Self::DataKeyPairRsa3072 => 4,
            Self::DataKeyPairRsa4096 | Self::GetParametersForImport => 1,
        };
        Rate::a_second(a_second)
    }
}

/// How often calls may be made, on average. What one second brings may come at
/// once, and one call always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// From one call to the next, nanoseconds; not zero.
    period_ns: u64,
}

const SECOND_NS: u64 = 1_000_000_000;

impl Rate {
    /// So many calls a second, from one in a thousand seconds to a million.
    #[must_use]
    pub fn parse(calls_a_second: f64) -> Option<Self> {
        if !(0.001..=1_000_000.0).contains(&calls_a_second) {
            return None;
        }
        let period = Duration::try_from_secs_f64(calls_a_second.recip()).ok()?;
        Some(Self { period_ns: u64::try_from(period.as_nanos()).ok()? })
    }

    const fn a_second(calls: u64) -> Self {
        match SECOND_NS.checked_div(calls) {
            Some(period_ns) => Self { period_ns },
            None => Self { period_ns: SECOND_NS },
        }
    }

    /// The time from one call to the next.
    #[must_use]
    pub const fn period(self) -> Duration {
        Duration::from_nanos(self.period_ns)
    }

    /// How many calls may come at once.
    #[must_use]
    pub fn burst(self) -> NonZeroU32 {
        // The period is rounded, so this must be, too.
        let rounded = SECOND_NS.saturating_add(self.period_ns / 2);
        let calls = rounded.checked_div(self.period_ns).unwrap_or(1);
        u32::try_from(calls).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
    }

    /// How long it takes to make a whole burst possible again.
    #[must_use]
    pub fn recovery(self) -> Duration {
        self.period().saturating_mul(self.burst().get())
    }
}

/// The groups whose calls are limited; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestRates(BTreeMap<RateGroup, Rate>);

impl RequestRates {
    /// All of AWS's.
    #[must_use]
    pub fn aws() -> Self {
        Self(RateGroup::ALL.iter().map(|group| (*group, group.aws())).collect())
    }

    /// Gives a group another rate, or none.
    pub fn set(&mut self, group: RateGroup, rate: Option<Rate>) {
        match rate {
            Some(rate) => self.0.insert(group, rate),
            None => self.0.remove(&group),
        };
    }

    /// The rate of a group, if it has one.
    #[must_use]
    pub fn of(&self, group: RateGroup) -> Option<Rate> {
        self.0.get(&group).copied()
    }

    /// Whether nothing is limited.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(calls_a_second: f64, period_ms: u64, burst: u32) {
        let rate = Rate::parse(calls_a_second).unwrap();
        assert_eq!(rate.period(), Duration::from_millis(period_ms));
        assert_eq!(rate.burst().get(), burst);
    }

    #[test]
    fn rates_have_fractions() {
        check(0.1, 10_000, 1);
        check(0.25, 4_000, 1);
        check(0.5, 2_000, 1);
        check(1.0, 1_000, 1);
        check(2.5, 400, 3);
        check(100.0, 10, 100);
        for refused in [0.0, -1.0, 0.000_9, 1_000_001.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Rate::parse(refused), None, "{refused}");
        }
    }

    #[test]
    fn a_second_brings_what_a_rate_says() {
        for calls in 1..=10_000_u32 {
            assert_eq!(Rate::a_second(calls.into()).burst().get(), calls);
            assert_eq!(Rate::parse(calls.into()).unwrap().burst().get(), calls);
        }
    }

    #[test]
    fn every_spec_is_counted_where_its_kind_is() {
        for spec in KeyPairSpec::ALL {
            let group = RateGroup::of_data_key_pair(*spec);
            assert_eq!(group.as_str(), format!("GenerateDataKeyPair-{spec}"));
        }
        for spec in KeySpec::ALL {
            let group = RateGroup::of_key(*spec).as_str();
            let kind = match group {
                "ecc" if *spec == KeySpec::Sm2 => "SM2",
                "symmetric" if *spec != KeySpec::SymmetricDefault => "HMAC",
                other => &other.to_uppercase().replace('-', "_"),
            };
            assert!(spec.as_str().starts_with(kind), "{spec} {group}");
        }
    }

    #[test]
    fn single_groups_differ_from_aws() {
        let mut rates = RequestRates::aws();
        assert_eq!(rates.of(RateGroup::CreateKey), Some(Rate::a_second(5)));
        rates.set(RateGroup::CreateKey, None);
        rates.set(RateGroup::Symmetric, Rate::parse(3.0));
        assert_eq!(rates.of(RateGroup::CreateKey), None);
        assert_eq!(rates.of(RateGroup::Symmetric).unwrap().burst().get(), 3);
        assert!(!rates.is_off() && RequestRates::default().is_off());
    }
}
