//! Argon2id, version 0x13 (RFC 9106): a key from something a person remembers.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroizing;

use crate::hsm::key::Key;

/// What one derivation costs. Stored beside the salt, so that the default can
/// rise later without locking anybody out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hsm) struct Cost {
    /// Memory, KiB.
    pub(in crate::hsm) memory_kib: u32,
    /// Passes over the memory.
    pub(in crate::hsm) passes: u32,
    /// Lanes; part of the result even where they run one after the other.
    pub(in crate::hsm) lanes: u32,
}

impl Cost {
    /// RFC 9106 section 4, the second recommended option: 64 MiB, 3 passes, 4 lanes.
    pub(in crate::hsm) const DEFAULT: Self = Self { memory_kib: 65_536, passes: 3, lanes: 4 };

    /// Whether a stored cost is one that this program is willing to pay: a
    /// hostile file must not take more than 1 GiB or a minute.
    pub(in crate::hsm) fn is_acceptable(self) -> bool {
        self.lanes >= 1
            && self.lanes <= 16
            && (1..=16).contains(&self.passes)
            && self.memory_kib >= self.lanes.saturating_mul(8)
            && self.memory_kib <= 1_048_576
    }
}

/// The key under `passphrase` and `salt`. `None` if the memory is not to be had
/// or a length is outside RFC 9106 section 3.1.
pub(in crate::hsm) fn derive(passphrase: &[u8], salt: &[u8], cost: Cost) -> Option<Key> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).ok()?;
    // The crate can bring its own memory but does not wipe it.
    let mut memory: Zeroizing<Vec<Block>> = Zeroizing::new(Vec::new());
    memory.try_reserve_exact(params.block_count()).ok()?;
    memory.resize(params.block_count(), Block::default());

    let mut key = Key::zero();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(passphrase, salt, key.expose_mut(), memory.as_mut_slice())
        .ok()?;
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex;
    use argon2::{AssociatedData, ParamsBuilder};

    /// RFC 9106 section 5.3. It has a secret and associated data, which we never
    /// use, so it checks the crate below `derive`.
    #[test]
    fn rfc_9106_vector() {
        let mut builder = ParamsBuilder::new();
        builder.m_cost(32).t_cost(3).p_cost(4).output_len(32);
        builder.data(AssociatedData::new(&[4; 12]).unwrap());
        let params = builder.build().unwrap();
        let argon2 =
            Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params).unwrap();
        let mut out = [0; 32];
        argon2.hash_password_into(&[1; 32], &[2; 16], &mut out).unwrap();
        let want = "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659";
        assert_eq!(hex::encode(&out), want);
    }

    /// The same inputs without secret and associated data, from the OpenSSL
    /// project's vectors.
    #[test]
    fn derives_without_secret_and_data() {
        let cost = Cost { memory_kib: 32, passes: 3, lanes: 4 };
        let key = derive(&[1; 32], &[2; 16], cost).unwrap();
        let want = "03aab965c12001c9d7d0d2de33192c0494b684bb148196d73c1df1acaf6d0c2e";
        assert_eq!(hex::encode(key.expose()), want);
    }

    #[test]
    fn hostile_costs_are_not_acceptable() {
        let with = |memory_kib, passes, lanes| Cost { memory_kib, passes, lanes }.is_acceptable();
        assert!(Cost::DEFAULT.is_acceptable());
        assert!(with(1_048_576, 16, 16));
        assert!(!with(1_048_577, 3, 1));
        assert!(!with(65_536, 17, 1));
        assert!(!with(65_536, 0, 1));
        assert!(!with(65_536, 3, 17));
        assert!(!with(65_536, 3, 0));
        assert!(!with(31, 3, 4));
        assert!(!with(u32::MAX, u32::MAX, u32::MAX));
    }
}
