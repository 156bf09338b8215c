//! Encapsulate and Decapsulate.

use aws_lc_rs::kem::{self, EncapsulationKey};
use serde_json::{Value, json};

use super::{NO_KEY, arn, blob, bytes, check_refusal, invalid, public_key};
use crate::fixture::Server;

struct Spec {
    name: &'static str,
    algorithm: &'static kem::Algorithm,
    /// Bytes of the key inside of its SubjectPublicKeyInfo.
    public_len: usize,
    ciphertext_len: usize,
}

const SPECS: &[Spec] = &[
    Spec { name: "ML_KEM_512", algorithm: &kem::ML_KEM_512, public_len: 800, ciphertext_len: 768 },
    Spec {
        name: "ML_KEM_768",
        algorithm: &kem::ML_KEM_768,
        public_len: 1_184,
        ciphertext_len: 1_088,
    },
    Spec {
        name: "ML_KEM_1024",
        algorithm: &kem::ML_KEM_1024,
        public_len: 1_568,
        ciphertext_len: 1_568,
    },
];

fn new_key(server: &Server, spec: &str) -> String {
    server.new_key_of(spec, "ENCAPSULATE_DECAPSULATE")
}

fn encapsulate(key: &str) -> Value {
    json!({ "KeyId": key, "EncapsulationAlgorithm": "ML_KEM" })
}

fn decapsulate(key: &str, ciphertext: impl AsRef<[u8]>) -> Value {
    let mut input = encapsulate(key);
    input["SharedSecretCiphertextBlob"] = json!(blob(ciphertext));
    input
}

#[test]
fn a_ciphertext_leads_to_its_secret() {
    let server = Server::start();
    for spec in SPECS {
        let key = new_key(&server, spec.name);
        let made = server.call("Encapsulate", &encapsulate(&key)).ok();
        let secret = bytes(&made, "SharedSecret");
        let ciphertext = bytes(&made, "SharedSecretCiphertextBlob");
        assert_eq!((secret.len(), ciphertext.len()), (32, spec.ciphertext_len));
        let wanted = json!({
            "KeyId": arn(&key),
            "SharedSecret": blob(&secret),
            "SharedSecretCiphertextBlob": blob(&ciphertext),
            "EncapsulationAlgorithm": "ML_KEM",
        });
        assert_eq!(made, wanted);
        let opened = server.call("Decapsulate", &decapsulate(&key, &ciphertext)).ok();
        let wanted = json!({
            "KeyId": arn(&key),
            "SharedSecret": blob(&secret),
            "EncapsulationAlgorithm": "ML_KEM",
        });
        assert_eq!(opened, wanted);
        assert_ne!(server.call("Encapsulate", &encapsulate(&key)).ok(), made);

        let public = public_key(&server, &key);
        let public = &public[public.len() - spec.public_len..];
        let offline = EncapsulationKey::new(spec.algorithm, public).unwrap();
        let (ciphertext, secret) = offline.encapsulate().unwrap();
        let opened = server.call("Decapsulate", &decapsulate(&key, &ciphertext)).ok();
        assert_eq!(bytes(&opened, "SharedSecret"), secret.as_ref());
    }
}

/// Only the length can be wrong: any other ciphertext has a secret that nobody
/// knows, always the same (FIPS 203, section 6.3).
#[test]
fn ciphertexts_of_nobody() {
    let server = Server::start();
    for spec in SPECS {
        let (key, other) = (new_key(&server, spec.name), new_key(&server, spec.name));
        let made = server.call("Encapsulate", &encapsulate(&key)).ok();
        let ciphertext = bytes(&made, "SharedSecretCiphertextBlob");
        let mut flipped = ciphertext.clone();
        flipped[0] ^= 1;
        for (key, ciphertext) in
            [(&key, &flipped), (&key, &vec![0; ciphertext.len()]), (&other, &ciphertext)]
        {
            let input = decapsulate(key, ciphertext);
            let opened = server.call("Decapsulate", &input).ok();
            assert_eq!(bytes(&opened, "SharedSecret").len(), 32);
            assert_ne!(opened["SharedSecret"], made["SharedSecret"]);
            assert_eq!(server.call("Decapsulate", &input).ok(), opened);
        }
        let longer = [ciphertext.as_slice(), &[0]].concat();
        for wrong in [&ciphertext[1..], &longer, b"x", &[0; 6_144]] {
            let answer = server.call("Decapsulate", &decapsulate(&key, wrong));
            check_refusal(&answer, "InvalidCiphertextException", None);
        }
    }
}

/// Members, then usage, then state, then the ciphertext.
#[test]
fn the_order_of_checks() {
    let server = Server::start();
    let mut input = encapsulate(NO_KEY);
    input["EncapsulationAlgorithm"] = json!("ML_KEM_768");
    let text = "Value 'ML_KEM_768' at 'encapsulationAlgorithm' failed to satisfy constraint: \
                Member must satisfy enum value set: [ML_KEM]";
    for operation in ["Encapsulate", "Decapsulate"] {
        input["SharedSecretCiphertextBlob"] = json!("eA==");
        let answer = server.call(operation, &input);
        check_refusal(&answer, "ValidationException", Some(&invalid(text)));
    }
    let (agreeing, kem) =
        (server.new_key_of("ECC_NIST_P256", "KEY_AGREEMENT"), new_key(&server, "ML_KEM_512"));
    for key in [&agreeing, &kem] {
        server.call("DisableKey", &json!({ "KeyId": key })).ok();
    }
    for operation in ["Encapsulate", "Decapsulate"] {
        let answer = server.call(operation, &decapsulate(&agreeing, "x"));
        let text = format!(
            "{} key usage is KEY_AGREEMENT which is not valid for {operation}.",
            arn(&agreeing)
        );
        check_refusal(&answer, "InvalidKeyUsageException", Some(&text));
        let answer = server.call(operation, &decapsulate(&kem, "x"));
        let text = format!("{} is disabled.", arn(&kem));
        check_refusal(&answer, "DisabledException", Some(&text));
    }
}
