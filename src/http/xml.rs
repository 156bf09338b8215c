//! Answers of the query protocol: XML as AWS's model of STS has it.

use std::borrow::Cow;

use serde::Deserialize;

use crate::wire::error::ApiError;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// What GetCallerIdentity tells.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Identity<'a> {
    #[serde(borrow)]
    arn: Cow<'a, str>,
    #[serde(borrow)]
    user_id: Cow<'a, str>,
    #[serde(borrow)]
    account: Cow<'a, str>,
}

/// What the operations that make sessions tell.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Session<'a> {
    #[serde(borrow)]
    arn: Option<Cow<'a, str>>,
    #[serde(borrow)]
    assumed_role_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    access_key_id: Cow<'a, str>,
    #[serde(borrow)]
    secret_access_key: Cow<'a, str>,
    #[serde(borrow)]
    session_token: Cow<'a, str>,
    #[serde(borrow)]
    expiration: Cow<'a, str>,
    packed_policy_size: Option<u32>,
    #[serde(borrow)]
    subject_from_web_identity_token: Option<Cow<'a, str>>,
    #[serde(borrow)]
    provider: Option<Cow<'a, str>>,
    #[serde(borrow)]
    audience: Option<Cow<'a, str>>,
}

/// The answer of `action`, whose output is `json`.
///
/// # Errors
/// If the output is not that of an operation of STS; does not happen.
pub(super) fn answer(action: &str, json: &[u8], request_id: &str) -> Result<String, ApiError> {
    let result = match action {
        "GetCallerIdentity" => {
            let Identity { arn, user_id, account } =
                serde_json::from_slice(json).map_err(ApiError::internal)?;
            [leaf("Arn", &arn), leaf("UserId", &user_id), leaf("Account", &account)].concat()
        }
        _ => session(&serde_json::from_slice(json).map_err(ApiError::internal)?),
    };
    let result = element(&format!("{action}Result"), &result);
    let metadata = element("ResponseMetadata", &leaf("RequestId", request_id));
    Ok(format!("<{action}Response xmlns=\"{NAMESPACE}\">{result}{metadata}</{action}Response>"))
}

fn session(session: &Session<'_>) -> String {
    let credentials = [
        leaf("AccessKeyId", &session.access_key_id),
        leaf("SecretAccessKey", &session.secret_access_key),
        leaf("SessionToken", &session.session_token),
        leaf("Expiration", &session.expiration),
    ];
    let mut result = element("Credentials", &credentials.concat());
    if let (Some(id), Some(arn)) = (&session.assumed_role_id, &session.arn) {
        let user = [leaf("AssumedRoleId", id), leaf("Arn", arn)].concat();
        result.push_str(&element("AssumedRoleUser", &user));
    }
    if let Some(percent) = session.packed_policy_size {
        result.push_str(&leaf("PackedPolicySize", &percent.to_string()));
    }
    for (name, text) in [
        ("SubjectFromWebIdentityToken", &session.subject_from_web_identity_token),
        ("Provider", &session.provider),
        ("Audience", &session.audience),
    ] {
        result.push_str(&text.as_ref().map(|text| leaf(name, text)).unwrap_or_default());
    }
    result
}

/// A refusal with this code.
pub(super) fn refusal(code: &str, message: &str, is_fault: bool, request_id: &str) -> String {
    let kind = if is_fault { "Receiver" } else { "Sender" };
    let error = [leaf("Type", kind), leaf("Code", code), leaf("Message", message)].concat();
    let error = element("Error", &error);
    let request_id = leaf("RequestId", request_id);
    format!("<ErrorResponse xmlns=\"{NAMESPACE}\">{error}{request_id}</ErrorResponse>")
}

fn leaf(name: &str, text: &str) -> String {
    element(name, &escape(text))
}

fn element(name: &str, content: &str) -> String {
    format!("<{name}>{content}</{name}>")
}

/// Text without mark-up, and without the characters that XML 1.0 does not have.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\t' | '\n' | '\r' => escaped.push(' '),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push(char::REPLACEMENT_CHARACTER),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_mark_up() {
        assert_eq!(escape("<a>&\u{1}\n\u{ffff}b"), "&lt;a&gt;&amp;\u{fffd} \u{fffd}b");
        let xml = refusal("Code", "]]></Message>", false, "7");
        assert_eq!(xml.matches("</Message>").count(), 1, "{xml}");
    }

    #[test]
    fn outputs_of_other_operations_are_no_answers() {
        assert!(answer("AssumeRole", br#"{"Arn":"a"}"#, "7").is_err());
        assert!(answer("GetCallerIdentity", b"[]", "7").is_err());
    }
}
