//! Records as CloudTrail writes them, and queries that give them back.

mod erase;
mod lookup;
mod query;
#[expect(clippy::arithmetic_side_effects, reason = "a wrong number fails the test")]
#[expect(clippy::as_conversions, reason = "the numbers are small")]
#[expect(clippy::print_stdout, reason = "a long run tells what it found")]
mod tamper;

use proptest::prelude::*;
use serde_json::Value;
use serde_json::value::RawValue;

use super::*;
use std::sync::Arc;

use crate::base::caller::{Caller, Principal, SessionFacts};
use crate::base::ids::{AccountId, Region, RequestId};
use crate::store::{Position, StoredColumns, StoredRecord};

const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const OTHER: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/0987dcba-09fe-87dc-65ba-ab0987654321";
const ALIAS: &str = "arn:aws:kms:eu-central-1:111122223333:alias/app";

fn account() -> AccountId {
    AccountId::parse("111122223333").unwrap()
}

fn caller(principal: Principal) -> Caller {
    Caller {
        principal,
        access_key_id: Some("AKIAEXAMPLE".to_owned()),
        session: None,
        source_ip: Some([192, 0, 2, 7].into()),
        user_agent: Some("aws-cli/2.31".to_owned()),
        secure_transport: true,
        tls: None,
        request_id: RequestId::from_random([7; 16]),
        via_service: None,
    }
}

fn ada() -> Caller {
    caller(Principal::User {
        account: account(),
        unique_id: "AIDAEXAMPLE".to_owned(),
        name: "ada".to_owned(),
    })
}

fn json(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

/// What the records of these tests borrow, and may be changed before.
struct Case {
    caller: Caller,
    in_book_of: AccountId,
    event_name: &'static str,
    error: Option<(&'static str, String)>,
    request: Option<Box<RawValue>>,
    response: Option<Box<RawValue>>,
    additional: Option<Box<RawValue>>,
    details: Option<Box<RawValue>>,
    decisions: Option<Box<RawValue>>,
    arns: Vec<String>,
    event_type: EventType,
    read_only: bool,
    shared_event_id: Option<[u8; 16]>,
    tls: bool,
    time_ms: i64,
}

impl Case {
    fn new(caller: Caller, event_name: &'static str) -> Self {
        Self {
            caller,
            in_book_of: account(),
            event_name,
            error: None,
            request: None,
            response: None,
            additional: None,
            details: None,
            decisions: None,
            arns: vec![KEY.to_owned()],
            event_type: EventType::AwsApiCall,
            read_only: true,
            shared_event_id: None,
            tls: false,
            time_ms: 1_793_614_272_345,
        }
    }

    fn decrypt(caller: Caller) -> Self {
        Self {
            request: Some(json(&format!(
                r#"{{"encryptionAlgorithm":"SYMMETRIC_DEFAULT","keyId":"{KEY}","encryptionContext":{{"tenant":"7"}}}}"#
            ))),
            ..Self::new(caller, "Decrypt")
        }
    }

    fn with<T>(&self, f: impl FnOnce(&Record<'_>) -> T) -> T {
        let resources: Vec<Resource<'_>> = self
            .arns
            .iter()
            .map(|arn| Resource { account: "111122223333", kind: "AWS::KMS::Key", arn })
            .collect();
        f(&Record {
            event_id: [9; 16],
            time_ms: self.time_ms,
            caller: &self.caller,
            account: &self.in_book_of,
            region: &Region::parse("eu-central-1").unwrap(),
            event_source: "kms.amazonaws.com",
            event_name: self.event_name,
            error: self.error.as_ref().map(|(code, message)| Failure { code, message }),
            request_parameters: self.request.as_deref(),
            response_elements: self.response.as_deref(),
            additional_event_data: self.additional.as_deref(),
            service_event_details: self.details.as_deref(),
            read_only: self.read_only,
            resources: &resources,
            event_type: self.event_type,
            shared_event_id: self.shared_event_id,
            tls: self.tls.then_some(Tls {
                version: "TLSv1.3",
                cipher_suite: "TLS_AES_256_GCM_SHA384",
                key_exchange: None,
                host: Some("kms.eu-central-1.amazonaws.com"),
            }),
            own: Own { decisions: self.decisions.as_deref(), ..Own::default() },
            key_material: None,
            salt: [3; 16],
        })
    }

    /// The record as it would be read from the book.
    fn stored(&self) -> StoredRecord {
        let event = self.with(|record| prepare(record).unwrap());
        let text = |text: Option<String>| text.map(Into::into);
        StoredRecord {
            position: Position { time_ms: event.time_ms, seq: 1 },
            format: event.format,
            dictionary: event.dictionary,
            leaf: event.leaf,
            body: event.body,
            columns: StoredColumns {
                account: event.account.into(),
                region: event.region.into(),
                event_source: event.event_source.into(),
                event_name: event.event_name.into(),
                principal: event.principal.into(),
                principal_id: text(event.principal_id),
                access_key: text(event.access_key),
                key: text(event.key),
                second_key: text(event.second_key),
                key_material: text(event.key_material),
                error: text(event.error),
                source_ip: None,
                request_id: event.request_id,
                event_id: event.event_id,
                read_only: event.read_only,
                field_reads: None,
            },
            personal: Some(event.personal),
            field_reads: Vec::new(),
        }
    }

    fn canonical(&self) -> String {
        self.with(canonical).unwrap()
    }
}

#[track_caller]
fn check(case: &Case, golden: &str) {
    assert_eq!(case.canonical(), golden.trim_end());
}

#[test]
fn a_user() {
    let case = Case {
        additional: Some(json(r#"{"keyMaterialId":"00ff"}"#)),
        tls: true,
        decisions: Some(json(r#"{"decision":"allow","policies":["key#AllowUse"]}"#)),
        ..Case::decrypt(ada())
    };
    check(&case, include_str!("../../../tests/golden/audit/user.json"));
}

fn session() -> Caller {
    let session = Principal::RoleSession {
        account: account(),
        role_id: "AROAEXAMPLE".to_owned(),
        role_name: "app".to_owned(),
        name: "i-0123".to_owned(),
    };
    Caller {
        session: Some(Arc::new(SessionFacts {
            created_ms: 1_793_610_000_000,
            ..SessionFacts::default()
        })),
        ..caller(session)
    }
}

#[test]
fn a_role_session() {
    let golden = include_str!("../../../tests/golden/audit/role_session.json");
    check(&Case::decrypt(session()), golden);
}

#[test]
fn the_account_itself_on_another_accounts_key() {
    let root = Principal::Root { account: AccountId::parse("444455556666").unwrap() };
    let own = root.account().clone();
    let case = Case { shared_event_id: Some([5; 16]), ..Case::decrypt(caller(root)) };
    check(&case, include_str!("../../../tests/golden/audit/aws_account.json"));
    let case = Case { in_book_of: own, ..case };
    check(&case, include_str!("../../../tests/golden/audit/root.json"));
}

#[test]
fn nobody() {
    let nobody = caller(Principal::Anonymous { account: account() });
    let error = ("UnrecognizedClientException", "The security token is invalid.".to_owned());
    let case = Case { error: Some(error), arns: Vec::new(), ..Case::new(nobody, "Decrypt") };
    check(&case, include_str!("../../../tests/golden/audit/anonymous.json"));
}

#[test]
fn a_service_for_a_user() {
    let caller = Caller { via_service: Some("items".into()), user_agent: None, ..ada() };
    check(&Case::decrypt(caller), include_str!("../../../tests/golden/audit/via_service.json"));
}

#[test]
fn the_server_by_itself() {
    let system = Caller {
        access_key_id: None,
        source_ip: None,
        user_agent: None,
        ..caller(Principal::System { account: account() })
    };
    let case = Case {
        event_type: EventType::AwsServiceEvent,
        read_only: false,
        details: Some(json(
            r#"{"keyId":"1234abcd-12ab-34cd-56ef-1234567890ab","rotationType":"AUTOMATIC"}"#,
        )),
        ..Case::new(system.clone(), "RotateKey")
    };
    check(&case, include_str!("../../../tests/golden/audit/service_event.json"));
    let event = case.with(|record| prepare(record).unwrap());
    assert_eq!((event.request_id, event.personal.source_ip), (None, None));
    check(
        &Case { read_only: false, ..Case::new(system, "DeleteKey") },
        include_str!("../../../tests/golden/audit/system_call.json"),
    );
}

#[test]
fn a_refused_call() {
    let message = format!(
        "User: arn:aws:iam::111122223333:user/ada is not authorized to perform: kms:Decrypt on resource: {KEY}"
    );
    let case = Case { error: Some(("AccessDenied", message)), ..Case::decrypt(ada()) };
    check(&case, include_str!("../../../tests/golden/audit/denied.json"));
}

#[test]
fn a_change_of_two_things() {
    let case = Case {
        read_only: false,
        request: Some(json(r#"{"aliasName":"alias/app","targetKeyId":"x"}"#)),
        response: Some(json(&format!(r#"{{"keyId":"{KEY}"}}"#))),
        arns: vec![KEY.to_owned(), ALIAS.to_owned()],
        ..Case::new(ada(), "CreateAlias")
    };
    check(&case, include_str!("../../../tests/golden/audit/create_alias.json"));
}

#[test]
fn the_searchable_fields() {
    let case = Case {
        error: Some(("DisabledException", String::new())),
        arns: vec![ALIAS.to_owned(), KEY.to_owned(), OTHER.to_owned()],
        ..Case::new(ada(), "ReEncrypt")
    };
    let event = case.with(|record| prepare(record).unwrap());
    assert_eq!(event.time_ms, 1_793_614_272_345);
    assert_eq!(event.account, "111122223333");
    assert_eq!(event.region, "eu-central-1");
    assert_eq!(event.event_source, "kms.amazonaws.com");
    assert_eq!(event.event_name, "ReEncrypt");
    assert_eq!(event.principal, "arn:aws:iam::111122223333:user/ada");
    assert_eq!(event.key.as_deref(), Some(KEY));
    assert_eq!(event.second_key.as_deref(), Some(OTHER));
    assert_eq!(event.error.as_deref(), Some("DisabledException"));
    assert_eq!(event.personal.source_ip.as_deref(), Some("192.0.2.7"));
    assert_eq!(event.request_id, Some(*case.caller.request_id.as_bytes()));
    assert_eq!(event.event_id, [9; 16]);
    assert!(event.read_only);
}

#[test]
fn a_record_is_one_line() {
    let case = Case {
        request: Some(json("{\n  \"a\": \"x\\ny\",\r\n  \"b\": 1\n}")),
        ..Case::new(ada(), "Decrypt")
    };
    let text = case.canonical();
    assert!(!text.contains(['\n', '\r']));
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["requestParameters"]["a"], "x\ny");
}

#[test]
fn what_does_not_fit_leaves_a_marker() {
    let long = format!("\"{}\"", "x".repeat(120 * 1024));
    let mut case = Case {
        request: Some(json(&long)),
        response: Some(json(r#"{"small":true}"#)),
        error: Some(("E", "m".repeat(5_000))),
        arns: (0..40).map(|_| KEY.to_owned()).collect(),
        ..Case::new(ada(), "PutKeyPolicy")
    };
    case.caller.user_agent = Some("\u{1f511}".repeat(1_000));
    let value: Value = serde_json::from_str(&case.canonical()).unwrap();
    let omitted = &value["requestParameters"]["omitted"];
    assert_eq!(omitted["bytes"], long.len());
    assert_eq!(omitted["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(value["responseElements"]["small"], true);
    assert!(value["errorMessage"].as_str().unwrap().ends_with("m... [3976 bytes omitted]"));
    assert!(value["userAgent"].as_str().unwrap().ends_with("\u{1f511}... [2976 bytes omitted]"));
    let resources = value["resources"].as_array().unwrap();
    assert_eq!(resources.len(), 33);
    assert_eq!(resources[32]["ARN"], "8 more");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a client sends, a record is valid JSON of bounded length.
    #[test]
    fn every_record_is_bounded(
        members in prop::array::uniform5(prop::option::of(0..80_000_usize)),
        texts in prop::array::uniform3("\\PC{0,40}|[\u{0}-\u{1f}]{0,3000}"),
        arns in prop::collection::vec("[\u{0}-\u{1f}]{0,2000}|[a-z:]{0,99}", 0..60),
    ) {
        let member = |len: Option<usize>| len.map(|len| json(&format!("\"{}\"", "y".repeat(len))));
        let [request, response, additional, details, decisions] = members.map(member);
        let [agent, message, access_key] = texts;
        let mut case = Case {
            request, response, additional, details, decisions, arns,
            error: Some(("E", message)),
            ..Case::new(ada(), "Decrypt")
        };
        case.caller.user_agent = Some(agent);
        case.caller.access_key_id = Some(access_key);
        let text = case.canonical();
        prop_assert!(text.len() <= RECORD_BYTES, "{}", text.len());
        let value: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&value["eventName"], "Decrypt");
        prop_assert!(!text.contains(['\n', '\r']));
    }
}
