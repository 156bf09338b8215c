//! Callers whom nobody knows: they are refused in the same words however many
//! they are, and the book grows by so much and no more.

use std::sync::Arc;

use serde_json::{Value, json};
use wardbook::base::clock::ManualClock;
use wardbook::base::limits;

use crate::fixture::golden;
use crate::fixture::raw::Request;
use crate::fixture::{ACCOUNT, Credentials, Options, START_MS, Server, oidc, wait_until};
use crate::records::shown;

const BURST: u32 = limits::UNKNOWN_CALLS_OF_ADDRESS_BURST;
const SUM: &str = "eventName=UnauthenticatedCalls";

fn unsigned() -> Request {
    Request::kms("Encrypt", r#"{"KeyId":"alias/x","Plaintext":"eA=="}"#)
}

/// The requests of somebody without a credential, of every kind and to every door.
fn strangers(server: &Server) -> Vec<(Request, &'static str)> {
    let unknown = Credentials {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret: "wJalrXUtnFEMI".to_owned(),
        session_token: None,
    };
    let forger = Credentials { secret: "forged".to_owned(), ..server.admin.clone() };
    let form = |body: &str| {
        Request::new("POST", "/", body).with("content-type", "application/x-www-form-urlencoded")
    };
    let bearer = Request::new("GET", "/v1/users/a", "").with("authorization", "Bearer a.b.c");
    vec![
        (unsigned(), "MissingAuthenticationTokenException"),
        (server.signed(&unknown, "kms", &unsigned()), "UnrecognizedClientException"),
        (server.signed(&forger, "kms", &unsigned()), "InvalidSignatureException"),
        (Request::kms("NoSuchThing", "{}"), "UnknownOperationException"),
        (Request::new("GET", "/v1/nothing", ""), "UnknownOperationException"),
        (bearer, "InvalidIdentityTokenException"),
        (form("Action=GetCallerIdentity&Version=2011-06-15"), "MissingAuthenticationToken"),
        (form("Action=AssumeRoleWithWebIdentity&Version=2011-06-15"), "ValidationError"),
    ]
}

#[test]
fn the_book_grows_by_so_much_and_no_more() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let strangers = strangers(&server);
    for (request, code) in &strangers {
        let answer = server.send(request);
        assert_eq!(answer.code(), *code, "{}", answer.text());
        assert_eq!(server.records_of(answer.request_id()).len(), 1, "{code}");
    }
    for _ in strangers.len()..usize::try_from(BURST).unwrap() {
        server.send(&unsigned());
    }
    let before = server.ctx().store.health().last_seq;
    for (request, code) in &strangers {
        for _ in 0..10 {
            let answer = server.send(request);
            assert_eq!(answer.code(), *code, "the same words: {}", answer.text());
        }
    }
    assert_eq!(server.ctx().store.health().last_seq, before);
    // Whom the server knows is recorded one by one, whatever becomes of it.
    let ada = server.new_user("ada", "");
    let denied = server.call_as(&ada, "ListKeys", &json!({}));
    assert_eq!(denied.code(), "AccessDeniedException");
    assert_eq!(server.records_of(denied.request_id()).len(), 1);

    // The sum follows by itself.
    assert!(server.events(SUM).is_empty());
    clock.advance_ms(i64::try_from(limits::UNKNOWN_CALLS_SUMMED_MS).unwrap());
    wait_until(|| server.events(SUM).len() == 1);
    let sum = &server.events(SUM)[0];
    assert_eq!(sum["serviceEventDetails"]["count"], strangers.len() * 10);
    golden::check("audit/UnauthenticatedCalls.json", &shown(sum));

    // And time lets single ones through again.
    let again = server.send(&unsigned());
    assert_eq!(server.records_of(again.request_id()).len(), 1);
}

/// Of a public provider that is anybody.
#[test]
fn a_web_identity_is_a_stranger_until_a_role_trusts_it() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let token = oidc::token(START_MS, &json!({ "sub": "anybody" }));
    let form = |role: &str| {
        let body = format!(
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleSessionName=pod&\
             RoleArn=arn%3Aaws%3Aiam%3A%3A{ACCOUNT}%3Arole%2F{role}&WebIdentityToken={token}"
        );
        Request::new("POST", "/", body).with("content-type", "application/x-www-form-urlencoded")
    };
    let bearer = Request::new("GET", "/v1/users/a", "")
        .with("authorization", &format!("Bearer {token}"))
        .with("x-wardbook-role", &format!("arn:aws:iam::{ACCOUNT}:role/none"));
    for _ in 0..BURST {
        let refused = server.send(&form("none"));
        assert_eq!(refused.code(), "AccessDenied");
        assert_eq!(server.records_of(refused.request_id()).len(), 1);
    }
    let before = server.ctx().store.health().last_seq;
    for _ in 0..10 {
        assert_eq!(server.send(&form("none")).code(), "AccessDenied");
        assert_eq!(server.send(&bearer).status, 403);
    }
    assert_eq!(server.ctx().store.health().last_seq, before);
    // Whom a role lets in is recorded.
    let role = json!({ "roleName": "app", "assumeRolePolicyDocument": oidc::trust() });
    server.rest("POST", "/v1/roles", &role).ok();
    let session = server.send(&form("app"));
    assert_eq!((session.status, server.records_of(session.request_id()).len()), (200, 1));
}

/// Nothing that was counted is lost when the server stops.
#[test]
fn the_last_sum_is_written_at_the_stop() {
    let server = Server::start();
    for _ in 0..BURST + 7 {
        server.send(&unsigned());
    }
    let server = server.restart(Options::default());
    let sums: Vec<Value> = server.events(SUM);
    let count = |sum: &Value| sum["serviceEventDetails"]["count"].as_u64().unwrap();
    let all: u64 = sums.iter().map(count).sum();
    // A slow run lets one more through every ten seconds.
    assert!((1..=7).contains(&all), "{sums:#?}");
    let one_by_one = server.events("errorCode=MissingAuthenticationTokenException&limit=1000");
    assert_eq!(u64::try_from(one_by_one.len()).unwrap() + all, u64::from(BURST) + 7);
}
