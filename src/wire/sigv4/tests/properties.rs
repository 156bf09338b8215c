//! What must hold for any request.

use proptest::prelude::*;

use super::*;
use crate::wire::sigv4::canonical::{canonical_path, canonical_query, normal_path};
use crate::wire::sigv4::key::SigningKeyCache;

/// Text full of what the canonical form turns on.
fn odd_text() -> impl Strategy<Value = String> {
    prop_oneof!["[/.a%2Ff:+&= ~*é]{0,24}", "(/[a-z%.]{0,4}){0,6}", any::<String>(),]
}

fn header_values() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..4)
}

proptest! {
    #[test]
    fn what_we_sign_verifies(
        path in odd_text(),
        query in odd_text(),
        values in header_values(),
        body in prop::collection::vec(any::<u8>(), 0..200),
        token in prop::option::of("[A-Za-z0-9+/=]{1,80}"),
    ) {
        prop_assume!(!query.contains("X-Amz-Algorithm"));
        let mut headers: Vec<(&str, &[u8])> = vec![("user-agent", b"test"), ("host", b"localhost")];
        headers.extend(values.iter().map(|value| ("x-note", value.as_slice())));
        let request =
            Request { method: "PUT", path: &path, query: &query, headers: &headers, body: &body };
        let headers = signed(&request, token.as_deref());
        let mut headers = borrowed(&headers);
        prop_assert_eq!(verify_at(&Request { headers: &headers, ..request }, NOW), Ok(()));
        // Other headers may be added and arrive in any order; the signature stays good.
        headers.rotate_left(1);
        headers.push(("via", b"proxy"));
        prop_assert_eq!(verify_at(&Request { headers: &headers, ..request }, NOW), Ok(()));
        headers.push(("x-note", b"more"));
        let spoiled = verify_at(&Request { headers: &headers, ..request }, NOW);
        prop_assert_eq!(spoiled.is_ok(), values.is_empty());
    }

    /// The spellings that curl needs must not open a second meaning: a
    /// signature holds for the requests of one canonical form, and no others.
    #[test]
    fn a_signature_holds_for_one_canonical_form(
        path in odd_text(), other_path in odd_text(), query in odd_text(), other_query in odd_text(),
    ) {
        let request = Request {
            method: "GET", path: &path, query: &query, headers: &[("host", b"h")], body: b"",
        };
        prop_assume!(![&query, &other_query].iter().any(|it| it.contains("X-Amz-Algorithm")));
        let headers = signed(&request, None);
        let headers = borrowed(&headers);
        let (path_form, query_form) = (canonical_path(&path), canonical_query(&query));
        for sent_path in [&*path, &*path_form, &*normal_path(&path), &*other_path] {
            for sent_query in [&*query, &*query_form, &*other_query] {
                let sent = Request { path: sent_path, query: sent_query, headers: &headers, ..request };
                let same = canonical_path(sent_path) == path_form
                    && canonical_query(sent_query) == query_form;
                prop_assert_eq!(verify_at(&sent, NOW).is_ok(), same, "{} {}", sent_path, sent_query);
            }
        }
    }

    #[test]
    fn canonical_forms_are_stable(text in odd_text()) {
        let query = canonical_query(&text);
        prop_assert_eq!(&canonical_query(&query), &query);
        let path = normal_path(&text).into_owned();
        prop_assert_eq!(&*normal_path(&path), &path);
        prop_assert!(path.starts_with('/'));
        prop_assert!(path.split('/').all(|segment| segment != "." && segment != ".."));
        prop_assert!(!path.contains("//"));
    }

    #[test]
    fn nothing_panics(
        method in any::<String>(), path in any::<String>(), query in odd_text(),
        headers in prop::collection::vec(
            (
                prop_oneof![
                    Just("authorization".to_owned()), Just("x-amz-date".to_owned()),
                    Just("date".to_owned()), Just("x-amz-content-sha256".to_owned()), odd_text(),
                ],
                prop_oneof![
                    "AWS4-HMAC-SHA256( ?(Credential|Signature|SignedHeaders|é)=[a-z/;, ]{0,20},?){0,4}",
                    "[A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} [0-9]{2,4} [0-9:]{8} [-+A-Z0-9()]{0,6}",
                    "[0-9]{8}T[0-9]{6}Z",
                    any::<String>(),
                ],
            ),
            0..8,
        ),
        now_ms in any::<i64>(),
    ) {
        let headers: Headers =
            headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
        let headers = borrowed(&headers);
        let request =
            Request { method: &method, path: &path, query: &query, headers: &headers, body: b"" };
        if let Err(error) = verify_at(&request, now_ms) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

#[test]
fn blanks_and_order_of_parameters_do_not_matter() {
    let request =
        Request { method: "GET", path: "/", query: "", headers: &[("host", b"h")], body: b"" };
    let headers = signed(&request, None);
    let mut headers = borrowed(&headers);
    let text = std::str::from_utf8(headers.pop().unwrap().1).unwrap().to_owned();
    let (algorithm, parameters) = text.split_once(' ').unwrap();
    let mut parameters: Vec<&str> = parameters.split(", ").collect();
    for separator in [",", ", ", " , ", ",\t", ",   "] {
        for _ in 0..parameters.len() {
            parameters.rotate_left(1);
            let text = format!(" {algorithm}  {} ", parameters.join(separator));
            let mut headers = headers.clone();
            headers.push(("authorization", text.as_bytes()));
            assert_eq!(verify_at(&Request { headers: &headers, ..request }, NOW), Ok(()), "{text}");
        }
    }
}

/// An authorization of an access key on a day, which is all that a cache sees.
fn with_authorization<T>(id: &str, day: &str, run: impl FnOnce(&Authorization<'_>) -> T) -> T {
    let time = format!("{day}T101112Z");
    let text = format!(
        "AWS4-HMAC-SHA256 Credential={id}/{day}/{REGION}/kms/aws4_request, SignedHeaders=host;x-amz-date, Signature=0"
    );
    let headers: [(&str, &[u8]); 3] =
        [("host", b"h"), ("x-amz-date", time.as_bytes()), ("authorization", text.as_bytes())];
    let request = Request { method: "GET", path: "/", query: "", headers: &headers, body: b"" };
    let now_ms = crate::base::timestamp::parse_basic(&time).unwrap();
    let expected =
        Expected { service: "kms", is_region: &|_| true, now_ms, payload: Payload::Signed };
    run(&Authorization::parse(&request, &expected).unwrap())
}

/// Whether the cache had to ask for the secret.
fn asks(cache: &SigningKeyCache, id: &str, day: &str) -> bool {
    let mut asked = false;
    with_authorization(id, day, |authorization| {
        cache.find_or_derive(authorization, || {
            asked = true;
            Ok::<_, ()>(secret())
        })
    })
    .unwrap();
    asked
}

#[test]
fn the_cache_derives_once_and_forgets() {
    let cache = SigningKeyCache::default();
    assert!(asks(&cache, "AKIA", "20261102"));
    assert!(!asks(&cache, "AKIA", "20261102"));
    assert!(asks(&cache, "AKIA", "20261103"));
    assert!(asks(&cache, "AKIB", "20261102"));
    assert_eq!(cache.len(), 3);
    cache.forget("AKIA");
    cache.forget("AKIC");
    assert_eq!(cache.len(), 1);
    assert!(!asks(&cache, "AKIB", "20261102"));
    assert!(asks(&cache, "AKIA", "20261102"));
}

#[test]
fn the_cache_keeps_nothing_without_a_secret() {
    let cache = SigningKeyCache::default();
    let answer = with_authorization("AKIA", "20261102", |authorization| {
        cache.find_or_derive(authorization, || Err("unknown")).err()
    });
    assert_eq!(answer, Some("unknown"));
    assert!(cache.is_empty());
}

#[test]
fn a_full_cache_drops_earlier_days_first() {
    let cache = SigningKeyCache::new(3);
    asks(&cache, "AKIA", "20261101");
    asks(&cache, "AKIB", "20261102");
    asks(&cache, "AKIC", "20261102");
    asks(&cache, "AKID", "20261102");
    assert_eq!(cache.len(), 3);
    assert!(!asks(&cache, "AKIB", "20261102"));
    assert!(!asks(&cache, "AKIC", "20261102"));
    // Nothing is stale now: it starts anew, and stays within its bound.
    asks(&cache, "AKIE", "20261102");
    assert_eq!(cache.len(), 1);
    for id in 0..20 {
        asks(&cache, &format!("AKI{id}"), "20261102");
        assert!(cache.len() <= 3);
    }
}
