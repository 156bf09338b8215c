//! Remotes that do not answer, answer too much, or should not be asked any more.

use std::future::Future;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future;

use super::server::{Reply, Server};
use super::*;
use crate::base::limits;
use crate::keys::backend::remote::{BreakerState, Failure, FailureKind};

async fn failure(remote: &Remote) -> Failure {
    let decrypted = remote.decrypt(ARN, SYMMETRIC, b"cipher", &no_context()).await;
    decrypted.map(|answer| answer.value.len()).unwrap_err()
}

async fn check(endpoint: String, timeout_ms: u64, want: FailureKind, told: &str) {
    let failure = failure(&remote_with(settings(endpoint, timeout_ms))).await;
    assert_eq!(failure.kind, want, "{failure:?}");
    assert!(failure.cause.contains(told), "{told}: {failure:?}");
}

#[tokio::test]
async fn silence_ends_with_the_time_limit() {
    // Connections are made, but nobody takes them.
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    check(format!("http://{}", deaf.local_addr().unwrap()), HASTY_MS, FailureKind::TimedOut, "")
        .await;
    let headers = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
    for begun in ["", "HTTP/1.1 200", headers, &format!("{headers}{{")] {
        let server = Server::always(Reply::BytesAndSilence(begun.to_owned()));
        check(server.url, HASTY_MS, FailureKind::TimedOut, "").await;
    }
}

#[tokio::test]
async fn no_connection_and_broken_ones_are_failures() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    check(format!("http://{gone}"), PATIENT_MS, FailureKind::Unavailable, "").await;
    let begun = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{";
    for (bytes, want) in [
        ("", FailureKind::Unavailable),
        ("\0\0\0\0\r\n\r\n", FailureKind::Unavailable),
        (begun, FailureKind::Garbage),
    ] {
        let server = Server::always(Reply::Bytes(bytes.to_owned()));
        check(server.url, PATIENT_MS, want, "").await;
    }
}

#[tokio::test]
async fn long_answers_are_not_read() {
    let head = |rest: &str| format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{rest}\r\n\r\n");
    let much = "x".repeat(1 << 20);
    let server = Server::always(Reply::Bytes(head("Content-Length: 1048576") + &much));
    check(server.url, PATIENT_MS, FailureKind::Garbage, "an answer of 1048576 bytes").await;
    let chunks = format!("100000\r\n{much}\r\n").repeat(4);
    let server = Server::always(Reply::Bytes(head("Transfer-Encoding: chunked") + &chunks));
    check(server.url, PATIENT_MS, FailureKind::Garbage, "does not tell its length").await;
}

#[tokio::test]
async fn faults_of_the_server_are_tried_again() {
    let fault = || Reply::error(500, "KMSInternalException", "because");
    let good = Reply::json(200, r#"{"Plaintext":"cGxhaW4="}"#);
    let server = Server::start(vec![fault(), good.clone()]);
    let answer = remote(server.url.clone()).decrypt(ARN, SYMMETRIC, b"c", &no_context()).await;
    assert_eq!(answer.unwrap().value.expose(), b"plain");
    assert_eq!(server.requests().len(), 2);

    let server = Server::start(vec![fault(), fault(), good]);
    let failure = failure(&remote(server.url.clone())).await;
    assert_eq!(
        (failure.kind, failure.cause.as_str()),
        (FailureKind::Unavailable, "KMSInternalException: because")
    );
    assert_eq!(server.requests().len(), 2);

    let page = "HTTP/1.1 503 X\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>";
    let server = Server::always(Reply::Bytes(page.to_owned()));
    check(server.url.clone(), PATIENT_MS, FailureKind::Unavailable, "HTTP status 503").await;
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn throttling_is_passed_on_at_once() {
    for code in ["ThrottlingException", "LimitExceededException", "com.amazonaws.kms#Throttling"] {
        let server = Server::always(Reply::error(400, code, "slower"));
        let remote = remote(server.url.clone());
        let failure = failure(&remote).await;
        assert_eq!(failure.kind, FailureKind::Throttled);
        assert_eq!(failure.request_id.as_deref(), Some("request-1"));
        assert_eq!(server.requests().len(), 1, "{code}");
        assert_eq!(remote.health().last_failure, None);
    }
}

#[tokio::test]
async fn the_breaker_keeps_calls_back() {
    let mut replies = vec![Reply::error(503, "ServiceUnavailable", "x"); 6];
    replies.push(Reply::json(200, r#"{"Plaintext":"cGxhaW4="}"#));
    let server = Server::start(replies);
    let clock = Arc::new(ManualClock::at(1_000));
    let mut settings = settings(server.url.clone(), PATIENT_MS);
    settings.attempts = 1;
    let remote =
        Remote::with_credentials(settings, Arc::<ManualClock>::clone(&clock), credentials());
    for _ in 0..limits::REMOTE_FAILURES_IN_A_ROW {
        assert!(failure(&remote).await.cause.starts_with("ServiceUnavailable"));
    }
    assert_eq!(remote.health().breaker, BreakerState::Open);
    let kept_back = failure(&remote).await;
    assert_eq!(kept_back.kind, FailureKind::Unavailable);
    assert!(kept_back.cause.contains("breaker"), "{kept_back:?}");
    assert_eq!(server.requests().len(), 5);
    // The first test fails, the second does not.
    clock.advance_ms(1_000);
    assert_eq!(remote.health().breaker, BreakerState::HalfOpen);
    assert!(failure(&remote).await.cause.starts_with("ServiceUnavailable"));
    assert_eq!(remote.health().breaker, BreakerState::Open);
    clock.advance_ms(2_000);
    remote.decrypt(ARN, SYMMETRIC, b"c", &no_context()).await.unwrap();
    let health = remote.health();
    assert_eq!((health.breaker, health.last_success_ms), (BreakerState::Closed, Some(4_000)));
    assert_eq!(health.last_failure.unwrap().at_ms, 2_000);
}

/// Runs the others until `done`.
async fn until(done: impl Fn() -> bool) {
    while !done() {
        tokio::task::yield_now().await;
    }
}

/// Starts a call, and drops it once it has been seen at both ends.
async fn drop_half_way(remote: &Remote, server: &Server, call: impl Future<Output = Failure>) {
    let before = server.requests().len();
    let seen = || server.requests().len() > before && remote.health().in_flight == 1;
    tokio::select! {
        failure = call => panic!("{failure:?}"),
        () = until(seen) => {}
    }
}

#[tokio::test]
async fn calls_in_flight_are_limited_and_can_be_dropped() {
    let server = Server::always(Reply::BytesAndSilence(String::new()));
    let mut settings = settings(server.url.clone(), PATIENT_MS);
    settings.max_in_flight = 1;
    let remote = remote_with(settings);
    let call = async {
        tokio::join!(failure(&remote), async {
            until(|| remote.health().in_flight == 1).await;
            let second = failure(&remote).await;
            assert_eq!(second.kind, FailureKind::Throttled);
            assert_eq!(second.cause, "1 calls to this remote are under way");
        })
        .0
    };
    drop_half_way(&remote, &server, call).await;
    let health = remote.health();
    assert_eq!((health.in_flight, health.last_failure), (0, None));
    drop_half_way(&remote, &server, failure(&remote)).await;
}

#[tokio::test]
async fn a_test_that_is_dropped_is_no_result() {
    let mut replies = vec![Reply::error(503, "ServiceUnavailable", "x"); 5];
    replies.push(Reply::BytesAndSilence(String::new()));
    let server = Server::start(replies);
    let clock = Arc::new(ManualClock::at(0));
    let mut settings = settings(server.url.clone(), PATIENT_MS);
    settings.attempts = 1;
    let remote =
        Remote::with_credentials(settings, Arc::<ManualClock>::clone(&clock), credentials());
    for _ in 0..limits::REMOTE_FAILURES_IN_A_ROW {
        failure(&remote).await;
    }
    clock.advance_ms(1_000);
    for _ in 0..2 {
        drop_half_way(&remote, &server, failure(&remote)).await;
        assert_eq!(remote.health().breaker, BreakerState::HalfOpen);
    }
}

/// Credentials that do not come.
#[derive(Debug)]
struct Missing {
    ever: bool,
}

impl ProvideCredentials for Missing {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            if self.ever {
                return Err(CredentialsError::not_loaded("no profile `prod`"));
            }
            std::future::pending().await
        })
    }
}

#[tokio::test]
async fn without_credentials_nothing_is_sent() {
    let server = Server::always(Reply::json(200, "{}"));
    // A quarter of the time is left when the credentials are given up: enough for a busy
    // machine to say so.
    let late_ms = 4_000;
    for (ever, told) in [(true, "no profile `prod`"), (false, "timed out")] {
        let settings = settings(server.url.clone(), if ever { PATIENT_MS } else { late_ms });
        let clock = Arc::new(ManualClock::at(0));
        let remote = Remote::with_credentials(settings, clock, Missing { ever });
        let failure = failure(&remote).await;
        assert_eq!(failure.kind, FailureKind::Credentials, "{failure:?}");
        assert!(failure.cause.contains(told), "{failure:?}");
        assert_eq!(remote.health().last_failure.unwrap().kind, FailureKind::Credentials);
    }
    assert!(server.requests().is_empty());
}

/// As with the files of a profile: what a client has read it does not read again.
#[tokio::test]
async fn changed_credentials_are_found_after_a_failure() {
    for refusal in [
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "ExpiredTokenException",
        "InvalidClientTokenId",
    ] {
        let good = Reply::json(200, r#"{"Plaintext":"cGxhaW4="}"#);
        let server = Server::start(vec![Reply::error(400, refusal, "who?"), good]);
        let made = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&made);
        let provide = move || {
            let key = match count.fetch_add(1, Ordering::SeqCst) {
                0 => "AKIAOLD",
                _ => "AKIANEW",
            };
            SharedCredentialsProvider::new(Credentials::new(key, "secret", None, None, "test"))
        };
        let settings = settings(server.url.clone(), PATIENT_MS);
        let remote = Remote::providing(settings, Arc::new(ManualClock::at(0)), provide);
        assert_eq!(failure(&remote).await.kind, FailureKind::Credentials);
        for _ in 0..2 {
            remote.decrypt(ARN, SYMMETRIC, b"c", &no_context()).await.unwrap();
        }
        let keys = server.requests();
        let used = |at: usize, key: &str| keys[at].contains(&format!("Credential={key}/"));
        assert!(used(0, "AKIAOLD") && used(1, "AKIANEW") && used(2, "AKIANEW"), "{refusal}");
        assert_eq!(made.load(Ordering::SeqCst), 2, "what works is kept");
    }
}

#[tokio::test]
async fn a_probe_needs_no_place_among_the_calls() {
    let keys = Reply::json(200, r#"{"Keys":[]}"#);
    let server = Server::start(vec![Reply::BytesAndSilence(String::new()), keys]);
    let mut settings = settings(server.url.clone(), PATIENT_MS);
    settings.max_in_flight = 1;
    let remote = remote_with(settings);
    tokio::select! {
        failure = failure(&remote) => panic!("{failure:?}"),
        () = async {
            until(|| server.requests().len() == 1).await;
            remote.probe(None).await.unwrap();
        } => {}
    }
}

#[tokio::test]
async fn a_profile_that_is_not_there_is_found_out_by_the_first_call() {
    let mut settings = settings("http://127.0.0.1:1".to_owned(), PATIENT_MS);
    settings.profile = Some("no-such-profile-7f3a".to_owned());
    let remote = Remote::new(settings, Arc::new(ManualClock::at(0)));
    assert_eq!(failure(&remote).await.kind, FailureKind::Credentials);
}
