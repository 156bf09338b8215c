//! One good call of every operation that can be called from outside. A new
//! operation without a call here fails every test that goes through the tables.

use std::cell::OnceCell;

use serde_json::{Value, json};
use wardbook::ops::operation::{Description, Service};
use wardbook::{items, ops};

use crate::fixture::door::Door;
use crate::fixture::import::{self, Wrapping};
use crate::fixture::raw::{Request, Response};
use crate::fixture::{ACCOUNT, Credentials, OTHER_REGION, REGION, THIRD_REGION, oidc};

/// Every operation that can be called from outside, sorted by name.
pub(crate) fn operations() -> Vec<Description> {
    let kms = ops::TABLE.iter().map(|entry| entry.description);
    let admin = ops::admin::TABLE.iter().map(|entry| entry.description);
    let audit = ops::audit::TABLE.iter().map(|entry| entry.description);
    let backup = ops::backup::TABLE.iter().map(|entry| entry.description);
    let sts = ops::sts::TABLE.iter().map(|entry| entry.description);
    let items = items::TABLE.iter().map(|entry| entry.description);
    let cloudtrail = ops::cloudtrail::TABLE.iter().map(|entry| entry.description);
    let policy = ops::policy::TABLE.iter().map(|entry| entry.description);
    let mut all: Vec<Description> = kms
        .chain(admin)
        .chain(audit)
        .chain(backup)
        .chain(sts)
        .chain(items)
        .chain(policy)
        .chain(cloudtrail)
        .collect();
    all.sort_by_key(|description| description.name);
    all
}

/// Things that exist, for calls to be about. Its calls change them, so each
/// call that does wants a scene of its own.
pub(crate) struct Scene {
    /// Goes into every name.
    name: String,
    /// The symmetric key that calls are about, with an alias.
    pub(crate) key: String,
    /// Another key, enabled.
    pub(crate) other: String,
    /// A multi-Region key, with a replica in [`OTHER_REGION`].
    pub(crate) primary: String,
    /// Of `key`, base64.
    pub(crate) ciphertext: String,
    asymmetric: Asymmetric,
    access_key_id: String,
    sealed_item: Value,
    door: Door,
    /// Made when it is first asked for.
    imported: OnceCell<Imported>,
    /// Whether its groups are made.
    grouped: OnceCell<()>,
    /// A grant of `key`; the same.
    grant: OnceCell<String>,
    /// The first record of the book, by its event id; the same.
    event: OnceCell<String>,
}

/// A key with imported material.
struct Imported {
    key: String,
    /// The input that imports the same material again.
    again: Value,
}

/// Keys of the other kinds, and what they made; blobs in base64.
struct Asymmetric {
    signing: String,
    signature: Value,
    mac_key: String,
    mac: Value,
    agreement: String,
    /// Of `agreement`: whoever agrees with himself has a peer.
    public_key: Value,
    encapsulation: String,
    encapsulated: Value,
}

impl Asymmetric {
    fn make(server: &Door) -> Self {
        let key = |spec, usage| server.new_key_of(spec, usage);
        let mut made = Self {
            signing: key("ECC_NIST_P256", "SIGN_VERIFY"),
            mac_key: key("HMAC_256", "GENERATE_VERIFY_MAC"),
            agreement: key("ECC_NIST_P256", "KEY_AGREEMENT"),
            encapsulation: key("ML_KEM_768", "ENCAPSULATE_DECAPSULATE"),
            signature: Value::Null,
            mac: Value::Null,
            public_key: Value::Null,
            encapsulated: Value::Null,
        };
        let call = |operation: &str, made: &Self| {
            let (key, input) = made.input(operation).unwrap();
            server.call(operation, &with(key, input)).ok()
        };
        made.signature = call("Sign", &made)["Signature"].clone();
        made.mac = call("GenerateMac", &made)["Mac"].clone();
        let public = server.call("GetPublicKey", &json!({ "KeyId": made.agreement })).ok();
        made.public_key = public["PublicKey"].clone();
        made.encapsulated = call("Encapsulate", &made)["SharedSecretCiphertextBlob"].clone();
        made
    }

    /// The key that calls of the operation are about, and its input without
    /// `KeyId`; `None` for an operation of symmetric keys.
    fn input(&self, operation: &str) -> Option<(&str, Value)> {
        Some(match operation {
            "Sign" => {
                (&self.signing, json!({ "Message": MESSAGE, "SigningAlgorithm": "ECDSA_SHA_256" }))
            }
            "Verify" => (
                &self.signing,
                json!({
                    "Message": MESSAGE, "SigningAlgorithm": "ECDSA_SHA_256",
                    "Signature": self.signature,
                }),
            ),
            "GetPublicKey" => (&self.signing, json!({})),
            "GenerateMac" => {
                (&self.mac_key, json!({ "Message": MESSAGE, "MacAlgorithm": "HMAC_SHA_256" }))
            }
            "VerifyMac" => (
                &self.mac_key,
                json!({ "Message": MESSAGE, "MacAlgorithm": "HMAC_SHA_256", "Mac": self.mac }),
            ),
            "DeriveSharedSecret" => (
                &self.agreement,
                json!({ "KeyAgreementAlgorithm": "ECDH", "PublicKey": self.public_key }),
            ),
            "Encapsulate" => (&self.encapsulation, json!({ "EncapsulationAlgorithm": "ML_KEM" })),
            "Decapsulate" => (
                &self.encapsulation,
                json!({
                    "EncapsulationAlgorithm": "ML_KEM",
                    "SharedSecretCiphertextBlob": self.encapsulated,
                }),
            ),
            _ => return None,
        })
    }
}

/// The input with the key it is about.
fn with(key: &str, mut input: Value) -> Value {
    input["KeyId"] = json!(key);
    input
}

impl Scene {
    /// The keys alone, for calls of KMS.
    pub(crate) fn with_keys(server: &Door, name: &str) -> Self {
        let (key, other) = (server.new_key(), server.new_key());
        let primary = server.new_multi_region_key(&[OTHER_REGION]);
        let made = server.call("Encrypt", &json!({ "KeyId": key, "Plaintext": "eA==" })).ok();
        let ciphertext = made["CiphertextBlob"].as_str().unwrap().to_owned();
        let alias = json!({ "AliasName": format!("alias/{name}"), "TargetKeyId": key });
        server.call("CreateAlias", &alias).ok();
        Self {
            name: name.to_owned(),
            key,
            other,
            primary,
            ciphertext,
            asymmetric: Asymmetric::make(server),
            access_key_id: String::new(),
            sealed_item: Value::Null,
            door: server.clone(),
            imported: OnceCell::new(),
            grouped: OnceCell::new(),
            grant: OnceCell::new(),
            event: OnceCell::new(),
        }
    }

    /// Everything.
    pub(crate) fn set(server: &Door, name: &str) -> Self {
        let mut scene = Self::with_keys(server, name);
        let user = server.new_user(&format!("user-{name}"), ALLOW);
        let role = format!("/v1/roles/role-{name}");
        let body = json!({
            "roleName": format!("role-{name}"), "assumeRolePolicyDocument": oidc::trust(),
        });
        server.rest("POST", "/v1/roles", &body).ok();
        server.rest("PUT", &format!("{role}/policies/p"), &json!({ "policy": ALLOW })).ok();
        let boundary = json!({ "permissionsBoundary": ALLOW });
        server.rest("PUT", &format!("{role}/permissions-boundary"), &boundary).ok();
        scene.access_key_id = user.access_key_id;
        for operation in ["PutItemSchema", "EncryptItems"] {
            let answer = scene.call(server, operation).ok();
            scene.sealed_item = answer["items"][0]["item"].clone();
        }
        scene
    }

    /// Makes the call as the administrator.
    pub(crate) fn call(&self, server: &Door, operation: &str) -> Response {
        self.call_as(server, &server.admin, operation)
    }

    /// Makes the call as somebody.
    pub(crate) fn call_as(&self, server: &Door, who: &Credentials, operation: &str) -> Response {
        let (service, request) = self.request(operation);
        server.send_as(who, service, &request)
    }

    /// The call, not yet signed, and the service that it is to be signed for.
    pub(crate) fn request(&self, operation: &str) -> (&'static str, Request) {
        let known = operations().into_iter().find(|known| known.name == operation).unwrap();
        match known.service {
            Service::Kms => ("kms", Request::kms(operation, self.kms_input(operation).to_string())),
            Service::Cloudtrail => {
                ("cloudtrail", Request::cloudtrail(operation, cloudtrail_input(operation)))
            }
            Service::Sts
                if matches!(operation, "AssumeRoleWithWebIdentity" | "GetSessionToken") =>
            {
                ("sts", self.form(operation))
            }
            _ => {
                let (method, path, body) = self.rest_input(operation);
                let body = if body.is_null() { String::new() } else { body.to_string() };
                ("wardbook", Request::new(method, &path, body))
            }
        }
    }

    /// The key that a call of the operation is about.
    pub(crate) fn key_of(&self, operation: &str) -> &str {
        match operation {
            "DeleteImportedKeyMaterial" | "GetParametersForImport" | "ImportKeyMaterial" => {
                &self.imported().key
            }
            _ => self.asymmetric.input(operation).map_or(&self.key, |(key, _)| key),
        }
    }

    /// Makes what would only be made when a call is about it.
    pub(crate) fn complete(&self) {
        self.imported();
        self.grant_id();
        self.event();
        self.groups();
    }

    /// Lets calls be about this grant.
    pub(crate) fn use_grant(&self, id: &str) {
        self.grant.set(id.to_owned()).unwrap();
    }

    fn grant_id(&self) -> &str {
        self.grant.get_or_init(|| {
            let input = json!({
                "KeyId": self.key, "GranteePrincipal": USER, "Operations": ["Decrypt"],
            });
            let made = self.door.call("CreateGrant", &input).ok();
            made["GrantId"].as_str().unwrap().to_owned()
        })
    }

    /// A group with the user in it, and an empty one.
    fn groups(&self) -> [String; 2] {
        let paths = ["group", "empty"].map(|group| format!("/v1/groups/{group}-{}", self.name));
        self.grouped.get_or_init(|| {
            for path in &paths {
                let body = json!({ "groupName": path.rsplit('/').next() });
                self.door.rest("POST", "/v1/groups", &body).ok();
            }
            let member = format!("{}/users/user-{}", paths[0], self.name);
            self.door.rest("PUT", &member, &Value::Null).ok();
        });
        paths
    }

    fn event(&self) -> &str {
        self.event.get_or_init(|| {
            let first = self.door.events("eventName=Initialize");
            first[0]["eventID"].as_str().unwrap().to_owned()
        })
    }

    fn imported(&self) -> &Imported {
        self.imported.get_or_init(|| {
            let key = import::new_key(&self.door, &json!({ "Description": self.name }));
            let wrapping = Wrapping::of(&self.door, &key, "RSAES_OAEP_SHA_256", "RSA_2048");
            let month_s = 30 * 86_400;
            let again = json!({
                "KeyId": key,
                "ImportToken": wrapping.token,
                "EncryptedKeyMaterial": wrapping.wrap(&[7; 32]),
                "ExpirationModel": "KEY_MATERIAL_EXPIRES",
                "ValidTo": self.door.clock.now_ms() / 1_000 + month_s,
                "KeyMaterialDescription": "from the safe",
            });
            self.door.call("ImportKeyMaterial", &again).ok();
            Imported { key, again }
        })
    }

    /// The input of an operation of KMS.
    pub(crate) fn kms_input(&self, operation: &str) -> Value {
        if let Some((key, input)) = self.asymmetric.input(operation) {
            return with(key, input);
        }
        if let Some(input) = self.store_or_grant_input(operation) {
            return input;
        }
        let Self { name, key, other, primary, ciphertext, .. } = self;
        let alias = format!("alias/{name}");
        match operation {
            "CancelKeyDeletion"
            | "DescribeKey"
            | "DisableKey"
            | "DisableKeyRotation"
            | "EnableKey"
            | "GetKeyLastUsage"
            | "GetKeyPolicy"
            | "GetKeyRotationStatus"
            | "ListAliases"
            | "ListKeyPolicies"
            | "ListResourceTags"
            | "RotateKeyOnDemand" => json!({ "KeyId": key }),
            "CreateAlias" => {
                json!({ "AliasName": format!("alias/{name}/new"), "TargetKeyId": key })
            }
            "CreateKey" => json!({ "Description": name }),
            "Decrypt" => json!({ "CiphertextBlob": ciphertext }),
            "DeleteAlias" => json!({ "AliasName": alias }),
            "DeleteImportedKeyMaterial" => json!({ "KeyId": self.key_of(operation) }),
            "Encrypt" => json!({
                "KeyId": key, "Plaintext": "cGxhaW4=", "EncryptionContext": { "tenant": "7" },
            }),
            "EnableKeyRotation" => json!({ "KeyId": key, "RotationPeriodInDays": 180 }),
            "GenerateDataKey" | "GenerateDataKeyWithoutPlaintext" => {
                json!({ "KeyId": key, "KeySpec": "AES_256" })
            }
            "GenerateDataKeyPair" | "GenerateDataKeyPairWithoutPlaintext" => json!({
                "KeyId": key, "KeyPairSpec": "ECC_NIST_P256",
                "EncryptionContext": { "tenant": "7" },
            }),
            "GenerateRandom" => json!({ "NumberOfBytes": 16 }),
            "ListKeyRotations" => {
                json!({ "KeyId": key, "IncludeKeyMaterial": "ALL_KEY_MATERIAL", "Limit": 10 })
            }
            "GetParametersForImport" => json!({
                "KeyId": self.key_of(operation),
                "WrappingAlgorithm": "RSAES_OAEP_SHA_256",
                "WrappingKeySpec": "RSA_2048",
            }),
            "ImportKeyMaterial" => self.imported().again.clone(),
            "ListKeys" => json!({ "Limit": 1 }),
            "PutKeyPolicy" => json!({ "KeyId": key, "Policy": KEY_POLICY }),
            "ReEncrypt" => json!({ "CiphertextBlob": ciphertext, "DestinationKeyId": other }),
            "ReplicateKey" => json!({ "KeyId": primary, "ReplicaRegion": THIRD_REGION }),
            "ScheduleKeyDeletion" => json!({ "KeyId": key, "PendingWindowInDays": 7 }),
            "TagResource" => {
                json!({ "KeyId": key, "Tags": [{ "TagKey": "team", "TagValue": "a" }] })
            }
            "UntagResource" => json!({ "KeyId": key, "TagKeys": ["team"] }),
            "UpdateAlias" => json!({ "AliasName": alias, "TargetKeyId": other }),
            "UpdateKeyDescription" => json!({ "KeyId": key, "Description": "new" }),
            "UpdatePrimaryRegion" => json!({ "KeyId": primary, "PrimaryRegion": OTHER_REGION }),
            new => panic!("{new} has no call here yet"),
        }
    }

    /// The input of an operation on custom key stores or grants.
    fn store_or_grant_input(&self, operation: &str) -> Option<Value> {
        let Self { name, key, .. } = self;
        Some(match operation {
            "ConnectCustomKeyStore" | "DeleteCustomKeyStore" | "DisconnectCustomKeyStore" => {
                json!({ "CustomKeyStoreId": NO_STORE })
            }
            "CreateCustomKeyStore" => json!({
                "CustomKeyStoreName": name, "CloudHsmClusterId": "cluster-2a34b5cdefg",
                "TrustAnchorCertificate": "-----BEGIN CERTIFICATE-----",
                "KeyStorePassword": STORE_PASSWORD,
            }),
            "CreateGrant" => json!({
                "KeyId": key, "GranteePrincipal": USER, "Name": name,
                "Operations": ["Decrypt", "RetireGrant"],
                "Constraints": { "EncryptionContextSubset": { "tenant": "7" } },
            }),
            "DescribeCustomKeyStores" => json!({}),
            "ListGrants" => json!({ "KeyId": key, "GranteePrincipal": USER }),
            "ListRetirableGrants" => json!({ "RetiringPrincipal": USER }),
            "RetireGrant" => json!({
                "KeyId": format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{key}"),
                "GrantId": self.grant_id(),
            }),
            "RevokeGrant" => json!({ "KeyId": key, "GrantId": self.grant_id() }),
            "UpdateCustomKeyStore" => {
                json!({ "CustomKeyStoreId": NO_STORE, "KeyStorePassword": STORE_PASSWORD })
            }
            _ => return None,
        })
    }

    /// The form of an operation of STS that the REST API does not have.
    fn form(&self, operation: &str) -> Request {
        let mut form = format!("Action={operation}&Version=2011-06-15");
        if operation == "AssumeRoleWithWebIdentity" {
            let role = format!("arn:aws:iam::{ACCOUNT}:role/role-{}", self.name);
            let token = oidc::token(self.door.clock.now_ms(), &json!({}));
            form += &format!("&RoleArn={role}&RoleSessionName=session&WebIdentityToken={token}");
        }
        Request::new("POST", "/", form).with("content-type", "application/x-www-form-urlencoded")
    }

    /// Method, path and body of wardbook's own operations.
    fn rest_input(&self, operation: &str) -> (&'static str, String, Value) {
        let (name, nothing) = (&self.name, Value::Null);
        let user = format!("/v1/users/user-{name}");
        let role = format!("/v1/roles/role-{name}");
        let access_key = format!("{user}/access-keys/{}", self.access_key_id);
        let schema = format!("/v1/item-schemas/{name}");
        let more = self
            .identity_input(operation)
            .or_else(|| self.policy_input(operation))
            .or_else(|| self.audit_input(operation));
        if let Some(input) = more {
            return input;
        }
        match operation {
            "AssumeRole" => {
                ("POST", format!("{role}/sessions"), json!({ "sessionName": "session" }))
            }
            "AttachPolicy" => ("PUT", format!("{user}/policies/q"), json!({ "policy": ALLOW })),
            "CreateAccessKey" => ("POST", format!("{user}/access-keys"), nothing),
            "CreateRole" => {
                ("POST", "/v1/roles".to_owned(), json!({ "roleName": format!("new-{name}") }))
            }
            "CreateUser" => {
                ("POST", "/v1/users".to_owned(), json!({ "userName": format!("new-{name}") }))
            }
            "DecryptItems" => (
                "POST",
                format!("{schema}/decrypt"),
                json!({ "format": "dynamodb", "items": [self.sealed_item] }),
            ),
            "DeleteAccessKey" => ("DELETE", access_key, nothing),
            "DeleteRole" => ("DELETE", role, nothing),
            "DeleteUser" => ("DELETE", user, nothing),
            "DetachPolicy" => ("DELETE", format!("{user}/policies/p"), nothing),
            "EncryptItems" => (
                "POST",
                format!("{schema}/encrypt"),
                json!({ "format": "dynamodb", "items": [{ "pk": { "S": "1" }, "ssn": { "S": "123-45-6789" } }] }),
            ),
            "GetCallerIdentity" => ("GET", "/v1/caller-identity".to_owned(), nothing),
            "GetItemSchema" => ("GET", schema, nothing),
            "ListItemSchemaVersions" => ("GET", format!("{schema}/versions"), nothing),
            "ListItemSchemas" => ("GET", "/v1/item-schemas".to_owned(), nothing),
            "ListPrincipals" => ("GET", "/v1/principals".to_owned(), nothing),
            "PutItemSchema" => ("PUT", schema, self.schema()),
            "ReEncryptItems" => {
                ("POST", format!("{schema}/re-encrypt"), json!({ "items": [self.sealed_item] }))
            }
            "RewrapItems" => {
                ("POST", format!("{schema}/rewrap"), json!({ "items": [self.sealed_item] }))
            }
            "UpdateAccessKey" => ("PUT", access_key, json!({ "status": "Inactive" })),
            new => panic!("{new} has no call here yet"),
        }
    }

    /// The same of those on the book.
    fn audit_input(&self, operation: &str) -> Option<(&'static str, String, Value)> {
        let nothing = Value::Null;
        Some(match operation {
            "GetCheckpoint" => ("GET", "/v1/audit/checkpoint".to_owned(), nothing),
            "GetConsistencyProof" => {
                ("GET", "/v1/audit/consistency-proof?from=1&to=2".to_owned(), nothing)
            }
            "GetInclusionProof" => (
                "GET",
                format!("/v1/audit/inclusion-proof?eventId={}&size=2", self.event()),
                nothing,
            ),
            "CreateBackup" => ("POST", "/v1/backups".to_owned(), nothing),
            "CountEvents" => (
                "GET",
                "/v1/audit/counts?eventName=Encrypt&eventName=Decrypt&groupBy=day".to_owned(),
                nothing,
            ),
            "EraseEventFields" => {
                let input = json!({
                    "eventName": ["NeverCalled"],
                    "fields": ["userAgent"],
                    "reason": "a test",
                });
                ("POST", "/v1/audit/erase".to_owned(), input)
            }
            "ExportEvents" => {
                ("GET", "/v1/audit/export?eventName=Encrypt&format=csv".to_owned(), nothing)
            }
            // It would have an end long ago.
            "FollowEvents" => {
                ("GET", "/v1/audit/events/follow?to=2026-01-01&lastEventId=0".to_owned(), nothing)
            }
            "QueryFieldReads" => {
                ("GET", "/v1/audit/field-reads?table=T&attribute=a&limit=1".to_owned(), nothing)
            }
            "QueryEvents" => {
                ("GET", "/v1/audit/events?eventName=Encrypt&limit=1".to_owned(), nothing)
            }
            _ => return None,
        })
    }

    /// The same of those on policies.
    fn policy_input(&self, operation: &str) -> Option<(&'static str, String, Value)> {
        Some(match operation {
            "Diff" => {
                let input = json!({ "keyId": self.key, "new": KEY_POLICY });
                ("POST", "/v1/policy/diff".to_owned(), input)
            }
            "GetKeyPolicyWithTests" => {
                ("GET", format!("/v1/keys/{}/policy", self.key), Value::Null)
            }
            "PutKeyPolicyWithTests" => {
                let tests = json!([{
                    "name": "the account administers", "decision": "allow",
                    "request": { "principal": format!("arn:aws:iam::{ACCOUNT}:root"),
                                 "action": "kms:PutKeyPolicy" },
                }]);
                let input = json!({ "policy": KEY_POLICY, "tests": tests });
                ("PUT", format!("/v1/keys/{}/policy", self.key), input)
            }
            "Explain" => ("POST", "/v1/policy/explain".to_owned(), self.hypothesis()),
            "Simulate" => {
                let mut input = self.hypothesis();
                input["policy"] = json!(KEY_POLICY);
                ("POST", "/v1/policy/simulate".to_owned(), input)
            }
            "WhatCan" => ("POST", "/v1/policy/what-can".to_owned(), json!({ "principal": USER })),
            "WhoCan" => {
                let input = json!({ "action": "kms:Decrypt", "keyId": self.key });
                ("POST", "/v1/policy/who-can".to_owned(), input)
            }
            _ => return None,
        })
    }

    /// A request that somebody could make.
    fn hypothesis(&self) -> Value {
        json!({ "principal": USER, "action": "kms:Decrypt", "keyId": self.key })
    }

    /// The same of those on accounts, groups, boundaries, tags and trust.
    fn identity_input(&self, operation: &str) -> Option<(&'static str, String, Value)> {
        let (name, nothing) = (&self.name, Value::Null);
        let user = format!("/v1/users/user-{name}");
        let role = format!("/v1/roles/role-{name}");
        let boundary = json!({ "permissionsBoundary": ALLOW });
        // Twelve digits of its own.
        let number = name.bytes().fold(7_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 1_000_000);
        let account = json!({ "accountId": format!("900000{number:06}"), "accountName": name });
        Some(match operation {
            "AddUserToGroup" => ("PUT", format!("{}/users/user-{name}", self.groups()[1]), nothing),
            "CreateAccount" => ("POST", "/v1/accounts".to_owned(), account),
            "CreateGroup" => {
                ("POST", "/v1/groups".to_owned(), json!({ "groupName": format!("new-{name}") }))
            }
            "DeleteGroup" => ("DELETE", self.groups()[1].clone(), nothing),
            "DeletePermissionsBoundary" => {
                ("DELETE", format!("{role}/permissions-boundary"), nothing)
            }
            "GetPrincipal" => ("GET", role, nothing),
            "ListAccounts" => ("GET", "/v1/accounts".to_owned(), nothing),
            "PutPermissionsBoundary" => ("PUT", format!("{user}/permissions-boundary"), boundary),
            "RemoveUserFromGroup" => {
                ("DELETE", format!("{}/users/user-{name}", self.groups()[0]), nothing)
            }
            "TagPrincipal" => (
                "POST",
                format!("{user}/tags"),
                json!({ "tags": [{ "key": "team", "value": "a" }] }),
            ),
            "UntagPrincipal" => ("POST", format!("{user}/untag"), json!({ "tagKeys": ["team"] })),
            "UpdateRole" => ("PUT", role, json!({ "maxSessionDurationSeconds": 7_200 })),
            _ => return None,
        })
    }

    fn schema(&self) -> Value {
        json!({
            "tableName": self.name,
            "partitionKeyName": "pk",
            "keyId": format!("alias/{}", self.name),
            "attributeActionsOnEncrypt": { "pk": "SIGN_ONLY", "ssn": "ENCRYPT_AND_SIGN" },
        })
    }
}

/// The input of an operation of CloudTrail.
fn cloudtrail_input(operation: &str) -> String {
    match operation {
        "GetTrail" | "GetTrailStatus" => json!({ "Name": "wardbook" }),
        "LookupEvents" => json!({
            "LookupAttributes": [{ "AttributeKey": "EventName", "AttributeValue": "Encrypt" }],
            "MaxResults": 1,
        }),
        _ => json!({}),
    }
    .to_string()
}

/// `message`, in base64.
const MESSAGE: &str = "bWVzc2FnZQ==";
/// The refusal that even a good call of this operation meets, because there is
/// nothing yet that it could be about.
pub(crate) fn refusal(operation: &str) -> Option<&'static str> {
    Some(match operation {
        "ConnectCustomKeyStore"
        | "DeleteCustomKeyStore"
        | "DisconnectCustomKeyStore"
        | "UpdateCustomKeyStore" => "CustomKeyStoreNotFoundException",
        "CreateCustomKeyStore" => "CloudHsmClusterNotFoundException",
        // A trail is made by the settings of the server.
        "GetTrail" | "GetTrailStatus" => "TrailNotFoundException",
        _ => return None,
    })
}

/// A principal for grants.
const USER: &str = "arn:aws:iam::111122223333:user/admin";
/// A custom key store that does not exist.
const NO_STORE: &str = "cks-1234567890abcdef0";
/// The password of its CloudHSM user.
pub(crate) const STORE_PASSWORD: &str = "kmsPswd-of-a-store";

/// An identity policy that allows everything.
pub(crate) const ALLOW: &str = "permit (principal, action, resource);";
/// The default key policy, on one line.
const KEY_POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"kms:*","Resource":"*"}]}"#;
