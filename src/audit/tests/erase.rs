//! Personal data: taken out, put back, erased, and the leaf stays.

use super::super::leaf::{commitment, salt_of_value};
use super::super::personal::{Split, fields, fill, split};
use super::*;
use crate::base::hex;
use crate::store::{NewEvent, Personal};

fn split_of(canonical: &str) -> Split<'_> {
    split(canonical).unwrap()
}

/// A record with every kind of personal data there is.
fn denied_session() -> Case {
    let message = "User: arn:aws:sts::111122223333:assumed-role/app/i-0123 is not authorized";
    Case {
        error: Some(("AccessDenied", message.to_owned())),
        request: Some(json(
            r#"{"sourceEncryptionContext":{"tenant":"7","a\"b":"c\\\"d"},"list":[{"encryptionContextEquals":{"x":["y",1]}}],"roleSessionName":"i-0123","keyId":"k"}"#,
        )),
        ..Case::new(session(), "ReEncrypt")
    }
}

#[test]
fn what_is_personal_and_what_is_not() {
    let canonical = denied_session().canonical();
    let split = split(&canonical).unwrap();
    let want = [
        (Field::UserIdentity, "AROAEXAMPLE:i-0123"),
        (Field::UserIdentity, "arn:aws:sts::111122223333:assumed-role/app/i-0123"),
        (Field::SourceIpAddress, "192.0.2.7"),
        (Field::UserAgent, "aws-cli/2.31"),
        (
            Field::ErrorMessage,
            "User: arn:aws:sts::111122223333:assumed-role/app/i-0123 is not authorized",
        ),
        (Field::EncryptionContext, "7"),
        (Field::EncryptionContext, r#"c\\\"d"#),
        (Field::EncryptionContext, "y"),
        (Field::UserIdentity, "i-0123"),
    ];
    assert_eq!(split.values, want);
    let value: Value = serde_json::from_str(&split.skeleton).unwrap();
    assert_eq!(value["userIdentity"]["arn"], "");
    let issuer = &value["userIdentity"]["sessionContext"]["sessionIssuer"];
    assert_eq!(issuer["arn"], "arn:aws:iam::111122223333:role/app");
    assert_eq!(value["requestParameters"]["sourceEncryptionContext"]["tenant"], "");
    assert_eq!(value["requestParameters"]["keyId"], "k");
    assert_eq!(value["errorCode"], "AccessDenied");
    assert!(!split.skeleton.contains("i-0123"));
    // A user is somebody whom an administrator named; the name stays.
    let user = Case::decrypt(ada()).canonical();
    let kept: Vec<Field> = split_of(&user).values.iter().map(|(field, _)| *field).collect();
    let want = [Field::SourceIpAddress, Field::UserAgent, Field::EncryptionContext];
    assert_eq!(kept, want);
}

/// An attribute may be called what an encryption context is called.
#[test]
fn what_a_schema_says_of_attributes_stays() {
    let actions = r#"{"context":"DO_NOTHING","principal":"ENCRYPT_AND_SIGN","text":"SIGN_ONLY"}"#;
    let request = format!(r#"{{"schema":{{"attributeActionsOnEncrypt":{actions}}},"text":"t"}}"#);
    let case = Case { request: Some(json(&request)), ..Case::new(ada(), "PutItemSchema") };
    let canonical = case.canonical();
    let split = split_of(&canonical);
    assert!(split.skeleton.contains(actions), "{}", split.skeleton);
    assert!(split.values.contains(&(Field::ErrorMessage, "t")), "{:?}", split.values);
}

/// A bearer of a token is known by its subject, wherever it stands.
#[test]
fn a_web_identity() {
    let bearer = Caller {
        access_key_id: None,
        ..caller(Principal::WebIdentity {
            account: account(),
            provider: "issuer.test".to_owned(),
            audience: "wardbook".to_owned(),
            subject: "system:api".to_owned(),
        })
    };
    let case = Case {
        response: Some(json(
            r#"{"assumedRoleUser":{"assumedRoleId":"AROA:s","arn":"arn:s"},"subjectFromWebIdentityToken":"system:api"}"#,
        )),
        ..Case::new(bearer, "AssumeRoleWithWebIdentity")
    };
    let canonical = case.canonical();
    let split = split_of(&canonical);
    assert!(!split.skeleton.contains("system:api"));
    assert!(!split.skeleton.contains("arn:s\""));
    let event = case.with(|record| prepare(record).unwrap());
    assert_eq!(event.principal, "arn:aws:iam::111122223333:oidc-provider/issuer.test");
    assert_eq!(event.personal.session.as_deref(), Some("system:api"));
}

#[test]
fn the_rows_that_stay_hold_nothing_personal() {
    let event = denied_session().with(|record| prepare(record).unwrap());
    assert_eq!(event.principal, "arn:aws:iam::111122223333:role/app");
    assert_eq!(event.principal_id.as_deref(), Some("AROAEXAMPLE"));
    let lasting = NewEvent {
        personal: Personal { salt: None, source_ip: None, session: None, body: Vec::new() },
        text: None,
        ..event.clone()
    };
    let shown = format!("{lasting:?}");
    for personal in ["192.0.2.7", "i-0123", "aws-cli"] {
        assert!(!shown.contains(personal), "{personal}");
    }
    assert_eq!(event.personal.session.as_deref(), Some("i-0123"));
    // In the book of another account, not even the role.
    let case = Case { in_book_of: AccountId::parse("444455556666").unwrap(), ..denied_session() };
    let event = case.with(|record| prepare(record).unwrap());
    assert_eq!(event.principal, "arn:aws:iam::111122223333:root");
    assert_eq!((event.principal_id, event.access_key, event.personal.session), (None, None, None));
}

/// Computed by `tests/vectors/audit/leaf_2.py`, which knows nothing of this code.
#[test]
fn the_leaf_of_a_fixed_record() {
    let stored = denied_session().stored();
    let want = include_str!("../../../tests/golden/audit_leaf/denied_session.leaf");
    assert_eq!(hex::encode(&stored.leaf), want.trim_end());
    let record = include_str!("../../../tests/golden/audit_leaf/denied_session.json");
    assert_eq!(Opener::default().open(&stored).unwrap().record().unwrap(), record.trim_end());
}

#[test]
fn an_erased_value_is_marked_and_the_leaf_stays() {
    let mut stored = denied_session().stored();
    let opened = Opener::default().open(&stored).unwrap();
    let personal = stored.personal.as_ref().unwrap();
    let left = opened.erase(personal, &[Field::SourceIpAddress], [0xab; 16]).unwrap().unwrap();
    assert_eq!((left.salt, left.source_ip.as_deref()), (None, None));
    assert_eq!(left.session.as_deref(), Some("i-0123"));
    stored.personal = Some(left);
    let opened = Opener::default().open(&stored).unwrap();
    let mark = "[erased by event abababab-abab-abab-abab-abababababab]";
    let shown: Value = serde_json::from_str(&opened.record().unwrap()).unwrap();
    assert_eq!(shown["sourceIPAddress"], mark);
    assert_eq!(shown["userAgent"], "aws-cli/2.31");
    // What is gone stays the first event's; nothing of it is left to erase.
    let personal = stored.personal.as_ref().unwrap();
    assert_eq!(opened.erase(personal, &[Field::SourceIpAddress], [1; 16]).unwrap(), None);
    let left = opened.erase(personal, &[Field::UserIdentity], [0xcd; 16]).unwrap().unwrap();
    assert_eq!(left.session, None);
    stored.personal = Some(left);
    let shown = Opener::default().open(&stored).unwrap().record().unwrap();
    assert!(!shown.contains("i-0123"), "{shown}");
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["sourceIPAddress"], mark);
    let later = "[erased by event cdcdcdcd-cdcd-cdcd-cdcd-cdcdcdcdcdcd]";
    // The message quoted the session.
    for pointer in ["/userIdentity/arn", "/errorMessage", "/requestParameters/roleSessionName"] {
        assert_eq!(shown.pointer(pointer).unwrap(), later, "{pointer}");
    }
}

/// What a token's issuer may write decides nothing here.
#[test]
fn a_subject_that_looks_erased_is_kept() {
    let bearer = caller(Principal::WebIdentity {
        account: account(),
        provider: "issuer.test".to_owned(),
        audience: "wardbook".to_owned(),
        subject: "[erased by event 07070707-0707-4707-8707-070707070707]".to_owned(),
    });
    let stored = Case::new(bearer, "AssumeRoleWithWebIdentity").stored();
    Opener::default().open(&stored).unwrap().check_columns(&stored).unwrap();
}

#[test]
fn a_column_that_lies_is_named() {
    let system = Caller {
        access_key_id: None,
        source_ip: None,
        ..caller(Principal::System { account: account() })
    };
    let nobody = caller(Principal::Anonymous { account: account() });
    let root = caller(Principal::Root { account: AccountId::parse("444455556666").unwrap() });
    let cases = [
        denied_session(),
        Case::decrypt(ada()),
        Case::decrypt(root),
        Case::new(nobody, "Decrypt"),
        Case::new(system.clone(), "DeleteKey"),
        Case { event_type: EventType::AwsServiceEvent, ..Case::new(system, "RotateKey") },
    ];
    for case in cases {
        let stored = case.stored();
        Opener::default().open(&stored).unwrap().check_columns(&stored).unwrap();
    }
    let good = Case {
        arns: vec![KEY.to_owned(), OTHER.to_owned()],
        additional: Some(json(r#"{"keyMaterialId":"00ff"}"#)),
        ..denied_session()
    }
    .stored();
    let good = StoredRecord {
        columns: StoredColumns { key_material: Some("00ff".into()), ..good.columns.clone() },
        ..good
    };
    let opened = Opener::default().open(&good).unwrap();
    opened.check_columns(&good).unwrap();
    let check = |name: &str, alter: &dyn Fn(&mut StoredRecord)| {
        let mut bad = good.clone();
        alter(&mut bad);
        let noticed = opened.check_columns(&bad).unwrap_err();
        assert!(matches!(noticed, Error::Column { seq: 1, column } if column == name), "{name}");
    };
    check("time_ms", &|bad| bad.position.time_ms += 1);
    check("account", &|bad| bad.columns.account = "1".into());
    check("region", &|bad| bad.columns.region = "1".into());
    check("event_source", &|bad| bad.columns.event_source = "1".into());
    check("event_name", &|bad| bad.columns.event_name = "1".into());
    check("principal", &|bad| bad.columns.principal = "1".into());
    check("principal_id", &|bad| bad.columns.principal_id = None);
    check("access_key", &|bad| bad.columns.access_key = Some("1".into()));
    check("key", &|bad| bad.columns.key = None);
    check("second_key", &|bad| bad.columns.second_key = None);
    check("key_material", &|bad| bad.columns.key_material = None);
    check("error", &|bad| bad.columns.error = None);
    check("source_ip", &|bad| bad.columns.source_ip = Some("203.0.113.66".into()));
    check("request_id", &|bad| bad.columns.request_id = None);
    check("event_id", &|bad| bad.columns.event_id = [0; 16]);
    check("read_only", &|bad| bad.columns.read_only = false);
}

#[test]
fn a_record_of_format_1_has_no_personal_row() {
    let opened = Opened { format: 1, skeleton: String::new(), values: Vec::new() };
    let forged = denied_session().stored();
    let of_1 = StoredRecord { format: 1, personal: None, ..forged.clone() };
    opened.check_columns(&of_1).unwrap();
    let noticed = opened.check_columns(&forged).unwrap_err();
    assert!(matches!(noticed, Error::Column { column: "seq of event_personal", .. }));
}

#[test]
fn an_altered_value_is_noticed() {
    let good = denied_session().stored();
    let erased = |stored: &StoredRecord| {
        let opened = Opener::default().open(stored).unwrap();
        let personal = stored.personal.as_ref().unwrap();
        opened.erase(personal, &[Field::UserAgent], [1; 16]).unwrap()
    };
    let after = StoredRecord { personal: erased(&good), ..good.clone() };
    for stored in [&good, &after] {
        Opener::default().open(stored).unwrap();
        let personal = stored.personal.as_ref().unwrap();
        let mut bad: Vec<Option<Personal>> = vec![
            None,
            Some(Personal { salt: Some([0; 16]), ..personal.clone() }),
            Some(Personal { body: Vec::new(), ..personal.clone() }),
        ];
        if personal.salt.is_some() {
            bad.push(Some(Personal { salt: None, ..personal.clone() }));
            bad.push(Some(Personal { source_ip: None, ..personal.clone() }));
            bad.push(Some(Personal { session: Some("x".to_owned()), ..personal.clone() }));
        }
        for personal in bad {
            let stored = StoredRecord { personal, ..stored.clone() };
            let opened = Opener::default().open(&stored);
            assert!(matches!(opened, Err(Error::Corrupt { seq: 1 })), "{:?}", stored.personal);
        }
    }
}

#[test]
fn a_skeleton_takes_exactly_its_values() {
    let canonical = Case::decrypt(ada()).canonical();
    let Split { skeleton, values } = split_of(&canonical);
    let texts: Vec<&str> = values.iter().map(|(_, text)| *text).collect();
    assert_eq!(fill(&skeleton, texts.iter().copied()).unwrap(), canonical);
    assert!(fill(&skeleton, texts[1..].iter().copied()).is_err());
    assert!(fill(&skeleton, texts.iter().copied().chain(["more"])).is_err());
    assert!(fill(&canonical, texts.iter().copied()).is_err());
    for bad in ["\"", "a\"b", "\\", "\\x", "\\u12", "\\u123x", "\u{1}", "\n"] {
        let values = [bad, texts[1], texts[2]];
        assert!(fill(&skeleton, values).is_err(), "{bad:?}");
    }
    for good in ["", "\\\"", "\\u00e9", "\u{1f511}", "\\\\"] {
        let filled = fill(&skeleton, [good, texts[1], texts[2]]).unwrap();
        assert_eq!(split_of(&filled).values[0].1, good);
    }
}

#[test]
fn what_is_no_json_is_refused() {
    for text in [
        "",
        "{",
        "}",
        "[",
        "[1,]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "[,]",
        "{1:2}",
        "\"a",
        "\"a\\",
        "1 2",
        "{}}",
        "[1}",
        "{\"a\":1]",
        "\"\u{1}\"",
        "{\"a\" 1}",
        "\n",
        "\u{7f}",
        "[\"a\" \"b\"]",
        "{\"a\":1 \"b\":2}",
    ] {
        assert!(split(text).is_err(), "{text:?}");
    }
    for text in ["null", "\"\"", "[]", "{}", " { \"a\" : [ 1 , {} ] }\t"] {
        assert_eq!(split(text).unwrap().skeleton, text);
    }
}

/// Any JSON, with the names that matter here among its names.
fn any_json() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        Just("encryptionContext"),
        Just("userIdentity"),
        Just("sourceIPAddress"),
        Just("requestParameters"),
        Just("type"),
        Just("arn"),
        Just("sessionContext"),
        Just("webIdFederationData"),
        Just("attributes"),
        Just("roleSessionName"),
        Just("a\"\\"),
    ];
    let text =
        prop_oneof![Just("AssumedRole".to_owned()), "\\PC{0,6}", "[\"\\\\\u{0}-\u{1f}]{0,3}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..6).prop_map(|members| {
                Value::Object(members.into_iter().map(|(name, of)| (name.to_owned(), of)).collect())
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn taking_out_and_putting_back_are_inverse(json in any_json()) {
        let canonical = json.to_string();
        let Split { skeleton, values } = split(&canonical).unwrap();
        let texts = || values.iter().map(|(_, text)| *text);
        prop_assert_eq!(&fill(&skeleton, texts()).unwrap(), &canonical);
        let again = split(&skeleton).unwrap();
        prop_assert_eq!(&again.skeleton, &skeleton);
        prop_assert!(again.values.iter().all(|(_, text)| text.is_empty()));
        let kinds: Vec<Field> = values.iter().map(|(field, _)| *field).collect();
        prop_assert_eq!(fields(&skeleton).unwrap(), kinds);
        let parsed: Value = serde_json::from_str(&skeleton).unwrap();
        prop_assert_eq!(parsed.is_object(), json.is_object());
    }

    /// Whatever is read, nothing panics; what is accepted can be put together.
    #[test]
    fn hostile_text_is_harmless(text in "[{}\\[\\]:,\"\\\\a-c1\u{0}-\u{2} ]{0,60}|\\PC{0,40}") {
        if let Ok(Split { skeleton, values }) = split(&text) {
            let texts = values.iter().map(|(_, text)| *text);
            prop_assert_eq!(fill(&skeleton, texts).unwrap(), text);
        }
    }

    #[test]
    fn erasing_keeps_the_leaf(subsets in prop::collection::vec(0..32_u8, 0..4), seed in any::<u8>()) {
        let mut case = denied_session();
        case.caller.user_agent = Some(format!("agent {seed}\u{1}\""));
        let mut stored = case.stored();
        for (n, subset) in (0..).zip(subsets) {
            let which: Vec<Field> = Field::ALL
                .iter()
                .enumerate()
                .filter(|(bit, _)| subset >> bit & 1 == 1)
                .map(|(_, (_, field))| *field)
                .collect();
            let opened = Opener::default().open(&stored).unwrap();
            let personal = stored.personal.as_ref().unwrap();
            if let Some(left) = opened.erase(personal, &which, [n; 16]).unwrap() {
                stored.personal = Some(left);
            }
            // It is checked against the leaf.
            let opened = Opener::default().open(&stored).unwrap();
            for ((field, value), was) in fields(&opened.skeleton).unwrap().iter()
                .zip(&opened.values).zip(&split(&case.canonical()).unwrap().values)
            {
                match value {
                    super::super::Value::Erased { .. } => {}
                    super::super::Value::Kept { value, .. } => {
                        prop_assert!(!which.contains(field));
                        prop_assert_eq!(value, was.1);
                    }
                }
            }
        }
    }
}

/// Keeping the salt of one value tells nothing about another's.
#[test]
fn salts_differ() {
    let salts = [0, 1, 2].map(|i| salt_of_value(&[3; 16], i));
    assert!(salts[0] != salts[1] && salts[1] != salts[2] && salts[0] != salts[2]);
    assert_ne!(salts[0], [3; 16]);
    assert_ne!(commitment(&salts[0], "x"), commitment(&salts[1], "x"));
}
