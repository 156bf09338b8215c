//! Floor 0: the words that every other module speaks.
//!
//! Identifiers, ARNs, key specs, the encryption context, the caller, secrets,
//! time, limits and quotas. Deliberately absent: anything that does something. No I/O,
//! no cryptography, no policy; only `clock` touches the world.

pub mod algorithm;
pub mod arn;
pub mod caller;
pub mod clock;
pub mod context;
pub mod grant;
pub mod hex;
pub mod ids;
mod item_limits;
pub mod limits;
pub mod managed;
mod names;
pub mod quotas;
pub mod rates;
pub mod secret;
pub mod spec;
pub mod timestamp;
