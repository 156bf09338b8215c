use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

use super::*;
use crate::base::arn::KeyArn;
use crate::base::clock::ManualClock;
use crate::base::ids::Region;
use crate::base::limits::KEYS_MEASURED;
use crate::keys::backend::remote::{self, RemoteName};
use crate::ops;
use crate::ops::ctx::Ended;
use crate::ops::operation::Description;
use crate::store::{self, Reserve};
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
    Settings {
        log_format: LogFormat::Json,
        log_filter: filter.to_owned(),
        otlp_endpoint: None,
        key_metrics: true,
    }
}

fn operation(name: &str) -> Description {
    ops::TABLE.iter().find(|entry| entry.description.name == name).unwrap().description
}

#[test]
fn prometheus_sees_calls_by_operation_and_outcome() {
    let (telemetry, _log) = build(&settings("info"), io::sink).unwrap();
    let observer = telemetry.observer();
    let (encrypt, took) = (operation("Encrypt"), Duration::from_millis(2));
    let ended = Ended { operation: &encrypt, error: None, took, resources: &[] };
    observer.call_ended(&ended);
    observer.call_ended(&ended);
    observer.call_ended(&Ended { error: Some(Code::DisabledException), ..ended });
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
    let health = Health {
        writer: Ok(()),
        queued_units: 3,
        wal_bytes: 4_096,
        last_seq: 17,
        indexed_seq: 12,
        reserve: Reserve::Held { bytes: 64 << 20 },
    };
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
            "wardbook_store_reserve_size_bytes 67108864",
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
    let settings = Settings { otlp_endpoint: Some(url), key_metrics: false, ..settings("info") };
    let (telemetry, log) = build(&settings, io::sink).unwrap();
    tracing::dispatcher::with_default(&log, || {
        span_of_a_call().in_scope(|| {
            tracing::error!(target: "wardbook", cause = "disk full", "a call failed");
            tracing::error!(target: "hyper", "not part of the trace");
        });
    });
    telemetry.observer().call_ended(&Ended {
        operation: &operation("Decrypt"),
        error: None,
        took: Duration::ZERO,
        resources: &[arn(7)],
    });
    assert!(!telemetry.prometheus_text().contains("wardbook_key_"));
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
    let key = "00000000-0000-4000-8000-000000000007";
    for text in ["wardbook.call.duration", "wardbook.operation", "Decrypt", key] {
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
    telemetry.observer().call_ended(&Ended {
        operation: &operation("Decrypt"),
        error: None,
        took: Duration::ZERO,
        resources: &[],
    });
    tracing::dispatcher::with_default(&log, || drop(telemetry));
    assert!(lines.text().contains("the last telemetry was not sent"), "{}", lines.text());
}

fn arn(number: usize) -> String {
    format!("arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-4000-8000-{number:012}")
}

/// The lines of one metric, without its name.
fn series(telemetry: &Telemetry, name: &str) -> Vec<String> {
    let text = telemetry.prometheus_text();
    text.lines().filter_map(|line| line.strip_prefix(name)).map(str::to_owned).collect()
}

#[test]
fn requests_are_counted_by_key() {
    let (telemetry, _log) = build(&settings("info"), io::sink).unwrap();
    let observer = telemetry.observer();
    let (operation, list) = (operation("ReEncrypt"), operation("ListKeys"));
    let alias = "arn:aws:kms:eu-central-1:111122223333:alias/a".to_owned();
    let resources = [arn(1), alias, arn(1), arn(2)];
    let ended =
        Ended { operation: &operation, error: None, took: Duration::ZERO, resources: &resources };
    observer.call_ended(&ended);
    observer.call_ended(&ended);
    observer.call_ended(&Ended { error: Some(Code::ThrottlingException), ..ended });
    observer.call_ended(&Ended { operation: &list, resources: &[], ..ended });
    assert_eq!(
        series(&telemetry, "wardbook_key_requests_total"),
        [
            r#"{cloud_region="eu-central-1",wardbook_key="00000000-0000-4000-8000-000000000001",wardbook_operation="ReEncrypt"} 2"#,
            r#"{cloud_region="eu-central-1",wardbook_key="00000000-0000-4000-8000-000000000002",wardbook_operation="ReEncrypt"} 2"#,
            r#"{cloud_region="eu-central-1",error_type="ThrottlingException",wardbook_key="00000000-0000-4000-8000-000000000001",wardbook_operation="ReEncrypt"} 1"#,
            r#"{cloud_region="eu-central-1",error_type="ThrottlingException",wardbook_key="00000000-0000-4000-8000-000000000002",wardbook_operation="ReEncrypt"} 1"#,
        ]
    );
}

#[test]
fn everybody_sees_keys_only_if_told_to() {
    let hidden = Settings { key_metrics: false, ..settings("info") };
    for (settings, want) in [(hidden, false), (settings("info"), true)] {
        let (telemetry, _log) = build(&settings, io::sink).unwrap();
        let (operation, resources) = (operation("Decrypt"), [arn(1)]);
        let took = Duration::ZERO;
        let ended = Ended { operation: &operation, error: None, took, resources: &resources };
        telemetry.observer().call_ended(&ended);
        let key = KeyArn::parse(&arn(1)).unwrap();
        let clock = Arc::new(ManualClock::at(0));
        telemetry.watch_keys(move |_| vec![(key.clone(), 90_000)], clock);
        let text = telemetry.prometheus_text();
        assert!(text.contains("wardbook_call_duration_seconds_count"));
        for name in ["wardbook_key_requests", "wardbook_key_material", "8000-000000000001"] {
            assert_eq!(text.contains(name), want, "{name}");
        }
    }
}

#[test]
fn keys_beyond_the_limit_are_one() {
    let (telemetry, _log) = build(&settings("info"), io::sink).unwrap();
    let (observer, decrypt) = (telemetry.observer(), operation("Decrypt"));
    for number in 0..KEYS_MEASURED + 5 {
        let resources = [arn(number)];
        let took = Duration::ZERO;
        for error in [None, Some(Code::DisabledException)] {
            let ended = Ended { operation: &decrypt, error, took, resources: &resources };
            observer.call_ended(&ended);
        }
    }
    let series = series(&telemetry, "wardbook_key_requests_total");
    assert_eq!(series.len(), 2 * (KEYS_MEASURED + 1));
    let other = r#"{cloud_region="other",wardbook_key="other",wardbook_operation="Decrypt"} 5"#;
    assert!(series.iter().any(|line| line == other));
}

#[test]
fn operations_of_others_are_not_counted_by_key() {
    let (telemetry, _log) = build(&settings("info"), io::sink).unwrap();
    let deleted = ops::system::TABLE[0].description;
    let resources = [arn(1)];
    let took = Duration::ZERO;
    let ended = Ended { operation: &deleted, error: None, took, resources: &resources };
    telemetry.observer().call_ended(&ended);
    assert!(series(&telemetry, "wardbook_key_requests_total").is_empty());
}

#[test]
fn remotes_are_seen_by_name() {
    let (telemetry, _log) = build(&settings("info"), io::sink).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(0));
    let region = Region::parse("eu-central-1").unwrap();
    let remote = |name| remote::Settings::new(RemoteName::parse(name).unwrap(), region.clone());
    telemetry.watch_remotes(&Remotes::new(vec![remote("b"), remote("a")], &clock));
    for (name, value) in [("available", 1), ("in_flight", 0)] {
        let line = |remote| format!(r#"{{wardbook_remote_name="{remote}"}} {value}"#);
        assert_eq!(series(&telemetry, &format!("wardbook_remote_{name}")), ["a", "b"].map(line));
    }
}

#[test]
fn expiring_material_is_seen_while_it_is_there() {
    let (telemetry, _log) = build(&settings("info"), io::sink).unwrap();
    let clock = Arc::new(ManualClock::at(0));
    let key = KeyArn::parse(&arn(1)).unwrap();
    let listed = Arc::new(Mutex::new(vec![(key, 60_000)]));
    let (seen, shown_by) = (Arc::clone(&listed), Arc::clone(&clock));
    let expirations = move |limit| {
        assert_eq!(limit, KEYS_MEASURED);
        seen.lock().unwrap().clone()
    };
    telemetry.watch_keys(expirations, shown_by);
    let shown = || series(&telemetry, "wardbook_key_material_expires_in_seconds");
    let line = |left_s: u32| {
        format!(
            r#"{{cloud_region="eu-central-1",wardbook_key="00000000-0000-4000-8000-000000000001"}} {left_s}"#
        )
    };
    assert_eq!(shown(), [line(60)]);
    clock.advance_ms(20_500);
    assert_eq!(shown(), [line(39)]);
    // Overdue until the timer takes it away.
    clock.advance_ms(50_000);
    assert_eq!(shown(), [line(0)]);
    listed.lock().unwrap().clear();
    assert!(shown().is_empty());
}
