//! What no good client sends: always a clear answer, in AWS's form, and the
//! server goes on. Whatever reaches a door leaves its record.

use std::io::{ErrorKind, Read, Write};

use serde_json::{Value, json};

use crate::fixture::raw::{self, Request, Response};
use crate::fixture::{Credentials, REGION, Server, wait_until};

/// The refusal, its text, and that it stands in the book.
#[track_caller]
fn check(server: &Server, answer: &Response, status: u16, code: &str, message: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.text());
    assert_eq!(answer.message(), message);
    let records = server.records_of(answer.request_id());
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!(records[0]["errorCode"], code);
}

fn random() -> Request {
    Request::kms("GenerateRandom", r#"{"NumberOfBytes":1}"#)
}

/// The request, signed by the administrator for KMS.
fn signed(server: &Server, request: &Request) -> Request {
    server.signed(&server.admin, "kms", request)
}

fn header<'a>(request: &'a mut Request, name: &str) -> &'a mut String {
    &mut request.headers.iter_mut().find(|(other, _)| other == name).unwrap().1
}

const MISMATCH: &str = "The request signature we calculated does not match the signature you \
    provided. Check your AWS Secret Access Key and signing method. Consult the service \
    documentation for details.";

#[test]
fn wrong_signatures() {
    let server = Server::start();
    let invalid = "InvalidSignatureException";
    let mut wrong_secret = server.admin.clone();
    wrong_secret.secret = "A".repeat(40);
    check(&server, &server.send_as(&wrong_secret, "kms", &random()), 400, invalid, MISMATCH);
    let mut changed = signed(&server, &random());
    changed.body = br#"{"NumberOfBytes":2}"#.to_vec();
    check(&server, &server.send(&changed), 400, invalid, MISMATCH);
    let mut changed = signed(&server, &random());
    *header(&mut changed, "x-amz-target") = "TrentService.ListKeys".to_owned();
    check(&server, &server.send(&changed), 400, invalid, MISMATCH);

    let now_ms = server.clock.now_ms();
    let elsewhere = random().signed(server.address, &server.admin, "us-west-1", "kms", now_ms);
    let text = "Credential should be scoped to a valid region, not 'us-west-1'. ";
    check(&server, &server.send(&elsewhere), 400, invalid, text);
    let text = "Credential should be scoped to correct service: 'kms'. ";
    check(&server, &server.send_as(&server.admin, "dynamodb", &random()), 400, invalid, text);

    for (age_min, word) in [(16, "Signature expired: "), (-6, "Signature not yet current: ")] {
        let then_ms = now_ms - age_min * 60_000;
        let request = random().signed(server.address, &server.admin, REGION, "kms", then_ms);
        let answer = server.send(&request);
        assert_eq!(answer.code(), invalid);
        assert!(answer.message().starts_with(word), "{}", answer.text());
    }
}

#[test]
fn strangers() {
    let server = Server::start();
    let stranger = Credentials {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
        session_token: None,
    };
    let unknown = "UnrecognizedClientException";
    let text = "The security token included in the request is invalid.";
    check(&server, &server.send_as(&stranger, "kms", &random()), 400, unknown, text);
    let mut forged = server.admin.clone();
    forged.session_token = Some("forged".to_owned());
    check(&server, &server.send_as(&forged, "kms", &random()), 400, unknown, text);
    let missing = "MissingAuthenticationTokenException";
    check(&server, &server.send(&random()), 400, missing, "Missing Authentication Token");
    let bearer = random().with("authorization", "Bearer abc");
    let answer = server.send(&bearer);
    check(&server, &answer, 400, missing, "Missing Authentication Token");
}

#[test]
fn bodies_that_are_no_input() {
    let server = Server::start();
    let deep = |levels| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    for body in [
        b"{".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"{} {}".to_vec(),
        b"\xff\xfe{}".to_vec(),
        br#"{"NumberOfBytes":1,"x":""#.iter().chain(b"\xc3\x28\"}").copied().collect(),
        b"{\"NumberOfBytes\":1e999}".to_vec(),
        b"{\"NumberOfBytes\":1,\"NumberOfBytes\":1}".to_vec(),
        b"{\"NumberOfBytes\":1,\"x\":{\"y\":1,\"y\":1}}".to_vec(),
        b"{\"NumberOfBytes\":1,\"x\":\"\\ud800\"}".to_vec(),
        b"\xef\xbb\xbf{\"NumberOfBytes\":1}".to_vec(),
        deep(97).into_bytes(),
        deep(40_000).into_bytes(),
        "[".repeat(200_000).into_bytes(),
    ] {
        let answer = server.send_as(&server.admin, "kms", &Request::kms("GenerateRandom", body));
        check(&server, &answer, 400, "SerializationException", "");
    }
    for (input, text) in [
        (json!({ "KeyId": 1, "Plaintext": "eA==" }), NOT_A_STRING),
        (json!({ "KeyId": [], "Plaintext": "eA==" }), "Start of list found where not expected"),
        (
            json!({ "KeyId": {}, "Plaintext": "eA==" }),
            "Start of structure or map found where not expected.",
        ),
        (
            json!({ "KeyId": "x", "Plaintext": "eA=" }),
            "The value can not be converted to a Blob: Base64 encoded length is expected a \
             multiple of 4 bytes but found: 3",
        ),
        (json!({ "KeyId": "x", "Plaintext": "eA==", "GrantTokens": "x" }), "Expected list or null"),
        (
            json!({ "KeyId": "x", "Plaintext": "eA==", "EncryptionContext": { "a": 1 } }),
            NOT_A_STRING,
        ),
    ] {
        check(&server, &server.call("Encrypt", &input), 400, "SerializationException", text);
    }
    // What is deep but within bounds, and unknown, is ignored.
    let mut input: Value = serde_json::from_str(&deep(90)).unwrap();
    input["NumberOfBytes"] = json!(1);
    server.call("GenerateRandom", &input).ok();
}

const NOT_A_STRING: &str = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not \
    be converted to an String";

#[test]
fn what_is_too_long() {
    let server = Server::start();
    let too_large = "RequestEntityTooLargeException";
    let at_limit = |bytes: usize| {
        let (start, end) = (r#"{"NumberOfBytes":1,"x":""#, r#""}"#);
        let filling = "x".repeat(bytes - start.len() - end.len());
        Request::kms("GenerateRandom", [start, &filling, end].concat())
    };
    server.send_as(&server.admin, "kms", &at_limit(262_144)).ok();
    let over = server.send_as(&server.admin, "kms", &at_limit(262_145));
    let text = "The request's body must not exceed 262144 bytes.";
    check(&server, &over, 413, too_large, text);
    let far_over = server.send_as(&server.admin, "kms", &at_limit(8 << 20));
    check(&server, &far_over, 413, too_large, text);
    // Announced, and never sent: refused without waiting for it.
    let mut stream = raw::connect(server.address).unwrap();
    let request = signed(&server, &random());
    stream.write_all(request.head(1 << 40).as_bytes()).unwrap();
    check(&server, &raw::receive(&mut stream).unwrap(), 413, too_large, text);

    let long = random().with("x-long", &"h".repeat(16_384));
    let answer = server.send_as(&server.admin, "kms", &long);
    check(&server, &answer, 413, too_large, "The request's headers must not exceed 16384 bytes.");
    let many = (0..80).fold(random(), |request, at| request.with(&format!("x-h{at}"), "v"));
    let answer = server.send_as(&server.admin, "kms", &many);
    assert_eq!(answer.status, 400, "{}", answer.text());
    // More than the parser takes at all.
    let long = random().with("x-long", &"h".repeat(1 << 20));
    let answer = server.send(&long);
    assert!((400..500).contains(&answer.status), "{}", answer.status);
    server.send_as(&server.admin, "kms", &random()).ok();
}

#[test]
fn targets_and_methods_that_are_not_there() {
    let server = Server::start();
    let unknown = "UnknownOperationException";
    for target in
        ["TrentService.NoSuchThing", "TrentService.", "DynamoDB_20120810.GetItem", "", "é"]
    {
        let mut request = random();
        *header(&mut request, "x-amz-target") = target.to_owned();
        let answer = server.send_as(&server.admin, "kms", &request);
        check(&server, &answer, 400, unknown, "");
        // The name that a stranger chose is not in the book.
        let record = &server.records_of(answer.request_id())[0];
        assert_eq!(record["eventName"], "UnknownOperation");
    }
    let mut request = random();
    request.headers.retain(|(name, _)| name != "x-amz-target");
    check(&server, &server.send_as(&server.admin, "kms", &request), 400, unknown, "");
    // Operations of the REST API are not KMS's, and timers' are nobody's.
    for operation in ["CreateUser", "QueryEvents", "DeleteKey", "Reseal", "RotateDomainKey"] {
        check(&server, &server.call(operation, &json!({})), 400, unknown, "");
    }
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
        let mut request = random();
        request.method = method.to_owned();
        let answer = server.send_as(&server.admin, "kms", &request);
        check(&server, &answer, 404, unknown, &format!("There is no {method} /."));
    }
    for (method, path) in [
        ("GET", "/v1/nothing"),
        ("POST", "/v1/audit/events"),
        ("GET", "/v1//audit/events"),
        ("GET", "/v1/./audit/events"),
        ("GET", "/v1/users/../audit/events"),
        ("DELETE", "/v1/users/%ff"),
    ] {
        let answer = server.rest(method, path, &Value::Null);
        check(&server, &answer, 404, unknown, &format!("There is no {method} {path}."));
    }
}

/// Of what is not there nothing is read, and of the rest no more than it can need.
#[test]
fn bodies_that_nobody_asked_for() {
    let server = Server::start();
    let announce = |method: &str, path: &str, bytes: usize| {
        let request = server.signed(&server.admin, "wardbook", &Request::new(method, path, ""));
        let mut stream = raw::connect(server.address).unwrap();
        stream.write_all(request.head(bytes).as_bytes()).unwrap();
        raw::receive(&mut stream).unwrap()
    };
    let unknown = "UnknownOperationException";
    for (method, path) in [("POST", "/v1/nothing"), ("PATCH", "/v1/users"), ("PUT", "/")] {
        let answer = announce(method, path, 1 << 20);
        check(&server, &answer, 404, unknown, &format!("There is no {method} {path}."));
    }
    let too_large = "RequestEntityTooLargeException";
    for (path, most) in
        [("/v1/users", 1 << 20), ("/v1/item-schemas/people/encrypt", 16_usize << 20)]
    {
        let text = format!("The request's body must not exceed {most} bytes.");
        check(&server, &announce("POST", path, most + 1), 413, too_large, &text);
    }
}

/// Whoever sends bodies that never end fills the room for large ones, and takes nothing
/// from those whose bodies are small. Strangers get nothing of it.
#[test]
fn large_bodies_share_their_room() {
    let server = Server::start();
    let path = "/v1/item-schemas/people/encrypt";
    let body = format!(r#"{{"items":[]}}{}"#, " ".repeat(4 << 20));
    let batch = Request::new("POST", path, body);
    let send = || server.send_as(&server.admin, "wardbook", &batch);
    let whole = 16 << 20;
    let part = vec![b' '; whole - 1];
    let begin = |request: &Request| {
        let mut stream = raw::connect(server.address).unwrap();
        stream.write_all(&[request.head(whole).as_bytes(), &part].concat()).ok();
        stream
    };
    let forger = Credentials { access_key_id: "AKIAOFNOBODY0".to_owned(), ..server.admin.clone() };
    let nobody = Request::new("POST", path, "");
    let unknown = server.signed(&forger, "wardbook", &nobody);
    let bearer = nobody.clone().with("authorization", "Bearer a.b.c");
    let strangers: Vec<_> =
        [&nobody, &unknown, &bearer].into_iter().cycle().take(12).map(begin).collect();
    assert_eq!(send().code(), "NotFoundException");
    drop(strangers);
    let known = server.signed(&server.admin, "wardbook", &nobody);
    // Eight have the room, unless a batch on its way took a part of it from one of them: then
    // that one is refused, and the next one has what it leaves.
    let (mut open, mut refused) = (Vec::new(), None);
    wait_until(|| {
        open.push(begin(&known));
        refused = Some(send()).filter(|answer| answer.code() == "ThrottlingException");
        refused.is_some()
    });
    let refused = refused.unwrap();
    let text = "You have exceeded the rate at which you may call KMS. Reduce the frequency of \
                your calls.";
    check(&server, &refused, refused.status, "ThrottlingException", text);
    server.send_as(&server.admin, "kms", &random()).ok();
    let small = server.rest("POST", path, &json!({ "items": [] }));
    assert_eq!(small.code(), "NotFoundException", "{}", small.text());
    drop(open);
    wait_until(|| send().code() == "NotFoundException");
}

#[test]
fn query_strings_that_would_widen_a_query() {
    let server = Server::start();
    for (query, text) in [
        ("evenName=Encrypt", "The query parameter 'evenName' is not known."),
        ("limit=1&limit=2", "The query parameter 'limit' is given twice."),
        ("limit=1001", "limit must be a number from 1 to 1000."),
        (
            "from=yesterday",
            "from must be a time such as 2026-11-02T10:00:00Z or a day such as 2026-11-02.",
        ),
        ("cursor=AAAA", "The cursor is not valid for this query."),
    ] {
        let answer = server.rest("GET", &format!("/v1/audit/events?{query}"), &Value::Null);
        check(&server, &answer, 400, "ValidationException", text);
    }
}

/// Bytes that are no HTTP, and connections that end early: the next call is
/// answered.
#[test]
fn what_is_no_request() {
    let server = Server::start();
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        b"\0\0\0\0\r\n\r\n",
    ] {
        let mut stream = raw::connect(server.address).unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        if let Ok(answer) = raw::receive(&mut stream) {
            assert!((400..500).contains(&answer.status), "{bytes:?}: {}", answer.status);
        }
    }
    // A body that ends before it is all there.
    let mut stream = raw::connect(server.address).unwrap();
    let request = signed(&server, &random());
    stream.write_all(request.head(request.body.len()).as_bytes()).unwrap();
    stream.write_all(&request.body[..5]).unwrap();
    drop(stream);
    server.send_as(&server.admin, "kms", &random()).ok();
}

/// What the query protocol of STS does not know is refused by name.
#[test]
fn sts_answers_in_xml() {
    let server = Server::start();
    let form = |body: &str| {
        Request::new("POST", "/", body).with("content-type", "application/x-www-form-urlencoded")
    };
    let who = form("Action=GetCallerIdentity&Version=2011-06-15");
    let answer = server.send_as(&server.admin, "sts", &who);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/xml"));
    assert!(answer.text().contains("<Arn>arn:aws:iam::111122223333:user/admin</Arn>"));
    let answer = server.send_as(&server.admin, "sts", &form("Action=GetFederationToken"));
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("<Code>UnsupportedOperation</Code>"), "{}", answer.text());
    assert_eq!(server.records_of(answer.request_id()).len(), 1);
    let answer = server.send(&who);
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("<Code>MissingAuthenticationToken</Code>"), "{}", answer.text());
}

/// Clients that stop in the middle of a request are let go in the end, and
/// hold up nobody else.
#[test]
fn requests_that_never_end() {
    let server = Server::start();
    let request = signed(&server, &random());
    let mut half_a_head = raw::connect(server.address).unwrap();
    half_a_head.write_all(b"POST / HTTP/1.1\r\nhost: localhost\r\nx-amz-").unwrap();
    let mut half_a_body = raw::connect(server.address).unwrap();
    half_a_body.write_all(request.head(request.body.len()).as_bytes()).unwrap();
    half_a_body.write_all(&request.body[..5]).unwrap();
    for _meanwhile in 0..20 {
        server.send_as(&server.admin, "kms", &random()).ok();
    }
    assert_eq!(raw::receive(&mut half_a_head).unwrap().status, 408);
    let answer = raw::receive(&mut half_a_body).unwrap();
    let text = "The request body did not arrive.";
    check(&server, &answer, 400, "SerializationException", text);
}

/// Nor does a client keep its connection that has been answered once and sends nothing
/// whole any more, or takes no answer.
#[test]
fn connections_that_nobody_uses() {
    let server = Server::start();
    let live = "GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let open = |sent: &[u8]| {
        let mut stream = raw::connect(server.address).unwrap();
        stream.write_all(sent).unwrap();
        stream
    };
    let chunked = "POST /nope HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
    let metrics = live.replace("/health/live", "/metrics");
    let mut idle = [
        open(format!("{live}G").as_bytes()),
        open(format!("{chunked}1\r\nx\r\n").as_bytes()),
        open(metrics.repeat(2_000).as_bytes()),
    ];
    for stream in &mut idle[..2] {
        stream.read_exact(&mut [0; 12]).unwrap();
    }
    // Everything that comes is nothing but the rest of an answer, and it ends.
    for mut stream in idle {
        let mut rest = Vec::new();
        let ended = stream.read_to_end(&mut rest);
        assert!(ended.is_ok() || ended.unwrap_err().kind() == ErrorKind::ConnectionReset);
    }
    server.send_as(&server.admin, "kms", &random()).ok();
}
