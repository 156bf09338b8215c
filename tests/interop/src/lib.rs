//! What the test needs: a wardbook server in a process of its own, and the
//! official SDK with that server as its KMS.
#![forbid(unsafe_code)]

pub mod json;
pub mod sdk;
pub mod server;
