//! The one error that leaves the server.

use std::error::Error;
use std::fmt;

use serde_json::json;

use super::codes::Code;
use crate::base::limits;

/// A refusal or failure as the caller sees it, with a cause that only logs and
/// spans see.
#[derive(Debug)]
pub struct ApiError {
    code: Code,
    message: Option<String>,
    cause: Option<Box<dyn Error + Send + Sync>>,
    of_one: bool,
}

impl ApiError {
    /// An error with AWS's text for it. Whatever a caller's value put into the
    /// text, it ends somewhere and holds no characters that steer a terminal.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: Some(printable(&message.into())), cause: None, of_one: false }
    }

    /// An error that AWS answers without any text.
    #[must_use]
    pub fn bare(code: Code) -> Self {
        Self { code, message: None, cause: None, of_one: false }
    }

    /// The answer for everything that is the server's own fault. The caller
    /// learns nothing of the cause.
    #[must_use]
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            code: Code::KMSInternalException,
            message: Some("An internal error occurred. Retry the request.".to_owned()),
            cause: Some(cause.into()),
            of_one: false,
        }
    }

    /// A `ValidationException` with one text.
    #[must_use]
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new(Code::ValidationException, message)
    }

    /// The same, of one use of several that were refused for different reasons.
    #[must_use]
    pub fn of_one(self) -> Self {
        Self { of_one: true, ..self }
    }

    /// Whether it says nothing of the other uses of its call.
    #[must_use]
    pub fn is_of_one(&self) -> bool {
        self.of_one
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The text, if AWS gives one.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// What went wrong inside; for logs only.
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn Error + Send + Sync)> {
        self.cause.as_deref()
    }

    /// The body of an AWS JSON 1.1 error. Errors made by AWS's front end spell
    /// the text's member with a capital letter.
    #[must_use]
    pub fn kms_body(&self) -> String {
        let capital =
            matches!(self.code, Code::AccessDeniedException | Code::SerializationException);
        let member = if capital { "Message" } else { "message" };
        match &self.message {
            Some(text) => json!({ "__type": self.code.as_str(), member: text }),
            None => json!({ "__type": self.code.as_str() }),
        }
        .to_string()
    }

    /// The body of a REST error.
    #[must_use]
    pub fn rest_body(&self, request_id: &str) -> String {
        let message = self.message.as_deref().unwrap_or(self.code.as_str());
        json!({
            "error": { "code": self.code.as_str(), "message": message, "requestId": request_id }
        })
        .to_string()
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(text) => write!(f, "{}: {text}", self.code),
            None => write!(f, "{}", self.code),
        }
    }
}

impl Error for ApiError {}

/// `text` with every control character replaced, at most
/// [`limits::ERROR_TEXT_CHARS`] long.
fn printable(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            // Line ends, and what turns the direction of writing round
            // (Unicode Standard Annex 9, section 2).
            || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut shown: String = text
        .chars()
        .take(limits::ERROR_TEXT_CHARS)
        .map(|c| if steers(c) { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    if text.chars().nth(limits::ERROR_TEXT_CHARS).is_some() {
        shown.push_str("...");
    }
    shown
}

/// An error and everything that caused it, in one line; for logs and for those
/// who run the server.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: &ApiError, want: &str) {
        assert_eq!(error.kms_body(), want);
    }

    #[test]
    fn bodies() {
        check(
            &ApiError::new(Code::NotFoundException, "gone"),
            r#"{"__type":"NotFoundException","message":"gone"}"#,
        );
        check(
            &ApiError::bare(Code::InvalidCiphertextException),
            r#"{"__type":"InvalidCiphertextException"}"#,
        );
        check(
            &ApiError::new(Code::AccessDeniedException, "no"),
            r#"{"__type":"AccessDeniedException","Message":"no"}"#,
        );
    }

    #[test]
    fn texts_are_printable_and_end() {
        let error = ApiError::validation("a\r\n\u{1b}[31m\u{9b}\u{202e}b\u{e9}");
        assert_eq!(error.message().unwrap().replace('\u{fffd}', "?"), "a???[31m??b\u{e9}");
        let error = ApiError::validation("x".repeat(1_000_000));
        assert_eq!(error.message().unwrap().len(), limits::ERROR_TEXT_CHARS + 3);
    }

    #[test]
    fn the_cause_stays_inside() {
        let error = ApiError::internal("disk on fire");
        assert!(!error.kms_body().contains("fire"));
        assert!(!error.to_string().contains("fire"));
        assert!(error.cause().is_some());
    }
}
