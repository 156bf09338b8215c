//! What the members of an operation look like. One table per operation feeds
//! type checks, AWS's validation texts, the audit record and `describe-ops`.

use crate::base::ids::Region;

/// One member of an input or output.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// The name on the wire.
    pub name: &'static str,
    pub shape: Shape,
    pub required: bool,
    pub recorded: Recorded,
}

/// Whether a request member stands in the audit record. An allow-list: a
/// member is left out unless its operation says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// Never: secrets, ciphertexts, tokens, and what AWS leaves out.
    No,
    /// As sent, if sent.
    AsSent,
    /// As sent, or this text where it was left out: AWS records defaults.
    OrText(&'static str),
    /// As sent, or `false` where it was left out.
    OrFalse,
    /// As sent, or `""` where it was left out.
    OrEmpty,
    /// As sent, or the ARN of the key that was found in the ciphertext.
    OrKeyArn,
}

/// A pattern with AWS's own spelling of it.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    pub text: &'static str,
    pub matches: fn(&str) -> bool,
}

/// The type and the constraints of a member. Lengths of text are in
/// characters, of blobs in bytes.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    Text {
        min: usize,
        max: usize,
        pattern: Option<Pattern>,
        /// Whether no text and no record may show the value.
        sensitive: bool,
    },
    Blob {
        min: usize,
        max: usize,
        sensitive: bool,
    },
    Integer {
        min: i64,
        max: i64,
    },
    Boolean,
    /// Epoch seconds, a JSON number.
    Timestamp,
    Enum(&'static [&'static str]),
    /// Names, and others that are taken although AWS does not list them.
    OpenEnum {
        listed: &'static [&'static str],
        also: &'static [&'static str],
    },
    List {
        of: &'static Self,
        min: usize,
        max: usize,
    },
    /// Text to text.
    Map,
    Structure(&'static [Member]),
    /// Any JSON value; the operation itself says what it must be.
    Document,
}

impl Shape {
    /// The name of the type in `describe-ops`, as AWS's models spell it.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Text { .. } | Self::Enum(_) | Self::OpenEnum { .. } => "string",
            Self::Blob { .. } => "blob",
            Self::Integer { .. } => "integer",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp",
            Self::List { .. } => "list",
            Self::Map => "map",
            Self::Structure(_) => "structure",
            Self::Document => "document",
        }
    }

    /// Whether the value, or one inside of it, must not be shown.
    #[must_use]
    pub fn is_sensitive(&self) -> bool {
        match self {
            Self::Text { sensitive, .. } | Self::Blob { sensitive, .. } => *sensitive,
            Self::List { of, .. } => of.is_sensitive(),
            Self::Structure(members) => members.iter().any(|member| member.shape.is_sensitive()),
            _ => false,
        }
    }
}

impl Member {
    /// A member that must be there, recorded as sent.
    #[must_use]
    pub const fn required(name: &'static str, shape: Shape) -> Self {
        Self { name, shape, required: true, recorded: Recorded::AsSent }
    }

    /// A member that may be left out, recorded as sent.
    #[must_use]
    pub const fn optional(name: &'static str, shape: Shape) -> Self {
        Self { name, shape, required: false, recorded: Recorded::AsSent }
    }

    /// The same member, recorded otherwise.
    #[must_use]
    pub const fn recorded(self, recorded: Recorded) -> Self {
        Self { recorded, ..self }
    }

    /// The same member, kept out of the record.
    #[must_use]
    pub const fn unrecorded(self) -> Self {
        self.recorded(Recorded::No)
    }
}

/// `^\p{ASCII}+$`, the pattern of key ids in AWS's texts.
pub const ASCII: Pattern =
    Pattern { text: r"^\p{ASCII}+$", matches: |text| !text.is_empty() && text.is_ascii() };
/// `^[a-zA-Z0-9:/_-]+$`, the pattern of alias names.
pub const ALIAS: Pattern = Pattern {
    text: "^[a-zA-Z0-9:/_-]+$",
    matches: |text| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'/' | b'_' | b'-'))
    },
};
/// `[\w]+`, the pattern of policy names.
pub const WORD: Pattern = Pattern {
    text: r"[\w]+",
    matches: |text| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    },
};
/// `[\w.-]+`, the pattern of names in paths; not dots only, which a path takes
/// for something else.
pub const WORD_OR_DASH: Pattern = Pattern {
    text: r"[\w.-]+",
    matches: |text| {
        !text.trim_matches('.').is_empty()
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
    },
};
/// The pattern of key ids in external key stores: AWS's own, and what ARNs of KMS
/// keys have beside.
pub const XKS_KEY_ID: Pattern = Pattern {
    text: "^[a-zA-Z0-9-_.:/]+$",
    matches: |text| {
        let is_sign = |b: u8| matches!(b, b'-' | b'_' | b'.' | b':' | b'/');
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || is_sign(b))
    },
};
/// `^[a-f0-9]+$`, the pattern of key material ids.
pub const HEX: Pattern = Pattern {
    text: "^[a-f0-9]+$",
    matches: |text| {
        !text.is_empty() && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    },
};
/// `^[a-zA-Z0-9:/_\s.-]+$`, the pattern of key material descriptions.
pub const DESCRIPTION: Pattern = Pattern {
    text: r"^[a-zA-Z0-9:/_\s.-]+$",
    matches: |text| {
        !text.is_empty()
            && text.bytes().all(|b| {
                // `\s` is what Java takes for it.
                b.is_ascii_alphanumeric()
                    || matches!(b, b':' | b'/' | b'_' | b'.' | b'-')
                    || matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
            })
    },
};
/// `^([a-z]+-){2,3}\d+$`, the pattern of Region names.
pub const REGION: Pattern = Pattern { text: r"^([a-z]+-){2,3}\d+$", matches: Region::is_formed };
/// The characters a policy document may hold.
pub const POLICY_TEXT: Pattern = Pattern {
    text: r"[\u0009\u000A\u000D\u0020-\u00FF]+",
    matches: |text| {
        !text.is_empty()
            && text.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}'))
    },
};
/// The characters a paging marker may hold.
pub const MARKER_TEXT: Pattern = Pattern {
    text: r"[\u0020-\u00FF]*",
    matches: |text| text.chars().all(|c| matches!(c, '\u{20}'..='\u{ff}')),
};

/// Any text from `min` to `max` characters.
#[must_use]
pub const fn text(min: usize, max: usize) -> Shape {
    Shape::Text { min, max, pattern: None, sensitive: false }
}

/// Text from `min` to `max` characters that matches `pattern`.
#[must_use]
pub const fn matching(min: usize, max: usize, pattern: Pattern) -> Shape {
    Shape::Text { min, max, pattern: Some(pattern), sensitive: false }
}

/// Text from `min` to `max` characters that no error and no record may show,
/// such as a password.
#[must_use]
pub const fn secret(min: usize, max: usize, pattern: Option<Pattern>) -> Shape {
    Shape::Text { min, max, pattern, sensitive: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        assert!((ASCII.matches)("key-1") && !(ASCII.matches)("") && !(ASCII.matches)("schlüssel"));
        assert!((ALIAS.matches)("alias/a:b") && !(ALIAS.matches)("alias/a b"));
        assert!((REGION.matches)("eu-west-1") && !(REGION.matches)("Ireland"));
        assert!((POLICY_TEXT.matches)("{\n}") && !(POLICY_TEXT.matches)("€"));
    }
}
