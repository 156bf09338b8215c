//! Precedence of the three sources, and what is refused.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;

use super::client;
use super::environment::Environment;
use super::flags::{ClientFlags, InitFlags, ServerFlags};
use super::root_key::RootKeySetting;
use super::server::{self, Server};
use crate::app::NewRemoteKey;
use crate::base::quotas::Quotas;
use crate::base::rates::{Rate, RateGroup, RequestRates};
use crate::keys::backend::remote::RemoteName;
use crate::telemetry::LogFormat;

type Variables = &'static [(&'static str, &'static str)];

#[derive(Parser)]
struct Serve {
    #[command(flatten)]
    flags: ServerFlags,
}

#[derive(Parser)]
struct Init {
    #[command(flatten)]
    flags: InitFlags,
}

#[derive(Parser)]
struct Call {
    #[command(flatten)]
    flags: ClientFlags,
}

fn serve(flags: &[&str], variables: Variables) -> Result<Server, String> {
    let flags = Serve::parse_from(["serve"].iter().chain(flags)).flags;
    server::server(flags, &Environment::of(variables)).map_err(|error| told(&error))
}

/// An error with its causes.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn file(folder: &Path, text: &str) -> String {
    let path = folder.join("wardbook.toml");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn nothing_needs_to_be_set() {
    let server = serve(&[], &[]).unwrap();
    assert_eq!(server.folder.data, PathBuf::from("wardbook-data"));
    assert_eq!((server.folder.region, server.folder.account), (None, None));
    assert_eq!(server.folder.default_region.as_str(), "us-east-1");
    assert_eq!(server.folder.default_account, None);
    assert_eq!(
        server.folder.root_key,
        RootKeySetting::KeyFile(PathBuf::from("wardbook-data/root.key"))
    );
    assert_eq!(server.listen.to_string(), "127.0.0.1:7643");
    assert!(server.workers > 0 && server.tls.is_none() && server.regions.is_empty());
    assert_eq!(server.telemetry.log_format, LogFormat::Text);
    assert_eq!(server.disk_reserve_bytes, 64 << 20);
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = file(
        folder.path(),
        "listen = '127.0.0.1:1'\nworkers = 1\nregions = ['eu-west-1', 'eu-west-2']\n",
    );
    let all = serve(
        &["--config", &config, "--listen", "127.0.0.1:3"],
        &[("WARDBOOK_LISTEN", "127.0.0.1:2"), ("WARDBOOK_WORKERS", "2")],
    )
    .unwrap();
    assert_eq!((all.listen.port(), all.workers, all.regions.len()), (3, 2, 2));
    let from_environment = serve(&["--config", &config], &[("WARDBOOK_LISTEN", "127.0.0.1:2")]);
    let from_environment = from_environment.unwrap();
    assert_eq!((from_environment.listen.port(), from_environment.workers), (2, 1));
    let from_file = serve(&["--config", &config], &[("WARDBOOK_LISTEN", "")]).unwrap();
    assert_eq!(from_file.listen.port(), 1);
}

#[test]
fn the_file_in_the_data_folder_is_found() {
    let folder = tempfile::tempdir().unwrap();
    file(folder.path(), "key-file = 'keys/root.key'\nregion = 'eu-north-1'\n");
    let data = folder.path().to_str().unwrap();
    let server = serve(&["--data", data], &[("AWS_REGION", "eu-west-3")]).unwrap();
    assert_eq!(server.folder.region.unwrap().as_str(), "eu-north-1");
    // Paths in a file start where the file is.
    let expected = RootKeySetting::KeyFile(folder.path().join("keys/root.key"));
    assert_eq!(server.folder.root_key, expected);
    file(folder.path(), "data = 'elsewhere'\n");
    let refused = serve(&["--data", data], &[]).err().unwrap();
    assert!(refused.contains("`data` has no meaning"), "{refused}");
}

#[test]
fn the_region_of_other_tools_is_the_default() {
    let server = serve(&[], &[("AWS_DEFAULT_REGION", "eu-west-3")]).unwrap();
    assert_eq!(server.folder.default_region.as_str(), "eu-west-3");
    // It says nothing about a folder that is there.
    assert_eq!(server.folder.region, None);
    let server = serve(&[], &[("AWS_REGION", "local")]).unwrap();
    assert_eq!(server.folder.default_region.as_str(), "us-east-1");
}

#[track_caller]
fn check_refused(flags: &[&str], variables: Variables, want: &str) {
    let told = serve(flags, variables).err().unwrap();
    assert!(told.contains(want), "{told}");
}

#[test]
fn what_cannot_be_used_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let config = file(folder.path(), "lisen = '127.0.0.1:1'\n");
    check_refused(&["--config", &config], &[], "unknown field `lisen`");
    check_refused(&["--config", "/no/such/file"], &[], "cannot read /no/such/file");
    check_refused(&["--workers", "0"], &[], "workers");
    check_refused(&[], &[("WARDBOOK_WORKERS", "many")], "WARDBOOK_WORKERS");
    check_refused(&["--regions", "eu-west-1,Europe"], &[], "regions: \"Europe\"");
    check_refused(&[], &[("WARDBOOK_ACCOUNT", "12")], "account");
    check_refused(&[], &[("WARDBOOK_LOG_FORMAT", "xml")], "log-format");
    check_refused(&["--listen", "nowhere"], &[], "listen: nowhere");
    check_refused(&["--tls-cert", "cert.pem"], &[], "tls-cert is set without tls-key");
    check_refused(&["--tls-key", "key.pem"], &[], "tls-key is set without tls-cert");
    let nowhere = "trail-interval-s is set without trail-folder or trail-s3-bucket";
    check_refused(&["--trail-interval-s", "60"], &[], nowhere);
}

#[test]
fn other_machines_need_tls_or_an_explicit_flag() {
    check_refused(&["--listen", "0.0.0.0:7643"], &[], "--insecure-listen");
    check_refused(&["--listen", "[::]:7643"], &[], "--insecure-listen");
    assert!(serve(&["--listen", "[::1]:7643"], &[]).is_ok());
    assert!(serve(&["--listen", "0.0.0.0:7643", "--insecure-listen"], &[]).is_ok());
    assert!(serve(&["--listen", "0.0.0.0:7643"], &[("WARDBOOK_INSECURE_LISTEN", "true")]).is_ok());
}

#[track_caller]
fn check_root_key(flags: &[&str], variables: Variables, want: &RootKeySetting) {
    assert_eq!(serve(flags, variables).unwrap().folder.root_key, *want);
}

#[test]
fn the_root_key_has_one_source() {
    let file = RootKeySetting::PassphraseFile("p".into());
    check_root_key(&["--root-key", "passphrase"], &[], &RootKeySetting::PassphraseTerminal);
    check_root_key(&["--passphrase-fd", "3"], &[], &RootKeySetting::PassphraseDescriptor(3));
    check_root_key(&[], &[("WARDBOOK_PASSPHRASE_FILE", "p")], &file);
    check_root_key(
        &["--passphrase-fd", "3"],
        &[("WARDBOOK_PASSPHRASE_FILE", "p")],
        &RootKeySetting::PassphraseDescriptor(3),
    );
    check_root_key(
        &["--root-key", "key-file"],
        &[("WARDBOOK_PASSPHRASE_FILE", "p")],
        &RootKeySetting::KeyFile("wardbook-data/root.key".into()),
    );
    check_refused(&["--key-file", "k", "--passphrase-fd", "3"], &[], "root-key");
}

#[test]
fn a_remote_key_is_a_source_too() {
    const ARN: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd";
    let new = NewRemoteKey { remote: RemoteName::parse("eu").unwrap(), key_arn: ARN.to_owned() };
    let named = ["--root-key-remote", "eu", "--root-key-id", ARN];
    check_root_key(&["--root-key", "aws-kms"], &[], &RootKeySetting::AwsKms(None));
    check_root_key(&named, &[], &RootKeySetting::AwsKms(Some(new)));
    let key_file = RootKeySetting::KeyFile("wardbook-data/root.key".into());
    check_root_key(&[&named[..], &["--root-key", "key-file"]].concat(), &[], &key_file);
    check_refused(&[&named[..], &["--key-file", "k"]].concat(), &[], "root-key");
    check_refused(&named[..2], &[], "root-key-remote is set without root-key-id");
    check_refused(&named[2..], &[], "root-key-id is set without root-key-remote");
    check_refused(&["--root-key-remote", "E U", "--root-key-id", ARN], &[], "root-key-remote");
    for other in ["1234abcd", "alias/a", "arn:aws:kms:eu-central-1:111122223333:alias/a"] {
        check_refused(&["--root-key-remote", "eu", "--root-key-id", other], &[], "root-key-id");
    }
}

#[test]
fn init_takes_account_and_region() {
    let flags = ["init", "--account", "111122223333", "--region", "eu-central-1", "--data", "d"];
    let flags = Init::parse_from(flags).flags;
    let made = server::new_folder(flags, &Environment::of(&[("AWS_REGION", "eu-west-3")])).unwrap();
    assert_eq!(made.account.unwrap().as_str(), "111122223333");
    assert_eq!((made.region.unwrap().as_str(), made.data), ("eu-central-1", PathBuf::from("d")));
}

const KEYS: Variables = &[("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "secret")];

fn call(flags: &[&str], variables: Variables) -> Result<client::Client, String> {
    let all: Variables = [KEYS, variables].concat().leak();
    let flags = Call::parse_from(["call"].iter().chain(flags)).flags;
    client::client(flags, &Environment::of(all)).map_err(|error| told(&error))
}

#[test]
fn clients_find_their_server() {
    let found = |flags: &[&str], variables| {
        let client = call(flags, variables).unwrap();
        (client.endpoint, client.region)
    };
    assert_eq!(
        found(&[], &[("AWS_REGION", "eu-west-1")]),
        ("http://127.0.0.1:7643".to_owned(), "eu-west-1".to_owned())
    );
    assert_eq!(
        found(
            &["--endpoint", "http://a", "--region", "eu-west-2"],
            &[("AWS_ENDPOINT_URL", "http://b"), ("AWS_REGION", "eu-west-1")]
        ),
        ("http://a".to_owned(), "eu-west-2".to_owned())
    );
    const BOTH: Variables = &[
        ("AWS_ENDPOINT_URL", "http://b"),
        ("AWS_ENDPOINT_URL_KMS", "http://c"),
        ("AWS_REGION", "eu-west-1"),
    ];
    assert_eq!(found(&[], BOTH).0, "http://c");
}

#[test]
fn credentials_come_whole() {
    let client = call(&[], &[("AWS_REGION", "eu-west-1"), ("AWS_SESSION_TOKEN", "token")]).unwrap();
    assert_eq!(client.credentials.access_key_id, "AKIA");
    assert_eq!(client.credentials.secret.expose(), b"secret");
    assert!(client.credentials.session_token.unwrap().ct_eq(b"token"));
    let half = Environment::of(&[("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_REGION", "eu-west-1")]);
    let refused = client::client(ClientFlags::default(), &half).err().unwrap();
    assert!(told(&refused).contains("AWS_SECRET_ACCESS_KEY"));
}

#[test]
fn quotas_are_awss_unless_set() {
    let server = serve(&[], &[]).unwrap();
    assert_eq!(server.quotas, Quotas::default());
    assert!(server.quotas.request_rates.is_off());
    let folder = tempfile::tempdir().unwrap();
    let config = file(
        folder.path(),
        "[quotas]\nkeys-per-region = 3\naliases-per-key = 3\ngrants-per-key = 3\n",
    );
    let flags = ["--config", &config, "--quota-keys-per-region", "1"];
    let variables = &[
        ("WARDBOOK_QUOTA_KEYS_PER_REGION", "2"),
        ("WARDBOOK_QUOTA_ALIASES_PER_KEY", "2"),
        ("WARDBOOK_QUOTA_KEY_POLICY_BYTES", "2000"),
    ];
    let quotas = serve(&flags, variables).unwrap().quotas;
    assert_eq!((quotas.keys_per_region, quotas.aliases_per_key, quotas.grants_per_key), (1, 2, 3));
    assert_eq!((quotas.tags_per_key, quotas.key_policy_bytes), (50, 2_000));
    check_refused(&["--quota-key-policy-bytes", "32769"], &[], "quota-key-policy-bytes: \"32769\"");
    check_refused(&[], &[("WARDBOOK_QUOTA_TAGS_PER_KEY", "-1")], "WARDBOOK_QUOTA_TAGS_PER_KEY");
}

#[track_caller]
fn check_rates(text: &'static str, want: &[(RateGroup, f64)], others_are_limited: bool) {
    let variables = vec![("WARDBOOK_QUOTA_REQUEST_RATES", text)].leak();
    let rates = serve(&[], variables).unwrap().quotas.request_rates;
    for (group, number) in want {
        assert_eq!(rates.of(*group), Rate::parse(*number), "{group}");
    }
    let other = rates.of(RateGroup::DescribeKey);
    assert_eq!(other, others_are_limited.then(|| RateGroup::DescribeKey.aws()));
}

#[test]
fn request_rates_are_one_text_in_the_environment() {
    let (create, random) = (RateGroup::CreateKey, RateGroup::Symmetric);
    check_rates("off", &[(create, 0.0)], false);
    check_rates("aws", &[(create, 5.0), (random, 10_000.0)], true);
    check_rates("symmetric=100, CreateKey=0.25", &[(create, 0.25), (random, 100.0)], false);
    check_rates("CreateKey=aws", &[(create, 5.0), (random, 0.0)], false);
    check_rates("CreateKey=off,others=aws", &[(create, 0.0), (random, 10_000.0)], true);
}

#[test]
fn request_rates_are_text_or_a_table_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let read = |text: &str| {
        let config = file(folder.path(), text);
        serve(&["--config", &config], &[]).map(|server| server.quotas.request_rates)
    };
    assert_eq!(read("[quotas]\nrequest-rates = 'aws'\n").unwrap(), RequestRates::aws());
    let table = "[quotas.request-rates]\nsymmetric = 3\nGetParametersForImport = 0.25\n\
                 DescribeKey = 'off'\nothers = 'aws'\n";
    let mut want = RequestRates::aws();
    want.set(RateGroup::Symmetric, Rate::parse(3.0));
    want.set(RateGroup::GetParametersForImport, Rate::parse(0.25));
    want.set(RateGroup::DescribeKey, None);
    assert_eq!(read(table).unwrap(), want);
    // A flag replaces the whole of it.
    let config = file(folder.path(), table);
    let flags = ["--config", &config, "--quota-request-rates", "off"];
    assert!(serve(&flags, &[]).unwrap().quotas.request_rates.is_off());
    for (bad, told) in [
        ("request-rates = 'fast'", "quota-request-rates: \"fast\""),
        ("request-rates = ''", "quota-request-rates: \"\""),
        ("request-rates = 'rsa=1,rsa=2'", "quota-request-rates: \"rsa=2\""),
        ("request-rates.Decrypt = 1", "quota-request-rates: \"Decrypt\""),
        ("request-rates.rsa = 0", "quota-request-rates: \"rsa=0\""),
        ("request-rates.others = 5", "quota-request-rates: \"others=5\""),
        ("request-rates = 5", "is not a valid settings file"),
        ("rates = 'aws'", "unknown field `rates`"),
    ] {
        let refused = read(&format!("[quotas]\n{bad}\n")).unwrap_err();
        assert!(refused.contains(told), "{refused}");
    }
}

#[test]
fn providers_are_tables_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let table = "[[oidc]]\nissuer = 'https://a.test'\njwks = 'keys.json'\naudiences = ['x']\n";
    let config = file(folder.path(), table);
    let server = serve(&["--config", &config], &[]).unwrap();
    let [provider] = server.oidc.as_slice() else { panic!("{:?}", server.oidc) };
    assert_eq!(provider.jwks, folder.path().join("keys.json"));
    assert_eq!((provider.account.as_ref(), provider.default_role.as_ref()), (None, None));
    for (more, told) in [("account = '1'", "oidc.account"), ("secret = 'x'", "unknown field")] {
        let config = file(folder.path(), &format!("{table}{more}\n"));
        let refused = serve(&["--config", &config], &[]).err().unwrap();
        assert!(refused.contains(told), "{refused}");
    }
}

#[test]
fn remotes_are_tables_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = file(folder.path(), "[remotes.far]\nregion = 'us-west-2'\nmode = 'raw'\n");
    let server = serve(&["--config", &config], &[]).unwrap();
    let remotes = server.folder.remotes;
    let [remote] = remotes.as_slice() else { panic!("{remotes:?}") };
    assert_eq!((remote.name.as_str(), remote.region.as_str()), ("far", "us-west-2"));
    let config = file(folder.path(), "[remotes.far]\nregion = 'us-west-2'\nattempts = 9\n");
    check_refused(&["--config", &config], &[], "remotes.far: attempts: \"9\"");
    assert!(serve(&[], &[]).unwrap().folder.remotes.is_empty());
}

#[test]
fn the_log_has_an_origin_and_witnesses() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[audit]\norigin = 'example.com/log'\nwitness-file = 'seen'\n\
                witness-url = 'https://example.com/witness'\n";
    let config = file(folder.path(), text);
    let server = serve(&["--config", &config], &[]).unwrap();
    assert_eq!(server.folder.log_origin.as_deref(), Some("example.com/log"));
    assert_eq!(server.witness.file, Some(folder.path().join("seen")));
    assert_eq!(server.witness.url.unwrap().as_str(), "https://example.com/witness");
    let flags = ["--config", &config, "--audit-origin", "a/log", "--audit-witness-file", "here"];
    let server = serve(&flags, &[("WARDBOOK_AUDIT_WITNESS_URL", "http://127.0.0.1:1/")]).unwrap();
    assert_eq!(server.folder.log_origin.as_deref(), Some("a/log"));
    assert_eq!(server.witness.file, Some(PathBuf::from("here")));
    assert_eq!(server.witness.url.unwrap().port(), Some(1));
    let none = serve(&[], &[]).unwrap();
    assert!(none.folder.log_origin.is_none() && none.witness.file.is_none());
    check_refused(&["--audit-origin", "a log"], &[], "audit-origin: \"a log\"");
    check_refused(&["--audit-witness-url", "example.com"], &[], "audit-witness-url");
    check_refused(&[], &[("WARDBOOK_AUDIT_WITNESS_URL", "file:///x")], "audit-witness-url");
}
