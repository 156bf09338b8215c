//! Records as the rows of a table.

use csv::{Terminator, WriterBuilder};
use serde::Deserialize;
use serde_json::Value;

use crate::audit::Error;

/// The columns of a table: what records can be filtered by. `principal` is the
/// user, or the role of a `session`; several `resources` have a blank between
/// them; `encryptionContext` is JSON.
pub const COLUMNS: [&str; 15] = [
    "eventTime",
    "eventID",
    "requestID",
    "recipientAccountId",
    "awsRegion",
    "eventSource",
    "eventName",
    "readOnly",
    "errorCode",
    "principal",
    "session",
    "accessKeyId",
    "sourceIPAddress",
    "resources",
    "encryptionContext",
];

/// Writes records, and before them the heads if they are wanted.
pub(super) fn table(records: &[String], heads: bool) -> Result<Vec<u8>, Error> {
    let mut table = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    if heads {
        table.write_record(COLUMNS).map_err(|cause| Error::Row(cause.into()))?;
    }
    for record in records {
        let record: Record =
            serde_json::from_str(record).map_err(|cause| Error::Row(cause.into()))?;
        let cells = record.cells().map(without_formula);
        table.write_record(cells).map_err(|cause| Error::Row(cause.into()))?;
    }
    table.into_inner().map_err(|cause| Error::Row(cause.into_error().into()))
}

/// What a spreadsheet opens is text. A cell that it could take for a formula,
/// which callers could put there, begins with an apostrophe.
#[must_use]
pub fn without_formula(cell: String) -> String {
    match cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{cell}"),
        false => cell,
    }
}

/// The members that make columns.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    #[serde(default)]
    user_identity: Identity,
    event_time: Option<String>,
    event_source: Option<String>,
    event_name: Option<String>,
    aws_region: Option<String>,
    #[serde(rename = "sourceIPAddress")]
    source_ip_address: Option<String>,
    error_code: Option<String>,
    request_parameters: Option<Value>,
    #[serde(rename = "requestID")]
    request_id: Option<String>,
    #[serde(rename = "eventID")]
    event_id: Option<String>,
    read_only: Option<bool>,
    #[serde(default)]
    resources: Vec<Resource>,
    recipient_account_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    arn: Option<String>,
    principal_id: Option<String>,
    invoked_by: Option<String>,
    access_key_id: Option<String>,
    session_context: Option<SessionContext>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionContext {
    session_issuer: Option<Issuer>,
}

#[derive(Deserialize)]
struct Issuer {
    arn: Option<String>,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(rename = "ARN")]
    arn: Option<String>,
}

impl Record {
    fn cells(self) -> [String; COLUMNS.len()] {
        let Identity { arn, principal_id, invoked_by, access_key_id, session_context } =
            self.user_identity;
        let role = session_context.and_then(|context| context.session_issuer?.arn);
        let (principal, session) = match role {
            Some(role) => (Some(role), arn),
            None => (arn.or(invoked_by).or(principal_id), None),
        };
        let arns: Vec<String> = self.resources.into_iter().filter_map(|entry| entry.arn).collect();
        let context = self.request_parameters.as_ref().and_then(|of| of.get("encryptionContext"));
        [
            self.event_time,
            self.event_id,
            self.request_id,
            self.recipient_account_id,
            self.aws_region,
            self.event_source,
            self.event_name,
            self.read_only.map(|read_only| read_only.to_string()),
            self.error_code,
            principal,
            session,
            access_key_id,
            self.source_ip_address,
            Some(arns.join(" ")),
            context.map(Value::to_string),
        ]
        .map(Option::unwrap_or_default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_what_can_be_filtered_by() {
        let session = r#"{"userIdentity":{"arn":"arn:s","accessKeyId":"ASIA","sessionContext":{"sessionIssuer":{"arn":"arn:r"}}},"eventTime":"t","eventSource":"s","eventName":"Decrypt","awsRegion":"r","sourceIPAddress":"::1","errorCode":"AccessDenied","requestParameters":{"encryptionContext":{"a":"1,\"2"}},"requestID":"q","eventID":"e","readOnly":true,"resources":[{"ARN":"k"},{"ARN":"l"}],"recipientAccountId":"1"}"#;
        let nobody = r#"{"userIdentity":{"principalId":"anonymous","accessKeyId":"=1+2"},"requestParameters":null}"#;
        let text = String::from_utf8(table(&[session, nobody].map(str::to_owned), true).unwrap());
        let text = text.unwrap();
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(lines[0], COLUMNS.join(","));
        assert_eq!(
            lines[1],
            r#"t,e,q,1,r,s,Decrypt,true,AccessDenied,arn:r,arn:s,ASIA,::1,k l,"{""a"":""1,\""2""}""#
        );
        assert_eq!(lines[2], ",,,,,,,,,anonymous,,'=1+2,,,");
        assert_eq!(lines[3..], [""]);
    }

    #[test]
    fn no_cell_is_a_formula() {
        for (cell, want) in [
            ("=1", "'=1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("\t=1", "'\t=1"),
            ("a=1", "a=1"),
            ("", ""),
        ] {
            assert_eq!(without_formula(cell.to_owned()), want);
        }
    }
}
