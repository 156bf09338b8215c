use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

use super::*;
use crate::ops;
use crate::ops::operation::Description;
use crate::store;
use crate::wire::codes::Code;

/// A log that a test can read.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn settings(filter: &str) -> Settings {
    Settings { log_format: LogFormat::Json, log_filter: filter.to_owned(), otlp_endpoint: None }
}

fn operation(name: &str) -> Description {
    ops::TABLE.iter().find(|entry| entry.description.name == name).unwrap().description
}

#[test]
fn prometheus_sees_calls_by_operation_and_outcome() {
    let (telemetry, _log) = build(&settings("info"), io::sink).unwrap();
    let observer = telemetry.observer();
    let (encrypt, took) = (operation("Encrypt"), Duration::from_millis(2));
    observer.call_ended(&encrypt, None, took);
    observer.call_ended(&encrypt, None, took);
    observer.call_ended(&encrypt, Some(Code::DisabledException), took);
    let text = telemetry.prometheus_text();
    for line in [
        "# TYPE wardbook_call_duration_seconds histogram",
        r#"wardbook_call_duration_seconds_count{wardbook_operation="Encrypt",wardbook_service="kms"} 2"#,
        r#"wardbook_call_duration_seconds_bucket{wardbook_operation="Encrypt",wardbook_service="kms",le="0.001"} 0"#,
        r#"wardbook_call_duration_seconds_bucket{wardbook_operation="Encrypt",wardbook_service="kms",le="0.0025"} 2"#,
        r#"wardbook_call_duration_seconds_count{error_type="DisabledException",wardbook_operation="Encrypt",wardbook_service="kms"} 1"#,
    ] {
        assert!(text.lines().any(|other| other == line), "{line}\nis not in\n{text}");
    }
    assert!(text.contains(r#"service_name="wardbook""#), "{text}");
}

#[test]
fn prometheus_sees_the_store_as_it_is_when_asked() {
    let (telemetry, _log) = build(&settings("info"), io::sink).unwrap();
    let health =
        Health { writer: Ok(()), queued_units: 3, wal_bytes: 4_096, last_seq: 17, indexed_seq: 12 };
    let shown = Arc::new(Mutex::new(health));
    let seen = Arc::clone(&shown);
    telemetry.watch_store(move || seen.lock().unwrap().clone());
    let gauges = || -> Vec<String> {
        let text = telemetry.prometheus_text();
        text.lines().filter(|line| line.starts_with("wardbook_store_")).map(str::to_owned).collect()
    };
    assert_eq!(
        gauges(),
        [
            "wardbook_store_queue_length 3",
            "wardbook_store_record_indexed 12",
            "wardbook_store_record_last 17",
            "wardbook_store_wal_size_bytes 4096",
            "wardbook_store_writable 1",
        ]
    );
    shown.lock().unwrap().writer = Err(store::Error::Poisoned);
    assert_eq!(gauges().last().unwrap(), "wardbook_store_writable 0");
}

#[test]
fn the_log_is_ours_and_what_is_serious_elsewhere() {
    let lines = Lines::default();
    let (_telemetry, log) = build(&settings("trace"), lines.clone()).unwrap();
    tracing::dispatcher::with_default(&log, || {
        tracing::info!(target: "wardbook::ops", operation = "Encrypt", "ours");
        tracing::trace!(target: "wardbook", "ours too");
        tracing::info!(target: "hyper::client", body = "hunter2", "theirs");
        tracing::warn!(target: "hyper::client", "theirs, serious");
        tracing::info!(target: "wardbookish", "a name like ours");
    });
    let said: Vec<serde_json::Value> =
        lines.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let messages: Vec<&str> = said.iter().map(|line| line["message"].as_str().unwrap()).collect();
    assert_eq!(messages, ["ours", "ours too", "theirs, serious"]);
    assert_eq!(said[0]["operation"], "Encrypt");
    assert_eq!(said[0]["level"], "INFO");
}

#[test]
fn text_lines_name_level_and_fields() {
    let lines = Lines::default();
    let settings = Settings { log_format: LogFormat::Text, ..settings("info") };
    let (_telemetry, log) = build(&settings, lines.clone()).unwrap();
    tracing::dispatcher::with_default(&log, || {
        tracing::error!(target: "wardbook", operation = "Encrypt", "a call failed");
        tracing::debug!(target: "wardbook", "details");
    });
    let text = lines.text();
    assert!(text.ends_with("ERROR wardbook: a call failed operation=\"Encrypt\"\n"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn bad_settings_are_refused() {
    assert!(matches!(build(&settings("wardbook=loud"), io::sink), Err(Error::Filter(_))));
    for url in ["", "collector:4318", "ftp://collector", "http://", "http://me:secret@collector"] {
        let settings = Settings { otlp_endpoint: Some(url.to_owned()), ..settings("info") };
        assert!(matches!(build(&settings, io::sink), Err(Error::Endpoint)), "{url}");
    }
}

/// The span that the pipeline opens for each call.
fn span_of_a_call() -> tracing::Span {
    tracing::debug_span!(
        target: "wardbook::ops::pipeline",
        "call",
        otel.name = "Encrypt",
        aws.request_id = "0b2c1d9e"
    )
}

#[test]
fn spans_live_only_when_somebody_traces() {
    let (_telemetry, info) = build(&settings("info"), io::sink).unwrap();
    let (_telemetry, debug) = build(&settings("debug"), io::sink).unwrap();
    let span = tracing::dispatcher::with_default(&debug, span_of_a_call);
    let callsite = span.metadata().unwrap();
    assert!(info.register_callsite(callsite).is_never());
    assert!(debug.register_callsite(callsite).is_always());
}

/// What reached a collector.
struct Post {
    path: String,
    content_type: String,
    body: Vec<u8>,
}

impl Post {
    fn says(&self, text: &str) -> bool {
        self.body.windows(text.len()).any(|window| window == text.as_bytes())
    }
}

/// A collector that says yes to everything, on a thread of its own.
fn collector() -> (String, Receiver<Post>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (sender, posts) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let sender = sender.clone();
            std::thread::spawn(move || receive(stream.unwrap(), &sender));
        }
    });
    (url, posts)
}

fn receive(mut stream: TcpStream, posts: &Sender<Post>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap() == 0 {
                return;
            }
        }
        let field = |name: &str| {
            let (_, value) = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(other, _)| other.eq_ignore_ascii_case(name))
                .unwrap();
            value.to_owned()
        };
        let mut body = vec![0; field("content-length").parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        let path = head.split(' ').nth(1).unwrap().to_owned();
        let post = Post { path, content_type: field("content-type"), body };
        if posts.send(post).is_err() {
            return;
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    }
}

#[test]
fn a_collector_gets_traces_and_metrics() {
    let (url, posts) = collector();
    let settings = Settings { otlp_endpoint: Some(url), ..settings("info") };
    let (telemetry, log) = build(&settings, io::sink).unwrap();
    tracing::dispatcher::with_default(&log, || {
        span_of_a_call().in_scope(|| {
            tracing::error!(target: "wardbook", cause = "disk full", "a call failed");
            tracing::error!(target: "hyper", "not part of the trace");
        });
    });
    telemetry.observer().call_ended(&operation("Decrypt"), None, Duration::ZERO);
    telemetry.shutdown();
    telemetry.shutdown();
    let posts: Vec<Post> = posts.try_iter().collect();
    let post = |path: &str| posts.iter().find(|post| post.path == path).unwrap();
    let (traces, metrics) = (post("/v1/traces"), post("/v1/metrics"));
    for text in ["wardbook", "Encrypt", "aws.request_id", "0b2c1d9e", "a call failed", "disk full"]
    {
        assert!(traces.says(text), "{text}");
    }
    assert!(!traces.says("not part of the trace"));
    for text in ["wardbook.call.duration", "wardbook.operation", "Decrypt"] {
        assert!(metrics.says(text), "{text}");
    }
    assert!(posts.iter().all(|post| post.content_type == "application/x-protobuf"));
}

#[test]
fn a_collector_that_is_gone_is_named_in_the_log() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let lines = Lines::default();
    let settings = Settings { otlp_endpoint: Some(url), ..settings("info") };
    let (telemetry, log) = build(&settings, lines.clone()).unwrap();
    telemetry.observer().call_ended(&operation("Decrypt"), None, Duration::ZERO);
    tracing::dispatcher::with_default(&log, || drop(telemetry));
    assert!(lines.text().contains("the last telemetry was not sent"), "{}", lines.text());
}
