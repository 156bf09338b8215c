//! A signed request. The text is the request as HTTP/1.1 would write it, with
//! plain line breaks. Nobody gets in without the key; with it, everybody does
//! for what was signed and for nothing else.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{Corpus, fuzz_target};
use wardbook::base::secret::SecretBytes;
use wardbook::wire::sigv4::canonical::normal_path;
use wardbook::wire::sigv4::error::Error;
use wardbook::wire::sigv4::key::SigningKey;
use wardbook::wire::sigv4::parse::{Authorization, Expected};
use wardbook::wire::sigv4::sign::{Credentials, sign};
use wardbook::wire::sigv4::{Payload, Request};

/// 2026-11-02T10:11:12Z.
const NOW_MS: i64 = 1_793_614_272_000;
const ID: &str = "AKIAIOSFODNN7EXAMPLE";

static SECRET: LazyLock<SecretBytes> = LazyLock::new(|| SecretBytes::new(b"secret".to_vec()));
static KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::derive(&SECRET, "20261102", "eu-central-1", "kms"));

fn check(request: &Request<'_>, payload: Payload) -> Result<(), Error> {
    let is_region = |region: &str| region == "eu-central-1";
    let expected = Expected { service: "kms", is_region: &is_region, now_ms: NOW_MS, payload };
    let authorization = Authorization::parse(request, &expected)?;
    assert_eq!(authorization.service(), "kms");
    assert!(!format!("{authorization:?}").is_empty());
    authorization.verify(&KEY)
}

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let (head, body) = match bytes.windows(2).position(|two| two == b"\n\n") {
        Some(at) => (&bytes[..at], &bytes[at + 2..]),
        None => (bytes, &b""[..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let Ok(first) = std::str::from_utf8(lines.next().unwrap_or_default()) else {
        return Corpus::Reject;
    };
    let (method, target) = first.split_once(' ').unwrap_or((first, "/"));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers: Vec<(&str, &[u8])> = Vec::new();
    for line in lines {
        let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let is_name = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
        // HTTP itself leaves nothing else through the door.
        match std::str::from_utf8(&line[..at]) {
            Ok(name) if !name.is_empty() && line[..at].iter().all(is_name) => {
                headers.push((name, line.get(at + 1..).unwrap_or_default()));
            }
            _ => return Corpus::Reject,
        }
    }
    assert_eq!(normal_path(&normal_path(path)), normal_path(path));

    let request = Request { method, path, query, headers: &headers, body };
    for payload in [Payload::Signed, Payload::Unsigned] {
        assert!(check(&request, payload).is_err(), "in without the key");
        sign_and_check(&request, payload);
    }
    Corpus::Keep
});

fn sign_and_check(request: &Request<'_>, payload: Payload) {
    let credentials = Credentials { access_key_id: ID, secret: &SECRET, session_token: None };
    let Ok(added) = sign(request, &credentials, "eu-central-1", "kms", NOW_MS) else { return };
    let mut headers = request.headers.to_vec();
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
    let signed = Request { headers: &headers, ..*request };
    match check(&signed, payload) {
        Ok(()) => {}
        Err(
            Error::TooManyHeaders(_)
            | Error::TooManySignedHeaders(_)
            | Error::RepeatedHeader(_)
            | Error::HeaderAndQuery
            | Error::PayloadNotSigned
            | Error::PayloadSigned
            | Error::PayloadMismatch,
        ) => return,
        Err(error) => panic!("{error}"),
    }
    let body = [request.body, b"x"].concat();
    let other = Request { body: &body, ..signed };
    assert_eq!(check(&other, payload).is_ok(), payload == Payload::Unsigned, "another body");
    let path = format!("{}x", request.path);
    let other = Request { path: &path, ..signed };
    assert!(check(&other, payload).is_err(), "another path");
    let query = format!("{}x", request.query);
    let other = Request { query: &query, ..signed };
    assert!(check(&other, payload).is_err(), "another query");
}
