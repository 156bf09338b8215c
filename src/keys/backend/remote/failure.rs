//! Why a call to a remote failed, in the few kinds that make a difference.

use crate::base::limits;

/// What went wrong, by who has to do what about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Not a ciphertext of this key and encryption context.
    Ciphertext,
    /// The signature is not of this key and message.
    Signature,
    /// The MAC is not of this key and message.
    Mac,
    /// The ciphertext is of another key.
    IncorrectKey,
    /// The remote knows who we are, and its policies say no.
    Denied,
    /// There are no credentials, or none that the remote accepts.
    Credentials,
    /// The remote has no such key.
    NotFound,
    /// The remote key is disabled or about to be deleted, for instance.
    KeyState,
    /// The remote itself says that it cannot use this one key now; others may do.
    KeyUnavailable,
    /// The remote key is not made for this operation or algorithm.
    Usage,
    /// The remote or the key has no such operation.
    Unsupported,
    /// The remote does not accept the form of the input.
    Validation,
    /// Too many calls: at the remote, or under way to it.
    Throttled,
    /// No answer: no connection, a fault of the server, or the circuit breaker is
    /// open.
    Unavailable,
    /// No answer in time.
    TimedOut,
    /// An answer that is none.
    Garbage,
    /// The remote refused with an error that is not known here.
    Unknown,
}

impl FailureKind {
    /// The name in logs, metrics and health.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ciphertext => "ciphertext",
            Self::Signature => "signature",
            Self::Mac => "mac",
            Self::IncorrectKey => "incorrectKey",
            Self::Denied => "denied",
            Self::Credentials => "credentials",
            Self::NotFound => "notFound",
            Self::KeyState => "keyState",
            Self::KeyUnavailable => "keyUnavailable",
            Self::Usage => "usage",
            Self::Unsupported => "unsupported",
            Self::Validation => "validation",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timedOut",
            Self::Garbage => "garbage",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the remote as a whole is in trouble, and not this call alone.
    #[must_use]
    pub const fn is_outage(self) -> bool {
        matches!(self, Self::Credentials | Self::Unavailable | Self::TimedOut | Self::Garbage)
    }
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the remote key cannot be used")]
pub struct Failure {
    pub kind: FailureKind,
    /// `x-amzn-RequestId`, where there was an answer.
    pub request_id: Option<String>,
    /// For the record and the log only, never for the caller: the remote's code and
    /// text, or what happened. One line of at most [`limits::REMOTE_CAUSE_CHARS`];
    /// nothing that could be bytes of the caller is in it.
    pub cause: String,
}

impl Failure {
    pub(super) fn new(kind: FailureKind, request_id: Option<String>, cause: &str) -> Self {
        Self { kind, request_id, cause: told(cause) }
    }

    /// An answer that is none.
    pub(in crate::keys::backend) fn garbage(request_id: Option<String>, what: &str) -> Self {
        Self::new(FailureKind::Garbage, request_id, what)
    }

    pub(super) fn late(limit_ms: u64) -> Self {
        Self::new(FailureKind::TimedOut, None, &format!("no answer within {limit_ms} ms"))
    }

    pub(super) fn too_many(max_in_flight: usize) -> Self {
        let cause = format!("{max_in_flight} calls to this remote are under way");
        Self::new(FailureKind::Throttled, None, &cause)
    }

    pub(super) fn breaker_open(last: Option<FailureKind>) -> Self {
        let last = last.map_or("unknown", FailureKind::as_str);
        let cause = format!("the circuit breaker is open; the last failure: {last}");
        Self::new(FailureKind::Unavailable, None, &cause)
    }
}

/// The longest word that is told in whole: the id of a key in quotes has 38. What
/// is longer and no ARN could be the base64 of something we sent, or a secret key.
const WORD_CHARS: usize = 39;

/// A text of somebody else, made harmless: one line, short, and without words that
/// could hold bytes of a call.
fn told(text: &str) -> String {
    let mut told = String::new();
    let mut left = limits::REMOTE_CAUSE_CHARS;
    for word in text.split(|sign: char| sign.is_whitespace() || sign.is_control()) {
        if word.is_empty() {
            continue;
        }
        let is_arn = word.trim_start_matches(|sign: char| !sign.is_ascii_alphanumeric());
        let word = match word.chars().count() > WORD_CHARS && !is_arn.starts_with("arn:aws") {
            true => "...",
            false => word,
        };
        if !told.is_empty() {
            told.push(' ');
            left = left.saturating_sub(1);
        }
        let signs = word.chars().take(left);
        let signs = signs.map(|sign| if sign.is_ascii_graphic() { sign } else { '?' });
        told.extend(signs);
        left = left.saturating_sub(word.chars().count());
        if left == 0 {
            break;
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_told(text: &str, want: &str) {
        assert_eq!(told(text), want);
    }

    #[test]
    fn texts_of_others_are_made_harmless() {
        check_told("", "");
        check_told(" a\r\n\tb\0c \u{1b}[31m\u{e4} ", "a b c [31m?");
        let arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        check_told(&format!("Key '{arn}' does not exist"), &format!("Key '{arn}' does not exist"));
        check_told(
            "id 1234abcd-12ab-34cd-56ef-1234567890ab.",
            "id 1234abcd-12ab-34cd-56ef-1234567890ab.",
        );
        check_told(&format!("Plaintext {}= is bad", "QUJD".repeat(11)), "Plaintext ... is bad");
        let long = told(&"word ".repeat(1_000));
        assert!(long.chars().count() <= limits::REMOTE_CAUSE_CHARS, "{}", long.len());
        assert!(
            told(&format!("arn:aws:{}", "x".repeat(9_999))).len() <= limits::REMOTE_CAUSE_CHARS
        );
    }
}
