//! The doors: one HTTP server for the KMS protocol, the query protocol of STS, the
//! REST API, health and metrics.
//!
//! Deliberately absent: decisions. This floor turns bytes into authenticated
//! calls and answers into bytes, and makes sure that a call which has begun
//! runs to its end.

mod auth;
mod cloudtrail;
mod connections;
mod door;
mod feed;
mod form;
mod health;
mod kms;
mod large_calls;
mod request;
mod respond;
mod rest;
mod routes;
pub mod server;
mod state;
mod stream;
mod sts;
mod tls;
mod xml;

pub use door::Door;
pub use state::{State, Way};
