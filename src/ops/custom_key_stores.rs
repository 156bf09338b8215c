//! What the operations on custom key stores share: the members that describe a
//! store, and the answer for a store that is not there. This server has none.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::access::Access;
use super::operation::Done;
use super::shapes::Nothing;
use crate::base::ids::Region;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Pattern, Shape, matching, secret, text};

/// `CustomKeyStoreId`, required.
pub(super) const STORE_ID: Member = Member::required("CustomKeyStoreId", text(1, 64));
/// `CustomKeyStoreId` where it may be left out.
pub(super) const STORE_FILTER: Member = Member::optional("CustomKeyStoreId", text(1, 64));
/// The name of a store.
pub(super) const STORE_NAME: Shape = text(1, 256);
/// `CloudHsmClusterId`.
pub(super) const CLUSTER_ID: Member =
    Member::optional("CloudHsmClusterId", matching(19, 24, CLUSTER));
/// `TrustAnchorCertificate`: public.
pub(super) const TRUST_ANCHOR: Member = Member::optional("TrustAnchorCertificate", text(1, 5000));
/// `KeyStorePassword`: neither recorded nor repeated in errors.
pub(super) const PASSWORD: Member =
    Member::optional("KeyStorePassword", secret(7, 32, None)).unrecorded();
/// `CustomKeyStoreType`.
pub(super) const STORE_TYPE: Shape = Shape::Enum(&[AWS_CLOUDHSM, EXTERNAL_KEY_STORE]);
/// `XksProxyUriEndpoint`, `XksProxyUriPath`, and so on.
pub(super) const PROXY_ENDPOINT: Shape = matching(10, 128, ENDPOINT);
pub(super) const PROXY_PATH: Shape = matching(10, 128, PATH);
pub(super) const PROXY_SERVICE_NAME: Shape = matching(20, 64, SERVICE_NAME);
pub(super) const PROXY_SERVICE_OWNER: Shape = matching(12, 12, ACCOUNT);
pub(super) const PROXY_ACCESS_KEY_ID: Shape = secret(20, 30, Some(PROXY_KEY_ID));
pub(super) const PROXY_CONNECTIVITY: Shape =
    Shape::Enum(&["PUBLIC_ENDPOINT", VPC_ENDPOINT_SERVICE]);
/// `XksProxyAuthenticationCredential`: as the password.
pub(super) const PROXY_CREDENTIAL: Member = Member::optional(
    "XksProxyAuthenticationCredential",
    Shape::Structure(&[
        Member::required("AccessKeyId", PROXY_ACCESS_KEY_ID).unrecorded(),
        Member::required("RawSecretAccessKey", secret(43, 64, Some(PROXY_SECRET))).unrecorded(),
    ]),
)
.unrecorded();

/// `CustomKeyStoreType` where none is given.
pub(super) const AWS_CLOUDHSM: &str = "AWS_CLOUDHSM";
pub(super) const EXTERNAL_KEY_STORE: &str = "EXTERNAL_KEY_STORE";
pub(super) const VPC_ENDPOINT_SERVICE: &str = "VPC_ENDPOINT_SERVICE";

const CLUSTER: Pattern = Pattern {
    text: "cluster-[2-7a-zA-Z]{11,16}",
    matches: |text| {
        text.strip_prefix("cluster-").is_some_and(|id| {
            (11..=16).contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_alphabetic() || (b'2'..=b'7').contains(&b))
        })
    },
};
const ENDPOINT: Pattern = Pattern {
    text: "^https://[a-zA-Z0-9.-]+$",
    matches: |text| {
        text.strip_prefix("https://").is_some_and(|host| {
            !host.is_empty()
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
        })
    },
};
const PATH: Pattern = Pattern {
    text: r"^(/[a-zA-Z0-9\/_-]+/kms/xks/v\d{1,2})$|^(/kms/xks/v\d{1,2})$",
    matches: |text| {
        let Some((prefix, version)) = text.rsplit_once("/kms/xks/v") else { return false };
        let path = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-');
        (1..=2).contains(&version.len())
            && version.bytes().all(|b| b.is_ascii_digit())
            && (prefix.is_empty()
                || prefix.len() > 1 && prefix.starts_with('/') && prefix.bytes().all(path))
    },
};
const SERVICE_NAME: Pattern = Pattern {
    text: r"^(com|eu)\.amazonaws\.vpce\.([a-z]+-){2,3}\d+\.vpce-svc-[0-9a-z]+$",
    matches: |text| {
        let rest = text.strip_prefix("com.").or_else(|| text.strip_prefix("eu."));
        let rest = rest.and_then(|rest| rest.strip_prefix("amazonaws.vpce."));
        rest.and_then(|rest| rest.split_once(".vpce-svc-")).is_some_and(|(region, id)| {
            Region::parse(region).is_some()
                && !id.is_empty()
                && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
    },
};
const ACCOUNT: Pattern = Pattern {
    text: "[0-9]{12}",
    matches: |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()),
};
const PROXY_KEY_ID: Pattern = Pattern {
    text: "^[A-Z2-7]+$",
    matches: |text| {
        !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b))
    },
};
const PROXY_SECRET: Pattern = Pattern {
    text: r"^[a-zA-Z0-9\/+=]+$",
    matches: |text| {
        !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'+' | b'='))
    },
};

/// The input of the operations on one store. What else an update says does not
/// matter to a store that is not there.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    custom_key_store_id: String,
}

/// Asks for `action`, then looks for the store: there is none.
pub(super) fn find(
    access: &mut Access<'_>,
    action: Action,
    input: &Input,
) -> Result<Done<Nothing>, ApiError> {
    access.account(action)?;
    Err(not_found(&input.custom_key_store_id))
}

/// No custom key store has this id or name.
pub(super) fn not_found(store: &str) -> ApiError {
    let text = format!("Custom key store {store} does not exist.");
    ApiError::new(Code::CustomKeyStoreNotFoundException, text)
}

/// Checks that all of `wanted` are there, for a store of this type.
pub(super) fn require(
    input: &Map<String, Value>,
    store_type: &str,
    wanted: &[&str],
) -> Result<(), ApiError> {
    match wanted.iter().find(|name| !input.contains_key(**name)) {
        None => Ok(()),
        Some(name) => Err(ApiError::validation(format!(
            "You must specify {name} for a custom key store of type {store_type}."
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: Pattern, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!((pattern.matches)(text), "{text}");
        }
        for text in bad {
            assert!(!(pattern.matches)(text), "{text}");
        }
    }

    #[test]
    fn patterns() {
        check(
            CLUSTER,
            &["cluster-1a".replace("1a", "abcdefg2345").as_str()],
            &["cluster-abcdefg1234", "cluster-abc", "abcdefghijk"],
        );
        check(
            ENDPOINT,
            &["https://xks.example.com"],
            &["http://x.example", "https://", "https://a/b"],
        );
        check(
            PATH,
            &["/kms/xks/v1", "/a/b-c_d/kms/xks/v12"],
            &["/kms/xks/v", "/kms/xks/v123", "a/kms/xks/v1", "//kms/xks/vx", "/ä/kms/xks/v1"],
        );
        check(
            SERVICE_NAME,
            &["com.amazonaws.vpce.eu-central-1.vpce-svc-0a1b"],
            &[
                "com.amazonaws.vpce.eu-central-1.vpce-svc-",
                "org.amazonaws.vpce.eu-central-1.vpce-svc-0a",
                "com.amazonaws.vpce.nowhere.vpce-svc-0a",
            ],
        );
        check(PROXY_KEY_ID, &["ABC234"], &["", "abc", "A1"]);
        check(PROXY_SECRET, &["a/+=Z9"], &["", "a b"]);
    }
}
