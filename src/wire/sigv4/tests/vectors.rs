//! AWS's test suite, and real clients (see tests/vectors/sigv4/README.md).

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::*;
use crate::base::timestamp;
use crate::wire::sigv4::canonical::{canonical_path, canonical_query, canonical_request};
use crate::wire::sigv4::{sha256_hex, string_to_sign};

#[derive(Deserialize)]
struct Vector {
    name: String,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
    secret: String,
    canonical_request: Option<String>,
    string_to_sign: Option<String>,
    refused: Option<String>,
}

const SUITE: &str = include_str!("../../../../tests/vectors/sigv4/aws-suite.json");
const CLIENTS: [&str; 3] = [
    include_str!("../../../../tests/vectors/sigv4/botocore.json"),
    include_str!("../../../../tests/vectors/sigv4/curl.json"),
    include_str!("../../../../tests/vectors/sigv4/js.json"),
];

fn read(file: &str) -> Vec<Vector> {
    serde_json::from_str(file).unwrap()
}

fn all() -> impl Iterator<Item = Vector> {
    [SUITE].into_iter().chain(CLIENTS).flat_map(read)
}

impl Vector {
    fn headers(&self) -> Vec<(&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
    }

    fn request<'a>(&'a self, headers: &'a [(&'a str, &'a [u8])]) -> Request<'a> {
        Request {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers,
            body: self.body.as_bytes(),
        }
    }

    fn header(&self, wanted: &str) -> &str {
        self.headers.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| value)
    }

    /// The four elements of the credential after the access key id.
    fn scope(&self) -> Vec<&str> {
        let (_, scope) = self.header("authorization").split_once('/').unwrap();
        scope.split_once(',').unwrap().0.split('/').collect()
    }

    /// The whole check, at the time of the signature.
    fn verify(&self, request: &Request<'_>) -> Result<(), Error> {
        let scope = self.scope();
        let signed_ms = timestamp::parse_basic(self.header("x-amz-date")).unwrap_or_else(|| {
            let date = OffsetDateTime::parse(self.header("date"), &Rfc2822).unwrap();
            date.unix_timestamp().saturating_mul(1_000)
        });
        let expected = Expected {
            service: scope[2],
            is_region: &|it| it == scope[1],
            now_ms: signed_ms,
            payload: Payload::Signed,
        };
        let authorization = Authorization::parse(request, &expected)?;
        let secret = SecretBytes::new(self.secret.clone().into_bytes());
        authorization.verify(&SigningKey::derive(&secret, scope[0], scope[1], scope[2]))
    }
}

#[test]
fn all_verify_or_are_refused_as_recorded() {
    for vector in all() {
        let headers = vector.headers();
        let outcome = vector.verify(&vector.request(&headers));
        match (&vector.refused, outcome.map_err(|e| format!("{}: {e}", e.code()))) {
            (None, Ok(())) => {}
            (Some(refused), Err(text)) if text.starts_with(refused) => {}
            (_, outcome) => panic!("{}: {outcome:?}", vector.name),
        }
    }
    assert_eq!(read(SUITE).len(), 40);
}

#[test]
fn the_suites_intermediate_results_are_ours() {
    let mut compared = 0;
    for vector in read(SUITE) {
        let (Some(want_canonical), Some(want_to_sign)) =
            (&vector.canonical_request, &vector.string_to_sign)
        else {
            continue;
        };
        // S3's spelling; the others leave no room for it.
        if vector.name.ends_with("-unnormalized") && vector.name != "get-space-unnormalized" {
            continue;
        }
        let headers = vector.headers();
        let (_, signed_headers) =
            vector.header("authorization").split_once("SignedHeaders=").unwrap();
        let canonical = canonical_request(
            &vector.request(&headers),
            &canonical_path(&vector.path),
            &canonical_query(&vector.query),
            signed_headers.split_once(',').unwrap().0,
            &sha256_hex(vector.body.as_bytes()),
        )
        .unwrap();
        assert_eq!(String::from_utf8_lossy(&canonical), *want_canonical, "{}", vector.name);
        let time = vector.header("x-amz-date");
        assert_eq!(string_to_sign(time, &vector.scope().join("/"), &canonical), *want_to_sign);
        compared += 1;
    }
    assert_eq!(compared, 33);
}

/// The suite is about signers: ours must make the very same header.
#[test]
fn we_sign_as_the_suite_does() {
    let made_here = ["authorization", "x-amz-date", "x-amz-security-token"];
    let mut compared = 0;
    for vector in read(SUITE) {
        // Not of one account, or in S3's spelling, or with the token left out.
        if vector.name.starts_with("double-")
            || vector.name.ends_with("-unnormalized")
            || vector.refused.is_some()
        {
            continue;
        }
        let mut headers = vector.headers();
        headers.retain(|(name, _)| !made_here.contains(name));
        let token = Some(vector.header("x-amz-security-token")).filter(|token| !token.is_empty());
        let secret = secret();
        let credentials =
            Credentials { access_key_id: "AKIDEXAMPLE", secret: &secret, session_token: token };
        let now_ms = timestamp::parse_basic(vector.header("x-amz-date")).unwrap();
        let request = vector.request(&headers);
        let added = sign(&request, &credentials, "us-east-1", "service", now_ms).unwrap();
        let authorization = added.iter().find(|(name, _)| *name == "authorization").unwrap();
        assert_eq!(authorization.1, vector.header("authorization"), "{}", vector.name);
        assert_eq!(added.len(), if token.is_some() { 3 } else { 2 });
        compared += 1;
    }
    assert_eq!(compared, 30);
}

#[test]
fn every_changed_digit_of_a_signature_fails() {
    for vector in all().filter(|vector| vector.refused.is_none()) {
        let text = vector.header("authorization").to_owned();
        let start = text.find("Signature=").unwrap() + "Signature=".len();
        for position in start..start + 64 {
            for digit in ["0", "f", "F", "g", ""] {
                let mut spoiled = text.clone();
                spoiled.replace_range(position..=position, digit);
                if spoiled == text {
                    continue;
                }
                let mut headers = vector.headers();
                let slot = headers.iter_mut().find(|(name, _)| *name == "authorization").unwrap();
                slot.1 = spoiled.as_bytes();
                let outcome = vector.verify(&vector.request(&headers));
                assert_eq!(outcome, Err(Error::SignatureMismatch), "{} {position}", vector.name);
            }
        }
    }
}

#[test]
fn every_changed_byte_of_a_body_fails() {
    for vector in all().filter(|vector| vector.refused.is_none()) {
        let headers = vector.headers();
        for position in 0..vector.body.len() {
            let mut body = vector.body.clone().into_bytes();
            body[position] ^= 1;
            let request = Request { body: &body, ..vector.request(&headers) };
            assert!(vector.verify(&request).is_err(), "{} {position}", vector.name);
        }
    }
}
