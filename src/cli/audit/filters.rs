//! The filters that questions share, as flags and as members of a query string.

use clap::{ArgAction, Args};

/// A flag that is given several times has alternatives; different flags must
/// all hold.
#[derive(Args)]
#[command(next_help_heading = "Filters (one given several times: any of them)")]
pub(super) struct Filters {
    /// Not before this time or day, such as 2026-11-02T10:00:00Z or 2026-11-02
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Before this time or day
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// ARN of the caller; that of a role finds all its sessions
    #[arg(long, value_name = "ARN")]
    principal: Vec<String>,
    /// Access key that was used, or claimed
    #[arg(long, value_name = "ID")]
    access_key_id: Vec<String>,
    /// Id, ARN or alias of the key
    #[arg(long, value_name = "KEY")]
    key_id: Vec<String>,
    /// Operation, such as Decrypt
    #[arg(long, value_name = "NAME")]
    event_name: Vec<String>,
    /// Service, such as kms.amazonaws.com
    #[arg(long, value_name = "NAME")]
    event_source: Vec<String>,
    /// Error, such as AccessDenied; or any, or none
    #[arg(long, value_name = "CODE")]
    error_code: Vec<String>,
    /// IP address of the caller, or a network such as 10.1.0.0/16
    #[arg(long, value_name = "ADDRESS")]
    source_ip: Vec<String>,
    /// ARN of a key, alias, role or other thing that the call was about
    #[arg(long, value_name = "ARN")]
    resource: Vec<String>,
    /// A pair of the encryption context, or only its name
    #[arg(long, value_name = "NAME[=VALUE]")]
    context: Vec<String>,
    /// The call with this id
    #[arg(long, value_name = "UUID")]
    request_id: Vec<String>,
    /// The record with this id
    #[arg(long, value_name = "UUID")]
    event_id: Vec<String>,
    /// Only calls that read, or only calls that write
    #[arg(long, value_name = "BOOL", action = ArgAction::Set)]
    read_only: Option<bool>,
    /// Region of the call, such as eu-central-1
    #[arg(long, value_name = "NAME")]
    aws_region: Vec<String>,
    /// Key material that was used
    #[arg(long, value_name = "ID")]
    key_material_id: Vec<String>,
    /// Grant that allowed the call, or that it made or ended
    #[arg(long, value_name = "ID")]
    grant_id: Vec<String>,
    /// Table of the items that were opened, or whose keys were used
    #[arg(long, value_name = "NAME")]
    table: Vec<String>,
    /// Without those that have this, such as event-name=Decrypt
    #[arg(long, value_name = "FILTER=VALUE")]
    not: Vec<String>,
}

impl Filters {
    /// As members of a query string.
    pub(super) fn members(self) -> Vec<(&'static str, String)> {
        let read_only = self.read_only.map(|read_only| read_only.to_string());
        let not = self.not.iter().map(|text| match text.split_once('=') {
            Some((name, value)) => format!("{}={value}", camel(name)),
            None => text.clone(),
        });
        let given = [
            ("from", self.from.into_iter().collect()),
            ("to", self.to.into_iter().collect()),
            ("principal", self.principal),
            ("accessKeyId", self.access_key_id),
            ("keyId", self.key_id),
            ("eventName", self.event_name),
            ("eventSource", self.event_source),
            ("errorCode", self.error_code),
            ("sourceIp", self.source_ip),
            ("resource", self.resource),
            ("context", self.context),
            ("requestId", self.request_id),
            ("eventId", self.event_id),
            ("readOnly", read_only.into_iter().collect()),
            ("awsRegion", self.aws_region),
            ("keyMaterialId", self.key_material_id),
            ("grantId", self.grant_id),
            ("table", self.table),
            ("not", not.collect::<Vec<_>>()),
        ];
        let pairs = given.into_iter().flat_map(|(name, values): (_, Vec<String>)| {
            values.into_iter().map(move |value| (name, value))
        });
        pairs.collect()
    }
}

/// The name of a flag as that of a member: `event-name` is `eventName`.
pub(super) fn camel(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut upper = false;
    for letter in name.chars() {
        match letter {
            '-' => upper = true,
            _ if upper => {
                camel.extend(letter.to_uppercase());
                upper = false;
            }
            _ => camel.push(letter),
        }
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_members() {
        assert_eq!(camel("event-name"), "eventName");
        assert_eq!(camel("accessKeyId"), "accessKeyId");
        assert_eq!(camel("principal"), "principal");
    }
}
