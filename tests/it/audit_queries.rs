//! Questions to the book over the socket: every filter, what cannot be asked,
//! and counts. What they mean is tested in `store` and `audit`.

use aws_sdk_kms::primitives::Blob;
use serde_json::{Value, json};

use crate::fixture::{ACCOUNT, REGION, Server};

/// A key, used by two users: twice each, once refused.
async fn scene(server: &Server) -> String {
    let key = server.new_key();
    let allowed = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]}"#;
    let ada = server.new_user("ada", allowed);
    let eve = server.new_user("eve", "");
    for (who, tenant) in [(&ada, "7"), (&ada, "8"), (&eve, "7")] {
        let encrypt = server.kms_of(who).encrypt().key_id(&key).plaintext(Blob::new("x"));
        encrypt.encryption_context("tenant", tenant).send().await.ok();
    }
    server.kms_of(&ada).describe_key().key_id(&key).send().await.unwrap();
    key
}

fn names(events: &[Value]) -> Vec<String> {
    let short = |event: &Value| {
        let arn = event["userIdentity"]["arn"].as_str().unwrap_or("-");
        format!("{} {}", event["eventName"].as_str().unwrap(), arn.rsplit('/').next().unwrap())
    };
    events.iter().map(short).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_are_combined() {
    let server = Server::start();
    let key = scene(&server).await;
    let (ada, eve) = ("Encrypt ada", "Encrypt eve");
    let user = |name: &str| format!("principal=arn%3Aaws%3Aiam%3A%3A{ACCOUNT}%3Auser%2F{name}");
    let cases: [(String, &[&str]); 14] = [
        ("eventName=Encrypt".to_owned(), &[eve, ada, ada]),
        (format!("eventName=Encrypt&{}", user("ada")), &[ada, ada]),
        (format!("{}&{}&eventName=Encrypt", user("ada"), user("eve")), &[eve, ada, ada]),
        ("eventName=Encrypt&errorCode=none".to_owned(), &[ada, ada]),
        ("eventName=Encrypt&errorCode=any".to_owned(), &[eve]),
        ("eventName=Encrypt&not=errorCode%3DAccessDenied".to_owned(), &[ada, ada]),
        ("context=tenant%3D7".to_owned(), &[eve, ada]),
        ("context=tenant&not=context%3Dtenant%3D7".to_owned(), &[ada]),
        (format!("keyId={key}&not=eventName%3DCreateKey"), &["DescribeKey ada", eve, ada, ada]),
        ("sourceIp=127.0.0.0%2F8&eventName=Encrypt&limit=1000".to_owned(), &[eve, ada, ada]),
        ("sourceIp=10.0.0.0%2F8".to_owned(), &[]),
        (format!("awsRegion={REGION}&eventName=Encrypt&errorCode=any"), &[eve]),
        ("awsRegion=eu-west-9&eventName=Encrypt".to_owned(), &[]),
        (format!("text=not%20authorized&keyId={key}"), &[eve]),
    ];
    for (query, want) in cases {
        assert_eq!(names(&server.events(&query)), want, "{query}");
    }
    let event = &server.events("eventName=DescribeKey")[0];
    let (id, own) = (event["eventID"].as_str().unwrap(), &event["userIdentity"]["accessKeyId"]);
    assert_eq!(server.events(&format!("eventId={id}")), std::slice::from_ref(event));
    let own = own.as_str().unwrap();
    assert_eq!(server.events(&format!("accessKeyId={own}&eventName=DescribeKey")).len(), 1);
    let arn = format!("resource=arn%3Aaws%3Akms%3A{REGION}%3A{ACCOUNT}%3Akey%2F{key}");
    assert_eq!(server.events(&format!("{arn}&eventName=DescribeKey")).len(), 1);
    assert_eq!(server.events("eventSource=audit.wardbook&eventName=CountEvents").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_found_in_its_sessions() {
    let server = Server::start();
    let all = json!({ "policy": "permit (principal, action, resource);" });
    server.rest("POST", "/v1/roles", &json!({ "roleName": "app" })).ok();
    server.rest("PUT", "/v1/roles/app/policies/p", &all).ok();
    for name in ["one", "two"] {
        let session = json!({ "roleSessionName": name });
        let session = server.rest("POST", "/v1/roles/app/sessions", &session).ok();
        let who = crate::fixture::Credentials::of(&session);
        server.kms_of(&who).list_keys().send().await.unwrap();
    }
    let asked = |principal: &str| {
        let query = format!(
            "eventName=ListKeys&principal={}",
            principal.replace(':', "%3A").replace('/', "%2F")
        );
        server.events(&query).len()
    };
    assert_eq!(asked(&format!("arn:aws:iam::{ACCOUNT}:role/app")), 2);
    assert_eq!(asked(&format!("arn:aws:sts::{ACCOUNT}:assumed-role/app/two")), 1);
    assert_eq!(asked(&format!("arn:aws:sts::{ACCOUNT}:assumed-role/app")), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_counted() {
    let server = Server::start();
    scene(&server).await;
    let count =
        |query: &str| server.rest("GET", &format!("/v1/audit/counts?{query}"), &Value::Null).ok();
    let answer = count("eventName=Encrypt&groupBy=principal%2CerrorCode");
    let user = |name: &str| format!("arn:aws:iam::{ACCOUNT}:user/{name}");
    assert_eq!(
        answer,
        json!({ "counts": [
            { "principal": user("ada"), "errorCode": null, "events": 2 },
            { "principal": user("eve"), "errorCode": "AccessDenied", "events": 1 },
        ], "total": 3, "complete": true })
    );
    assert_eq!(count("eventName=Encrypt")["counts"], json!([{ "events": 3 }]));
    let by_day = count("groupBy=day&limit=1");
    assert!(by_day["counts"][0]["day"].as_str().unwrap().ends_with("T00:00:00Z"), "{by_day}");
    let cut = count("groupBy=eventName&limit=1");
    assert_eq!((cut["counts"].as_array().unwrap().len(), &cut["complete"]), (1, &json!(false)));
}

#[test]
fn what_cannot_be_asked() {
    let server = Server::start();
    for (query, want) in [
        (
            "sourceIp=10.0.0.0%2F33",
            "sourceIp must be an IP address or a network such as 10.1.0.0/16.",
        ),
        ("requestId=7", "requestId must be a UUID."),
        ("readOnly=yes", "readOnly must be true or false."),
        ("resource=app", "resource must be an ARN."),
        ("grantId=7", "grantId must be 64 hexadecimal digits."),
        ("not=eventName", "not must be NAME=VALUE, where NAME is one of principal, "),
        ("not=text%3Dx", "not must be NAME=VALUE, where NAME is one of principal, "),
        ("limit=0", "limit must be a number from 1 to 1000."),
        ("limit=1&limit=2", "The query parameter 'limit' is given twice."),
        ("user=ada", "The query parameter 'user' is not known."),
        ("groupBy=year", "groupBy must be one or two different ones of minute, hour, day, "),
        ("groupBy=day%2Cday", "groupBy must be one or two different ones of minute, hour, day, "),
    ] {
        let answer = server.rest("GET", &format!("/v1/audit/counts?{query}"), &Value::Null);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "ValidationException"),
            "{query}"
        );
        assert!(answer.message().starts_with(want), "{query}: {}", answer.message());
    }
    let many = vec!["eventName=x"; 51].join("&");
    let answer = server.rest("GET", &format!("/v1/audit/events?{many}"), &Value::Null);
    assert_eq!((answer.status, answer.code().as_str()), (400, "ValidationException"));
    let text = server.rest("GET", "/v1/audit/counts?text=x", &Value::Null);
    assert_eq!(text.message(), "The query parameter 'text' is not known.");
}
