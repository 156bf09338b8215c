//! No secret of a run is found in anything that the program leaves behind: its
//! files, its output, its log at its loudest, its metrics, its telemetry.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::calls::{STORE_PASSWORD, Scene, operations};
use crate::fixture::collector::Collector;
use crate::fixture::import::{self, Wrapping};
use crate::fixture::program::{Home, Program};
use crate::fixture::raw::Request;
use crate::fixture::{ACCOUNT, Credentials, oidc, wait_until};

/// Everything that must not be found again: what it is, and its bytes.
type Secrets = Vec<(&'static str, Vec<u8>)>;
/// What is searched: where it comes from, and its bytes as characters of the
/// same number, because text is searched quickly.
type Traces = Vec<(String, String)>;

#[test]
fn nothing_keeps_a_secret() {
    let (home, collector) = (Home::new(), Collector::start());
    oidc::configure(&home.data());
    let log = ["--log-format", "json", "--log-filter", "trace"];
    let program = home.serve(&[&log[..], &["--otlp-endpoint", &collector.url]].concat());
    let mut secrets = use_secrets(&program);
    secrets.push(("the administrator's secret", program.admin.secret.clone().into_bytes()));
    let failed = fail_with_secrets(&program, &home.data().join("wardbook.db"), &mut secrets);

    let mut traces = vec![("metrics".to_owned(), characters(&program.look("/metrics").body))];
    let book = serde_json::to_vec(&program.book()).unwrap();
    traces.push(("book".to_owned(), characters(&book)));
    // While it runs, and after it has ended, with its side files and without.
    read_folder(&home.data(), &mut traces);
    traces.push(("standard output".to_owned(), program.terminate()));
    read_folder(&home.data(), &mut traces);
    let log = fs::read(home.log()).unwrap();
    check_log(&log, &failed);
    traces.push(("log".to_owned(), characters(&log)));
    for (path, body) in collector.posts() {
        traces.push((format!("OTLP {path}"), characters(&body)));
    }
    check_search(&traces);
    for (what, secret) in &secrets {
        for (form, spelled) in spellings(secret) {
            for (place, text) in &traces {
                assert!(!text.contains(&spelled), "{what} is in {place}, {form}");
            }
        }
    }
}

/// Makes and uses secrets of every kind.
fn use_secrets(program: &Program) -> Secrets {
    let mut secrets = Secrets::new();
    let decoded = |answer: &Value| STANDARD.decode(answer["Plaintext"].as_str().unwrap()).unwrap();
    let key = program.new_key();
    let plaintext = b"the plaintext that nobody may find".to_vec();
    let input = json!({ "KeyId": key, "Plaintext": STANDARD.encode(&plaintext) });
    let made = program.call("Encrypt", &input).ok();
    let blob = json!({ "CiphertextBlob": made["CiphertextBlob"] });
    program.call("Decrypt", &blob).ok();
    program
        .call(
            "ReEncrypt",
            &json!({ "CiphertextBlob": made["CiphertextBlob"], "DestinationKeyId": key }),
        )
        .ok();
    secrets.push(("a plaintext", plaintext));
    let input = json!({ "KeyId": key, "KeySpec": "AES_256" });
    let made = program.call("GenerateDataKey", &input).ok();
    secrets.push(("a data key", decoded(&made)));
    let made = program.call("GenerateDataKeyWithoutPlaintext", &input).ok();
    let opened = program.call("Decrypt", &json!({ "CiphertextBlob": made["CiphertextBlob"] })).ok();
    secrets.push(("a data key without plaintext", decoded(&opened)));
    use_grant_token(program, &key, &mut secrets);
    let made = program.call("GenerateRandom", &json!({ "NumberOfBytes": 32 })).ok();
    secrets.push(("random bytes", decoded(&made)));
    let key = import::new_key(program, &json!({}));
    let wrapping = Wrapping::of(program, &key, "RSAES_OAEP_SHA_256", "RSA_2048");
    let material = b"thirty-two bytes of key material".to_vec();
    program.call("ImportKeyMaterial", &wrapping.input(&key, &material)).ok();
    secrets.push(("imported key material", material));

    use_asymmetric_keys(program, &key, &mut secrets);
    use_tokens(program, &mut secrets);

    let mut people = vec![program.new_user("ada", crate::calls::ALLOW)];
    let made = program.rest("POST", "/v1/users/ada/access-keys", &Value::Null).ok();
    people.push(Credentials::of(&made));
    program.rest("POST", "/v1/roles", &json!({ "roleName": "app" })).ok();
    let session = json!({ "sessionName": "session" });
    let session = program.rest("POST", "/v1/roles/app/sessions", &session).ok();
    people.push(Credentials::of(&session));
    for who in people {
        program.call_as(&who, "GenerateRandom", &json!({ "NumberOfBytes": 1 }));
        secrets.push(("a secret access key", who.secret.into_bytes()));
        if let Some(token) = who.session_token {
            secrets.push(("a session token", token.into_bytes()));
        }
    }

    // Every operation, an item among what they encrypt.
    for operation in operations() {
        Scene::set(program, &operation.name.to_lowercase()).call(program, operation.name);
    }
    secrets.push(("an attribute", b"123-45-6789".to_vec()));
    secrets.push(("a password of a key store", STORE_PASSWORD.as_bytes().to_vec()));
    secrets
}

/// A grant token is no secret, but nobody but the caller gets it.
fn use_grant_token(program: &Program, key: &str, secrets: &mut Secrets) {
    let input = json!({
        "KeyId": key, "GranteePrincipal": "arn:aws:iam::111122223333:root",
        "Operations": ["Decrypt"],
    });
    let made = program.call("CreateGrant", &input).ok();
    let token = made["GrantToken"].as_str().unwrap();
    let input = json!({ "KeyId": key, "KeySpec": "AES_256", "GrantTokens": [token] });
    program.call("GenerateDataKeyWithoutPlaintext", &input).ok();
    program.call("RetireGrant", &json!({ "GrantToken": token })).ok();
    secrets.push(("a grant token", token.as_bytes().to_vec()));
}

/// Secrets that asymmetric and HMAC keys make and are given.
fn use_asymmetric_keys(program: &Program, key: &str, secrets: &mut Secrets) {
    let member =
        |answer: &Value, name: &str| STANDARD.decode(answer[name].as_str().unwrap()).unwrap();
    let input = json!({ "KeyId": key, "KeyPairSpec": "ECC_NIST_P384" });
    let made = program.call("GenerateDataKeyPair", &input).ok();
    secrets.push(("a private key", member(&made, "PrivateKeyPlaintext")));
    let message = b"the message that nobody may find".to_vec();
    for (operation, algorithm, spec, usage) in [
        ("Sign", ("SigningAlgorithm", "ECDSA_SHA_256"), "ECC_NIST_P256", "SIGN_VERIFY"),
        ("GenerateMac", ("MacAlgorithm", "HMAC_SHA_256"), "HMAC_256", "GENERATE_VERIFY_MAC"),
    ] {
        let mut input = json!({ "Message": STANDARD.encode(&message) });
        input["KeyId"] = json!(program.new_key_of(spec, usage));
        input[algorithm.0] = json!(algorithm.1);
        program.call(operation, &input).ok();
        input[algorithm.0] = json!("none");
        assert_eq!(program.call(operation, &input).code(), "ValidationException");
    }
    secrets.push(("a message", message));
    let agreeing = program.new_key_of("ECC_NIST_P256", "KEY_AGREEMENT");
    let public = program.call("GetPublicKey", &json!({ "KeyId": agreeing })).ok();
    let mut input = json!({ "KeyId": agreeing, "KeyAgreementAlgorithm": "ECDH" });
    input["PublicKey"] = public["PublicKey"].clone();
    let made = program.call("DeriveSharedSecret", &input).ok();
    secrets.push(("an agreed secret", member(&made, "SharedSecret")));
    let kem = program.new_key_of("ML_KEM_512", "ENCAPSULATE_DECAPSULATE");
    let input = json!({ "KeyId": kem, "EncapsulationAlgorithm": "ML_KEM" });
    let made = program.call("Encapsulate", &input).ok();
    secrets.push(("an encapsulated secret", member(&made, "SharedSecret")));
}

/// Tokens of a web identity, good ones and others, and what they are changed for.
fn use_tokens(program: &Program, secrets: &mut Secrets) {
    let role = json!({ "roleName": "pod", "assumeRolePolicyDocument": oidc::trust() });
    program.rest("POST", "/v1/roles", &role).ok();
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/pod");
    let form = |body: &str| {
        Request::new("POST", "/", body).with("content-type", "application/x-www-form-urlencoded")
    };
    for (claims, status) in [(json!({}), 200), (json!({ "aud": "another" }), 400)] {
        let token = oidc::token(program.clock.now_ms(), &claims);
        let action = "Action=AssumeRoleWithWebIdentity&RoleSessionName=session";
        let body = format!("{action}&RoleArn={arn}&WebIdentityToken={token}");
        let answer = program.send(&form(&body));
        assert_eq!(answer.status, status, "{}", answer.text());
        program.send_as(&program.admin, "sts", &form(&body));
        // In the wrong place, too.
        program.send(&form(&format!("{action}&RoleArn={token}&WebIdentityToken=x")));
        program.send(&form(&format!("Action={token}")));
        for element in ["SecretAccessKey", "SessionToken"] {
            let made = answer.element(element).map(String::into_bytes);
            secrets.extend(made.map(|secret| ("temporary credentials", secret)));
        }
        let bearer = Request::new("GET", "/v1/caller-identity", "")
            .with("authorization", &format!("Bearer {token}"));
        let named = program.send(&bearer.clone().with("x-wardbook-role", &arn));
        assert_eq!(named.status, status, "{}", named.text());
        program.send(&bearer.with("x-wardbook-role", &token));
        let signature = token.rsplit('.').next().unwrap().as_bytes().to_vec();
        secrets.push(("the signature of a token", signature));
        secrets.push(("a token", token.into_bytes()));
    }
    let answer = program.send_as(&program.admin, "sts", &form("Action=GetSessionToken"));
    for element in ["SecretAccessKey", "SessionToken"] {
        secrets.push(("a user's session", answer.element(element).unwrap().into_bytes()));
    }
}

/// Calls that carry secrets and fail: refused at every stage, and last because
/// the book cannot be written. The ids of the latter.
fn fail_with_secrets(program: &Program, database: &Path, secrets: &mut Secrets) -> Vec<String> {
    let secret = b"a plaintext of calls that failed".to_vec();
    let text = STANDARD.encode(&secret);
    let nobody = program.new_user("nobody", "");
    let key = program.new_key();
    let input = json!({ "KeyId": key, "Plaintext": text });
    program.call_as(&nobody, "Encrypt", &input);
    program.call("Encrypt", &json!({ "KeyId": "alias/none", "Plaintext": text }));
    program.call("Encrypt", &json!({ "KeyId": 7, "Plaintext": text }));
    program.call("Encrypt", &json!({ "KeyId": "", "Plaintext": [text] }));
    let broken = format!("{{\"KeyId\":\"{key}\",\"Plaintext\":\"{text}\"");
    program.send_as(&program.admin, "kms", &Request::kms("Encrypt", broken));
    program.send(&Request::kms("Encrypt", input.to_string()));
    program.send(&Request::kms(&text, input.to_string()));
    let item = json!({ "format": "dynamodb", "items": [{ "pk": { "S": "1" }, "ssn": text }] });
    program.rest("POST", "/v1/item-schemas/encryptitems/encrypt", &item);

    let long = format!("a password that is too long {}", "x".repeat(32));
    let input_of_store = json!({ "CustomKeyStoreName": "store", "KeyStorePassword": long });
    program.call("CreateCustomKeyStore", &input_of_store);
    secrets.push(("a password that is too long", long.into_bytes()));

    let other = Connection::open(database).unwrap();
    other.execute_batch("begin immediate").unwrap();
    let failed = [program.call("Encrypt", &input), program.call("CreateUser", &input)];
    other.execute_batch("rollback").unwrap();
    wait_until(|| program.look("/health/ready").status == 200);
    secrets.push(("a plaintext of failed calls", secret));
    failed
        .map(|answer| {
            assert_eq!(answer.status, 500);
            answer.request_id().to_owned()
        })
        .to_vec()
}

/// The log is JSON, and has the failed calls with their ids and causes.
fn check_log(log: &[u8], failed: &[String]) {
    let text = std::str::from_utf8(log).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for id in failed {
        let of_call = lines.iter().find(|line| line["request_id"] == **id);
        let line = of_call.unwrap_or_else(|| panic!("{id} is not in\n{text}"));
        assert_eq!(line["level"], "ERROR");
        assert!(line["cause"].as_str().unwrap().contains("database is locked"), "{line}");
    }
}

fn read_folder(folder: &Path, traces: &mut Traces) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_folder(&path, traces);
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        traces.push((path.display().to_string(), characters(&bytes)));
    }
}

/// The search finds what is there: a search that finds nothing proves nothing.
fn check_search(traces: &Traces) {
    for (place, text) in [
        ("wardbook.db", "user/admin"),
        ("index.db", "SQLite format 3"),
        ("book", "alias/encrypt"),
        ("metrics", "wardbook_call_duration_seconds_count"),
        ("log", "a call failed"),
        ("standard output", "listening"),
        ("OTLP /v1/traces", "GenerateDataKey"),
        ("OTLP /v1/metrics", "wardbook.call.duration"),
    ] {
        let found = traces.iter().any(|(other, all)| other.ends_with(place) && all.contains(text));
        assert!(found, "{text} is not in {place}");
    }
}

/// The ways in which bytes may be written down.
fn spellings(secret: &[u8]) -> Vec<(&'static str, String)> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let unpadded = |text: String| text.trim_end_matches('=').to_owned();
    vec![
        ("raw", characters(secret)),
        ("base64", unpadded(STANDARD.encode(secret))),
        ("base64 for URLs", unpadded(URL_SAFE.encode(secret))),
        ("HEX", hex.to_uppercase()),
        ("hex", hex),
    ]
}

/// Each byte as the character of its number.
fn characters(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}
