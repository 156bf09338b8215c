//! What is sent, what comes back, and which error becomes which kind of failure.

use std::collections::BTreeMap;

use aws_sdk_kms::config::{Region, SharedCredentialsProvider};

use super::server::{Reply, Server};
use super::*;
use crate::base::algorithm::{KeyAgreementAlgorithm, MacAlgorithm, MessageType, SigningAlgorithm};
use crate::base::spec::{KeySpec, KeyUsage};
use crate::keys::backend::remote::connection::Limits;
use crate::keys::backend::remote::{Failure, FailureKind, Role, credentials as provider};

const ECDSA: SigningAlgorithm = SigningAlgorithm::EcdsaSha256;
const RAW: MessageType = MessageType::Raw;
const HMAC: MacAlgorithm = MacAlgorithm::HmacSha256;
const ECDH: KeyAgreementAlgorithm = KeyAgreementAlgorithm::Ecdh;

fn answering(body: &str) -> (Server, Remote) {
    let server = Server::always(Reply::json(200, body));
    let remote = remote(server.url.clone());
    (server, remote)
}

#[tokio::test]
async fn encrypt_sends_what_it_is_given() {
    let (server, remote) =
        answering(&format!(r#"{{"CiphertextBlob":"Y2lwaGVy","KeyId":"{ARN}"}}"#));
    let context = EncryptionContext::new(BTreeMap::from([("a".to_owned(), "1".to_owned())]));
    let answer = remote.encrypt(ARN, SYMMETRIC, b"plain", &context).await.unwrap();
    assert_eq!(
        (answer.value, answer.request_id.as_deref()),
        (b"cipher".to_vec(), Some("request-1"))
    );
    let [request] = &server.requests()[..] else { panic!("one request") };
    let (headers, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(headers.contains("TrentService.Encrypt"), "{headers}");
    assert!(headers.contains("AKIATEST/") && headers.contains("/eu-central-1/kms/"), "{headers}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        body,
        serde_json::json!({
            "KeyId": ARN,
            "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
            "Plaintext": "cGxhaW4=",
            "EncryptionContext": { "a": "1" },
        })
    );
    let health = remote.health();
    assert_eq!((health.in_flight, health.last_success_ms, health.last_failure), (0, Some(0), None));
}

#[tokio::test]
async fn decrypt_always_names_the_key() {
    let (server, remote) = answering(&format!(r#"{{"Plaintext":"cGxhaW4=","KeyId":"{ARN}"}}"#));
    let answer = remote.decrypt(ARN, SYMMETRIC, b"cipher", &no_context()).await.unwrap();
    assert_eq!(answer.value.expose(), b"plain");
    let [request] = &server.requests()[..] else { panic!("one request") };
    assert!(request.contains(&format!(r#""KeyId":"{ARN}""#)), "{request}");
    assert!(!request.contains("EncryptionContext"), "{request}");
}

#[tokio::test]
async fn every_other_operation_has_its_answer() {
    let body = format!(
        r#"{{"KeyId":"{ARN}","Signature":"cw==","SignatureValid":true,"Mac":"bQ==","MacValid":true,
            "SharedSecret":"eg==","PublicKey":"cA==","Keys":[],"KeyMetadata":{{"KeyId":"x",
            "Arn":"{ARN}","KeySpec":"ECC_NIST_P256","KeyUsage":"KEY_AGREEMENT","Enabled":true,
            "KeyState":"Enabled"}}}}"#
    );
    let (server, remote) = answering(&body);
    assert_eq!(remote.sign(ARN, ECDSA, RAW, b"m").await.unwrap().value, b"s");
    remote.verify(ARN, ECDSA, RAW, b"m", b"s").await.unwrap();
    assert_eq!(remote.generate_mac(ARN, HMAC, b"m").await.unwrap().value, b"m");
    remote.verify_mac(ARN, HMAC, b"m", b"m").await.unwrap();
    let secret = remote.derive_shared_secret(ARN, ECDH, b"p").await.unwrap();
    assert_eq!(secret.value.expose(), b"z");
    assert_eq!(remote.public_key(ARN).await.unwrap().value, b"p");
    let found = remote.describe("alias/x").await.unwrap().value;
    assert_eq!((found.arn.as_str(), found.enabled), (ARN, true));
    assert_eq!((found.spec, found.usage), (KeySpec::EccNistP256, KeyUsage::KeyAgreement));
    remote.probe(Some(ARN)).await.unwrap();
    remote.probe(None).await.unwrap();
    let targets: Vec<String> = server
        .requests()
        .iter()
        .map(|request| {
            let (_, rest) = request.split_once("TrentService.").unwrap();
            rest.split("\r\n").next().unwrap().to_owned()
        })
        .collect();
    assert_eq!(
        targets,
        [
            "Sign",
            "Verify",
            "GenerateMac",
            "VerifyMac",
            "DeriveSharedSecret",
            "GetPublicKey",
            "DescribeKey",
            "DescribeKey",
            "ListKeys"
        ]
    );
}

#[track_caller]
fn check_garbage(failure: &Failure, told: &str) {
    assert_eq!(failure.kind, FailureKind::Garbage, "{failure:?}");
    assert!(failure.cause.contains(told), "{failure:?}");
}

#[tokio::test]
async fn garbage_is_no_answer() {
    for (body, told) in [
        ("", "without"),
        ("{}", "without"),
        ("null", "cannot be read"),
        ("[]", "cannot be read"),
        ("<html>", "cannot be read"),
        (r#"{"CiphertextBlob":"","Plaintext":""}"#, "without"),
        (r#"{"CiphertextBlob":null,"Plaintext":null}"#, "without"),
        (r#"{"CiphertextBlob":1,"Plaintext":1}"#, "cannot be read"),
        (r#"{"CiphertextBlob":"c2VjcmV0*","Plaintext":"c2VjcmV0*"}"#, "cannot be read"),
        (r#"{"CiphertextBlob":"YQ==","Plaintext":"YQ==","KeyId":"x"}"#, "another key"),
        (r#"{"CiphertextBlob":"YQ=="#, "cannot be read"),
    ] {
        let (_server, remote) = answering(body);
        let encrypted = remote.encrypt(ARN, SYMMETRIC, b"plain", &no_context()).await;
        check_garbage(&encrypted.unwrap_err(), told);
        let decrypted = remote.decrypt(ARN, SYMMETRIC, b"cipher", &no_context()).await;
        let failure = decrypted.unwrap_err();
        assert!(!failure.cause.contains("c2VjcmV0"), "{failure:?}");
        assert_eq!(failure.request_id.as_deref(), Some("request-1"));
        check_garbage(&failure, told);
        assert!(remote.health().last_failure.is_some());
    }
}

#[tokio::test]
async fn an_empty_answer_is_none_of_any_operation() {
    let (_server, remote) = answering("{}");
    check_garbage(&remote.sign(ARN, ECDSA, RAW, b"m").await.unwrap_err(), "Signature");
    check_garbage(&remote.generate_mac(ARN, HMAC, b"m").await.unwrap_err(), "Mac");
    let secret = remote.derive_shared_secret(ARN, ECDH, b"p").await;
    check_garbage(&secret.map(drop).unwrap_err(), "SharedSecret");
    check_garbage(&remote.public_key(ARN).await.unwrap_err(), "PublicKey");
    check_garbage(&remote.describe(ARN).await.unwrap_err(), "KeyMetadata");
    let (_server, remote) = answering("{}");
    check_garbage(&remote.probe(None).await.unwrap_err(), "Keys");
}

#[tokio::test]
async fn nothing_is_a_plaintext_of_an_rsa_key_alone() {
    let (_server, remote) = answering(&format!(r#"{{"Plaintext":"","KeyId":"{ARN}"}}"#));
    let rsa = EncryptionAlgorithm::RsaesOaepSha256;
    let answer = remote.decrypt(ARN, rsa, b"cipher", &no_context()).await.unwrap();
    assert!(answer.value.expose().is_empty());
    assert_eq!(remote.health().last_failure, None);
    let failed = remote.decrypt(ARN, SYMMETRIC, b"cipher", &no_context()).await;
    check_garbage(&failed.map(drop).unwrap_err(), "Plaintext");
}

#[tokio::test]
async fn descriptions_are_read_with_care() {
    let body = |arn: &str, spec: &str, state: &str| {
        format!(
            r#"{{"KeyMetadata":{{"KeyId":"x","Arn":"{arn}","KeySpec":"{spec}",
                "KeyUsage":"ENCRYPT_DECRYPT","Enabled":true,"KeyState":"{state}"}}}}"#
        )
    };
    for (body, want) in [
        (body(ARN, "SYMMETRIC_DEFAULT", "Enabled"), Ok(true)),
        (body(ARN, "SYMMETRIC_DEFAULT", "PendingDeletion"), Ok(false)),
        (body(ARN, "LATTICE_9", "Enabled"), Err(FailureKind::Unsupported)),
        (body("x", "SYMMETRIC_DEFAULT", "Enabled"), Err(FailureKind::Garbage)),
        (body(&format!("{ARN}0"), "SYMMETRIC_DEFAULT", "Enabled"), Err(FailureKind::Garbage)),
    ] {
        let (_server, remote) = answering(&body);
        let found = remote.describe(ARN).await;
        let found = found.map(|found| found.value.enabled).map_err(|failure| failure.kind);
        assert_eq!(found, want, "{body}");
    }
}

#[tokio::test]
async fn what_does_not_verify_is_not_an_outage() {
    for body in ["{}", r#"{"SignatureValid":false,"MacValid":false}"#] {
        let (_server, remote) = answering(body);
        let failure = remote.verify(ARN, ECDSA, RAW, b"m", b"s").await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Signature);
        let failure = remote.verify_mac(ARN, HMAC, b"m", b"m").await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Mac);
        assert_eq!(remote.health().last_failure, None);
    }
}

#[track_caller]
fn check_kind(failure: &Failure, code: &str, want: FailureKind) {
    assert_eq!(failure.kind, want, "{code}");
    assert_eq!(failure.request_id.as_deref(), Some("request-1"), "{code}");
    assert_eq!(failure.cause, format!("{code}: because"));
}

#[tokio::test]
async fn every_error_has_its_kind() {
    use FailureKind::*;
    for (status, code, want) in [
        // Those that the operations are modelled with.
        (500, "DependencyTimeoutException", Unavailable),
        (400, "DisabledException", KeyState),
        (400, "DryRunOperationException", Unknown),
        (400, "IncorrectKeyException", IncorrectKey),
        (400, "InvalidArnException", Validation),
        (400, "InvalidCiphertextException", Ciphertext),
        (400, "InvalidGrantTokenException", Unknown),
        (400, "InvalidKeyUsageException", Usage),
        (500, "KeyUnavailableException", KeyUnavailable),
        (500, "KMSInternalException", Unavailable),
        (400, "KMSInvalidMacException", Mac),
        (400, "KMSInvalidSignatureException", Signature),
        (400, "KMSInvalidStateException", KeyState),
        (400, "NotFoundException", NotFound),
        (400, "UnsupportedOperationException", Unsupported),
        // Those of all services.
        (400, "AccessDeniedException", Denied),
        (400, "ExpiredTokenException", Credentials),
        (400, "IncompleteSignatureException", Credentials),
        (400, "InvalidSignatureException", Credentials),
        (400, "LimitExceededException", Throttled),
        (400, "MissingAuthenticationTokenException", Credentials),
        (400, "SerializationException", Validation),
        (400, "ThrottlingException", Throttled),
        (400, "UnknownOperationException", Unsupported),
        (400, "UnrecognizedClientException", Credentials),
        (400, "ValidationException", Validation),
        // And others.
        (400, "SomethingNewException", Unknown),
        (500, "SomethingNewException", Unavailable),
        (429, "SomethingNewException", Throttled),
    ] {
        let server = Server::always(Reply::error(status, code, "because"));
        let remote = remote(server.url.clone());
        let failed = remote.decrypt(ARN, SYMMETRIC, b"cipher", &no_context()).await;
        check_kind(&failed.unwrap_err(), code, want);
        assert_eq!(remote.health().last_failure.is_some(), want.is_outage(), "{code}");
        let failed = remote.sign(ARN, ECDSA, RAW, b"m").await;
        check_kind(&failed.unwrap_err(), code, want);
    }
}

#[tokio::test]
async fn a_remote_that_refuses_has_been_reached() {
    let server = Server::always(Reply::error(400, "AccessDeniedException", "no"));
    let remote = remote(server.url);
    for key in [None, Some(ARN)] {
        let reached = remote.probe(key).await.unwrap();
        assert_eq!(reached.request_id.as_deref(), Some("request-1"));
    }
    assert_eq!(remote.describe(ARN).await.unwrap_err().kind, FailureKind::Denied);
}

#[tokio::test]
async fn a_role_is_assumed_first() {
    let sts = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
        <AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>\
        <SecretAccessKey>s</SecretAccessKey><SessionToken>token-1</SessionToken>\
        <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>\
        </AssumeRoleResponse>";
    let sts = Server::always(Reply::json(200, sts));
    let kms = Server::always(Reply::json(200, r#"{"Keys":[]}"#));
    let settings = settings(kms.url.clone(), PATIENT_MS);
    let role = Role {
        arn: "arn:aws:iam::111122223333:role/wardbook".to_owned(),
        external_id: Some("ticket-7".to_owned()),
        session_name: "ward".to_owned(),
        endpoint: Some(sts.url.clone()),
    };
    let own = SharedCredentialsProvider::new(credentials());
    let region = Region::new("eu-central-1");
    let assumed = provider::assumed(&role, own, region, &Limits::of(&settings)).await;
    let clock = Arc::new(ManualClock::at(0));
    let remote = Remote::with_credentials(settings, clock, assumed);
    remote.probe(None).await.unwrap();
    remote.probe(None).await.unwrap();
    let [asked] = &sts.requests()[..] else { panic!("asked once") };
    for part in ["AKIATEST/", "Action=AssumeRole", "ExternalId=ticket-7", "RoleSessionName=ward"] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    for request in kms.requests() {
        assert!(request.contains("ASIAROLE/") && request.contains("token-1"), "{request}");
    }
}
