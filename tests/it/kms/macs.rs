//! GenerateMac and VerifyMac.

use serde_json::{Value, json};

use super::{NO_KEY, arn, blob, bytes, check_refusal, invalid};
use crate::fixture::Server;

/// Every spec, its algorithm, and the bytes of its MACs.
const SPECS: &[(&str, &str, usize)] = &[
    ("HMAC_224", "HMAC_SHA_224", 28),
    ("HMAC_256", "HMAC_SHA_256", 32),
    ("HMAC_384", "HMAC_SHA_384", 48),
    ("HMAC_512", "HMAC_SHA_512", 64),
];
const MESSAGE: &[u8] = b"what is authenticated";
const USAGE: &str = "InvalidKeyUsageException";
const VALIDATION: &str = "ValidationException";

fn new_key(server: &Server, spec: &str) -> String {
    server.new_key_of(spec, "GENERATE_VERIFY_MAC")
}

fn generate(key: &str, algorithm: &str, message: &[u8]) -> Value {
    json!({ "KeyId": key, "MacAlgorithm": algorithm, "Message": blob(message) })
}

fn with_mac(mut input: Value, mac: impl AsRef<[u8]>) -> Value {
    input["Mac"] = json!(blob(mac));
    input
}

#[test]
fn macs_of_every_spec_verify() {
    let server = Server::start();
    for (spec, algorithm, len) in SPECS {
        let key = new_key(&server, spec);
        let input = generate(&key, algorithm, MESSAGE);
        let made = server.call("GenerateMac", &input).ok();
        let mac = bytes(&made, "Mac");
        assert_eq!(mac.len(), *len);
        let wanted = json!({ "Mac": blob(&mac), "MacAlgorithm": algorithm, "KeyId": arn(&key) });
        assert_eq!(made, wanted);
        assert_eq!(server.call("GenerateMac", &input).ok(), made, "the same each time");
        let verified = server.call("VerifyMac", &with_mac(input.clone(), &mac)).ok();
        let wanted = json!({ "KeyId": arn(&key), "MacValid": true, "MacAlgorithm": algorithm });
        assert_eq!(verified, wanted);

        let mut flipped = mac.clone();
        flipped[len - 1] ^= 1;
        let longer = [mac.as_slice(), &[0]].concat();
        for wrong in [&flipped, &longer, &mac[1..], b"x", &[0; 6_144]] {
            let answer = server.call("VerifyMac", &with_mac(input.clone(), wrong));
            check_refusal(&answer, "KMSInvalidMacException", None);
        }
        let other_message = with_mac(generate(&key, algorithm, b"another"), &mac);
        let other_key = with_mac(generate(&new_key(&server, spec), algorithm, MESSAGE), &mac);
        for input in [other_message, other_key] {
            let answer = server.call("VerifyMac", &input);
            check_refusal(&answer, "KMSInvalidMacException", None);
        }
    }
}

#[test]
fn algorithms_go_with_their_specs_only() {
    let server = Server::start();
    for (spec, its, _) in SPECS {
        let key = new_key(&server, spec);
        for (_, algorithm, _) in SPECS.iter().filter(|(_, algorithm, _)| algorithm != its) {
            let input = generate(&key, algorithm, MESSAGE);
            let text = format!("Algorithm {algorithm} is incompatible with key spec {spec}.");
            check_refusal(&server.call("GenerateMac", &input), USAGE, Some(&text));
            let verify = server.call("VerifyMac", &with_mac(input, b"x"));
            check_refusal(&verify, USAGE, Some(&text));
        }
    }
}

/// Members, then usage, then state, then algorithm.
#[test]
fn the_order_of_checks() {
    let server = Server::start();
    let algorithms = "[HMAC_SHA_384, HMAC_SHA_256, HMAC_SHA_224, HMAC_SHA_512]";
    let text = format!(
        "2 validation errors detected: Value at 'message' failed to satisfy constraint: Member \
         must have length greater than or equal to 1; Value 'hmac_sha_256' at 'macAlgorithm' \
         failed to satisfy constraint: Member must satisfy enum value set: {algorithms}"
    );
    let answer = server.call("GenerateMac", &generate(NO_KEY, "hmac_sha_256", b""));
    check_refusal(&answer, VALIDATION, Some(&text));
    let answer = server.call("VerifyMac", &generate(NO_KEY, "HMAC_SHA_256", MESSAGE));
    let null = "Value null at 'mac' failed to satisfy constraint: Member must not be null";
    check_refusal(&answer, VALIDATION, Some(&invalid(null)));
    let answer = server.call("VerifyMac", &with_mac(generate(NO_KEY, "HMAC_SHA_256", MESSAGE), ""));
    let short = "Value at 'mac' failed to satisfy constraint: Member must have length greater \
                 than or equal to 1";
    check_refusal(&answer, VALIDATION, Some(&invalid(short)));

    let (symmetric, hmac) = (server.new_key(), new_key(&server, "HMAC_512"));
    for key in [&symmetric, &hmac] {
        server.call("DisableKey", &json!({ "KeyId": key })).ok();
    }
    let answer = server.call("GenerateMac", &generate(&symmetric, "HMAC_SHA_256", MESSAGE));
    let text = format!(
        "{} key usage is ENCRYPT_DECRYPT which is not valid for GenerateMac.",
        arn(&symmetric)
    );
    check_refusal(&answer, USAGE, Some(&text));
    let answer = server.call("VerifyMac", &with_mac(generate(&hmac, "HMAC_SHA_256", MESSAGE), "x"));
    let text = format!("{} is disabled.", arn(&hmac));
    check_refusal(&answer, "DisabledException", Some(&text));
}
