//! Every refusal: its code, its text, and its place in the order.

use super::*;
use crate::base::limits;
use crate::wire::sigv4::sign;

const CREDENTIAL: &str = "AKIDEXAMPLE/20261102/eu-central-1/kms/aws4_request";
const TIME: (&str, &str) = ("x-amz-date", "20261102T101112Z");
const HOST: (&str, &str) = ("host", "localhost");

fn header(credential: &str, signed_headers: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed_headers}, Signature=abc"
    )
}

fn refusal(query: &str, headers: &[(&str, &str)]) -> Error {
    let headers: Vec<(&str, &[u8])> =
        headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let request = Request { method: "POST", path: "/", query, headers: &headers, body: b"{}" };
    verify_at(&request, NOW).unwrap_err()
}

#[track_caller]
fn check(query: &str, headers: &[(&str, &str)], code: &str, text: &str) {
    let error = refusal(query, headers);
    assert_eq!((error.code(), error.to_string().as_str()), (code, text));
}

/// The one header that matters, in an otherwise complete request.
#[track_caller]
fn check_header(authorization: &str, code: &str, text: &str) {
    check("", &[HOST, TIME, ("authorization", authorization)], code, text);
}

#[test]
fn not_signed() {
    const MISSING: &str = "MissingAuthenticationTokenException";
    check("", &[HOST, TIME], MISSING, "Missing Authentication Token");
    check_header("Bearer abc", MISSING, "Missing Authentication Token");
    check_header("AWS AKIDEXAMPLE:abc", MISSING, "Missing Authentication Token");
    check_header("", MISSING, "Missing Authentication Token");
}

#[test]
fn signed_in_the_query() {
    const INVALID: &str = "InvalidSignatureException";
    let presigned = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=abc";
    check(
        presigned,
        &[HOST],
        INVALID,
        "Presigned requests are not supported: sign with an 'Authorization' header.",
    );
    check(
        presigned,
        &[HOST, ("authorization", "AWS4-")],
        INVALID,
        "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
    );
}

#[test]
fn the_header_lacks_parts() {
    const INCOMPLETE: &str = "IncompleteSignatureException";
    const DIGEST: &str = "(Hashed with SHA-256 and encoded with Base64) Authorization=";
    check(
        "",
        &[HOST, ("authorization", "AWS4-HMAC-SHA256 Foo=Bar")],
        INCOMPLETE,
        &format!(
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. {DIGEST}SogxtWjuXrk76ehDdKQFJUe4r3zvAWqspCuvBhY55Ns="
        ),
    );
    check_header(
        "AWS4-HMAC-SHA256 Credential=, SignedHeaders=, Signature=abc",
        INCOMPLETE,
        &format!(
            "Authorization header requires 'Credential' parameter. {DIGEST}xcnrXPfS/dwUJACcLzbhTmCPlwbyyDdodAIiQryxWSo="
        ),
    );
    check_header(
        "AWS4-HMAC-SHA256 Credential",
        INCOMPLETE,
        "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): 'KfSoC26UaBDGXxo5AUFS45c1cmAbyLKDOxOTKcZYWt4='.",
    );
    check_header(
        "AWS4-HMAC-SHA256 Signature=a,Signature=b",
        INCOMPLETE,
        "Authorization header must not repeat the 'Signature' parameter.",
    );
}

#[test]
fn repeated_and_unreadable_headers() {
    let authorization = header(CREDENTIAL, "host;x-amz-date");
    let complete = [HOST, TIME, ("authorization", authorization.as_str())];
    for (name, title) in [
        ("authorization", "Authorization"),
        ("x-amz-date", "X-Amz-Date"),
        ("x-amz-security-token", "X-Amz-Security-Token"),
        ("x-amz-content-sha256", "X-Amz-Content-SHA256"),
        ("date", "Date"),
    ] {
        let mut headers = complete.to_vec();
        headers.extend([(name, "a"), (name, "a")]);
        assert_eq!(refusal("", &headers), Error::RepeatedHeader(title));
    }
    let headers: [(&str, &[u8]); 1] = [("authorization", b"AWS4-\xff")];
    let request = Request { method: "GET", path: "/", query: "", headers: &headers, body: b"" };
    assert_eq!(verify_at(&request, NOW), Err(Error::HeaderNotText("Authorization")));
}

#[test]
fn too_many_headers() {
    let headers = vec![HOST; limits::HEADERS + 1];
    assert_eq!(refusal("", &headers), Error::TooManyHeaders(limits::HEADERS));
    let many = "host;".repeat(limits::SIGNED_HEADERS + 1);
    let authorization = header(CREDENTIAL, &many);
    let headers = [HOST, TIME, ("authorization", authorization.as_str())];
    assert_eq!(refusal("", &headers), Error::TooManySignedHeaders(limits::SIGNED_HEADERS));
}

#[test]
fn the_clock() {
    let request = Request {
        method: "POST",
        path: "/",
        query: "",
        headers: &[("host", b"localhost")],
        body: b"{}",
    };
    let headers = signed(&request, None);
    let headers = borrowed(&headers);
    let request = Request { headers: &headers, ..request };
    let at = |seconds: i64| verify_at(&request, NOW + seconds * 1_000 + 999);
    assert_eq!(at(0), Ok(()));
    assert_eq!(at(900), Ok(()));
    assert_eq!(at(-300), Ok(()));
    assert_eq!(
        at(901).unwrap_err().to_string(),
        "Signature expired: 20261102T101112Z is now earlier than 20261102T101113Z (20261102T102613Z - 15 min.)"
    );
    assert_eq!(
        at(-301).unwrap_err().to_string(),
        "Signature not yet current: 20261102T101112Z is still later than 20261102T101111Z (20261102T100611Z + 5 min.)"
    );
    assert_eq!(at(901).unwrap_err().code(), "InvalidSignatureException");
    assert!(verify_at(&request, i64::MAX).is_err());
    assert!(verify_at(&request, i64::MIN).is_err());
}

#[test]
fn the_time_has_two_forms() {
    let authorization = header(CREDENTIAL, "host");
    let with =
        |name, time| refusal("", &[HOST, ("authorization", authorization.as_str()), (name, time)]);
    for time in ["Mon, 02 Nov 2026 10:11:12 GMT", "Mon, 02 Nov 2026 10:11:12 -0000", TIME.1] {
        assert_eq!(with("date", time), Error::SignatureMismatch);
    }
    for time in ["", "20261102", "20261102T101112", "2026-11-02T10:11:12Z", "+0261102T101112Z"] {
        let error = with("date", time);
        assert_eq!(error.code(), "IncompleteSignatureException");
        assert_eq!(
            error.to_string(),
            format!(
                "Date must be in ISO-8601 'basic format'. Got '{time}'. See http://en.wikipedia.org/wiki/ISO_8601"
            )
        );
    }
}

#[test]
fn headers_that_must_be_signed() {
    const INVALID: &str = "InvalidSignatureException";
    check_header(
        &header(CREDENTIAL, ""),
        INVALID,
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
    );
    check(
        "",
        &[
            HOST,
            TIME,
            ("x-amzn-trace-id", "Root=1"),
            ("x-amz-target", "TrentService.ScheduleKeyDeletion"),
            ("authorization", &header(CREDENTIAL, "host;x-amz-date")),
        ],
        INVALID,
        "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization.",
    );
    // Signed, but not there.
    let authorization = header(CREDENTIAL, "host;x-amz-date;x-gone");
    let headers = [HOST, TIME, ("authorization", authorization.as_str())];
    assert_eq!(refusal("", &headers), Error::SignatureMismatch);
}

#[test]
fn other_algorithms() {
    for algorithm in ["AWS4-ECDSA-P256-SHA256", "AWS4-HMAC-SHA512", "AWS4-HMAC-SHA256-PAYLOAD"] {
        check_header(
            &header(CREDENTIAL, "host;x-amz-date").replace("AWS4-HMAC-SHA256", algorithm),
            "IncompleteSignatureException",
            &format!(
                "Unsupported AWS 'algorithm': '{algorithm}' (only AWS4-HMAC-SHA256 for now). "
            ),
        );
    }
}

#[test]
fn the_credential() {
    for credential in ["a", "a/b/c/d", "a/b/c/d/e/f", "a/b/c/d/e/"] {
        check_header(
            &header(credential, "host;x-amz-date"),
            "IncompleteSignatureException",
            &format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'"
            ),
        );
    }
}

#[test]
fn the_scope() {
    let check = |credential: &str, text: &str| {
        check_header(&header(credential, "host;x-amz-date"), "InvalidSignatureException", text);
    };
    check(
        "AKIDEXAMPLE/20261102/us-west-1/kms/aws4_request",
        "Credential should be scoped to a valid region, not 'us-west-1'. ",
    );
    check(
        "AKIDEXAMPLE/20261102/eu-central-1/s3/aws4_request",
        "Credential should be scoped to correct service: 'kms'. ",
    );
    check(
        "AKIDEXAMPLE/20261101/c/d/e",
        "Credential should be scoped to a valid region, not 'c'. Credential should be scoped to correct service: 'kms'. Credential should be scoped with a valid terminator: 'aws4_request', not 'e'. Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20261101' != '20261102', from '20261102T101112Z'.",
    );
}

#[test]
fn the_payload() {
    let send = |sha256: &str| {
        let authorization = header(CREDENTIAL, "host;x-amz-content-sha256;x-amz-date");
        refusal(
            "",
            &[HOST, TIME, ("x-amz-content-sha256", sha256), ("authorization", &authorization)],
        )
    };
    assert_eq!(send("UNSIGNED-PAYLOAD"), Error::PayloadNotSigned);
    assert_eq!(send("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), Error::PayloadNotSigned);
    assert_eq!(send(&"0".repeat(65)), Error::PayloadNotSigned);
    assert_eq!(send(&"0".repeat(64)), Error::PayloadMismatch);
    let right = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    assert_eq!(send(right), Error::SignatureMismatch);
    assert_eq!(send(&right.to_uppercase()), Error::PayloadMismatch);
}

/// Who takes an unsigned body takes any under one signature, and none that is called
/// signed.
#[test]
fn the_payload_that_is_not_signed() {
    fn request<'a>(headers: &'a [(&'a str, &'a [u8])], body: &'a [u8]) -> Request<'a> {
        Request { method: "POST", path: "/", query: "", headers, body }
    }
    let unsigned: [(&str, &[u8]); 2] =
        [("host", b"localhost"), ("x-amz-content-sha256", b"UNSIGNED-PAYLOAD")];
    for sent in [&unsigned[..], &unsigned[..1]] {
        let is_called_so = sent.len() == 2;
        let headers = signed(&request(sent, b"{}"), None);
        let headers = borrowed(&headers);
        for body in [b"{}".as_slice(), b"", b"other"] {
            let taken = verify(&request(&headers, body), NOW, Payload::Unsigned);
            assert_eq!(taken.is_ok(), is_called_so, "{taken:?}");
            assert!(is_called_so || taken == Err(Error::PayloadSigned));
        }
        let late = NOW + 901_000;
        assert!(verify(&request(&headers, b"{}"), late, Payload::Unsigned).is_err());
        let as_signed = verify(&request(&headers, b"{}"), NOW, Payload::Signed);
        assert_eq!(as_signed.is_ok(), !is_called_so, "{as_signed:?}");
    }
}

/// Mends one fault after the other; each time the next one in AWS's order is
/// reported, however many are left.
#[test]
fn faults_are_reported_in_order() {
    let bad = "AWS4-X Credential=a, SignedHeaders=x, Signature=b";
    let token = ("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    let mut last = refusal("", &[token, ("authorization", bad), ("authorization", bad)]);
    assert!(matches!(last, Error::RepeatedHeader(_)));
    last = refusal("", &[token, ("authorization", "AWS4-X b")]);
    assert!(matches!(last, Error::NotKeyValue(_)));
    last = refusal("", &[token, ("authorization", bad)]);
    assert!(matches!(last, Error::Incomplete { .. }));
    last = refusal("", &[token, ("authorization", bad), ("date", "x")]);
    assert!(matches!(last, Error::BadDate(_)));
    last = refusal("", &[token, ("authorization", bad), ("date", "20201102T101112Z")]);
    assert!(matches!(last, Error::Expired { .. }));
    last = refusal("", &[token, ("authorization", bad), ("date", TIME.1)]);
    assert_eq!(last, Error::HostNotSigned);
    let bad = bad.replace("=x", "=host");
    last = refusal("", &[token, ("authorization", &bad), ("date", TIME.1)]);
    assert!(matches!(last, Error::HeaderNotSigned(_)));
    let bad = bad.replace("=host", "=host;x-amz-content-sha256");
    last = refusal("", &[token, ("authorization", &bad), ("date", TIME.1)]);
    assert!(matches!(last, Error::Algorithm(_)));
    let bad = bad.replace("AWS4-X", "AWS4-HMAC-SHA256");
    last = refusal("", &[token, ("authorization", &bad), ("date", TIME.1)]);
    assert!(matches!(last, Error::Credential(_)));
    let bad = bad.replace("=a", "=a/b/c/d/e");
    last = refusal("", &[token, ("authorization", &bad), ("date", TIME.1)]);
    assert!(matches!(last, Error::Scope(_)));
    let bad = bad.replace("a/b/c/d/e", CREDENTIAL);
    last = refusal("", &[token, ("authorization", &bad), ("date", TIME.1)]);
    assert_eq!(last, Error::PayloadNotSigned);
}

#[test]
fn what_cannot_be_signed() {
    let secret = secret();
    let credentials =
        Credentials { access_key_id: "AKIDEXAMPLE", secret: &secret, session_token: None };
    let attempt = |headers: &[(&str, &[u8])]| {
        let request = Request { method: "GET", path: "/", query: "", headers, body: b"" };
        sign(&request, &credentials, REGION, "kms", NOW).unwrap_err()
    };
    assert_eq!(attempt(&[]), sign::Error::NoHost);
    assert_eq!(
        attempt(&[("host", b"h"), ("x-amz-date", b"x")]),
        sign::Error::AlreadyThere("x-amz-date")
    );
    assert_eq!(attempt(&[("host", b"h"), ("a;b", b"x")]), sign::Error::HeaderName);
}
