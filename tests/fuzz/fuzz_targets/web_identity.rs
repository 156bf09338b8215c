//! An OpenID Connect token: as it comes, and with header and claims (two lines
//! of JSON) under a signature of the issuer.
#![no_main]

use std::fs;
use std::sync::LazyLock;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use wardbook::base::ids::AccountId;
use wardbook::identity::oidc::{Providers, Setting};

/// 2026-11-02T10:11:12Z.
const NOW_MS: i64 = 1_793_614_272_000;
const ISSUER: &str = "https://issuer.test/a";
const AUDIENCE: &str = "wardbook";

fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

static SIGNER: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a key"));

static PROVIDERS: LazyLock<Providers> = LazyLock::new(|| {
    let jwks = std::env::temp_dir().join(format!("wardbook-fuzz-{}.json", std::process::id()));
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": base64(SIGNER.public_key()) });
    fs::write(&jwks, json!({ "keys": [key] }).to_string()).expect("written");
    let setting = Setting {
        issuer: ISSUER.to_owned(),
        jwks: jwks.clone(),
        audiences: vec![AUDIENCE.to_owned()],
        account: None,
        default_role: None,
    };
    let account = AccountId::parse("111122223333").expect("an account");
    let providers = Providers::load(vec![setting], &account, NOW_MS).expect("a provider");
    fs::remove_file(&jwks).expect("removed");
    providers
});

fuzz_target!(|text: &str| {
    assert!(PROVIDERS.verify(text, None, NOW_MS).is_err(), "believed without a signature");
    let (header, claims) = text.split_once('\n').unwrap_or((r#"{"alg":"EdDSA"}"#, text));
    let signed = format!("{}.{}", base64(header), base64(claims));
    let token = format!("{signed}.{}", base64(SIGNER.sign(signed.as_bytes())));
    let Ok(identity) = PROVIDERS.verify(&token, None, NOW_MS) else { return };
    let header: Value = serde_json::from_str(header).expect("it was read");
    let claims: Value = serde_json::from_str(claims).expect("it was read");
    assert_eq!(header["alg"], "EdDSA");
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["sub"], identity.federated.subject.as_str());
    assert!(claims["exp"].as_f64() > Some(1_793_614_272.0));
    assert!(identity.issued_ms <= NOW_MS);
    let is_for_us = match &claims["aud"] {
        Value::Array(audiences) => audiences.iter().any(|one| one == AUDIENCE),
        one => one == AUDIENCE,
    };
    assert!(is_for_us);
    // Any other signature is none.
    assert!(PROVIDERS.verify(&format!("{token}A"), None, NOW_MS).is_err());
    assert!(PROVIDERS.verify(&format!("{signed}.AAAA"), None, NOW_MS).is_err());
});
