//! What the operations on custom key stores share: the members that describe a
//! store, the store that a call is about, and what it may be about.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::access::Access;
use super::ctx::Ctx;
use crate::base::ids::{CustomKeyStoreId, Realm, Region};
use crate::keys::backend::remote::RemoteName;
use crate::keys::custom_stores::changes::PutCustomKeyStore;
use crate::keys::custom_stores::{Connection, CustomKeyStore};
use crate::store::Change;
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
pub(super) const PROXY_CONNECTIVITY: Shape = Shape::Enum(&[PUBLIC_ENDPOINT, VPC_ENDPOINT_SERVICE]);
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
pub(super) const PUBLIC_ENDPOINT: &str = "PUBLIC_ENDPOINT";
/// What stands before the name of a remote in `XksProxyUriEndpoint`.
pub(super) const ENDPOINT_SCHEME: &str = "https://";

/// Members of stores of the other type.
pub(super) const OF_CLOUDHSM: &[&str] =
    &["CloudHsmClusterId", "TrustAnchorCertificate", "KeyStorePassword"];
/// Members of stores in a VPC.
pub(super) const OF_A_VPC: &[&str] =
    &["XksProxyVpcEndpointServiceName", "XksProxyVpcEndpointServiceOwner"];

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

/// The input of the operations on one store that say no more.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    pub(super) custom_key_store_id: String,
}

/// The store with this id, if it is of the caller's realm.
///
/// # Errors
/// `CustomKeyStoreNotFoundException`.
pub(super) fn find(
    ctx: &Ctx,
    access: &mut Access<'_>,
    id: &str,
) -> Result<Arc<CustomKeyStore>, ApiError> {
    let found = CustomKeyStoreId::parse(id).and_then(|id| ctx.custom_key_stores.find(&id));
    let realm = access.call().realm();
    let store = found.filter(|store| store.realm == realm).ok_or_else(|| not_found(id))?;
    access.record_additional("customKeyStoreName", store.name.as_str().into());
    Ok(store)
}

/// The connection of `store`, if `is_valid`.
///
/// # Errors
/// `CustomKeyStoreInvalidStateException`.
pub(super) fn check_connection(
    ctx: &Ctx,
    store: &CustomKeyStore,
    is_valid: impl Fn(Connection) -> bool,
) -> Result<Connection, ApiError> {
    let connection = ctx.custom_key_stores.connection(&store.id);
    if is_valid(connection) {
        return Ok(connection);
    }
    let (id, state) = (store.id, connection.as_str());
    let text = format!(
        "The ConnectionState {state} of custom key store {id} does not allow this request."
    );
    Err(ApiError::new(Code::CustomKeyStoreInvalidStateException, text))
}

/// The change from `store` to what `change` makes of it.
pub(super) fn put(
    ctx: &Ctx,
    store: &CustomKeyStore,
    change: impl FnOnce(&mut CustomKeyStore),
) -> Box<dyn Change> {
    let stores = Arc::clone(&ctx.custom_key_stores);
    Box::new(PutCustomKeyStore { stores, store: Arc::new(store.changed(change)) })
}

/// The remote that is meant by `XksProxyUriEndpoint`: callers name one of the
/// settings and never an address, or the server would call wherever they like.
///
/// # Errors
/// `XksProxyUriUnreachableException`, the same for a remote that is not there and for
/// one of other accounts; `XksProxyUriInUseException`.
pub(super) fn find_remote(
    ctx: &Ctx,
    realm: &Realm,
    endpoint: &str,
    own: Option<&CustomKeyStore>,
) -> Result<RemoteName, ApiError> {
    let name = endpoint.strip_prefix(ENDPOINT_SCHEME).and_then(RemoteName::parse);
    let remote = name.as_ref().and_then(|name| ctx.remotes.find(name));
    let open = remote.filter(|remote| remote.settings().is_open_to(&realm.account, &ctx.account));
    let Some(remote) = open else {
        let text = format!(
            "{endpoint} cannot be reached: the settings of this server have no such remote for \
             account {}.",
            realm.account
        );
        return Err(ApiError::new(Code::XksProxyUriUnreachableException, text));
    };
    let user = ctx.custom_key_stores.find_by_remote(realm, remote.name());
    match user.filter(|user| own.is_none_or(|own| own.id != user.id)) {
        None => Ok(remote.name().clone()),
        Some(user) => {
            let text = format!("{endpoint} is associated with custom key store {}.", user.id);
            Err(ApiError::new(Code::XksProxyUriInUseException, text))
        }
    }
}

/// Checks that no other store of the realm has this name.
///
/// # Errors
/// `CustomKeyStoreNameInUseException`.
pub(super) fn check_name(
    ctx: &Ctx,
    realm: &Realm,
    name: &str,
    own: Option<&CustomKeyStore>,
) -> Result<(), ApiError> {
    let user = ctx.custom_key_stores.find_by_name(realm, name);
    if user.is_none_or(|user| own.is_some_and(|own| own.id == user.id)) {
        return Ok(());
    }
    let text = format!("The name {name} is already assigned to another custom key store.");
    Err(ApiError::new(Code::CustomKeyStoreNameInUseException, text))
}

/// Nothing here is in a VPC.
pub(super) fn no_vpc() -> ApiError {
    let text = "VPC endpoint services are not supported by this server: XksProxyConnectivity \
                must be PUBLIC_ENDPOINT.";
    ApiError::new(Code::UnsupportedOperationException, text)
}

/// No custom key store has this id or name.
pub(super) fn not_found(store: &str) -> ApiError {
    let text = format!("Custom key store {store} does not exist.");
    ApiError::new(Code::CustomKeyStoreNotFoundException, text)
}

/// Checks that none of `others` is there, for a store of this type.
pub(super) fn refuse(
    input: &Map<String, Value>,
    store_type: &str,
    others: &[&str],
) -> Result<(), ApiError> {
    match others.iter().find(|name| input.contains_key(**name)) {
        None => Ok(()),
        Some(name) => Err(ApiError::validation(format!(
            "You cannot specify {name} for a custom key store of type {store_type}."
        ))),
    }
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
