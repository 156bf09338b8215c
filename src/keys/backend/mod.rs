//! Where the cryptography of a key is done if not in the server's own HSM.
//!
//! Deliberately absent: which key lives where (a row of the key says so), and who
//! may use it (`policy`).

pub mod remote;
