//! The primitives, each under the standard it implements, and the only place
//! of this module that names a cryptography crate.
//!
//! Deliberately absent: any knowledge of what a key is for. Labels, formats and
//! the key tree live one level up.

pub(super) mod aead;
pub(super) mod drbg;
pub(super) mod ecc;
pub(super) mod ed25519;
pub(super) mod encoding;
pub(super) mod entropy;
pub(super) mod hash;
pub(super) mod kdf;
pub(super) mod key_wrap;
pub(super) mod mac;
pub(super) mod ml_dsa;
pub(super) mod ml_kem;
pub(super) mod passphrase;
pub(super) mod rsa;
