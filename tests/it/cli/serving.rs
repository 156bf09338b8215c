//! `init`, `serve` and `demo`.

use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use serde_json::Value;

use super::{Program, Server, vector, write_private};

#[test]
fn a_folder_is_initialized_once() {
    let program = Program::new();
    let init = ["init", "--data", "data", "--account", "111122223333", "--region", "eu-west-1"];
    let made = program.json(&init);
    assert_eq!(made.as_object().unwrap().len(), 4);
    assert_eq!((&made["account"], &made["region"]), (&"111122223333".into(), &"eu-west-1".into()));
    program.run(&init).refused(1, "data is already initialized: nothing was changed");
}

#[test]
fn an_empty_folder_is_initialized_by_serve() {
    let mut program = Program::new();
    program.set("AWS_REGION", "eu-central-1");
    let mut server = program.serve(&[]);
    let made: Value = serde_json::from_str(&server.line()).unwrap();
    program.sign_as(&made);
    let users = program.json(&["principal", "list"])["users"].clone();
    assert_eq!(users[0]["access_keys"][0]["access_key_id"], made["access_key_id"]);
    assert_eq!(server.stop(Signal::INT), Some(0));
    // The second time there is nothing to tell, and everything is still there.
    let mut server = program.serve(&[]);
    assert_eq!(program.json(&["principal", "list"])["users"], users);
    drop(server.child.kill());
    assert_eq!(server.line(), "");
}

#[test]
fn a_folder_is_served_as_what_it_is() {
    let mut program = Program::new();
    let init = ["init", "--data", "data", "--account", "111122223333", "--region", "eu-west-1"];
    program.json(&init);
    let serve = ["serve", "--data", "data", "--listen", "127.0.0.1:0"];
    program.set("WARDBOOK_ACCOUNT", "444455556666");
    program.run(&serve).refused(3, "is of account 111122223333; the setting account says 4444");
    program.set("WARDBOOK_ACCOUNT", "111122223333");
    program.set("WARDBOOK_REGION", "us-east-1");
    program.run(&serve).refused(3, "is of Region eu-west-1; the setting region says us-east-1");
    program.set("WARDBOOK_REGION", "eu-west-1");
    assert_eq!(program.serve(&[]).stop(Signal::TERM), Some(0));
    // Other tools are told where they call, not what this folder is of.
    program.set("WARDBOOK_ACCOUNT", "");
    program.set("WARDBOOK_REGION", "");
    program.set("AWS_REGION", "us-east-1");
    assert_eq!(program.serve(&["--dev"]).stop(Signal::TERM), Some(0));
}

#[test]
fn people_get_commands_to_copy() {
    let told = told(&Program::new(), &[]);
    for line in
        ["export AWS_ENDPOINT_URL=http://127.0.0.1:", "aws kms create-key", "aws kms encrypt"]
    {
        assert!(told.contains(line), "{told}");
    }
}

#[test]
fn developers_get_one_access_key_and_the_region_of_the_seed() {
    let program = Program::new();
    program.write(
        "seed.toml",
        "region = \"eu-west-2\"\n[[keys]]\nid = \"0d7a2d8e-93bd-4b4f-8a5c-6e9a3f0c1b2d\"\n",
    );
    let told = told(&program, &["--dev", "--seed", "seed.toml"]);
    assert!(told.contains(" AWS_REGION=eu-west-2 AWS_DEFAULT_REGION=eu-west-2 "), "{told}");
    assert!(told.contains("AWS_SECRET_ACCESS_KEY=test\n"), "{told}");
    assert!(!told.contains("AKIA") && !told.contains("secret access key"), "{told}");
    assert!(program.path("data/policies").is_dir());
}

/// What `serve` prints on an empty folder.
fn told(program: &Program, more: &[&str]) -> String {
    let serve = ["serve", "--data", "data", "--listen", "127.0.0.1:0"];
    let mut command = program.command(&[&serve[..], more].concat());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null());
    let mut server = crate::fixture::program::spawn(&mut command);
    let mut said = std::io::BufReader::new(server.stdout.take().unwrap());
    let mut told = String::new();
    while !told.contains("Listening on") {
        assert_ne!(std::io::BufRead::read_line(&mut said, &mut told).unwrap(), 0, "{told}");
    }
    server.kill().unwrap();
    server.wait().unwrap();
    told
}

#[test]
fn an_address_that_is_taken_leaves_no_folder_behind() {
    let program = Program::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = program.run(&["serve", "--json", "--data", "data", "--listen", &address]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    assert!(!program.folder.path().join("data").exists());
}

#[test]
fn a_second_server_is_refused() {
    let mut program = Program::new();
    program.init();
    let _server = program.serve(&[]);
    let second = program.run(&["serve", "--data", "data", "--listen", "127.0.0.1:0"]);
    second.refused(3, "another server uses this data folder");
    assert_eq!(program.run(&["principal", "list"]).code, Some(0));
}

#[test]
fn a_passphrase_opens_its_folder_and_no_other_does() {
    let mut program = Program::new();
    write_private(&program.path("right"), "correct horse\n");
    write_private(&program.path("wrong"), "battery staple\n");
    let right = ["--root-key", "passphrase", "--passphrase-file", "right"];
    let made = program
        .json(&[&["init", "--data", "data", "--region", "eu-central-1"], &right[..]].concat());
    program.sign_as(&made);
    assert!(!program.path("data/root.key").exists());
    let serve = ["serve", "--data", "data", "--listen", "127.0.0.1:0"];
    let wrong = program.run(&[&serve[..], &["--passphrase-file", "wrong"]].concat());
    wrong.refused(3, "passphrase is wrong");
    program.run(&serve).refused(3, "it is opened by passphrase");
    let public = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(program.path("right"), public).unwrap();
    let seen = program.run(&[&serve[..], &["--passphrase-file", "right"]].concat());
    seen.refused(2, "others can read the passphrase in right");
    // From a descriptor, here standard input.
    let mut command = program.command(&[&serve[..], &["--json", "--passphrase-fd", "0"]].concat());
    command.stdin(std::fs::File::open(program.path("right")).unwrap());
    let server = Server::start(command);
    program.set("WARDBOOK_ENDPOINT", &format!("http://{}", server.address));
    assert_eq!(program.run(&["principal", "list"]).code, Some(0));
    assert_eq!(server.stop(Signal::TERM), Some(0));
}

#[test]
fn tls_is_two_settings() {
    let mut program = Program::new();
    program.init();
    let (cert, key) = (vector("tls/cert.pem"), vector("tls/key.pem"));
    let server = program.serve(&["--tls-cert", &cert, "--tls-key", &key]);
    let endpoint = format!("https://{}", server.address);
    let list = ["principal", "list", "--endpoint", &endpoint];
    program.run(&list).refused(3, "UnknownIssuer");
    program.set("AWS_CA_BUNDLE", &vector("tls/ca.pem"));
    let ended = program.run(&list);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    // The record says how the connection was secured.
    let query = ["audit", "query", "--event-name", "ListPrincipals", "--json"];
    let ended = program.run(&[&query[..], &["--endpoint", &endpoint]].concat());
    let record: Value = serde_json::from_str(ended.stdout.lines().next().unwrap()).unwrap();
    let details = &record["tlsDetails"];
    assert_eq!(details["tlsVersion"], "TLSv1.3");
    let cipher_suite = details["cipherSuite"].as_str().unwrap();
    assert!(cipher_suite.starts_with("TLS_"), "{details}");
    assert_eq!(details["clientProvidedHostHeader"], server.address.as_str());
    assert!(details["keyExchange"].is_string(), "{details}");
    // Over TLS the server may be open to all.
    drop(server);
    let tls = ["--tls-cert", &cert, "--tls-key", &key];
    let serve = ["serve", "--json", "--data", "data", "--listen", "0.0.0.0:0"];
    let server = Server::start(program.command(&[&serve[..], &tls].concat()));
    assert!(server.address.starts_with("0.0.0.0:"));
}

#[test]
fn what_cannot_be_used_is_a_usage_error() {
    let program = Program::new();
    let serve =
        |arguments: &[&str]| program.run(&[&["serve", "--data", "data"], arguments].concat());
    serve(&["--listen", "0.0.0.0:0"]).refused(2, "--insecure-listen");
    serve(&["--tls-cert", "nowhere"]).refused(2, "tls-cert is set without tls-key");
    serve(&["--tls-cert", "none", "--tls-key", "none"]).refused(2, "none is not usable PEM");
    serve(&["--log-filter", "%"]).refused(2, "log filter");
    serve(&["--passphrase", "secret"]).refused(2, "unexpected argument");
    // Nothing was begun.
    assert!(!program.path("data").exists());
}

#[test]
fn the_demo_tells_the_truth() {
    let program = Program::new();
    let ended = program.run(&["demo", "--json"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let last: Value = serde_json::from_str(ended.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(last["facts"], ended.stdout.matches("\"checked\"").count());
    let told: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let command = |line: &str| told.iter().position(|told| told["command"] == line);
    // Three people ask about one item; the answer stands behind the command.
    let decrypt = "wardbook items decrypt --schema customers --format json customer-43.json";
    let seen = command(&format!("support$ {decrypt}")).unwrap();
    let seen = told[seen + 1]["told"].as_str().unwrap();
    assert!(seen.contains("****1120") && !seen.contains("078-05-1120"), "{seen}");
    let seen = command(&format!("billing$ {decrypt} --purpose invoice")).unwrap();
    assert!(told[seen + 1]["told"].as_str().unwrap().contains("078-05-1120"));
    let asked =
        "auditor$ wardbook audit field-reads --table customers --key customer-43 --attribute ssn";
    let answer = command(asked).unwrap();
    assert!(told[answer + 2]["told"].as_str().unwrap().contains("ssn=plain"));
    assert!(told[answer + 3]["told"].as_str().unwrap().contains("ssn=masked"));
    let printed = program.run(&["demo"]);
    assert_eq!(printed.code, Some(0), "{}{}", printed.stdout, printed.stderr);
    assert!(
        printed.stdout.contains("\n     support$ wardbook items decrypt"),
        "{}",
        printed.stdout
    );
}
