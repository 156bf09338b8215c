//! The primitives, each under the standard it implements, and the only place
//! of this module that names a cryptography crate.
//!
//! Deliberately absent: any knowledge of what a key is for. Labels, formats and
//! the key tree live one level up.

pub(super) mod aead;
pub(super) mod drbg;
pub(super) mod entropy;
pub(super) mod hash;
pub(super) mod kdf;
pub(super) mod passphrase;
