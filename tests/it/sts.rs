//! The query protocol of STS, and calls by bearer token.

use std::sync::Arc;

use serde_json::{Value, json};
use wardbook::base::clock::ManualClock;
use wardbook::base::quotas::Quotas;
use wardbook::base::rates::{Rate, RateGroup, RequestRates};

use crate::calls::ALLOW;
use crate::fixture::raw::{Request, Response};
use crate::fixture::{ACCOUNT, Credentials, Options, START_MS, Server, oidc};
use crate::timers::pass;

const ROLE: &str = "arn:aws:iam::111122223333:role/app";
const DENIED: &str = "Not authorized to perform sts:AssumeRoleWithWebIdentity";

/// A server with the role `app`, which may do everything and which everybody may
/// assume who has a token or is allowed to.
fn start() -> (Arc<ManualClock>, Server) {
    start_with(Quotas::default())
}

fn start_with(quotas: Quotas) -> (Arc<ManualClock>, Server) {
    let clock = Arc::new(ManualClock::at(START_MS));
    let shown = Arc::clone(&clock);
    let server = Server::with(Options { clock: shown, quotas, ..Options::default() });
    new_role(&server, "app", &oidc::trust(), ALLOW);
    (clock, server)
}

fn new_role(server: &Server, name: &str, trust: &str, policy: &str) {
    let body = json!({
        "roleName": name,
        "assumeRolePolicyDocument": trust,
        "maxSessionDurationSeconds": 7_200,
    });
    server.rest("POST", "/v1/roles", &body).ok();
    if !policy.is_empty() {
        let path = format!("/v1/roles/{name}/policies/p");
        server.rest("PUT", &path, &json!({ "policy": policy })).ok();
    }
}

fn form(pairs: &[(&str, &str)]) -> Request {
    let escape = |text: &str| {
        let escaped = text.bytes().map(|b| match b {
            b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        });
        escaped.collect::<String>()
    };
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    Request::new("POST", "/", pairs.join("&"))
        .with("content-type", "application/x-www-form-urlencoded; charset=utf-8")
}

/// The text of the first element of this name.
#[track_caller]
fn element(answer: &Response, name: &str) -> String {
    answer.element(name).unwrap_or_else(|| panic!("{name}: {}", answer.text()))
}

#[track_caller]
fn session(answer: &Response) -> Credentials {
    assert_eq!(answer.status, 200, "{}", answer.text());
    Credentials {
        access_key_id: element(answer, "AccessKeyId"),
        secret: element(answer, "SecretAccessKey"),
        session_token: Some(element(answer, "SessionToken")),
    }
}

/// One call of STS, of which exactly one record is left; the answer and that.
#[track_caller]
fn call(server: &Server, who: &Credentials, pairs: &[(&str, &str)]) -> (Response, Value) {
    recorded(server, server.send_as(who, "sts", &form(pairs)))
}

#[track_caller]
fn recorded(server: &Server, answer: Response) -> (Response, Value) {
    let records = server.records_of(answer.request_id());
    assert_eq!(records.len(), 1, "{records:#?}");
    (answer, records[0].clone())
}

fn assume<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let common = [("Action", "AssumeRole"), ("RoleArn", ROLE), ("RoleSessionName", "blue")];
    [&common[..], more].concat()
}

#[track_caller]
fn check_refusal(answer: &Response, status: u16, code: &str, text: &str) {
    assert_eq!((answer.status, element(answer, "Code").as_str()), (status, code));
    let message = element(answer, "Message");
    assert!(message.contains(text), "{message}");
}

#[test]
fn a_role_is_assumed() {
    let (clock, server) = start();
    let (answer, record) = call(&server, &server.admin, &assume(&[]));
    assert_eq!(element(&answer, "Arn"), "arn:aws:sts::111122223333:assumed-role/app/blue");
    assert_eq!(element(&answer, "Expiration"), "2026-11-02T11:11:12Z");
    assert!(!answer.text().contains("PackedPolicySize"));
    let credentials = session(&answer);
    assert_eq!(record["requestParameters"], json!({ "roleArn": ROLE, "roleSessionName": "blue" }));
    assert_eq!(record["resources"][0]["type"], "AWS::IAM::Role");
    assert_eq!(record["resources"][0]["ARN"], ROLE);
    let whole = record.to_string();
    assert!(!whole.contains(&credentials.secret));
    assert!(!whole.contains(credentials.session_token.as_ref().unwrap()));
    server.call_as(&credentials, "ListKeys", &json!({})).ok();

    let (answer, _) = call(&server, &credentials, &[("Action", "GetCallerIdentity")]);
    assert!(element(&answer, "UserId").ends_with(":blue"));
    clock.advance_ms(3_600_000);
    let (answer, _) = call(&server, &credentials, &[("Action", "GetCallerIdentity")]);
    check_refusal(&answer, 403, "ExpiredToken", "expired");
}

#[test]
fn what_a_role_session_cannot_be() {
    let (_, server) = start();
    let long = "a".repeat(2_049);
    for (more, code, text) in [
        (&[("DurationSeconds", "899")][..], "ValidationError", "greater than or equal to 900"),
        (&[("DurationSeconds", "43201")], "ValidationError", "less than or equal to 43200"),
        (&[("DurationSeconds", "7201")], "ValidationError", "exceeds the MaxSessionDuration"),
        (&[("DurationSeconds", "long")], "MalformedInput", ""),
        (&[("Policy", "{}")], "MalformedPolicyDocument", ""),
        (&[("Policy", "permit (")], "MalformedPolicyDocument", ""),
        (&[("Policy", &long)], "ValidationError", "less than or equal to 2048"),
        (
            &[("PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/X")],
            "ValidationError",
            "PolicyArns",
        ),
        (&[("SerialNumber", "arn:aws:iam::1:mfa/x")], "ValidationError", "SerialNumber"),
        (&[("SourceIdentity", "ada")], "ValidationError", "SourceIdentity"),
        (&[("ExternalId", "a b")], "ValidationError", "externalId"),
        (&[("Tags.member.1.Key", "k")], "ValidationError", "tags.1.member.value"),
        (
            &[("Tags.member.1.Key", "aws:k"), ("Tags.member.1.Value", "v")],
            "ValidationError",
            "reserved",
        ),
        (&[("TransitiveTagKeys.member.1", "k")], "ValidationError", "transitive"),
    ] {
        let (answer, record) = call(&server, &server.admin, &assume(more));
        check_refusal(&answer, 400, code, text);
        assert!(record["errorCode"].is_string());
    }
    let pairs = [
        ("Action", "AssumeRole"),
        ("RoleArn", "arn:aws:iam::111122223333:user/ada"),
        ("RoleSessionName", "x y"),
    ];
    let (answer, _) = call(&server, &server.admin, &pairs);
    check_refusal(&answer, 400, "ValidationError", "roleSessionName");
    let pairs = [
        ("Action", "AssumeRole"),
        ("RoleArn", "arn:aws:iam::111122223333:user/ada"),
        ("RoleSessionName", "xy"),
    ];
    let (answer, _) = call(&server, &server.admin, &pairs);
    check_refusal(&answer, 400, "ValidationError", "is invalid");
}

/// Which roles there are is not told.
#[test]
fn one_text_for_all_who_may_not() {
    let (_, server) = start();
    let ada = server.new_user("ada", "");
    let mallory = server.new_user("mallory", ALLOW);
    let nobody = r#"permit (principal == User::"AIDANOBODY", action, resource);"#;
    new_role(&server, "closed", nobody, "");
    for who in [&ada, &mallory] {
        let name = if who.access_key_id == ada.access_key_id { "ada" } else { "mallory" };
        let roles =
            ["role/closed", "role/none"].map(|role| format!("arn:aws:iam::{ACCOUNT}:{role}"));
        let abroad = "arn:aws:iam::444455556666:role/app".to_owned();
        for role in roles.into_iter().chain([abroad]) {
            let pairs =
                [("Action", "AssumeRole"), ("RoleArn", role.as_str()), ("RoleSessionName", "xy")];
            let (answer, _) = call(&server, who, &pairs);
            assert_eq!((answer.status, element(&answer, "Code").as_str()), (403, "AccessDenied"));
            assert_eq!(
                element(&answer, "Message"),
                format!(
                    "User: arn:aws:iam::{ACCOUNT}:user/{name} is not authorized to perform: \
                     sts:AssumeRole on resource: {role}"
                )
            );
        }
    }
}

#[test]
fn a_session_policy_limits_and_tags_are_handed_on() {
    let (_, server) = start();
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:ListKeys","Resource":"*"}}"#;
    let (answer, record) = call(&server, &server.admin, &assume(&[("Policy", policy)]));
    let limited = session(&answer);
    assert!(element(&answer, "PackedPolicySize").parse::<u32>().unwrap() < 100);
    assert_eq!(record["requestParameters"]["policy"], policy);
    server.call_as(&limited, "ListKeys", &json!({})).ok();
    let refused = server.call_as(&limited, "ListAliases", &json!({}));
    assert_eq!(refused.code(), "AccessDeniedException");
    assert!(refused.message().contains("no session policy allows"), "{}", refused.message());

    let tags = [
        ("Tags.member.1.Key", "Team"),
        ("Tags.member.1.Value", "a"),
        ("Tags.member.2.Key", "Cost"),
        ("Tags.member.2.Value", "7"),
        ("TransitiveTagKeys.member.1", "Team"),
    ];
    let (answer, record) = call(&server, &server.admin, &assume(&tags));
    let tagged = session(&answer);
    assert_eq!(record["requestParameters"]["tags"][0], json!({ "key": "Team", "value": "a" }));
    assert_eq!(record["wardbook"]["decisions"].as_array().unwrap().len(), 2);
    // The next one has the tag, and may not change it.
    let own = [("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "b")];
    let (answer, _) = call(&server, &tagged, &assume(&own));
    check_refusal(&answer, 400, "ValidationError", "transitive");
    let (answer, record) = call(&server, &tagged, &assume(&[]));
    session(&answer);
    assert_eq!(record["requestParameters"]["incomingTransitiveTags"], json!({ "Team": "a" }));
    let (answer, _) = call(&server, &tagged, &assume(&[("DurationSeconds", "3601")]));
    check_refusal(&answer, 400, "ValidationError", "role chaining");

    let big: Vec<(String, String)> = (1..=50)
        .flat_map(|n| {
            let mut random = [0; 100];
            aws_lc_rs::rand::fill(&mut random).unwrap();
            let value: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
            [
                (format!("Tags.member.{n}.Key"), format!("k{n}")),
                (format!("Tags.member.{n}.Value"), value),
            ]
        })
        .collect();
    let big: Vec<(&str, &str)> = big.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let (answer, _) = call(&server, &server.admin, &assume(&big));
    check_refusal(&answer, 400, "PackedPolicyTooLarge", "% of allotted space");
}

#[test]
fn a_user_session_is_the_user_for_a_while() {
    let (clock, server) = start();
    let ada = server.new_user("ada", ALLOW);
    let pairs = [("Action", "GetSessionToken"), ("DurationSeconds", "900")];
    let (answer, record) = call(&server, &ada, &pairs);
    assert_eq!(record["requestParameters"], json!({ "durationSeconds": 900 }));
    let temporary = session(&answer);
    let answer = server.call_as(&temporary, "ListKeys", &json!({}));
    answer.ok();
    let identity = &server.records_of(answer.request_id())[0]["userIdentity"];
    assert_eq!((&identity["type"], &identity["userName"]), (&json!("IAMUser"), &json!("ada")));
    assert_eq!(identity["accessKeyId"], temporary.access_key_id);
    assert!(identity["sessionContext"]["attributes"]["creationDate"].is_string());
    // Identities and further sessions are not for them, but roles are.
    let body = json!({ "userName": "eve" }).to_string();
    let refused = server.send_as(&temporary, "wardbook", &Request::new("POST", "/v1/users", body));
    assert_eq!(refused.code(), "AccessDeniedException");
    let (answer, _) = call(&server, &temporary, &pairs);
    check_refusal(
        &answer,
        403,
        "AccessDenied",
        "Cannot call GetSessionToken with session credentials",
    );
    session(&call(&server, &temporary, &assume(&[])).0);
    call(&server, &temporary, &[("Action", "GetCallerIdentity")]).0.text();

    // They end with the access key that made them, and with their time.
    let key = format!("/v1/users/ada/access-keys/{}", ada.access_key_id);
    server.rest("PUT", &key, &json!({ "status": "Inactive" })).ok();
    let code = || server.call_as(&temporary, "ListKeys", &json!({})).code();
    assert_eq!(code(), "UnrecognizedClientException");
    server.rest("PUT", &key, &json!({ "status": "Active" })).ok();
    assert_eq!(code(), "");
    clock.advance_ms(900_000);
    assert_eq!(code(), "ExpiredTokenException");
    server.rest("DELETE", &key, &Value::Null).ok();
    assert_eq!(code(), "UnrecognizedClientException");
}

fn with_token<'a>(token: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let common = [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("RoleArn", ROLE),
        ("RoleSessionName", "pod"),
        ("WebIdentityToken", token),
    ];
    [&common[..], more].concat()
}

#[test]
fn a_web_identity_becomes_a_session() {
    let (_, server) = start();
    let token = oidc::token(START_MS, &json!({}));
    let (answer, record) = recorded(&server, server.send(&form(&with_token(&token, &[]))));
    let credentials = session(&answer);
    assert_eq!(element(&answer, "SubjectFromWebIdentityToken"), oidc::SUBJECT);
    assert_eq!(element(&answer, "Provider"), oidc::arn());
    assert_eq!(element(&answer, "Audience"), oidc::AUDIENCE);
    assert_eq!(
        record["userIdentity"],
        json!({
            "type": "WebIdentityUser",
            "principalId": format!("{}:wardbook:{}", oidc::arn(), oidc::SUBJECT),
            "userName": oidc::SUBJECT,
            "identityProvider": oidc::arn(),
        })
    );
    assert!(!record.to_string().contains(&token));
    assert!(record["requestParameters"].get("webIdentityToken").is_none());

    let answer = server.call_as(&credentials, "ListKeys", &json!({}));
    answer.ok();
    let identity = &server.records_of(answer.request_id())[0]["userIdentity"];
    assert_eq!(
        identity["sessionContext"]["webIdFederationData"],
        json!({
            "federatedProvider": oidc::arn(),
            "attributes": {
                "issuer.test:aud": "wardbook", "issuer.test:sub": oidc::SUBJECT,
            },
        })
    );
}

#[test]
fn web_identities_that_are_refused() {
    let (_, server) = start();
    let now = START_MS / 1_000;
    let token = |changes: Value| oidc::token(START_MS, &changes);
    let good = token(json!({}));
    for (token, status, code) in [
        (token(json!({ "aud": "other" })), 400, "InvalidIdentityToken"),
        (token(json!({ "iss": "https://other.test" })), 400, "InvalidIdentityToken"),
        (format!("{good}A"), 400, "InvalidIdentityToken"),
        ("a.b.c".to_owned(), 400, "InvalidIdentityToken"),
        ("x".repeat(20_001), 400, "InvalidIdentityToken"),
        (token(json!({ "exp": now })), 400, "ExpiredTokenException"),
        (token(json!({ "nbf": now + 61 })), 403, "IDPRejectedClaim"),
        (token(json!({ "sub": "" })), 403, "IDPRejectedClaim"),
        (String::new(), 400, "ValidationError"),
    ] {
        let (answer, record) = recorded(&server, server.send(&form(&with_token(&token, &[]))));
        check_refusal(&answer, status, code, "");
        assert_eq!(record["eventName"], "AssumeRoleWithWebIdentity");
        assert_eq!(record["userIdentity"]["type"], "Unknown");
        assert!(token.is_empty() || !record.to_string().contains(&token));
        // What was asked for is recorded, if it is what can be asked for.
        let asked = match token.len() {
            0 | 20_001 => Value::Null,
            _ => json!({ "roleArn": ROLE, "roleSessionName": "pod" }),
        };
        assert_eq!(record["requestParameters"], asked, "{record}");
    }
    // Unknown, closed, abroad: who holds a token does not learn which.
    new_role(
        &server,
        "closed",
        r#"permit (principal in Account::"111122223333", action, resource) when { context.iamAllows };"#,
        ALLOW,
    );
    for role in ["111122223333:role/closed", "111122223333:role/none", "444455556666:role/app"] {
        let arn = format!("arn:aws:iam::{role}");
        let pairs: Vec<_> = with_token(&good, &[])
            .into_iter()
            .map(|(name, value)| (name, if name == "RoleArn" { arn.as_str() } else { value }))
            .collect();
        let (answer, record) = recorded(&server, server.send(&form(&pairs)));
        check_refusal(&answer, 403, "AccessDenied", DENIED);
        assert_eq!(element(&answer, "Message"), DENIED);
        assert_eq!(record["userIdentity"]["userName"], oidc::SUBJECT);
    }
    // The trust for tokens is none for those who sign.
    let web = r#"permit (principal, action == Action::"sts:AssumeRoleWithWebIdentity", resource);"#;
    new_role(&server, "web", web, ALLOW);
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/web");
    let pairs = [("Action", "AssumeRole"), ("RoleArn", arn.as_str()), ("RoleSessionName", "xy")];
    assert_eq!(call(&server, &server.admin, &pairs).0.status, 403);
}

/// What was decided on whoever came with a token is explained as well.
#[test]
fn a_web_identity_is_explained() {
    let (_, server) = start();
    let token = oidc::token(START_MS, &json!({}));
    let explain = |input: &Value| server.rest("POST", "/v1/policy/explain", input).ok();
    let check = |told: &Value, allowed: bool| {
        assert_eq!(told["action"], "sts:AssumeRoleWithWebIdentity", "{told}");
        assert_eq!(told["allowed"], allowed, "{told}");
        assert_eq!(told["principal"], format!("issuer.test:{}", oidc::SUBJECT));
        assert!(!told["verdict"].as_str().unwrap().contains("does not agree"), "{told}");
    };
    let (_, record) = recorded(&server, server.send(&form(&with_token(&token, &[]))));
    check(&explain(&json!({ "requestId": record["requestID"] }))["story"], true);
    let get = |role: &str| {
        Request::new("GET", "/v1/principals", "")
            .with("authorization", &format!("Bearer {token}"))
            .with("x-wardbook-role", role)
    };
    let (_, record) = recorded(&server, server.send(&get(ROLE)));
    let told = explain(&json!({ "requestId": record["requestID"] }));
    assert_eq!(told["story"]["action"], "iam:ListPrincipals");
    check(&told["also"][0], true);

    let closed = trust_of_nobody();
    new_role(&server, "closed", &closed, ALLOW);
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/closed");
    let (_, record) = recorded(&server, server.send(&get(&arn)));
    check(&explain(&json!({ "requestId": record["requestID"] }))["story"], false);
    for (role, allowed) in [(ROLE, true), (arn.as_str(), false)] {
        let who = json!({
            "provider": oidc::ISSUER, "audience": oidc::AUDIENCE, "subject": oidc::SUBJECT,
        });
        let input = json!({
            "action": "sts:AssumeRoleWithWebIdentity", "roleName": role, "webIdentity": who,
        });
        check(&explain(&input)["story"], allowed);
    }
}

fn trust_of_nobody() -> String {
    r#"permit (principal in Account::"111122223333", action, resource) when { context.iamAllows };"#
        .to_owned()
}

#[test]
fn a_bearer_is_a_session_for_one_call() {
    let (_, server) = start();
    let token = oidc::token(START_MS, &json!({}));
    let get = |path: &str| {
        Request::new("GET", path, "").with("authorization", &format!("Bearer {token}"))
    };
    let (answer, record) =
        recorded(&server, server.send(&get("/v1/principals").with("x-wardbook-role", ROLE)));
    answer.ok();
    let identity = &record["userIdentity"];
    let session = "arn:aws:sts::111122223333:assumed-role/app/system-serviceaccount-shop-api-";
    assert!(identity["arn"].as_str().unwrap().starts_with(session), "{identity}");
    assert_eq!(
        identity["sessionContext"]["webIdFederationData"]["attributes"]["issuer.test:sub"],
        oidc::SUBJECT
    );
    let decisions = record["wardbook"]["decisions"].as_array().unwrap();
    assert_eq!(decisions.len(), 2);
    assert_eq!(decisions[0]["determining"][0]["source"], "trustPolicy");
    assert!(!record.to_string().contains(&token));

    // Without a role it is the issuer's own, which is not there yet.
    let (answer, record) = recorded(&server, server.send(&get("/v1/principals")));
    assert_eq!((answer.status, answer.code().as_str()), (403, "AccessDeniedException"));
    assert_eq!(answer.message(), DENIED);
    assert_eq!(record["userIdentity"]["type"], "WebIdentityUser");
    assert!(record["wardbook"]["decisions"][0]["denied"].is_string());
    new_role(&server, "by-default", &oidc::trust(), "");
    let (answer, record) = recorded(&server, server.send(&get("/v1/principals")));
    assert!(answer.message().contains("no identity-based policy allows"), "{}", answer.message());
    assert_eq!(record["wardbook"]["decisions"].as_array().unwrap().len(), 2);
    server.send(&get("/v1/caller-identity")).ok();
}

#[test]
fn bearers_that_are_refused() {
    let (_, server) = start();
    let token = oidc::token(START_MS, &json!({}));
    let get = |header: &str| {
        Request::new("GET", "/v1/principals", "")
            .with("authorization", header)
            .with("x-wardbook-role", ROLE)
    };
    for (header, status, code) in [
        ("Bearer".to_owned(), 403, ""),
        ("Bearer a.b.c".to_owned(), 400, "InvalidIdentityTokenException"),
        (format!("Bearer {token}A"), 400, "InvalidIdentityTokenException"),
        (format!("Bearer {token} {token}"), 400, "InvalidIdentityTokenException"),
        (format!("Basic {token}"), 403, ""),
    ] {
        let (answer, record) = recorded(&server, server.send(&get(&header)));
        assert_eq!(answer.status, status, "{header}: {}", answer.text());
        assert!(code.is_empty() || answer.code() == code, "{header}: {}", answer.text());
        assert!(!record.to_string().contains(&token));
    }
    let bad = get(&format!("Bearer {token}")).with("x-wardbook-role", "app");
    let answer = server.send(&bad);
    assert!(answer.status >= 400);
    // No bearer is let into the doors of AWS's protocols.
    let kms =
        Request::kms("ListKeys", "{}".to_owned()).with("authorization", &format!("Bearer {token}"));
    assert!(server.send(&kms.with("x-wardbook-role", ROLE)).status >= 400);
}

#[test]
fn tokens_are_counted_before_they_are_looked_at() {
    let mut rates = RequestRates::default();
    rates.set(RateGroup::WebIdentity, Rate::parse(2.0));
    let (clock, server) = start_with(Quotas { request_rates: rates, ..Quotas::default() });
    let send = |token: &str| recorded(&server, server.send(&form(&with_token(token, &[])))).0;
    for _ in 0..2 {
        check_refusal(&send("a.b.c"), 400, "InvalidIdentityToken", "");
    }
    let token = oidc::token(START_MS, &json!({}));
    check_refusal(&send(&token), 400, "Throttling", "");
    let bearer = Request::new("GET", "/v1/principals", "")
        .with("authorization", &format!("Bearer {token}"))
        .with("x-wardbook-role", ROLE);
    assert_eq!(server.send(&bearer).status, 429);
    clock.advance_ms(1_000);
    session(&send(&token));
}

#[test]
fn forms_that_are_not_known() {
    let (_, server) = start();
    for (body, code) in [
        ("", "InvalidAction"),
        ("Action=Nothing", "InvalidAction"),
        ("Action=Encrypt", "InvalidAction"),
        ("Action=ListPrincipals", "InvalidAction"),
        ("Action=GetFederationToken&Name=x", "UnsupportedOperation"),
    ] {
        let request = Request::new("POST", "/", body)
            .with("content-type", "application/x-www-form-urlencoded");
        let (answer, _) = recorded(&server, server.send_as(&server.admin, "sts", &request));
        check_refusal(&answer, 400, code, "");
    }
    let twice = Request::new("POST", "/", "Action=GetCallerIdentity&Action=AssumeRole")
        .with("content-type", "application/x-www-form-urlencoded");
    let (answer, _) = recorded(&server, server.send_as(&server.admin, "sts", &twice));
    check_refusal(&answer, 400, "MalformedInput", "twice");
    // The form may be the query string.
    let get = Request::new("GET", "/?Action=GetCallerIdentity&Version=2011-06-15", "");
    let (answer, _) = recorded(&server, server.send_as(&server.admin, "sts", &get));
    assert_eq!(element(&answer, "Arn"), "arn:aws:iam::111122223333:user/admin");
    let (answer, _) = recorded(&server, server.send(&get));
    check_refusal(&answer, 403, "MissingAuthenticationToken", "");
}

#[test]
fn the_rest_api_has_the_same_options() {
    let (_, server) = start();
    let body = json!({
        "sessionName": "blue",
        "durationSeconds": 900,
        "policy": r#"permit (principal, action == Action::"kms:ListKeys", resource);"#,
        "tags": [{ "key": "Team", "value": "a" }],
        "transitiveTagKeys": ["Team"],
        "externalId": "x-7",
    });
    let answer = server.rest("POST", "/v1/roles/app/sessions", &body);
    let made = answer.ok();
    assert!(made["packedPolicySize"].is_u64() && made["assumedRoleId"].is_string());
    let record = &server.records_of(answer.request_id())[0];
    assert_eq!(record["requestParameters"]["roleArn"], ROLE);
    assert_eq!(record["requestParameters"]["tags"][0], json!({ "key": "Team", "value": "a" }));
    let session = Credentials::of(&made);
    server.call_as(&session, "ListKeys", &json!({})).ok();
    assert_eq!(server.call_as(&session, "ListAliases", &json!({})).code(), "AccessDeniedException");
    let none = server.rest("POST", "/v1/roles/none/sessions", &json!({ "sessionName": "blue" }));
    assert_eq!((none.status, none.code().as_str()), (403, "AccessDeniedException"));
}

/// A role of another account: both sides must consent, and both books tell of it.
#[test]
fn a_role_of_another_account() {
    const OTHER: &str = "444455556666";
    let (_, server) = start();
    let made = server.rest("POST", "/v1/accounts", &json!({ "accountId": OTHER })).ok();
    let b = Credentials::of(&made);
    let shared = format!(
        r#"permit (principal in Account::"{OTHER}", action == Action::"sts:AssumeRole", resource);"#
    );
    new_role(&server, "shared", &shared, ALLOW);
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/shared");
    let pairs = [("Action", "AssumeRole"), ("RoleArn", arn.as_str()), ("RoleSessionName", "visit")];
    let (answer, record) = call(&server, &b, &pairs);
    let visitor = session(&answer);
    assert_eq!(record["userIdentity"]["type"], "AWSAccount");
    assert_eq!(record["userIdentity"]["accountId"], OTHER);
    let query = format!("/v1/audit/events?requestId={}", answer.request_id());
    let own = server.send_as(&b, "wardbook", &Request::new("GET", &query, "")).ok();
    assert_eq!(own["events"][0]["userIdentity"]["type"], "IAMUser");
    assert_eq!(own["events"][0]["sharedEventID"], record["sharedEventID"]);
    let (answer, _) = call(&server, &visitor, &[("Action", "GetCallerIdentity")]);
    assert_eq!(element(&answer, "Account"), ACCOUNT);

    // The trusted account's own policies have to allow it as well.
    let body = json!({ "userName": "eve" }).to_string();
    let eve = server.send_as(&b, "wardbook", &Request::new("POST", "/v1/users", body)).ok();
    let refused = server.send_as(&Credentials::of(&eve), "sts", &form(&pairs));
    check_refusal(&refused, 403, "AccessDenied", "is not authorized to perform: sts:AssumeRole");
    assert!(server.records_of(refused.request_id()).is_empty());
}

/// The longest session outlives two domain keys, one of which sealed its token.
#[test]
fn a_session_lasts_as_long_as_was_said() {
    const HOUR_MS: i64 = 3_600_000;
    let (clock, server) = start();
    let ada = server.new_user("ada", ALLOW);
    pass(&server, &clock, 23 * HOUR_MS);
    let pairs = [("Action", "GetSessionToken"), ("DurationSeconds", "129600")];
    let temporary = session(&call(&server, &ada, &pairs).0);
    let code = || server.call_as(&temporary, "ListKeys", &json!({})).code();
    for hours in [1, 24, 10] {
        pass(&server, &clock, hours * HOUR_MS);
        assert_eq!(code(), "", "{hours}");
    }
    assert!(server.events("eventName=RotateDomainKey").len() >= 2);
    clock.advance_ms(2 * HOUR_MS);
    assert_eq!(code(), "ExpiredTokenException");
}
