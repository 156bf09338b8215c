//! What a recorded call says to policies, from its `requestParameters`: the same
//! as the operation said while it ran.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::base::algorithm::EncryptionAlgorithm;
use crate::base::context::EncryptionContext;
use crate::base::spec::MultiRegionRole;
use crate::policy::actions::Action;
use crate::policy::fact::{self, Fact, Kind, Said};

/// What one member says.
struct Parameter {
    /// The operations that say it; of all if empty.
    of: &'static [&'static str],
    name: &'static str,
    fact: Fact,
    /// What holds where the member was left out.
    default: Option<&'static str>,
}

const fn any(name: &'static str, fact: Fact) -> Parameter {
    Parameter { of: &[], name, fact, default: None }
}

const fn only(of: &'static [&'static str], name: &'static str, fact: Fact) -> Parameter {
    Parameter { of, name, fact, default: None }
}

impl Parameter {
    const fn or(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }
}

const ASSUME_ROLE: &[&str] = &["AssumeRole"];
/// Operations that make sessions of roles.
const MAKE_SESSIONS: &[&str] = &["AssumeRole", "AssumeRoleWithWebIdentity"];
/// Operations that read items.
const READ_ITEMS: &[&str] = &["DecryptItems"];
const CREATE_GRANT: &[&str] = &["CreateGrant"];
const CREATE_KEY: &[&str] = &["CreateKey"];
/// Operations on the policy of a key.
const OF_POLICY: &[&str] =
    &["GetKeyPolicy", "GetKeyPolicyWithTests", "PutKeyPolicy", "PutKeyPolicyWithTests"];
/// Operations that say whether a service asks for its own resource.
const ON_GRANTS: &[&str] = &["CreateGrant", "ListGrants", "RevokeGrant"];

/// By the name that the record has for the member.
const PARAMETERS: &[Parameter] = &[
    any("encryptionAlgorithm", Fact::EncryptionAlgorithm),
    any("expirationModel", Fact::ExpirationModel),
    any("keyAgreementAlgorithm", Fact::KeyAgreementAlgorithm),
    any("keyPairSpec", Fact::DataKeyPairSpec),
    any("macAlgorithm", Fact::MacAlgorithm),
    any("messageType", Fact::MessageType),
    any("primaryRegion", Fact::PrimaryRegion),
    any("replicaRegion", Fact::ReplicaRegion),
    any("signingAlgorithm", Fact::SigningAlgorithm),
    any("tagKeys", Fact::TagKeys),
    any("wrappingAlgorithm", Fact::WrappingAlgorithm),
    any("wrappingKeySpec", Fact::WrappingKeySpec),
    only(ASSUME_ROLE, "externalId", Fact::ExternalId),
    only(ASSUME_ROLE, "transitiveTagKeys", Fact::TransitiveTagKeys),
    only(READ_ITEMS, "purpose", Fact::Purpose),
    only(MAKE_SESSIONS, "roleSessionName", Fact::RoleSessionName),
    only(OF_POLICY, "policyName", Fact::PolicyName).or("default"),
    only(ON_GRANTS, "", Fact::GrantIsForAwsResource).or("false"),
    only(CREATE_GRANT, "granteePrincipal", Fact::GranteePrincipal),
    only(CREATE_GRANT, "granteeServicePrincipal", Fact::GranteeServicePrincipal),
    only(CREATE_GRANT, "operations", Fact::GrantOperations),
    only(CREATE_GRANT, "retiringPrincipal", Fact::RetiringPrincipal),
    only(CREATE_GRANT, "retiringServicePrincipal", Fact::RetiringServicePrincipal),
    only(CREATE_KEY, "keyUsage", Fact::KeyUsage),
    only(CREATE_KEY, "multiRegion", Fact::MultiRegion).or("false"),
    only(CREATE_KEY, "origin", Fact::KeyOrigin),
    only(&["EnableKeyRotation"], "rotationPeriodInDays", Fact::RotationPeriodInDays).or("365"),
    only(
        &["ScheduleKeyDeletion"],
        "pendingWindowInDays",
        Fact::ScheduleKeyDeletionPendingWindowInDays,
    )
    .or("30"),
];

/// The call, as its record has it.
#[derive(Clone, Copy)]
pub(super) struct Parameters<'a> {
    record: &'a Value,
    event: &'a str,
    action: Action,
}

impl<'a> Parameters<'a> {
    pub(super) fn of(record: &'a Value, action: Action) -> Self {
        let event = record.get("eventName").and_then(Value::as_str).unwrap_or_default();
        Self { record, event, action }
    }

    fn find(self, name: &str) -> Option<&'a Value> {
        self.record.get("requestParameters")?.get(name)
    }

    fn text(self, name: &str) -> Option<&'a str> {
        self.find(name)?.as_str()
    }

    /// What the operation said of its input.
    pub(super) fn said(self) -> Said {
        let mut said = Said::new();
        let says =
            |parameter: &&Parameter| parameter.of.is_empty() || parameter.of.contains(&self.event);
        for parameter in PARAMETERS.iter().filter(says) {
            let default = parameter.default.map(Value::from);
            let value = self.find(parameter.name).or(default.as_ref());
            if let Some(value) = value.and_then(|value| read(parameter.fact, value)) {
                said.say(parameter.fact, value);
            }
        }
        if let Some(Value::Bool(true)) = self.find("bypassPolicyLockoutSafetyCheck") {
            said.say(Fact::BypassPolicyLockoutSafetyCheck, true.into());
        }
        self.say_tags(&mut said);
        match self.event {
            "CreateGrant" => self.say_constraints(&mut said),
            "CreateKey" => self.say_new_key(&mut said),
            "ReEncrypt" => {
                let name = match self.action == Action::RE_ENCRYPT_FROM {
                    true => "sourceEncryptionAlgorithm",
                    false => "destinationEncryptionAlgorithm",
                };
                if let Some(algorithm) = self.text(name) {
                    said.say(Fact::EncryptionAlgorithm, algorithm.to_owned().into());
                }
            }
            event if event.starts_with("GenerateDataKey") => {
                let only = EncryptionAlgorithm::SymmetricDefault.as_str();
                said.say(Fact::EncryptionAlgorithm, only.into());
            }
            _ => {}
        }
        said
    }

    fn say_tags(self, said: &mut Said) {
        let tags = self.find("tags").and_then(Value::as_array);
        // Those that a session hands on to the next.
        let handed_on = self.find("incomingTransitiveTags").and_then(Value::as_object);
        if tags.is_none() && handed_on.is_none() {
            return;
        }
        // KMS has other names for the two than IAM and STS.
        let pairs = tags.into_iter().flatten().filter_map(|tag| {
            let member = |names: [&str; 2]| {
                names.iter().find_map(|name| tag.get(*name)?.as_str().map(str::to_owned))
            };
            Some((member(["tagKey", "key"])?, member(["tagValue", "value"])?))
        });
        let handed_on = handed_on.into_iter().flatten();
        let handed_on =
            handed_on.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        let pairs: BTreeMap<String, String> = handed_on.chain(pairs).collect();
        if pairs.is_empty() && self.event == "AssumeRole" {
            return;
        }
        said.say(Fact::TagKeys, pairs.keys().cloned().collect::<Vec<_>>().into());
        said.say(Fact::RequestTags, pairs.into());
    }

    fn say_constraints(self, said: &mut Said) {
        let Some(constraints) = self.find("constraints") else { return };
        let pairs = |name: &str| constraints.get(name)?.as_object().filter(|map| !map.is_empty());
        let source = constraints.get("sourceArn").and_then(Value::as_str);
        let kinds = [
            ("EncryptionContextEquals", pairs("encryptionContextEquals").is_some()),
            ("EncryptionContextSubset", pairs("encryptionContextSubset").is_some()),
            ("SourceArn", source.is_some()),
        ];
        if let Some((kind, _)) = kinds.into_iter().find(|(_, is_there)| *is_there) {
            said.say(Fact::GrantConstraintType, kind.into());
        }
        if let Some(source) = source {
            said.say(Fact::GrantConstraintSourceArn, source.to_owned().into());
        }
    }

    fn say_new_key(self, said: &mut Said) {
        // Both names are recorded with the default, whichever the caller used.
        let names = ["keySpec", "customerMasterKeySpec"].map(|name| self.text(name));
        let chosen = names.into_iter().flatten().find(|spec| *spec != "SYMMETRIC_DEFAULT");
        let spec = chosen.unwrap_or("SYMMETRIC_DEFAULT");
        said.say(Fact::KeySpec, spec.to_owned().into());
        if let Some(Value::Bool(true)) = self.find("multiRegion") {
            said.say(Fact::MultiRegionKeyType, MultiRegionRole::Primary.as_str().into());
        }
    }

    /// The encryption context that was decided on.
    pub(super) fn encryption_context(self) -> EncryptionContext {
        let pairs = |value: Option<&Value>| -> BTreeMap<String, String> {
            value.and_then(|pairs| serde_json::from_value(pairs.clone()).ok()).unwrap_or_default()
        };
        EncryptionContext::new(match self.event {
            "CreateGrant" => {
                let constraints = self.find("constraints");
                let of = |name: &str| pairs(constraints.and_then(|held| held.get(name)));
                let mut all = of("encryptionContextSubset");
                all.extend(of("encryptionContextEquals"));
                all
            }
            "ReEncrypt" if self.action == Action::RE_ENCRYPT_FROM => {
                pairs(self.find("sourceEncryptionContext"))
            }
            "ReEncrypt" => pairs(self.find("destinationEncryptionContext")),
            _ => pairs(self.find("encryptionContext")),
        })
    }

    /// The alias by which the caller named the key, if by one.
    pub(super) fn alias(self) -> Option<&'a str> {
        let member = match self.event {
            "ReEncrypt" if self.action == Action::RE_ENCRYPT_FROM => "sourceKeyId",
            "ReEncrypt" => "destinationKeyId",
            _ => "keyId",
        };
        let name = self.text(member).filter(|name| name.contains("alias/"))?;
        Some(name.rsplit_once(':').map_or(name, |(_, name)| name))
    }

    /// What a policy may have read and no record says.
    pub(super) fn missing(self) -> Vec<String> {
        let mut missing = vec![
            "whether the call came over TLS".to_owned(),
            "the grant tokens of the call".to_owned(),
        ];
        if self.find("omitted").is_some() {
            missing.push("the parameters of the call, which were too long to record".to_owned());
        }
        if let Some(Value::Bool(false)) = self.find("bypassPolicyLockoutSafetyCheck") {
            missing.push("whether BypassPolicyLockoutSafetyCheck was false or left out".to_owned());
        }
        match self.event {
            "ImportKeyMaterial" => missing.push("when the material was to expire".to_owned()),
            "DisableKey" | "ScheduleKeyDeletion" => {
                missing.push("for how long the key had not been used".to_owned());
            }
            "RetireGrant" => missing.push("what the grant says".to_owned()),
            _ => {}
        }
        missing
    }
}

/// The value of a member, in the type of its fact.
fn read(fact: Fact, value: &Value) -> Option<fact::Value<'static>> {
    let text = || value.as_str().map(str::to_owned);
    Some(match fact.kind() {
        Kind::Bool => value.as_bool().or_else(|| text()?.parse().ok())?.into(),
        Kind::Number => value.as_i64().or_else(|| text()?.parse().ok())?.into(),
        Kind::Texts => {
            let entries = value.as_array()?.iter();
            entries.filter_map(|one| Some(one.as_str()?.to_owned())).collect::<Vec<_>>().into()
        }
        Kind::Text | Kind::Arn | Kind::Date | Kind::Ip | Kind::Tags => text()?.into(),
    })
}
