//! `serve --seed` and `serve --dev`: a server that begins where a test wants it.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::fixture::program::{Home, Program};
use crate::fixture::raw::Request;
use crate::fixture::{ACCOUNT, Credentials, REGION};
use crate::server_events;

const KEY: &str = "0d7a2d8e-93bd-4b4f-8a5c-6e9a3f0c1b2d";
const SIGNER: &str = "5c3f6f3e-2b7b-4a55-9d1c-0e4f5a6b7c8d";

fn seed(key: &str) -> String {
    format!(
        r#"
region = "eu-west-2"

[[users]]
name = "ada"
policies = {{ Admin = "permit (principal, action, resource);" }}
access-keys = [{{ id = "AKIASEEDEDSEEDED", secret = "seeded-secret" }}]

[[roles]]
name = "app"

[[keys]]
id = "{KEY}"
region = "{REGION}"
description = "seeded"
tags = {{ team = "a" }}
aliases = ["alias/seeded"]
# The old backing key, and the one in use.
material = ["AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="]

[[keys]]
id = "{SIGNER}"
spec = "ECC_NIST_P256"
usage = "SIGN_VERIFY"
private-key = """
{key}"""

[[grants]]
key = "{KEY}"
region = "{REGION}"
name = "seeded"
grantee-principal = "arn:aws:iam::{ACCOUNT}:role/app"
retiring-principal = "arn:aws:iam::{ACCOUNT}:user/ada"
operations = ["Decrypt", "Encrypt"]
constraints = {{ encryption-context-subset = {{ tenant = "7" }} }}
"#
    )
}

fn ada() -> Credentials {
    Credentials {
        access_key_id: "AKIASEEDEDSEEDED".to_owned(),
        secret: "seeded-secret".to_owned(),
        session_token: None,
    }
}

fn write(home: &Home, text: &str) -> PathBuf {
    let path = home.data().with_file_name("seed.toml");
    std::fs::write(&path, text).unwrap();
    path
}

fn serve(home: &Home, path: &std::path::Path) -> Program {
    home.serve(&["--seed", path.to_str().unwrap()])
}

fn seeds(program: &Program) -> Vec<Value> {
    program.door().events("eventName=Seed")
}

/// A P-256 private key as PEM of PKCS#8, made by OpenSSL.
fn pem() -> String {
    let made = std::process::Command::new("openssl")
        .args(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
        .output()
        .unwrap();
    String::from_utf8(made.stdout).unwrap()
}

#[test]
fn a_seed_is_applied_once() {
    let home = Home::new();
    let path = write(&home, &seed(&pem()));
    let program = serve(&home, &path);
    let described =
        program.call_as(&ada(), "DescribeKey", &json!({ "KeyId": "alias/seeded" })).ok();
    let metadata = &described["KeyMetadata"];
    assert_eq!(metadata["Arn"], format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{KEY}"));
    assert_eq!((&metadata["Description"], &metadata["Enabled"]), (&"seeded".into(), &true.into()));
    let encrypted =
        program.call_as(&ada(), "Encrypt", &json!({ "KeyId": KEY, "Plaintext": "eA==" })).ok();
    let grants = program.call_as(&ada(), "ListGrants", &json!({ "KeyId": KEY })).ok();
    let grant = &grants["Grants"][0];
    assert_eq!(
        (&grant["Name"], &grant["Operations"]),
        (&"seeded".into(), &json!(["Decrypt", "Encrypt"]))
    );
    assert_eq!(grant["Constraints"], json!({ "EncryptionContextSubset": { "tenant": "7" } }));
    assert_eq!(grant["IssuingAccount"], format!("arn:aws:iam::{ACCOUNT}:root"));
    // A user, a role, an access key, two keys, an alias and a grant, each with its
    // record.
    let made = seeds(&program);
    assert_eq!(made.len(), 7);
    let of_key = made.iter().find(|seed| seed["resources"].to_string().contains(KEY));
    server_events::check(of_key.unwrap());
    assert!(!serde_json::to_string(&made).unwrap().contains("seeded-secret"));

    // What was changed since stays as it is, and what was deleted stays away.
    program.call_as(&ada(), "DeleteAlias", &json!({ "AliasName": "alias/seeded" })).ok();
    let retired = json!({ "KeyId": grant["KeyId"], "GrantId": grant["GrantId"] });
    program.call_as(&ada(), "RetireGrant", &retired).ok();
    program.rest("DELETE", "/v1/roles/app", &Value::Null).ok();
    let edit = json!({ "KeyId": KEY, "Description": "changed" });
    program.call_as(&ada(), "UpdateKeyDescription", &edit).ok();
    program.terminate();
    let program = serve(&home, &path);
    assert_eq!(seeds(&program).len(), 7);
    let grants = program.call_as(&ada(), "ListGrants", &json!({ "KeyId": KEY })).ok();
    assert_eq!(grants["Grants"], json!([]));
    let described = program.call_as(&ada(), "DescribeKey", &json!({ "KeyId": KEY })).ok();
    assert_eq!(described["KeyMetadata"]["Description"], "changed");
    let gone = program.call_as(&ada(), "DescribeKey", &json!({ "KeyId": "alias/seeded" }));
    assert_eq!(gone.code(), "NotFoundException");
    let blob = json!({ "CiphertextBlob": encrypted["CiphertextBlob"] });
    assert_eq!(program.call_as(&ada(), "Decrypt", &blob).ok()["Plaintext"], "eA==");
}

/// The same file makes the same keys in another folder: ciphertexts move.
#[test]
fn given_material_makes_the_same_key_everywhere() {
    let (here, there) = (Home::new(), Home::new());
    let text = seed(&pem());
    let program = serve(&here, &write(&here, &text));
    let encrypted =
        program.call_as(&ada(), "Encrypt", &json!({ "KeyId": KEY, "Plaintext": "eA==" })).ok();
    drop(program);
    let program = serve(&there, &write(&there, &text));
    let blob = json!({ "CiphertextBlob": encrypted["CiphertextBlob"] });
    assert_eq!(program.call_as(&ada(), "Decrypt", &blob).ok()["Plaintext"], "eA==");
}

#[test]
fn a_seed_that_cannot_be_applied_names_its_line() {
    let home = Home::new();
    let cases = [
        ("[[users]]\nname = \"admin\"\n", "line 1: arn:aws:iam::111122223333:user/admin exists"),
        ("\n[[keys]]\nid = \"x\"\n", "line 2: `id`"),
        ("[[groups]]\nname = \"g\"\ntags = { a = \"b\" }\n", "line 1: a group has neither"),
        ("[[users]]\nname = \"a\"\ntrust-policy = \"\"\n", "line 1: only a role has"),
        ("[[users]]\nname = \"a\"\ntags = { \"aws:x\" = \"\" }\n", "line 1: Tag keys that begin"),
        ("[[users]]\nname = \"a\"\ngroups = [\"g\"]\n", "line 1: there is no group `g`"),
        ("[[accounts]]\nid = \"1\"\nname = \"a\"\n", "line 1: `id` is an account id"),
        (
            "[[grants]]\nkey = \"0d7a2d8e-93bd-4b4f-8a5c-6e9a3f0c1b2d\"\nname = \"a\"\n\
             grantee-principal = \"arn:aws:iam::111122223333:root\"\noperations = [\"Decrypt\"]\n",
            "line 1: Key 'arn:aws:kms:eu-central-1:111122223333:key/0d7a2d8e",
        ),
        (
            "[[keys]]\nid = \"0d7a2d8e-93bd-4b4f-8a5c-6e9a3f0c1b2d\"\nmaterial = [\"AAEC\"]\n",
            "line 1: the key material does not fit",
        ),
        (
            "[[keys]]\nid = \"0d7a2d8e-93bd-4b4f-8a5c-6e9a3f0c1b2d\"\npolicy = \"{}\"\n",
            "line 1: the policy is refused",
        ),
        (
            "[[keys]]\nid = \"mrk-0d7a2d8e93bd4b4f8a5c6e9a3f0c1b2d\"\nregion = \"eu-west-1\"\n\
             [[keys]]\nid = \"mrk-0d7a2d8e93bd4b4f8a5c6e9a3f0c1b2d\"\nregion = \"eu-west-2\"\n",
            "line 4: a multi-Region key with this id is in another Region",
        ),
    ];
    for (text, says) in cases {
        let path = write(&home, text);
        let ended = home.serve_refused(&["--seed", path.to_str().unwrap()]);
        assert!(ended.contains(says), "{ended}");
    }
}

/// Groups, boundaries, tags, trust policies and accounts; and a start goes on
/// when what they name is gone.
#[test]
fn a_seed_makes_everything_about_identities() {
    let home = Home::new();
    let text = format!(
        r#"
[[accounts]]
id = "444455556666"
name = "Payments"

[[groups]]
name = "readers"
policies = {{ Read = 'permit (principal, action in Action::"kms:read", resource);' }}

[[users]]
name = "ada"
groups = ["readers"]
tags = {{ team = "a" }}
permissions-boundary = "permit (principal, action, resource);"
access-keys = [{{ id = "AKIASEEDEDSEEDED", secret = "seeded-secret" }}]

[[users]]
account = "444455556666"
name = "bob"

[[roles]]
name = "app"
max-session-duration-seconds = 7200
trust-policy = '''{{ "Statement": {{ "Effect": "Allow", "Action": "sts:AssumeRole",
  "Principal": {{ "AWS": "arn:aws:iam::{ACCOUNT}:user/ada" }} }} }}'''
"#
    );
    let path = write(&home, &text);
    let program = serve(&home, &path);
    program.call_as(&ada(), "ListKeys", &json!({})).ok();
    let get = |path: &str| program.rest("GET", path, &Value::Null).ok();
    let user = get("/v1/users/ada");
    assert_eq!((&user["groups"], &user["tags"][0]["key"]), (&json!(["readers"]), &json!("team")));
    assert!(user["permissionsBoundary"].is_string());
    assert_eq!(get("/v1/roles/app")["maxSessionDurationSeconds"], 7_200);
    assert_eq!(get("/v1/accounts")["accounts"][1]["accountName"], "Payments");
    let session = json!({ "sessionName": "session" }).to_string();
    let session = Request::new("POST", "/v1/roles/app/sessions", session);
    program.send_as(&ada(), "wardbook", &session).ok();
    assert_eq!(
        seeds(&program).iter().filter(|seed| seed["recipientAccountId"] == ACCOUNT).count(),
        4
    );

    program.rest("DELETE", "/v1/users/ada", &Value::Null).ok();
    program.rest("DELETE", "/v1/groups/readers", &Value::Null).ok();
    program.terminate();
    serve(&home, &path).terminate();
}

/// Nothing is made for somebody who was deleted since.
#[test]
fn what_belongs_to_a_deleted_user_stays_away() {
    let home = Home::new();
    let with_key = |more: &str| {
        format!(
            "[[users]]\nname = \"ada\"\npolicies = {{ A = \"permit (principal, action, resource);\" }}\n\
             access-keys = [{{ id = \"AKIASEEDEDSEEDED\", secret = \"seeded-secret\" }}{more}]\n"
        )
    };
    let program = serve(&home, &write(&home, &with_key("")));
    program.call_as(&ada(), "ListKeys", &json!({})).ok();
    program.rest("DELETE", "/v1/users/ada", &Value::Null).ok();
    program.terminate();
    let more = ", { id = \"AKIASECONDSECOND\", secret = \"another\" }";
    let program = serve(&home, &write(&home, &with_key(more)));
    assert_eq!(seeds(&program).len(), 2);
}

#[test]
fn developers_are_let_in_for_as_long_as_it_is_said() {
    let home = Home::new();
    let test = Credentials {
        access_key_id: "test".to_owned(),
        secret: "test".to_owned(),
        session_token: None,
    };
    let nothing = json!({});
    let program = home.serve(&["--dev"]);
    assert!(std::fs::read_to_string(home.log()).unwrap().contains("DEVELOPMENT MODE"));
    let made = program.call_as(&test, "CreateKey", &nothing).ok();
    assert_eq!(made["KeyMetadata"]["AWSAccountId"], "000000000000");
    // A page in a browser that leads its own name here is not let in.
    let elsewhere = "192.0.2.7:80".parse().unwrap();
    let now_ms = program.door().clock.now_ms();
    let request = Request::kms("ListKeys", "{}").signed(elsewhere, &test, REGION, "kms", now_ms);
    assert_eq!(program.send(&request).code(), "UnrecognizedClientException");
    // As strict as ever with everybody else.
    for (id, secret) in [("test", "tset"), ("other", "test")] {
        let who =
            Credentials { access_key_id: id.into(), secret: secret.into(), session_token: None };
        let code = program.call_as(&who, "ListKeys", &nothing).code();
        assert!(
            matches!(code.as_str(), "InvalidSignatureException" | "UnrecognizedClientException"),
            "{code}"
        );
    }
    program.terminate();
    let program = home.serve(&[]);
    let refused = program.call_as(&test, "ListKeys", &nothing);
    assert_eq!(refused.code(), "UnrecognizedClientException");
    program.terminate();
    // Again, and again the same administrator.
    let program = home.serve(&["--dev"]);
    assert_eq!(
        program.call_as(&test, "ListKeys", &nothing).ok()["Keys"].as_array().unwrap().len(),
        1
    );
    program.terminate();
    let ended = home.serve_refused(&["--dev", "--insecure-listen", "--listen", "0.0.0.0:0"]);
    assert!(ended.contains("listens on this machine only"), "{ended}");
}
