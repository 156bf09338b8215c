//! Items one a line, answered line by line: streams of any length.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;

use serde_json::{Value, json};
use wardbook::base::clock::ManualClock;
use wardbook::base::limits;

use crate::fixture::raw::{self, Request, Response};
use crate::fixture::{ACCOUNT, Credentials, Options, START_MS, Server, oidc, wait_until};

const NDJSON: &str = "application/x-ndjson";
const ALL: &str = "permit (principal, action, resource);";
/// The end of a body in chunks.
const END: &str = "\r\n0\r\n\r\n";

fn start() -> (Arc<ManualClock>, Server) {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let schema = json!({
        "tableName": "people", "partitionKeyName": "id", "keyId": server.new_key(),
        "algorithmSuite": "0x6700", "allowedUnsignedAttributePrefix": ":",
        "attributeActionsOnEncrypt": { "id": "SIGN_ONLY", "ssn": "ENCRYPT_AND_SIGN" },
    });
    server.rest("PUT", "/v1/item-schemas/people", &schema).ok();
    (clock, server)
}

fn request(verb: &str, query: &str) -> Request {
    Request::new("POST", &format!("/v1/item-schemas/people/{verb}?format=json{query}"), "")
        .with("content-type", NDJSON)
}

fn unsigned(request: Request) -> Request {
    request.with("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
}

fn signed_as(server: &Server, who: &Credentials, request: Request) -> Request {
    server.signed(who, "wardbook", &unsigned(request))
}

fn send_as(server: &Server, who: &Credentials, request: Request, body: &str) -> Response {
    server.send(&Request { body: body.into(), ..signed_as(server, who, request) })
}

fn send(server: &Server, verb: &str, query: &str, body: &str) -> Vec<Value> {
    let answer = send_as(server, &server.admin, request(verb, query), body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    lines(&answer.text())
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn person(id: usize) -> String {
    format!("{{\"id\":\"{id}\",\"ssn\":\"{id}-11\"}}\n")
}

fn items(told: &[Value]) -> String {
    told.iter().map(|line| format!("{}\n", line["item"])).collect()
}

fn calls(server: &Server) -> Vec<Value> {
    server.events("eventName=EncryptItems")
}

/// How many streams the server has.
fn streams(server: &Server) -> usize {
    server.ctx().item_streams.taken()
}

/// A stream whose lines are still to come.
struct Open(TcpStream);

impl Open {
    /// Sends the head alone.
    fn new(server: &Server, request: &Request) -> Self {
        let mut stream = raw::connect(server.address).unwrap();
        stream.write_all(request.head(1 << 30).as_bytes()).unwrap();
        Self(stream)
    }

    /// A stream of the administrator.
    fn encrypt(server: &Server) -> Self {
        Self::new(server, &signed_as(server, &server.admin, request("encrypt", "")))
    }

    fn write(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }

    /// Reads until `end` came.
    #[track_caller]
    fn until(&mut self, end: &str) -> String {
        let (mut read, mut byte) = (Vec::new(), [0]);
        while !read.ends_with(end.as_bytes()) {
            if let Err(error) = self.0.read_exact(&mut byte) {
                panic!("{error} after {}", String::from_utf8_lossy(&read));
            }
            read.push(byte[0]);
        }
        String::from_utf8(read).unwrap()
    }

    /// The last words of a stream that is broken off.
    #[track_caller]
    fn stopped(mut self) -> Value {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).ok();
        let rest = String::from_utf8_lossy(&rest).into_owned();
        assert!(!rest.ends_with(END), "{rest}");
        let last = rest.lines().find(|line| line.starts_with(r#"{"stopped":"#));
        let last = last.unwrap_or_else(|| panic!("no last word: {rest}"));
        serde_json::from_str::<Value>(last).unwrap()["stopped"].clone()
    }
}

#[test]
fn lines_are_answered_one_by_one_in_their_order() {
    let (_, server) = start();
    let people: String = (1..=250).map(person).collect();
    let sealed = send(&server, "encrypt", "", &people);
    let numbers: Vec<u64> = sealed.iter().map(|line| line["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=250).collect::<Vec<_>>());
    for verb in ["re-encrypt", "rewrap"] {
        assert_eq!(items(&send(&server, verb, "", &items(&sealed))).lines().count(), 250);
    }
    let opened = send(&server, "decrypt", "&attributes=ssn&onWithheld=error", &items(&sealed));
    assert_eq!(items(&opened), people);
    // Each batch is a call with a record of its own, and so are the reads of its items.
    let records = server.events("eventName=DecryptItems");
    let counts: Vec<&Value> =
        records.iter().map(|record| &record["requestParameters"]["items"]).collect();
    assert_eq!(counts, [50, 100, 100], "{records:#?}");
    assert_eq!(records[0]["requestParameters"]["attributes"], json!(["ssn"]));
    let reads = "/v1/audit/field-reads?table=people&attribute=ssn&kind=returned&limit=1000";
    let reads = server.rest("GET", reads, &Value::Null).ok();
    assert_eq!(reads["reads"].as_array().unwrap().len(), 250, "{reads}");
    // One of nothing is a call, too.
    assert_eq!(calls(&server).len(), 3);
    assert!(send(&server, "encrypt", "", "\n \n").is_empty());
    assert_eq!(calls(&server)[0]["requestParameters"]["items"], 0);
    wait_until(|| streams(&server) == 0);
}

/// A line that is no item is told so in its place; it can say nothing of others.
#[test]
fn a_bad_line_spoils_no_other() {
    let (_, server) = start();
    let long = format!("{{\"id\":\"{}\"}}", "x".repeat(9 << 20));
    let deep = format!("{{\"id\":\"2\",\"ssn\":{}{}}}", "[".repeat(200), "]".repeat(200));
    let sent = [
        r#"{"id":"1","ssn":"1-11"}"#,
        "",
        r#"{}],"format":"dynamodb","items":[{}"#,
        &long,
        " \t\r",
        "{",
        &deep,
        "7",
        r#"{"id":"9","ssn":"9-11"}"#,
    ];
    let told = send(&server, "encrypt", "", &sent.join("\n"));
    let found: Vec<(u64, &str)> = told
        .iter()
        .map(|line| {
            let code = line["error"]["code"].as_str().unwrap_or_default();
            assert!(line["error"].get("index").is_none(), "{line}");
            assert_eq!(line["error"]["docs"].is_string(), !code.is_empty(), "{line}");
            (line["line"].as_u64().unwrap(), code)
        })
        .collect();
    let want = [
        (1, ""),
        (3, "MalformedJson"),
        (4, "ItemTooLarge"),
        (6, "MalformedJson"),
        (7, "TooDeep"),
        (8, "MalformedAttribute"),
        (9, ""),
    ];
    assert_eq!(found, want);
}

/// Some megabytes that stay as they are, so that buffers fill.
fn large(id: usize) -> String {
    let free = "x".repeat(256 << 10);
    format!("{{\":free\":\"{free}\",\"id\":\"{id}\",\"ssn\":\"{id}\"}}\n")
}

/// More than all buffers on the way hold, to a client that reads only when it cannot
/// write: the server reads on only while its answers are taken.
#[test]
fn a_stream_is_longer_than_any_memory() {
    let (_, server) = start();
    let count = 160;
    let bytes = (0..count).map(|id| large(id).len()).sum::<usize>();
    assert!(bytes > 2 * limits::ITEMS_BODY_BYTES);
    let mut stream = raw::connect(server.address).unwrap();
    let mut writer = stream.try_clone().unwrap();
    let head = signed_as(&server, &server.admin, request("encrypt", "")).head(bytes);
    let writing = thread::spawn(move || {
        writer.write_all(head.as_bytes()).unwrap();
        for id in 0..count {
            writer.write_all(large(id).as_bytes()).unwrap();
        }
    });
    wait_until(|| !calls(&server).is_empty());
    assert!(!writing.is_finished(), "all of it is in memory");
    let answer = raw::receive(&mut stream).unwrap();
    writing.join().unwrap();
    assert_eq!(answer.text().lines().count(), count);
    let last = answer.text().lines().last().unwrap().to_owned();
    assert!(last.starts_with(r#"{"line":160,"item":"#), "{} bytes", last.len());
}

/// A client that takes nothing is given up with its answers.
#[test]
fn a_slow_reader_is_given_up() {
    let (clock, server) = start();
    let mut stream = Open::encrypt(&server);
    let mut writer = stream.0.try_clone().unwrap();
    let writing = thread::spawn(move || {
        (0..).take_while(|id| writer.write_all(large(*id).as_bytes()).is_ok()).count()
    });
    wait_until(|| !calls(&server).is_empty());
    wait_until(|| {
        clock.advance_ms(i64::try_from(limits::PIECE_TAKEN_S).unwrap() * 1_000);
        streams(&server) == 0
    });
    let mut rest = Vec::new();
    stream.0.read_to_end(&mut rest).ok();
    assert!(rest.starts_with(b"HTTP/1.1 200") && !rest.ends_with(END.as_bytes()));
    writing.join().unwrap();
}

/// What came is answered while the rest is still to come.
#[test]
fn a_client_may_wait_for_its_answers() {
    let (_, server) = start();
    let [first, second] = [person(1), person(2)];
    let request = signed_as(&server, &server.admin, request("encrypt", ""));
    let mut stream = Open(raw::connect(server.address).unwrap());
    stream.write(&request.head(first.len() + second.len()));
    stream.write(&first);
    assert!(stream.until("\"line\":1,").starts_with("HTTP/1.1 200"));
    stream.write(&second);
    assert!(stream.until(END).contains("\"line\":2,"));
}

/// What was answered is done; of the rest nothing is.
#[test]
fn a_stream_that_is_cut_ends_between_batches() {
    let (_, server) = start();
    let mut stream = Open::encrypt(&server);
    stream.write(&(1..=100).map(person).collect::<String>());
    stream.until("\"line\":100,");
    stream.write(&person(101));
    stream.write(r#"{"id":"102","ssn":"#);
    drop(stream);
    wait_until(|| streams(&server) == 0);
    let records = calls(&server);
    let done = records.iter().filter(|record| record.get("errorCode").is_none());
    let done: Vec<&Value> = done.map(|record| &record["requestParameters"]["items"]).collect();
    // The line that was there whole came in time, or it did not; the half never did.
    assert!(done == [100] || done == [1, 100], "{records:#?}");
}

/// A refusal of the first batch is the answer; a later one ends the stream, which is
/// broken off behind the line that says so.
#[test]
fn a_stream_is_refused_as_any_call() {
    let (clock, server) = start();
    let nobody = server.new_user("nobody", "");
    let denied = send_as(&server, &nobody, request("encrypt", ""), &person(1));
    assert_eq!(denied.code(), "AccessDeniedException", "{}", denied.text());
    assert_eq!(server.records_of(denied.request_id()).len(), 1);
    for query in ["&items=x", "&format=json", "&other=x"] {
        let wrong = send_as(&server, &server.admin, request("encrypt", query), &person(1));
        assert_eq!(wrong.code(), "ValidationException", "{}", wrong.text());
        assert_eq!(server.records_of(wrong.request_id()).len(), 1);
    }
    let stale = format!("&schemaHash={}", "0".repeat(64));
    let stale = send_as(&server, &server.admin, request("encrypt", &stale), &person(1));
    assert_eq!(stale.code(), "ConflictException", "{}", stale.text());

    let mut stream = Open::encrypt(&server);
    stream.write(&person(1));
    stream.until("\"line\":1,");
    clock.advance_ms((limits::CLOCK_SKEW_PAST_S + 1) * 1_000);
    stream.write(&person(2));
    let told = stream.stopped();
    let [record] = &server.records_of(told["requestId"].as_str().unwrap())[..] else {
        panic!("{told}");
    };
    assert_eq!(record["errorCode"], told["code"], "{record}");
    wait_until(|| streams(&server) == 0);
}

/// Who may call is asked when the lines are there.
#[test]
fn a_key_that_is_disabled_while_lines_come_is_not_used() {
    let (_, server) = start();
    let ada = server.new_user("ada", ALL);
    let head = signed_as(&server, &ada, request("encrypt", ""));
    let mut stream = Open::new(&server, &head);
    let mut other = Open::new(&server, &head);
    other.write(&person(1));
    other.until("\"line\":1,");
    // Both are admitted by now, and one has a line that is not whole.
    stream.write(r#"{"id":"1","#);
    wait_until(|| streams(&server) == 2);
    let path = format!("/v1/users/ada/access-keys/{}", ada.access_key_id);
    server.rest("PUT", &path, &json!({ "status": "Inactive" })).ok();
    stream.write("\"ssn\":\"1-11\"}\n");
    let refused = stream.until("}}");
    assert!(refused.contains("UnrecognizedClientException"), "{refused}");
    other.write(&person(2));
    assert_eq!(other.stopped()["code"], "UnrecognizedClientException");
    assert_eq!(calls(&server).iter().filter(|call| call.get("errorCode").is_none()).count(), 1);
}

/// Empty lines, or bytes of a line without an end, are no reason to wait on.
#[test]
fn a_batch_has_a_deadline() {
    let (clock, server) = start();
    for junk in ["\n", "x"] {
        let mut stream = Open::encrypt(&server);
        stream.write(&person(1));
        stream.until("\"line\":1,");
        let mut writer = stream.0.try_clone().unwrap();
        let writing = thread::spawn(move || while writer.write_all(junk.as_bytes()).is_ok() {});
        wait_until(|| {
            // Slowly, or the signature ends before the batch does.
            clock.advance_ms(100);
            streams(&server) == 0
        });
        assert_eq!(calls(&server)[0]["errorCode"], "SerializationException");
        assert_eq!(stream.stopped()["code"], "SerializationException");
        writing.join().unwrap();
    }
}

/// A server that stops waits for no line.
#[test]
fn a_stream_ends_with_the_server() {
    let (_, mut server) = start();
    let mut stream = Open::encrypt(&server);
    stream.write(&person(1));
    stream.until("\"line\":1,");
    server.tell_to_stop();
    assert_eq!(stream.stopped()["code"], "ThrottlingException");
}

/// Some have a place; who has none is told to come again, and recorded.
#[test]
fn places_of_streams_run_out() {
    let (_, server) = start();
    let own = server.ctx().account.clone();
    let seats = &server.ctx().item_streams;
    let taken: Vec<_> =
        (0..limits::ITEM_STREAMS_OF_ACCOUNT).map(|_| seats.take(&own).unwrap()).collect();
    // Not a line is waited for.
    let mut stream = Open::encrypt(&server);
    let refused = stream.until("}}");
    assert!(refused.contains("ThrottlingException"), "{refused}");
    let record = &calls(&server)[0];
    assert_eq!(record["errorCode"], "ThrottlingException");
    assert_eq!(record["userIdentity"]["accessKeyId"], server.admin.access_key_id);
    drop(taken);
    assert_eq!(send(&server, "encrypt", "", &person(1)).len(), 1);
}

/// Only a stream may go unsigned, and it has to say so.
#[test]
fn the_signature_says_that_the_body_is_unsigned() {
    let (_, server) = start();
    for (method, path, kind) in [
        ("POST", "/v1/item-schemas/people/encrypt", "application/json"),
        ("PUT", "/v1/item-schemas/people", NDJSON),
        ("POST", "/v1/users", NDJSON),
        ("POST", "/v1/policy/who-can", NDJSON),
    ] {
        let other = Request::new(method, path, "").with("content-type", kind);
        let refused = send_as(&server, &server.admin, other, r#"{"items":[]}"#);
        assert_eq!(refused.code(), "InvalidSignatureException", "{path}: {}", refused.text());
    }
    let stream = Request { body: person(1).into(), ..request("encrypt", "") };
    let answer = server.send_as(&server.admin, "wardbook", &stream);
    assert_eq!(answer.code(), "InvalidSignatureException");
    assert!(answer.message().contains("must be UNSIGNED-PAYLOAD"), "{}", answer.text());
}

/// All but the body is what was signed, for as long as any signature is good.
#[test]
fn a_changed_head_is_refused() {
    let (clock, server) = start();
    let sent = request("encrypt", "").with("x-wardbook-schema-hash", "");
    let signed = signed_as(&server, &server.admin, sent);
    let signed = Request { body: person(1).into(), ..signed };
    let with = |name: &str, value: &str| {
        let mut other = signed.clone();
        let header = other.headers.iter_mut().find(|(other, _)| other == name).unwrap();
        value.clone_into(&mut header.1);
        other
    };
    let target = |from: &str, to: &str| Request {
        target: signed.target.replace(from, to),
        ..signed.clone()
    };
    for changed in [
        target("encrypt", "decrypt"),
        target("people", "other"),
        target("format=json", "format=dynamodb"),
        target("format=json", "format=json&schemaHash=x"),
        with("x-wardbook-schema-hash", "1"),
        with("x-amz-content-sha256", &"0".repeat(64)),
        signed.clone().with("x-wardbook-purpose", "support"),
    ] {
        let answer = server.send(&changed);
        assert_eq!(answer.code(), "InvalidSignatureException", "{changed:?}: {}", answer.text());
    }
    let same = signed_as(&server, &server.admin, request("encrypt", ""));
    let same = Request { body: person(1).into(), ..same };
    assert_eq!(server.send(&same).status, 200);
    clock.advance_ms((limits::CLOCK_SKEW_PAST_S + 1) * 1_000);
    assert_eq!(server.send(&same).code(), "InvalidSignatureException");
}

/// A bearer token is asked for anew with each batch, and for no longer than a signature.
#[test]
fn a_bearer_streams_as_long_as_a_signer() {
    let (clock, server) = start();
    let role = json!({ "roleName": "app", "assumeRolePolicyDocument": oidc::trust() });
    server.rest("POST", "/v1/roles", &role).ok();
    server.rest("PUT", "/v1/roles/app/policies/p", &json!({ "policy": ALL })).ok();
    let request = request("encrypt", "")
        .with("authorization", &format!("Bearer {}", oidc::token(START_MS, &json!({}))))
        .with("x-wardbook-role", &format!("arn:aws:iam::{ACCOUNT}:role/app"));
    let answer = server.send(&Request { body: person(1).into(), ..request.clone() });
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(lines(&answer.text())[0]["line"], 1);

    let mut stream = Open::new(&server, &request);
    stream.write(&person(1));
    stream.until("\"line\":1,");
    // The token itself is good for an hour.
    clock.advance_ms(i64::try_from(limits::ITEM_STREAM_S).unwrap() * 1_000);
    stream.write(&person(2));
    let last = stream.stopped();
    assert_eq!(last["code"], "ValidationException", "{last}");
    assert!(last["message"].as_str().unwrap().contains("at most 900 seconds"), "{last}");
    let record = &server.records_of(last["requestId"].as_str().unwrap())[0];
    assert_eq!(record["userIdentity"]["type"], "AssumedRole");

    let mut stream = Open::new(&server, &request);
    stream.write(&person(1));
    stream.until("\"line\":1,");
    server.rest("DELETE", "/v1/roles/app/policies/p", &Value::Null).ok();
    stream.write(&person(2));
    assert_eq!(stream.stopped()["code"], "AccessDeniedException");
}

/// Where plain HTTP is put up with, a body without a signature is not: not even from
/// this machine, where a proxy may stand.
#[test]
fn a_stream_needs_a_safe_way() {
    let server = Server::with(Options { listen: "0.0.0.0:0", ..Options::default() });
    let refused = send_as(&server, &server.admin, request("encrypt", ""), &person(1));
    assert_eq!(refused.code(), "ValidationException");
    assert!(refused.message().contains("send it over TLS"), "{}", refused.text());
    assert_eq!(server.records_of(refused.request_id()).len(), 1);
    // Ordinary calls have signed bodies.
    server.rest("GET", "/v1/item-schemas", &Value::Null).ok();
}
