//! Requests signed by others, requests that we sign and spoil, and every
//! refusal in AWS's order.

mod properties;
mod refusals;
mod vectors;

use super::error::Error;
use super::key::SigningKey;
use super::parse::{Authorization, Expected};
use super::sign::{Credentials, sign};
use super::{Payload, Request};
use crate::base::secret::SecretBytes;

/// 2026-11-02T10:11:12Z
const NOW: i64 = 1_793_614_272_000;
const REGION: &str = "eu-central-1";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

type Headers = Vec<(String, Vec<u8>)>;

fn borrowed(headers: &Headers) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
}

fn secret() -> SecretBytes {
    SecretBytes::new(SECRET.as_bytes().to_vec())
}

/// The headers of `request` together with those that sign it.
fn signed(request: &Request<'_>, session_token: Option<&str>) -> Headers {
    let secret = secret();
    let credentials = Credentials { access_key_id: "AKIDEXAMPLE", secret: &secret, session_token };
    let added = sign(request, &credentials, REGION, "kms", NOW).unwrap();
    let sent = request.headers.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec()));
    sent.chain(added.into_iter().map(|(name, value)| (name.to_owned(), value.into_bytes())))
        .collect()
}

/// The whole check, as a server for `kms` in [`REGION`] at `now_ms` does it.
fn verify_at(request: &Request<'_>, now_ms: i64) -> Result<(), Error> {
    verify(request, now_ms, Payload::Signed)
}

fn verify(request: &Request<'_>, now_ms: i64, payload: Payload) -> Result<(), Error> {
    let is_region = |region: &str| region == REGION;
    let expected = Expected { service: "kms", is_region: &is_region, now_ms, payload };
    let authorization = Authorization::parse(request, &expected)?;
    let key = SigningKey::derive(
        &secret(),
        authorization.date(),
        authorization.region(),
        authorization.service(),
    );
    authorization.verify(&key)
}
