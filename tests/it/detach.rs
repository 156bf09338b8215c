//! A client that goes away does not stop its call half way.

use std::fs;
use std::io::{Read, Write};

use serde_json::json;

use crate::fixture::raw::{self, Request};
use crate::fixture::{Server, wait_until};

/// The client resets its connection while its call waits for the book. The
/// server lets the connection go; the call still happens, and has its record.
#[test]
fn a_call_outlives_its_client() {
    let server = Server::start();
    let mut stream = raw::connect(server.address).unwrap();
    // An answer that is never read makes closing the connection reset it.
    stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    stream.read_exact(&mut [0]).unwrap();
    let blocked = server.block_book();
    let body = json!({ "Description": "whose client went away" }).to_string();
    let request = Request::kms("CreateKey", body);
    let signed = server.signed(&server.admin, "kms", &request);
    stream.write_all(signed.head(signed.body.len()).as_bytes()).unwrap();
    stream.write_all(&signed.body).unwrap();
    server.wait_for_queue(1);
    let its_end = socket(server.address.port(), stream.local_addr().unwrap().port());
    assert!(is_open(&its_end));
    drop(stream);
    wait_until(|| !is_open(&its_end));
    blocked.release();
    let created = || server.events("eventName=CreateKey");
    wait_until(|| !created().is_empty());
    let record = &created()[0];
    assert_eq!(record["requestParameters"]["description"], "whose client went away");
    assert!(record.get("errorCode").is_none(), "{record}");
    let key = record["responseElements"]["keyMetadata"]["keyId"].as_str().unwrap();
    server.call("DescribeKey", &json!({ "KeyId": key })).ok();
}

/// The server's end of a connection, as a link under `/proc/self/fd` names it.
fn socket(server_port: u16, client_port: u16) -> String {
    let (local, remote) =
        (format!("0100007F:{server_port:04X}"), format!("0100007F:{client_port:04X}"));
    let table = fs::read_to_string("/proc/self/net/tcp").unwrap();
    let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let line = lines.find(|line| line[1] == local && line[2] == remote).unwrap();
    format!("socket:[{}]", line[9])
}

/// Whether this process holds the socket.
fn is_open(socket: &str) -> bool {
    let links = fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| {
        // Other tests open and close files meanwhile.
        fs::read_link(entry.ok()?.path()).ok()
    });
    links.into_iter().any(|link| link.to_str() == Some(socket))
}
