//! Tokens that are believed, and those that are not.

use std::fs;
use std::path::{Path, PathBuf};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING};
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

const NOW_MS: i64 = 1_793_614_272_000;
const ISSUER: &str = "https://issuer.test/realms/a";
const AUDIENCE: &str = "wardbook";

fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// A private key, and its public half as the issuer publishes it.
struct Signer {
    private: EncodingKey,
    public: Value,
}

fn rsa() -> Signer {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
    let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
    Signer {
        // The key in PKCS #1, which PKCS #8 puts behind a head of 26 bytes.
        private: EncodingKey::from_rsa_der(&der.as_ref()[26..]),
        public: json!({ "kty": "RSA", "n": base64(public.n), "e": base64(public.e) }),
    }
}

fn ec(curve: &str) -> Signer {
    let (algorithm, half) = match curve {
        "P-256" => (&ECDSA_P256_SHA256_FIXED_SIGNING, 32),
        _ => (&ECDSA_P384_SHA384_FIXED_SIGNING, 48),
    };
    let pair = EcdsaKeyPair::generate(algorithm).unwrap();
    let (x, y) = pair.public_key().as_ref()[1..].split_at(half);
    Signer {
        private: EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref()),
        public: json!({ "kty": "EC", "crv": curve, "x": base64(x), "y": base64(y) }),
    }
}

fn ed25519() -> Signer {
    let pair = Ed25519KeyPair::generate().unwrap();
    Signer {
        private: EncodingKey::from_ed_der(pair.to_pkcs8v1().unwrap().as_ref()),
        public: json!({ "kty": "OKP", "crv": "Ed25519", "x": base64(pair.public_key()) }),
    }
}

/// The published key, with members in addition.
fn jwk(signer: &Signer, more: Value) -> Value {
    let mut jwk = signer.public.clone();
    let Value::Object(more) = more else { panic!("an object") };
    jwk.as_object_mut().unwrap().extend(more);
    jwk
}

/// A provider with these keys.
struct Bench {
    _folder: TempDir,
    jwks: PathBuf,
    providers: Providers,
}

fn write(path: &Path, keys: &[Value]) {
    fs::write(path, json!({ "keys": keys }).to_string()).unwrap();
}

fn account(id: &str) -> AccountId {
    AccountId::parse(id).unwrap()
}

fn home() -> AccountId {
    account("111122223333")
}

impl Bench {
    fn new(keys: &[Value]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let jwks = folder.path().join("jwks.json");
        write(&jwks, keys);
        let providers = Providers::load(vec![setting(&jwks)], &home(), NOW_MS).unwrap();
        Self { _folder: folder, jwks, providers }
    }

    fn verify(&self, token: &str) -> Result<WebIdentity, Error> {
        self.providers.verify(token, None, NOW_MS)
    }

    #[track_caller]
    fn check(&self, token: &str, want: Error) {
        assert_eq!(self.verify(token).unwrap_err(), want);
    }
}

fn setting(jwks: &Path) -> Setting {
    Setting {
        issuer: ISSUER.to_owned(),
        jwks: jwks.to_owned(),
        audiences: vec![AUDIENCE.to_owned(), "other".to_owned()],
        account: None,
        default_role: None,
    }
}

fn claims() -> Value {
    let now = NOW_MS / 1_000;
    json!({ "iss": ISSUER, "sub": "repo:a/b", "aud": AUDIENCE, "iat": now, "exp": now + 60 })
}

/// The claims, some of them otherwise; null takes one away.
fn claims_with(changes: Value) -> Value {
    let mut claims = claims();
    let members = claims.as_object_mut().unwrap();
    let Value::Object(changes) = changes else { panic!("an object") };
    for (name, value) in changes {
        match value {
            Value::Null => drop(members.remove(&name)),
            value => drop(members.insert(name, value)),
        }
    }
    claims
}

fn sign_text(signer: &Signer, algorithm: Algorithm, header: &str, claims: &str) -> String {
    let message = format!("{}.{}", base64(header), base64(claims));
    let signature = crypto::sign(message.as_bytes(), &signer.private, algorithm).unwrap();
    format!("{message}.{signature}")
}

fn sign(signer: &Signer, algorithm: Algorithm, claims: &Value) -> String {
    let header = json!({ "alg": algorithm, "kid": "k", "typ": "JWT" });
    sign_text(signer, algorithm, &header.to_string(), &claims.to_string())
}

/// One key, named `k`, and tokens of it.
fn with_p256() -> (Signer, Bench) {
    let signer = ec("P-256");
    let bench = Bench::new(&[jwk(&signer, json!({ "kid": "k" }))]);
    (signer, bench)
}

#[test]
fn every_kind_of_key_verifies_its_own_algorithms() {
    use Algorithm as A;
    let kinds: [(Signer, &[Algorithm]); 4] = [
        (rsa(), &[A::RS256, A::RS384, A::RS512, A::PS256, A::PS384, A::PS512]),
        (ec("P-256"), &[A::ES256]),
        (ec("P-384"), &[A::ES384]),
        (ed25519(), &[A::EdDSA]),
    ];
    for (signer, algorithms) in kinds {
        let bench = Bench::new(&[jwk(&signer, json!({ "kid": "k", "use": "sig" }))]);
        for algorithm in algorithms {
            let token = sign(&signer, *algorithm, &claims());
            let who = bench.verify(&token).unwrap();
            assert_eq!(
                who.federated,
                Federated {
                    provider: "issuer.test/realms/a".to_owned(),
                    audience: AUDIENCE.to_owned(),
                    subject: "repo:a/b".to_owned(),
                }
            );
            assert_eq!((who.account, who.issued_ms), (home(), NOW_MS));
            // One key may be for one algorithm only.
            let other = if *algorithm == A::ES256 { "ES384" } else { "ES256" };
            let narrow = Bench::new(&[
                jwk(&ec("P-256"), json!({ "kid": "another" })),
                jwk(&signer, json!({ "kid": "k", "alg": other })),
            ]);
            narrow.check(&token, Error::Key);
        }
    }
}

#[test]
fn the_token_does_not_choose_how_it_is_verified() {
    let signer = rsa();
    let public = jwk(&signer, json!({ "kid": "k" }));
    let bench = Bench::new(std::slice::from_ref(&public));
    let claims = claims().to_string();
    // No signature at all, in all spellings.
    for alg in ["none", "None", "NONE", ""] {
        let header = json!({ "alg": alg, "kid": "k" }).to_string();
        for signature in ["AA", "e30"] {
            let token = format!("{}.{}.{signature}", base64(&header), base64(&claims));
            bench.check(&token, Error::Key);
        }
        let bare = format!("{}.{}.", base64(&header), base64(&claims));
        bench.check(&bare, Error::Malformed);
    }
    // The public key, taken for the secret of an HMAC.
    let modulus = BASE64_URL_SAFE_NO_PAD.decode(public["n"].as_str().unwrap()).unwrap();
    for secret in [public.to_string().into_bytes(), modulus] {
        let hmac = Signer { private: EncodingKey::from_secret(&secret), public: Value::Null };
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let header = json!({ "alg": algorithm, "kid": "k" }).to_string();
            bench.check(&sign_text(&hmac, algorithm, &header, &claims), Error::Key);
        }
    }
    // A key that the token brings along, or tells where to find.
    let own = ec("P-256");
    for more in [json!({ "jwk": own.public }), json!({ "jku": "https://evil.test/jwks" })] {
        let mut header = json!({ "alg": "ES256", "kid": "k" });
        header.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let token = sign_text(&own, Algorithm::ES256, &header.to_string(), &claims);
        bench.check(&token, Error::Key);
    }
    // A signature of another algorithm under the right name.
    let header = json!({ "alg": "RS256", "kid": "k" }).to_string();
    bench.check(&sign_text(&signer, Algorithm::PS256, &header, &claims), Error::Signature);
}

#[test]
fn a_key_that_is_symmetric_is_never_taken() {
    let oct = json!({ "kty": "oct", "k": base64("secret"), "kid": "k", "alg": "HS256" });
    let (signer, folder) = (ec("P-256"), tempfile::tempdir().unwrap());
    let jwks = folder.path().join("jwks.json");
    write(&jwks, std::slice::from_ref(&oct));
    assert!(Providers::load(vec![setting(&jwks)], &home(), NOW_MS).is_err());
    let bench = Bench::new(&[oct, jwk(&signer, json!({ "kid": "other" }))]);
    let hmac = Signer { private: EncodingKey::from_secret(b"secret"), public: Value::Null };
    bench.check(&sign(&hmac, Algorithm::HS256, &claims()), Error::Key);
}

#[test]
fn keys_are_found_by_their_id() {
    let (one, two) = (ec("P-256"), ec("P-256"));
    let bench = Bench::new(&[jwk(&one, json!({ "kid": "k" })), jwk(&two, json!({ "kid": "l" }))]);
    bench.verify(&sign(&one, Algorithm::ES256, &claims())).unwrap();
    bench.check(&sign(&two, Algorithm::ES256, &claims()), Error::Signature);
    let sign_as = |header: Value| {
        sign_text(&one, Algorithm::ES256, &header.to_string(), &claims().to_string())
    };
    bench.check(&sign_as(json!({ "alg": "ES256", "kid": "m" })), Error::Key);
    bench.check(&sign_as(json!({ "alg": "ES256", "kid": ["k"] })), Error::Malformed);
    // Without an id there must be no choice.
    bench.check(&sign_as(json!({ "alg": "ES256" })), Error::Key);
    let single = Bench::new(&[jwk(&one, json!({}))]);
    single.verify(&sign_as(json!({ "alg": "ES256" }))).unwrap();
}

#[test]
fn claims_that_are_not_accepted() {
    let (signer, bench) = with_p256();
    let now = NOW_MS / 1_000;
    for (changes, want) in [
        (json!({ "iss": "https://issuer.test/realms/A" }), Error::Issuer),
        (json!({ "iss": format!("{ISSUER}/") }), Error::Issuer),
        (json!({ "iss": [ISSUER] }), Error::Claim("iss")),
        (json!({ "iss": null }), Error::Claim("iss")),
        (json!({ "aud": "WARDBOOK" }), Error::Audience),
        (json!({ "aud": [] }), Error::Audience),
        (json!({ "aud": null }), Error::Claim("aud")),
        (json!({ "aud": [AUDIENCE, 7] }), Error::Claim("aud")),
        (json!({ "aud": vec![AUDIENCE; 17] }), Error::Claim("aud")),
        (json!({ "exp": null }), Error::Claim("exp")),
        (json!({ "exp": "never" }), Error::Claim("exp")),
        (json!({ "exp": 1e300 }), Error::Claim("exp")),
        (json!({ "exp": now }), Error::Expired { now_ms: NOW_MS, expires_ms: NOW_MS }),
        (json!({ "nbf": now + 61 }), Error::Claim("nbf")),
        (json!({ "nbf": true }), Error::Claim("nbf")),
        (json!({ "iat": now + 61 }), Error::Claim("iat")),
        (json!({ "sub": null }), Error::Claim("sub")),
        (json!({ "sub": "" }), Error::Claim("sub")),
        (json!({ "sub": 7 }), Error::Claim("sub")),
        (json!({ "sub": "x".repeat(256) }), Error::Claim("sub")),
        (json!({ "sub": "\u{430}dmin" }), Error::Claim("sub")),
        (json!({ "sub": "a\nb" }), Error::Claim("sub")),
        (json!({ "sub": "a\u{202e}b" }), Error::Claim("sub")),
    ] {
        bench.check(&sign(&signer, Algorithm::ES256, &claims_with(changes)), want);
    }
    for changes in [
        json!({ "aud": ["unknown", AUDIENCE] }),
        json!({ "exp": 1_793_614_273.5 }),
        json!({ "nbf": now + 60, "iat": now + 60 }),
        json!({ "iat": null }),
        json!({ "sub": "x".repeat(255) }),
        json!({ "groups": [{ "a": { "b": 1 } }] }),
    ] {
        let who = bench.verify(&sign(&signer, Algorithm::ES256, &claims_with(changes))).unwrap();
        assert!(who.issued_ms <= NOW_MS);
        assert_eq!(who.federated.audience, AUDIENCE);
    }
}

#[test]
fn what_says_two_things_or_nothing_is_no_token() {
    let (signer, bench) = with_p256();
    let header = r#"{"alg":"ES256","kid":"k"}"#;
    let claims = claims().to_string();
    let sign = |header: &str, claims: &str| sign_text(&signer, Algorithm::ES256, header, claims);
    bench.verify(&sign(header, &claims)).unwrap();
    let twice = claims.replacen('{', r#"{"sub":"admin","#, 1);
    let escaped = claims.replacen('{', r#"{"\u0073ub":"admin","#, 1);
    let other_twice = claims.replacen('{', r#"{"x":1,"x":2,"#, 1);
    let deep = format!(
        r#"{{"x":{}1{},{}"#,
        "[".repeat(5_000),
        "]".repeat(5_000),
        claims.trim_start_matches('{')
    );
    for claims in [&twice, &escaped, &other_twice, &deep, "[]", "7", "", "null"] {
        bench.check(&sign(header, claims), Error::Malformed);
    }
    for header in [
        r#"{"alg":"ES256","alg":"ES256","kid":"k"}"#,
        r#"{"alg":"ES256","kid":"k","crit":["exp"]}"#,
        r#"{"alg":"ES256","kid":"k","crit":[],"b64":false}"#,
        r#"{"kid":"k"}"#,
        r#"{"alg":7,"kid":"k"}"#,
    ] {
        bench.check(&sign(header, &claims), Error::Malformed);
    }
    let token = sign(header, &claims);
    for token in [
        "",
        "..",
        "a.b.c",
        &token.replace('.', ""),
        &format!("{token}."),
        &format!("{token}="),
        &format!(" {token}"),
        &format!("{token}\u{e9}"),
        &format!("{}.{}", token, "A".repeat(30)),
    ] {
        let refused = bench.verify(token).unwrap_err();
        assert!(matches!(refused, Error::Malformed | Error::Signature), "{token}: {refused}");
    }
    let padded = claims.replacen('{', &format!(r#"{{"x":"{}","#, "x".repeat(20_000)), 1);
    bench.check(&sign(header, &padded), Error::Malformed);
}

#[test]
fn a_token_that_was_changed_is_not_believed() {
    let (signer, bench) = with_p256();
    let token = sign(&signer, Algorithm::ES256, &claims());
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(bytes).unwrap();
        assert!(bench.verify(&other).is_err(), "{at}: {other}");
    }
}

#[test]
fn keys_are_read_again_when_their_file_changes() {
    let (one, bench) = with_p256();
    let two = ec("P-256");
    let (old, new) =
        (sign(&one, Algorithm::ES256, &claims()), sign(&two, Algorithm::ES256, &claims()));
    let at = |token: &str, ms: i64| bench.providers.verify(token, None, NOW_MS + ms).map(drop);
    write(&bench.jwks, &[jwk(&two, json!({ "kid": "k" }))]);
    // Not at once, and then for good.
    assert_eq!((at(&old, 4_999), at(&new, 4_999)), (Ok(()), Err(Error::Signature)));
    assert_eq!((at(&old, 5_000), at(&new, 5_000)), (Err(Error::Signature), Ok(())));
    for broken in [
        "",
        "{",
        r#"{"keys":[]}"#,
        r#"{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}"#,
        &" ".repeat(limits::JWKS_BYTES + 1),
    ] {
        fs::write(&bench.jwks, broken).unwrap();
        assert_eq!(at(&new, 10_000), Ok(()));
    }
    fs::remove_file(&bench.jwks).unwrap();
    assert_eq!(at(&new, 15_000), Ok(()));
    write(&bench.jwks, &[jwk(&one, json!({ "kid": "k" }))]);
    assert_eq!((at(&old, 20_000), at(&new, 20_000)), (Ok(()), Err(Error::Signature)));
}

#[test]
fn settings_that_cannot_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let jwks = folder.path().join("jwks.json");
    let signer = ec("P-256");
    let key = |kid: &str| jwk(&signer, json!({ "kid": kid }));
    write(&jwks, &[key("k")]);
    let load = |settings: Vec<Setting>| Providers::load(settings, &home(), NOW_MS).map(drop);
    let good = setting(&jwks);
    load(vec![good.clone()]).unwrap();
    let other_account = Setting { account: Some(account("444455556666")), ..good.clone() };
    load(vec![good.clone(), other_account]).unwrap();
    let role = |arn: &str| Setting { default_role: Some(arn.to_owned()), ..good.clone() };
    load(vec![role("arn:aws:iam::111122223333:role/app")]).unwrap();
    let issuer = |text: &str| Setting { issuer: text.to_owned(), ..good.clone() };
    for (settings, want) in [
        (vec![good.clone(), good.clone()], "configured twice"),
        (vec![issuer("http://issuer.test")], "not an https URL"),
        (vec![issuer("https://")], "not an https URL"),
        (vec![issuer("https://issuer.test/?a=b")], "not an https URL"),
        (vec![issuer(&format!("https://{}", "a".repeat(255)))], "not an https URL"),
        (vec![Setting { audiences: Vec::new(), ..good.clone() }], "no audiences"),
        (vec![Setting { audiences: vec![String::new()], ..good.clone() }], "no audiences"),
        (vec![role("arn:aws:iam::444455556666:role/app")], "not the ARN of a role"),
        (vec![Setting { jwks: folder.path().join("none"), ..good.clone() }], "cannot be used"),
        (vec![good.clone(); 65], "more than 64"),
    ] {
        let told = load(settings).unwrap_err().to_string();
        assert!(told.contains(want), "{told}");
    }
    for keys in [
        vec![key("k"), key("k")],
        vec![jwk(&signer, json!({ "use": "enc" }))],
        vec![jwk(&signer, json!({ "key_ops": ["sign"] }))],
        vec![json!({ "kty": "RSA", "n": base64([1; 128]), "e": "AQAB", "kid": "short" })],
        vec![json!({ "kty": "EC", "crv": "P-521", "x": "AA", "y": "AA" })],
        vec![json!({ "kty": "new" })],
        (0..65).map(|n| key(&n.to_string())).collect(),
    ] {
        write(&jwks, &keys);
        assert!(load(vec![good.clone()]).is_err(), "{keys:?}");
    }
}

#[test]
fn an_issuer_of_two_accounts_is_that_of_the_role() {
    let (signer, bench) = with_p256();
    let other = Setting { account: Some(account("444455556666")), ..setting(&bench.jwks) };
    let settings = vec![setting(&bench.jwks), other];
    let providers = Providers::load(settings, &home(), NOW_MS).unwrap();
    let token = sign(&signer, Algorithm::ES256, &claims());
    let of = |role: Option<&str>| {
        let role = role.map(|account| RoleArn::parse(&format!("arn:aws:iam::{account}:role/a")));
        providers.verify(&token, role.flatten().as_ref(), NOW_MS).unwrap().account
    };
    assert_eq!(of(Some("444455556666")), account("444455556666"));
    assert_eq!(
        (of(None), of(Some("111122223333")), of(Some("777788889999"))),
        (home(), home(), home())
    );
}

proptest! {
    #[test]
    fn any_text_is_refused(text in "([A-Za-z0-9_.=-]|e30|\\PC){0,200}") {
        let bench = Providers::default();
        prop_assert!(bench.verify(&text, None, NOW_MS).is_err());
    }
}
