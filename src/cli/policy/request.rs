//! A request as the command line describes it: one of the book, or one that
//! somebody could make.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::error::Error;

#[derive(Args)]
pub(super) struct Request {
    /// ARN of the caller: root, a user, a role, or a session of a role
    #[arg(long, value_name = "ARN", required_unless_present_any = ["request_id", "event_id", "provider"])]
    principal: Option<String>,
    /// Action, such as kms:Decrypt
    #[arg(long, required_unless_present_any = ["request_id", "event_id"], value_parser = action)]
    action: Option<String>,
    /// Id, ARN or alias of the key; with nothing named, the account itself is asked about
    #[arg(long)]
    key: Option<String>,
    /// Name of the alias, for actions on aliases, such as alias/app
    #[arg(long, value_name = "NAME")]
    alias: Option<String>,
    /// Name of the schema, for actions on items
    #[arg(long, value_name = "NAME")]
    item_schema: Option<String>,
    /// Schema and name of the attribute, for items:DecryptAttribute, such as people/ssn
    #[arg(long, value_name = "SCHEMA/NAME")]
    attribute: Option<String>,
    /// Name or ARN of the role, for sts:AssumeRole and actions on roles
    #[arg(long, value_name = "ARN")]
    role: Option<String>,
    /// Name or ARN of the user, for actions on users
    #[arg(long, value_name = "ARN")]
    user: Option<String>,
    /// Name or ARN of the group, for actions on groups
    #[arg(long, value_name = "ARN")]
    group: Option<String>,
    /// Issuer of the caller's token, for sts:AssumeRoleWithWebIdentity, instead of a principal
    #[arg(long, value_name = "ISSUER", requires_all = ["audience", "subject"], conflicts_with = "principal")]
    provider: Option<String>,
    /// Audience of the caller's token
    #[arg(long, requires = "provider")]
    audience: Option<String>,
    /// Subject of the caller's token
    #[arg(long, requires = "provider")]
    subject: Option<String>,
    /// Pair of the encryption context; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    context: Vec<(String, String)>,
    /// Address that the call comes from
    #[arg(long, value_name = "ADDRESS")]
    source_ip: Option<String>,
    /// Service that calls for the caller: the value of kms:ViaService
    #[arg(long, value_name = "SERVICE")]
    via: Option<String>,
    /// What items are read for: the value of items:Purpose
    #[arg(long)]
    purpose: Option<String>,
    /// Tag of the caller; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    tag: Vec<(String, String)>,
    /// Value of any other condition key, such as kms:GrantOperations=Decrypt; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    condition: Vec<(String, String)>,
    /// Time of the call, such as 2026-11-02T10:00:00Z [default: now]
    #[arg(long)]
    time: Option<String>,
    /// Whether the call comes over TLS [default: as this one does]
    #[arg(long, value_name = "BOOL")]
    tls: Option<bool>,
    /// A call in the book, instead of all of these
    #[arg(
        long,
        value_name = "UUID",
        conflicts_with_all = [
            "principal", "action", "key", "alias", "item_schema", "attribute", "role", "user",
            "group", "provider", "audience", "subject", "context", "source_ip", "via", "purpose",
            "tag", "condition", "time", "tls",
        ]
    )]
    request_id: Option<String>,
    /// The same, by the id of its record
    #[arg(
        long,
        value_name = "UUID",
        conflicts_with_all = [
            "request_id", "principal", "action", "key", "alias", "item_schema", "role", "user",
            "group", "provider", "audience", "subject", "context", "source_ip", "via", "tag",
            "condition", "time", "tls",
        ]
    )]
    event_id: Option<String>,
}

impl Request {
    /// The members of the operation's input.
    pub(super) fn members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        let texts = [
            ("principal", &self.principal),
            ("action", &self.action),
            ("keyId", &self.key),
            ("aliasName", &self.alias),
            ("itemSchema", &self.item_schema),
            ("attribute", &self.attribute),
            ("roleName", &self.role),
            ("userName", &self.user),
            ("groupName", &self.group),
            ("sourceIp", &self.source_ip),
            ("time", &self.time),
            ("requestId", &self.request_id),
            ("eventId", &self.event_id),
        ];
        for (name, value) in texts {
            if let Some(value) = value {
                members.insert(name.to_owned(), json!(value));
            }
        }
        if let Some(provider) = &self.provider {
            let who = json!({
                "provider": provider, "audience": self.audience, "subject": self.subject,
            });
            members.insert("webIdentity".to_owned(), who);
        }
        if let Some(tls) = self.tls {
            members.insert("secureTransport".to_owned(), json!(tls));
        }
        let via = self.via.iter().map(|via| ("kms:ViaService".to_owned(), via.clone()));
        let purpose = self.purpose.iter().map(|text| ("items:Purpose".to_owned(), text.clone()));
        let conditions: Vec<_> = self.condition.iter().cloned().chain(via).chain(purpose).collect();
        for (name, pairs) in [
            ("encryptionContext", &self.context),
            ("principalTags", &self.tag),
            ("conditions", &conditions),
        ] {
            if !pairs.is_empty() {
                let pairs: BTreeMap<&str, &str> =
                    pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
                members.insert(name.to_owned(), json!(pairs));
            }
        }
        members
    }
}

/// The members of the input that its errors name, and the flags that are meant.
const FLAGS: [(&str, &str); 13] = [
    ("keyId", "--key"),
    ("aliasName", "--alias"),
    ("itemSchema", "--item-schema"),
    ("roleName", "--role"),
    ("userName", "--user"),
    ("groupName", "--group"),
    ("webIdentity", "--provider, --audience and --subject"),
    ("requestId", "--request-id"),
    ("eventId", "--event-id"),
    ("sourceIp", "--source-ip"),
    ("secureTransport", "--tls"),
    ("principalTags", "--tag"),
    ("encryptionContext", "--context"),
];

/// The same refusal in the words of the command line.
pub(super) fn in_flags(error: Error) -> Error {
    match error {
        Error::Refused { code, message, request_id } if code == "ValidationException" => {
            let message =
                FLAGS.iter().fold(message, |message, (member, flag)| message.replace(member, flag));
            Error::Refused { code, message, request_id }
        }
        other => other,
    }
}

/// Reads an action. Of the names of AWS's operations, one is no action.
pub(super) fn action(text: &str) -> Result<String, String> {
    match text.eq_ignore_ascii_case("kms:ReEncrypt") {
        true => Err("it is two actions: kms:ReEncryptFrom and kms:ReEncryptTo".to_owned()),
        false => Ok(text.to_owned()),
    }
}

/// Reads `KEY=VALUE`.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("a pair is written KEY=VALUE".to_owned()),
    }
}
