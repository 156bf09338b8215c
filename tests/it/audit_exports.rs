//! Exports of the book, and following it, over the socket.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use serde_json::{Value, json};
use wardbook::base::clock::ManualClock;
use wardbook::base::limits;
use wardbook::base::timestamp::iso_8601;

use crate::fixture::door::Door;
use crate::fixture::raw::{Request, Response, connect};
use crate::fixture::{Credentials, START_MS, Server, wait_until};

/// After half a minute the permission is asked for again.
const HEARTBEAT_MS: i64 = 15_000;

fn export(server: &Door, query: &str) -> Response {
    server.rest("GET", &format!("/v1/audit/export?{query}"), &Value::Null)
}

/// All pages of the same question, one record a line.
fn pages(server: &Door, query: &str) -> String {
    let (mut all, mut cursor) = (String::new(), String::new());
    loop {
        let path = format!("/v1/audit/events?limit=100{cursor}&{query}");
        let request = Request::new("GET", &path, "").with("accept", "application/x-ndjson");
        let page = server.send_as(&server.admin, "wardbook", &request);
        all.push_str(&page.text());
        match page.header("x-wardbook-next-cursor") {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

#[test]
fn an_export_is_all_pages_byte_for_byte() {
    let server = Server::start();
    let random = json!({ "NumberOfBytes": 8 });
    let calls = limits::AUDIT_EXPORT_ROWS * 2 + 10;
    for _ in 0..calls {
        server.call("GenerateRandom", &random).ok();
    }
    let query = "eventName=GenerateRandom&not=errorCode%3Dany";
    let answer = export(&server, query);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(answer.header("x-wardbook-events"), Some(&*calls.to_string()));
    assert_eq!(answer.text().lines().count(), calls);
    assert_eq!(answer.text(), pages(&server, query));
    let records = server.records_of(answer.request_id());
    assert_eq!(records.len(), 1, "one call, one record");
    assert_eq!(
        records[0]["requestParameters"],
        json!({ "eventName": ["GenerateRandom"], "not": ["errorCode=any"] })
    );
    assert_eq!(export(&server, "eventName=Sign").text(), "");
    let long_ago = "text=GenerateRandom&eventName=GenerateRandom&to=2020-01-01";
    let searched = export(&server, long_ago);
    assert_eq!((searched.text().as_str(), searched.header("x-wardbook-events")), ("", None));

    let table = export(&server, &format!("{query}&format=csv"));
    assert_eq!(table.header("content-type"), Some("text/csv; charset=utf-8"));
    let text = table.text();
    let rows: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(rows.len(), calls + 1);
    assert!(rows[0].starts_with("eventTime,eventID,requestID,"), "{}", rows[0]);
    assert!(rows.iter().skip(1).all(|row| row.contains(",GenerateRandom,true,,arn:aws:iam::")));
}

#[test]
fn what_cannot_be_exported() {
    let server = Server::start();
    for (query, want) in [
        ("format=xml", "format must be ndjson, csv or parquet."),
        ("limit=1", "The query parameter 'limit' is not known."),
        ("from=yesterday", "from must be a time such as"),
    ] {
        let answer = export(&server, query);
        assert_eq!((answer.status, answer.code().as_str()), (400, "ValidationException"));
        assert!(answer.message().starts_with(want), "{}", answer.message());
    }
    let seats = &server.ctx().audit_exports;
    let own = &server.ctx().account;
    let taken: Vec<_> =
        (0..limits::AUDIT_EXPORTS_OF_ACCOUNT).map(|_| seats.take(own).unwrap()).collect();
    assert_eq!(export(&server, "").code(), "ThrottlingException");
    let made = server.rest("POST", "/v1/accounts", &json!({ "accountName": "other" })).ok();
    let other = Request::new("GET", "/v1/audit/export?format=ndjson", "");
    let answer = server.send_as(&Credentials::of(&made), "wardbook", &other);
    assert_eq!(answer.status, 200, "another account has places of its own");
    drop(taken);
    assert_eq!(export(&server, "").status, 200);
    wait_until(|| seats.taken() == 0);
}

/// An answer that goes on.
struct Stream {
    connection: TcpStream,
    text: String,
}

impl Stream {
    fn open(server: &Door, who: &Credentials, query: &str, last: Option<&str>) -> Self {
        let path = format!("/v1/audit/events/follow?{query}");
        let mut request = Request::new("GET", &path, "");
        if let Some(last) = last {
            request = request.with("last-event-id", last);
        }
        let request = server.signed(who, "wardbook", &request);
        let mut connection = connect(server.address).unwrap();
        connection.write_all(request.head(0).as_bytes()).unwrap();
        Self { connection, text: String::new() }
    }

    /// Reads on until this stands there; all that was read.
    fn until(&mut self, text: &str) -> &str {
        while !self.text.contains(text) {
            self.read();
        }
        &self.text
    }

    fn read(&mut self) {
        let mut bytes = [0; 4096];
        let read = self.connection.read(&mut bytes).unwrap();
        assert!(read > 0, "it ended: {}", self.text);
        self.text.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
    }

    /// The ids of the records so far.
    fn ids(&self) -> Vec<u64> {
        let events = self.text.split("id: ").skip(1).filter(|event| event.contains("\ndata: "));
        events.map(|event| event.lines().next().unwrap().parse().unwrap()).collect()
    }
}

#[test]
fn a_follower_gets_what_comes_and_goes_on_where_it_was() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    server.new_key();
    let query = "eventName=CreateKey";
    let mut stream = Stream::open(&server, &server.admin, query, None);
    assert!(stream.until(":\nid: ").contains("Content-Type: text/event-stream"));
    server.new_key();
    server.call("ListKeys", &json!({})).ok();
    stream.until("\ndata: ");
    server.new_key();
    while stream.ids().len() < 2 {
        stream.read();
    }
    let ids = stream.ids();
    assert!(ids[0] < ids[1], "{ids:?}");
    assert!(!stream.text.contains("ListKeys"));
    drop(stream);

    let mut again = Stream::open(&server, &server.admin, query, Some(&ids[0].to_string()));
    again.until("\ndata: ");
    assert_eq!(again.ids(), [ids[1]]);
    // A sign of life, though nothing came.
    let signs = |stream: &Stream| stream.text.matches(":\nid: ").count();
    let before = signs(&again);
    clock.advance_ms(HEARTBEAT_MS);
    while signs(&again) == before {
        again.read();
    }
    // One call, one record.
    assert_eq!(server.events("eventName=FollowEvents").len(), 2);
    let ahead = "/v1/audit/events/follow?lastEventId=999999";
    assert_eq!(server.rest("GET", ahead, &Value::Null).code(), "ValidationException");
    let ahead = Request::new("GET", "/v1/audit/events/follow", "").with("last-event-id", "x");
    assert_eq!(server.send_as(&server.admin, "wardbook", &ahead).code(), "ValidationException");
}

#[test]
fn a_follower_is_told_when_there_can_be_no_more() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let to = iso_8601(START_MS + 60_000).replace(':', "%3A");
    let mut stream = Stream::open(&server, &server.admin, &format!("to={to}"), Some("0"));
    stream.until("\ndata: ");
    assert!(!stream.text.contains("event: end"));
    clock.advance_ms(60_000);
    stream.until("\r\n0\r\n\r\n");
    assert!(stream.text.contains("event: end\ndata: {}\n\n"), "{}", stream.text);
}

#[test]
fn who_may_no_longer_is_not_told() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let ada = server.new_user("ada", "permit (principal, action, resource);");
    let mut stream = Stream::open(&server, &ada, "", None);
    stream.until(":\nid: ");
    server.rest("DELETE", "/v1/users/ada/policies/p", &Value::Null);
    clock.advance_ms(HEARTBEAT_MS * 2);
    // The end of a body in chunks.
    stream.until("\r\n0\r\n\r\n");
    wait_until(|| server.ctx().audit_followers.taken() == 0);
}

#[test]
fn a_follower_that_hangs_up_or_stays_stops_nothing() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let mut server = Server::at(&clock);
    let admin = server.admin.clone();
    let mut stream = Stream::open(&server, &admin, "", None);
    stream.until(":\nid: ");
    drop(stream);
    let places = Arc::clone(&server.ctx().audit_followers);
    wait_until(|| {
        clock.advance_ms(HEARTBEAT_MS);
        places.taken() == 0
    });
    let mut stream = Stream::open(&server, &admin, "", None);
    stream.until(":\nid: ");
    server.tell_to_stop();
    stream.until("\r\n0\r\n\r\n");
    drop(server);
}
