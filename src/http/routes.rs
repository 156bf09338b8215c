//! The paths of the REST API, each with the operation behind it. A part in
//! braces is a member of the operation's input.

use crate::base::limits;

/// One path.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) operation: &'static str,
    /// How long a body may be.
    pub(super) body_bytes: usize,
}

/// Every path of the REST API.
pub(super) const ROUTES: &[Route] = &[
    route("GET", "/v1/accounts", "ListAccounts"),
    route("POST", "/v1/accounts", "CreateAccount"),
    route("GET", "/v1/audit/counts", "CountEvents"),
    route("POST", "/v1/audit/erase", "EraseEventFields"),
    route("GET", "/v1/audit/checkpoint", "GetCheckpoint"),
    route("GET", "/v1/audit/consistency-proof", "GetConsistencyProof"),
    route("GET", "/v1/audit/events", "QueryEvents"),
    route("GET", "/v1/audit/events/follow", "FollowEvents"),
    route("GET", "/v1/audit/export", "ExportEvents"),
    route("GET", "/v1/audit/field-reads", "QueryFieldReads"),
    route("GET", "/v1/audit/inclusion-proof", "GetInclusionProof"),
    route("POST", "/v1/backups", "CreateBackup"),
    route("GET", "/v1/caller-identity", "GetCallerIdentity"),
    route("POST", "/v1/groups", "CreateGroup"),
    route("DELETE", "/v1/groups/{groupName}", "DeleteGroup"),
    route("GET", "/v1/groups/{groupName}", "GetPrincipal"),
    route("DELETE", "/v1/groups/{groupName}/policies/{policyName}", "DetachPolicy"),
    route("PUT", "/v1/groups/{groupName}/policies/{policyName}", "AttachPolicy"),
    route("DELETE", "/v1/groups/{groupName}/users/{userName}", "RemoveUserFromGroup"),
    route("PUT", "/v1/groups/{groupName}/users/{userName}", "AddUserToGroup"),
    route("GET", "/v1/item-schemas", "ListItemSchemas"),
    route("GET", "/v1/item-schemas/{name}", "GetItemSchema"),
    route("PUT", "/v1/item-schemas/{name}", "PutItemSchema"),
    items("/v1/item-schemas/{name}/decrypt", "DecryptItems"),
    items("/v1/item-schemas/{name}/encrypt", "EncryptItems"),
    items("/v1/item-schemas/{name}/re-encrypt", "ReEncryptItems"),
    items("/v1/item-schemas/{name}/rewrap", "RewrapItems"),
    route("GET", "/v1/item-schemas/{name}/versions", "ListItemSchemaVersions"),
    route("GET", "/v1/keys/{keyId}/policy", "GetKeyPolicyWithTests"),
    route("PUT", "/v1/keys/{keyId}/policy", "PutKeyPolicyWithTests"),
    route("POST", "/v1/policy/diff", "Diff"),
    route("POST", "/v1/policy/explain", "Explain"),
    route("POST", "/v1/policy/simulate", "Simulate"),
    route("POST", "/v1/policy/what-can", "WhatCan"),
    route("POST", "/v1/policy/who-can", "WhoCan"),
    route("GET", "/v1/principals", "ListPrincipals"),
    route("POST", "/v1/roles", "CreateRole"),
    route("DELETE", "/v1/roles/{roleName}", "DeleteRole"),
    route("GET", "/v1/roles/{roleName}", "GetPrincipal"),
    route("PUT", "/v1/roles/{roleName}", "UpdateRole"),
    route("DELETE", "/v1/roles/{roleName}/permissions-boundary", "DeletePermissionsBoundary"),
    route("PUT", "/v1/roles/{roleName}/permissions-boundary", "PutPermissionsBoundary"),
    route("DELETE", "/v1/roles/{roleName}/policies/{policyName}", "DetachPolicy"),
    route("PUT", "/v1/roles/{roleName}/policies/{policyName}", "AttachPolicy"),
    route("POST", "/v1/roles/{roleName}/sessions", "AssumeRole"),
    route("POST", "/v1/roles/{roleName}/tags", "TagPrincipal"),
    route("POST", "/v1/roles/{roleName}/untag", "UntagPrincipal"),
    route("POST", "/v1/users", "CreateUser"),
    route("DELETE", "/v1/users/{userName}", "DeleteUser"),
    route("GET", "/v1/users/{userName}", "GetPrincipal"),
    route("POST", "/v1/users/{userName}/access-keys", "CreateAccessKey"),
    route("DELETE", "/v1/users/{userName}/access-keys/{accessKeyId}", "DeleteAccessKey"),
    route("PUT", "/v1/users/{userName}/access-keys/{accessKeyId}", "UpdateAccessKey"),
    route("DELETE", "/v1/users/{userName}/permissions-boundary", "DeletePermissionsBoundary"),
    route("PUT", "/v1/users/{userName}/permissions-boundary", "PutPermissionsBoundary"),
    route("DELETE", "/v1/users/{userName}/policies/{policyName}", "DetachPolicy"),
    route("PUT", "/v1/users/{userName}/policies/{policyName}", "AttachPolicy"),
    route("POST", "/v1/users/{userName}/tags", "TagPrincipal"),
    route("POST", "/v1/users/{userName}/untag", "UntagPrincipal"),
];

const fn route(method: &'static str, path: &'static str, operation: &'static str) -> Route {
    Route { method, path, operation, body_bytes: limits::REST_BODY_BYTES }
}

/// The path of an operation on items, which come in the body.
const fn items(path: &'static str, operation: &'static str) -> Route {
    Route { body_bytes: limits::ITEMS_BODY_BYTES, ..route("POST", path, operation) }
}

/// The members that a path and a query string hold.
pub(super) type Members = Vec<(String, String)>;

impl Route {
    /// The members in `path` if this is its route.
    pub(super) fn matches(&self, method: &str, path: &str) -> Option<Members> {
        if method != self.method {
            return None;
        }
        let mut members = Members::new();
        let mut given = path.split('/');
        for wanted in self.path.split('/') {
            let part = given.next()?;
            match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) => members.push((name.to_owned(), percent_decode(part)?)),
                None if part == wanted => {}
                None => return None,
            }
        }
        given.next().is_none().then_some(members)
    }
}

/// Decodes `%XX`; `None` for what is not valid, or not UTF-8.
pub(super) fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                // A sign would be taken as a digit.
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_members_in_paths() {
        let route = route("PUT", "/v1/users/{userName}/policies/{policyName}", "AttachPolicy");
        let members = route.matches("PUT", "/v1/users/a%2Fb/policies/p").unwrap();
        assert_eq!(members, [("userName".into(), "a/b".into()), ("policyName".into(), "p".into())]);
        assert!(route.matches("GET", "/v1/users/a/policies/p").is_none());
        assert!(route.matches("PUT", "/v1/users/a/policies/p/q").is_none());
        assert!(route.matches("PUT", "/v1/users/a/policies").is_none());
        assert!(route.matches("PUT", "/v1/users/a%zz/policies/p").is_none());
        assert!(route.matches("PUT", "/v1/users/%ff/policies/p").is_none());
        assert!(route.matches("PUT", "/v1/users/%+f/policies/p").is_none());
    }
}
