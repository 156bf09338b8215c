//! A look at policy text before any parser sees it.
//!
//! Cedar's parser recurses as deep as the expression, and deep text overflows
//! the stack, which aborts the process. So depth is bounded here, by an estimate
//! that is never below the depth of the expression tree.

use super::error::CompileError;
use crate::base::limits::{POLICY_DEPTH, POLICY_EXPRESSION_DEPTH};

/// Checks the nesting of brackets in JSON text.
pub(super) fn check_json(text: &str) -> Result<(), CompileError> {
    let mut depth = 0_usize;
    let mut bytes = text.bytes();
    let mut in_string = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => {
                bytes.next();
            }
            b'{' | b'[' if !in_string => {
                depth = depth.saturating_add(1);
                if depth > POLICY_DEPTH {
                    return Err(too_deep());
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// Checks the nesting of brackets and the depth of expressions in Cedar text.
pub(super) fn check_cedar(text: &str) -> Result<(), CompileError> {
    let mut nest = Nest::default();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (token, after) = next_token(rest, first)?;
        nest.take(token)?;
        rest = after;
    }
    nest.check()
}

/// The tokens that matter for depth.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    /// `.`: one more step on a path.
    Dot,
    /// `,`: the next expression starts at the same depth.
    Comma,
    /// `;`: the end of a policy.
    End,
    /// An operator that chains, `if`, or anything that may begin one.
    Operator,
    /// Space, comment, name, number, string.
    Other,
}

fn next_token(text: &str, first: char) -> Result<(Token, &str), CompileError> {
    let after = text.get(first.len_utf8()..).unwrap_or_default();
    Ok(match first {
        '"' => (Token::Other, skip_string(after)?),
        '/' if after.starts_with('/') => (
            Token::Other,
            after.find(['\n', '\r']).and_then(|end| after.get(end..)).unwrap_or_default(),
        ),
        '(' | '[' | '{' => (Token::Open, after),
        ')' | ']' | '}' => (Token::Close, after),
        '.' => (Token::Dot, after),
        ',' => (Token::Comma, after),
        ';' => (Token::End, after),
        '|' | '&' | '=' | '!' | '<' | '>' => {
            (Token::Operator, after.trim_start_matches(['|', '&', '=']))
        }
        '+' | '-' | '*' | '/' | '%' => (Token::Operator, after),
        _ if first.is_alphanumeric() || first == '_' => {
            let end = after.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(after.len());
            let (word, after) =
                text.split_at_checked(first.len_utf8().saturating_add(end)).unwrap_or((text, ""));
            let operator = matches!(word, "if" | "in" | "has" | "like" | "is");
            (if operator { Token::Operator } else { Token::Other }, after)
        }
        _ => (Token::Other, after),
    })
}

/// `text` after the closing quote.
fn skip_string(text: &str) -> Result<&str, CompileError> {
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok(text.get(at.saturating_add(1)..).unwrap_or_default()),
            // Cedar's strings cannot escape a line break; where they end must be
            // beyond doubt.
            '\\' if chars.next().is_none_or(|(_, c)| c == '\n' || c == '\r') => break,
            _ => {}
        }
    }
    Err(CompileError::Malformed("a string is not closed".to_owned()))
}

/// The brackets that are open, the outermost being the document.
#[derive(Default)]
struct Nest {
    outer: Vec<Level>,
    level: Level,
}

/// What stands between a pair of brackets, up to here.
#[derive(Clone, Copy, Default)]
struct Level {
    /// Operators since the last comma.
    operators: usize,
    /// Steps since the last operator: dots, calls, indexes.
    path: usize,
    longest_path: usize,
    /// The deepest bracket since the last comma.
    inner: usize,
    /// The deepest expression before the last comma.
    before: usize,
}

impl Level {
    fn depth(&self) -> usize {
        let here = self.operators.saturating_add(self.longest_path).saturating_add(self.inner);
        self.before.max(here)
    }
}

impl Nest {
    fn take(&mut self, token: Token) -> Result<(), CompileError> {
        let level = &mut self.level;
        match token {
            Token::Open => {
                level.step();
                self.outer.push(self.level);
                self.level = Level::default();
                if self.outer.len() > POLICY_DEPTH {
                    return Err(too_deep());
                }
            }
            Token::Close => {
                self.check()?;
                let inner = self.level.depth().saturating_add(1);
                // An extra closing bracket is the parser's to refuse.
                self.level = self.outer.pop().unwrap_or_default();
                self.level.inner = self.level.inner.max(inner);
            }
            Token::Dot => level.step(),
            Token::Operator => {
                level.operators = level.operators.saturating_add(1);
                level.path = 0;
            }
            Token::Comma => *level = Level { before: level.depth(), ..Level::default() },
            Token::End => {
                self.check()?;
                self.level = Level::default();
            }
            Token::Other => {}
        }
        Ok(())
    }

    fn check(&self) -> Result<(), CompileError> {
        if self.level.depth() > POLICY_EXPRESSION_DEPTH { Err(too_deep()) } else { Ok(()) }
    }
}

impl Level {
    fn step(&mut self) {
        self.path = self.path.saturating_add(1);
        self.longest_path = self.longest_path.max(self.path);
    }
}

fn too_deep() -> CompileError {
    CompileError::TooLarge { limit: POLICY_DEPTH, unit: "levels of nesting" }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::LazyLock;
    use std::thread;

    use proptest::prelude::*;

    use super::super::actions::Action;
    use super::super::fixture::{ENGINE, HOME, ask, user};
    use super::super::question::RequestFacts;
    use super::*;

    fn policy(condition: &str) -> String {
        format!("permit (principal, action, resource) when {{ {condition} }};")
    }

    /// A chain of `terms` terms, joined by `operator`.
    fn chain(term: &str, operator: &str, terms: usize) -> String {
        vec![term; terms].join(operator)
    }

    fn wrap(open: &str, inner: &str, close: &str, times: usize) -> String {
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    }

    /// Every way to make Cedar recurse, `n` deep.
    fn deep(n: usize) -> Vec<String> {
        let yes = r#"context.secureTransport"#;
        vec![
            wrap("(", yes, ")", n),
            wrap("[", "1", "]", n) + ".isEmpty()",
            wrap("{a: ", "1", "}", n) + " has a",
            wrap("!(", yes, ")", n),
            wrap("!!!!(", yes, ")", n),
            wrap("-(", "1", ")", n) + " == 1",
            wrap("----(", "1", ")", n) + " == 1",
            wrap("if true then (", yes, ") else false", n),
            wrap("[1].contains(", "1", ")", n),
            wrap("context[", "\"a\"", "]", n),
            chain(yes, " || ", n),
            chain("context.epochTime == 1", " || ", n),
            chain(yes, " && ", n),
            chain("1", " + ", n) + " == 1",
            chain("1", " - ", n) + " == 1",
            chain("context.epochTime", " * ", n) + " == 1",
            format!("{}true", "if true then true else ".repeat(n)),
            format!("{} true {}", "if ".repeat(n), "then true else false ".repeat(n)),
            format!("context{} == 1", ".a".repeat(n)),
            format!("context has a{}", ".a".repeat(n)),
            format!("context{} == 1", "[\"a\"]".repeat(n)),
            format!("context{}", ".isEmpty()".repeat(n)),
            format!("ip(\"::1\"){}", "(1)".repeat(n)),
            format!("{} 1", "1 == ".repeat(n)),
            format!("{}context.secureTransport", "!".repeat(n)),
            format!("{}1 == 1", "-".repeat(n)),
            chain("principal is User in Account::\"1\"", " || ", n),
            chain("context has sourceIp", " && ", n),
        ]
    }

    /// On a small stack: what a thread of the server has.
    fn on_small_stack(run: impl FnOnce() + Send + 'static) {
        thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(run).unwrap().join().unwrap();
    }

    #[test]
    fn what_is_too_deep_is_refused_before_cedar_sees_it() {
        on_small_stack(|| {
            for depth in [POLICY_EXPRESSION_DEPTH + 1, 1_000, 10_000] {
                for condition in deep(depth) {
                    let Err(error) = check_cedar(&policy(&condition)) else {
                        panic!("{condition}");
                    };
                    assert_eq!(error, too_deep());
                }
            }
        });
    }

    /// Whatever passes the scan comes back from the compiler, and whatever the
    /// compiler accepts can be evaluated.
    #[test]
    fn the_limits_are_far_from_the_end_of_the_stack() {
        LazyLock::force(&ENGINE);
        on_small_stack(|| {
            let mut evaluated = 0;
            for depth in (2..=30)
                .step_by(4)
                .chain([POLICY_EXPRESSION_DEPTH / 2 - 6, POLICY_EXPRESSION_DEPTH - 10])
            {
                for text in deep(depth).iter().map(|condition| policy(condition)) {
                    let scanned = check_cedar(&text);
                    let compiled = ENGINE.compile_key_policy(&text, &BTreeMap::new());
                    if let Err(error) = scanned {
                        assert_eq!(compiled.unwrap_err(), error);
                    } else if let Ok(document) = compiled {
                        let facts = RequestFacts::default();
                        let user = user(HOME, "alice");
                        let decision = ask(user, Action::SIGN, &document, &[], &facts);
                        assert!(decision.explanation.errors.is_empty(), "{text}");
                        evaluated += 1;
                    }
                }
            }
            assert!(evaluated > 30, "{evaluated}");
        });
    }

    #[test]
    fn wide_is_not_deep() {
        let condition = r#"context.encryptionContext.hasTag("a") && context.encryptionContext.getTag("a") == "x""#;
        let wide = policy(&chain(condition, " && ", 20));
        assert_eq!(check_cedar(&wide), Ok(()));
        let list = policy(&format!("[{}].contains(1)", chain("(1 + 1)", ", ", 1_000)));
        assert_eq!(check_cedar(&list), Ok(()));
        let many = policy("true").repeat(POLICY_DEPTH * 10);
        assert_eq!(check_cedar(&many), Ok(()));
    }

    #[test]
    fn strings_and_comments_do_not_count() {
        let deep = "(".repeat(200);
        assert_eq!(check_cedar(&policy(&format!("\"{deep}\\\"{deep}\" == \"\""))), Ok(()));
        assert_eq!(check_cedar(&format!("// {deep} \"\n{}", policy("true"))), Ok(()));
        assert_eq!(check_cedar(&format!("// \"\r{deep}")), Err(too_deep()));
        assert_eq!(check_cedar(&format!("\"\\\\\"{deep}")), Err(too_deep()));
        assert!(check_cedar("\"abc").is_err());
        assert!(check_cedar("\"abc\\\n\"").is_err());
        assert_eq!(check_json(&"[".repeat(POLICY_DEPTH)), Ok(()));
        assert_eq!(check_json(&"[".repeat(POLICY_DEPTH + 1)), Err(too_deep()));
        assert_eq!(check_json(&format!("\"{deep}\\\"{{{{\"")), Ok(()));
    }

    proptest! {
        #[test]
        fn no_text_is_too_much(text in "[a-z(){}\\[\\]\"\\\\/|&!.,; \n=-]{0,200}|\\PC{0,100}") {
            // Comes back, and so does the compiler behind it.
            drop(check_json(&text));
            let nobody = BTreeMap::new();
            drop(ENGINE.compile_key_policy(&text, &nobody));
            drop(ENGINE.compile_key_policy(&policy(&text), &nobody));
            drop(ENGINE.compile_identity_policy(&format!("{{{text}")));
        }
    }
}
