//! What a file names: paths, modules it declares, attributes it carries.
//! Deliberately absent: rules about any of it.

use super::tokens::{Kind, Token};

/// How a path is named.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// In an expression, a type or an attribute.
    Used,
    /// By `use` or `extern crate`: one leaf of the tree, whole.
    Imported,
    /// By `mod name;`: a module that lives in its own file.
    Declared,
}

/// A path that a file names, such as `crate::wire::sigv4`.
pub(super) struct Named {
    pub(super) how: How,
    pub(super) segments: Vec<String>,
    pub(super) line: usize,
    /// The inline modules around it, outermost first.
    pub(super) inside: Vec<String>,
    /// Whether it is, or stands inside, a `#[cfg(test)]` module.
    pub(super) test: bool,
}

/// Every path that the file names, and every module it declares.
pub(super) fn names(tokens: &[Token]) -> Vec<Named> {
    let mut found = Vec::new();
    // The inline modules around the token, each with the depth of its body.
    let mut inside: Vec<(String, usize, bool)> = Vec::new();
    let (mut depth, mut at, mut test_item) = (0_usize, 0, false);
    while let Some(token) = tokens.get(at) {
        let start = at;
        at += 1;
        let mut paths = Vec::new();
        if token.is_mark("{") {
            (depth, test_item) = (depth + 1, false);
        } else if token.is_mark("}") {
            (depth, test_item) = (depth.saturating_sub(1), false);
            inside.retain(|(_, body, _)| *body <= depth);
        } else if token.is_mark(";") {
            test_item = false;
        } else if let Some(attribute) = attribute_at(tokens, start) {
            test_item |= is_cfg_test(attribute);
        } else if token.is_word("mod")
            && let Some(name) = word(tokens, at)
        {
            if is_mark(tokens, at + 1, "{") {
                inside.push((name.to_owned(), depth + 1, test_item));
            } else {
                paths.push((vec![name.to_owned()], token.line));
            }
        } else if token.is_word("use") && !is_mark(tokens, at, "<") {
            use_tree(tokens, &mut at, &[], &mut paths);
        } else if token.is_word("extern") && word(tokens, at) == Some("crate") {
            at += 1;
            use_tree(tokens, &mut at, &[], &mut paths);
        } else if token.kind == Kind::Word && is_mark(tokens, at, "::") {
            let mut path = vec![token.text.clone()];
            while is_mark(tokens, at, "::")
                && let Some(next) = word(tokens, at + 1)
            {
                path.push(next.to_owned());
                at += 2;
            }
            paths.push((path, token.line));
        } else if token.kind == Kind::Text && token.text.starts_with("crate::") {
            // A path inside an attribute, as in `#[serde(with = "crate::x")]`.
            paths.push((token.text.split("::").map(str::to_owned).collect(), token.line));
        }
        let how = match token.text.as_str() {
            "mod" => How::Declared,
            "use" | "extern" => How::Imported,
            _ => How::Used,
        };
        let test_module = how == How::Declared && test_item;
        let test = test_module || inside.iter().any(|(_, _, test)| *test);
        found.extend(paths.into_iter().map(|(segments, line)| {
            let inside = inside.iter().map(|(name, _, _)| name.clone()).collect();
            Named { how, segments, line, inside, test }
        }));
    }
    found
}

/// Reads one branch of a `use` tree; each leaf becomes a whole path.
fn use_tree(
    tokens: &[Token],
    at: &mut usize,
    prefix: &[String],
    leaves: &mut Vec<(Vec<String>, usize)>,
) {
    let mut path = prefix.to_vec();
    let line = tokens.get(*at).map_or(0, |token| token.line);
    while let Some(token) = tokens.get(*at) {
        if token.is_mark("{") {
            while *at < tokens.len() && !is_mark(tokens, *at, "}") {
                *at += 1;
                if !is_mark(tokens, *at, "}") {
                    use_tree(tokens, at, &path, leaves);
                }
            }
            *at += 1;
            return;
        } else if token.is_word("as") {
            *at += 2;
        } else if token.kind == Kind::Word || token.is_mark("*") {
            path.push(token.text.clone());
            *at += 1;
        } else if token.is_mark("::") {
            *at += 1;
        } else {
            break;
        }
    }
    leaves.push((path, line));
}

/// The content of every attribute, with the line it starts on.
pub(super) fn attributes(tokens: &[Token]) -> impl Iterator<Item = (usize, &[Token])> {
    tokens
        .iter()
        .enumerate()
        .filter_map(|(at, token)| Some((token.line, attribute_at(tokens, at)?)))
}

/// The content of the attribute whose `#` stands at `at`.
fn attribute_at(tokens: &[Token], at: usize) -> Option<&[Token]> {
    if !is_mark(tokens, at, "#") {
        return None;
    }
    let open = if is_mark(tokens, at + 1, "!") { at + 2 } else { at + 1 };
    let mut depth = 0_usize;
    for (end, token) in tokens.iter().enumerate().skip(open) {
        if token.is_mark("[") {
            depth += 1;
        } else if token.is_mark("]") {
            depth = depth.saturating_sub(1);
        }
        if depth == 0 {
            return tokens.get(open + 1..end);
        }
    }
    None
}

fn is_cfg_test(attribute: &[Token]) -> bool {
    let words: Vec<&str> = (0..attribute.len()).filter_map(|at| word(attribute, at)).collect();
    words.starts_with(&["cfg", "test"]) || words.starts_with(&["cfg", "all", "test"])
}

/// The word at `at`.
pub(super) fn word(tokens: &[Token], at: usize) -> Option<&str> {
    tokens.get(at).filter(|token| token.kind == Kind::Word).map(|token| token.text.as_str())
}

/// Whether the mark `text` stands at `at`.
pub(super) fn is_mark(tokens: &[Token], at: usize, text: &str) -> bool {
    tokens.get(at).is_some_and(|token| token.is_mark(text))
}

#[track_caller]
fn check(source: &str, want: &[&str]) {
    let found: Vec<String> = names(&super::tokens::tokens(source))
        .iter()
        .map(|named| {
            let inside: String = named.inside.iter().map(|name| format!("{name}/")).collect();
            let kind = if named.how == How::Declared { "mod " } else { "" };
            let test = if named.test { " in tests" } else { "" };
            format!("{inside}{kind}{}{test}", named.segments.join("::"))
        })
        .collect();
    assert_eq!(found, want, "{source}");
}

#[test]
fn use_trees_are_taken_apart() {
    check(
        "use crate::{a, b::{c as d, self}, e::*,}; use f as _;",
        &["crate::a", "crate::b::c", "crate::b::self", "crate::e::*", "f"],
    );
    check("pub(crate) use super::a; use {}; extern crate b as c;", &["super::a", "b"]);
    check("use a::{b, c", &["a::b", "a::c"]);
}

#[test]
fn paths_in_code_and_attributes_are_found() {
    check(
        "fn f(a: &b::C) -> impl d::E + use<'_> { ::g::<h::I>() + <J as k::L>::M }",
        &["b::C", "d::E", "g", "h::I", "k::L"],
    );
    check(r#"#[a::b(with = "crate::c::d")] struct S; s.t(u)"#, &["a::b", "crate::c::d"]);
    check("$crate::a!(b)", &["crate::a"]);
}

#[test]
fn modules_know_where_they_stand() {
    check(
        "mod a; pub mod b { mod c; use d::E; } use f::G;",
        &["mod a", "b/mod c", "b/d::E", "f::G"],
    );
    check(
        "#[cfg(test)] #[rustfmt::skip] pub(crate) mod t; mod a;",
        &["rustfmt::skip", "mod t in tests", "mod a"],
    );
    check(
        "#[cfg(test)] mod t { fn f() { a::b() } mod u { use c::d; } } use e::f;",
        &["t/a::b in tests", "t/u/c::d in tests", "e::f"],
    );
    check("#[cfg(test)] use a::b; mod c;", &["a::b", "mod c"]);
    check("#[cfg(all(test, unix))] mod a; #[cfg(not(test))] mod b;", &["mod a in tests", "mod b"]);
}
