//! The protocols on the wire: AWS JSON 1.1 and REST errors, member shapes and
//! their validation texts, paging markers, SigV4.
//!
//! Deliberately absent: sockets and HTTP types (`http/`), and any knowledge of
//! what an operation does. Bytes and values in, bytes and values out.

pub mod blob;
pub mod codes;
mod conform;
pub mod error;
pub mod json;
pub mod paging;
pub mod record;
pub mod shape;
pub mod sigv4;
pub mod text;
pub mod validate;
