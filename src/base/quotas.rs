//! AWS's resource quotas and request quotas, as numbers that whoever runs the
//! server may change. A limit that only guards the server is in `limits`.
//! <https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html>

use super::rates::RequestRates;

/// What one account may have and do in one Region. The default is AWS's, but
/// for the request rates: they are off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Customer managed keys.
    pub keys_per_region: usize,
    pub aliases_per_key: usize,
    pub grants_per_key: usize,
    pub tags_per_key: usize,
    /// Document of a key policy, bytes. Not more than
    /// [`POLICY_BYTES`](super::limits::POLICY_BYTES), which no policy exceeds.
    pub key_policy_bytes: usize,
    /// Rotations on demand that a key may have had.
    pub on_demand_rotations_per_key: usize,
    pub request_rates: RequestRates,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            keys_per_region: 100_000,
            aliases_per_key: 50,
            grants_per_key: 50_000,
            tags_per_key: 50,
            key_policy_bytes: 32_768,
            on_demand_rotations_per_key: 25,
            request_rates: RequestRates::default(),
        }
    }
}
