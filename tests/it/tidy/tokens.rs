//! Rust source as tokens: enough of the language to tell code from comments
//! and text. Deliberately absent: types, macros, anything a path does not need.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier or keyword; `r#type` counts as `type`.
    Word,
    /// The content of a string literal of any kind.
    Text,
    /// `::`, or one other character.
    Mark,
}

/// One token and the line it starts on, counted from 1.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) text: String,
    pub(super) line: usize,
}

impl Token {
    pub(super) fn is_word(&self, text: &str) -> bool {
        self.kind == Kind::Word && self.text == text
    }

    pub(super) fn is_mark(&self, text: &str) -> bool {
        self.kind == Kind::Mark && self.text == text
    }
}

/// All tokens of `source`, comments, lifetimes and numbers left out.
pub(super) fn tokens(source: &str) -> Vec<Token> {
    let mut reader = Reader { rest: source, line: 1, tokens: Vec::new() };
    while let Some(first) = reader.rest.chars().next() {
        reader.step(first);
    }
    reader.tokens
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
    tokens: Vec<Token>,
}

impl Reader<'_> {
    fn step(&mut self, first: char) {
        if first == '/' && self.rest.starts_with("//") {
            self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
        } else if first == '/' && self.rest.starts_with("/*") {
            self.skip(block_comment_len(self.rest));
        } else if let Some((open, close)) = raw_string_ends(self.rest) {
            let body = &self.rest[open..];
            let len = body.find(&close).unwrap_or(body.len());
            self.push(Kind::Text, body[..len].to_owned());
            self.skip((open + len + close.len()).min(self.rest.len()));
        } else if let Some(open) = string_start(self.rest) {
            let len = quoted_len(&self.rest[open..], '"');
            self.push(Kind::Text, self.rest[open..open + len].to_owned());
            self.skip((open + len + 1).min(self.rest.len()));
        } else if first == '\'' {
            self.skip(quote_len(self.rest));
        } else if first.is_alphabetic() || first == '_' {
            let word = self.rest.strip_prefix("r#").unwrap_or(self.rest);
            let prefix = self.rest.len() - word.len();
            let len = word.find(|c: char| !is_word_char(c)).unwrap_or(word.len());
            self.push(Kind::Word, word[..len].to_owned());
            self.skip(prefix + len);
        } else if first.is_ascii_digit() {
            self.skip(self.rest.find(|c: char| !is_word_char(c)).unwrap_or(self.rest.len()));
        } else if first.is_whitespace() {
            self.skip(self.rest.find(|c: char| !c.is_whitespace()).unwrap_or(self.rest.len()));
        } else {
            let mark =
                if self.rest.starts_with("::") { "::" } else { &self.rest[..first.len_utf8()] };
            let len = mark.len();
            self.push(Kind::Mark, mark.to_owned());
            self.skip(len);
        }
    }

    fn push(&mut self, kind: Kind, text: String) {
        self.tokens.push(Token { kind, text, line: self.line });
    }

    fn skip(&mut self, len: usize) {
        let (skipped, rest) = self.rest.split_at(len);
        self.line += skipped.matches('\n').count();
        self.rest = rest;
    }
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Bytes of the nested block comment that `text` starts with.
fn block_comment_len(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(next) = text[at..].find(['/', '*']).map(|found| at + found) {
        if text[next..].starts_with("/*") {
            (depth, at) = (depth + 1, next + 2);
        } else if text[next..].starts_with("*/") {
            (depth, at) = (depth - 1, next + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at = next + 1;
        }
    }
    text.len()
}

/// Where the content of a raw string starts, and the text that ends it.
fn raw_string_ends(text: &str) -> Option<(usize, String)> {
    let prefix = ["r", "br", "cr"].into_iter().find(|prefix| {
        text.strip_prefix(prefix).is_some_and(|rest| rest.trim_start_matches('#').starts_with('"'))
    })?;
    let hashes = text[prefix.len()..].find('"')?;
    Some((prefix.len() + hashes + 1, format!("\"{}", "#".repeat(hashes))))
}

/// Where the content of a plain, byte or C string starts.
fn string_start(text: &str) -> Option<usize> {
    ["\"", "b\"", "c\""].into_iter().find(|open| text.starts_with(open)).map(str::len)
}

/// Bytes before the first `end` that no backslash escapes.
fn quoted_len(text: &str, end: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c == end && !escaped {
            return at;
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

/// Bytes of the character literal or lifetime that `text` starts with.
fn quote_len(text: &str) -> usize {
    let mut chars = text[1..].chars();
    let first = chars.next().unwrap_or('\'');
    if first == '\\' || chars.next() == Some('\'') {
        return (quoted_len(&text[1..], '\'') + 2).min(text.len());
    }
    1 + text[1..].find(|c: char| !is_word_char(c)).unwrap_or(text.len() - 1)
}

#[track_caller]
fn check(source: &str, want: &[&str]) {
    let found: Vec<String> = tokens(source).into_iter().map(|token| token.text).collect();
    assert_eq!(found, want, "{source}");
}

#[test]
fn code_is_told_from_text() {
    check("use crate::a; // crate::b", &["use", "crate", "::", "a", ";"]);
    check("a /* b /* c */ d */ e", &["a", "e"]);
    check(r#"f("x\"y", b"z")"#, &["f", "(", r#"x\"y"#, ",", "z", ")"]);
    check(r###"r#"a"b"# r"\" br##"x"#y"## r#type"###, &["a\"b", "\\", "x\"#y", "type"]);
    check(r"'a' '\'' '\\' '/' b'x' <'a, 'static> '_", &["b", "<", ",", ">"]);
    check("1_000u8..=0x1f é", &[".", ".", "=", "é"]);
    check("\"unfinished", &["unfinished"]);
    check("/* unfinished", &[]);
}

#[test]
fn lines_are_counted_through_text_and_comments() {
    let lines: Vec<usize> =
        tokens("a\n/*\n*/ b \"\n\" c\n\nd").into_iter().map(|token| token.line).collect();
    assert_eq!(lines, [1, 3, 3, 4, 6]);
}
