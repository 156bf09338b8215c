//! The rules and their tables. A sin reads `path:line: what is wrong`.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{How, Named, attributes, is_mark, word};
use super::{File, Tree};

/// The floors from the bottom up. A module names only modules of the floors
/// below its own. Modules of one floor do not name each other, except on the
/// top floor, which only puts the others together. Tests are bound too.
const FLOORS: &[&[&str]] = &[
    &["base"],
    &["wire", "hsm", "store", "policy"],
    &["keys", "audit", "identity", "backup"],
    &["ops"],
    &["items"],
    &["dynamodb"],
    &["http"],
    &["app", "cli", "config", "telemetry", "main", "lib"],
];

/// Foreign crates, and the files or folders of `src/` that may name them. Test
/// modules stand outside the fences: they may look at a thing from another side.
const FENCES: &[(&[&str], &[&str])] = &[
    (&["actix_tls", "actix_web"], &["http"]),
    (&["rusqlite"], &["store/sqlite"]),
    (&["cedar_policy"], &["policy"]),
    (&["aes", "aes_gcm", "argon2", "aws_lc_rs", "hkdf"], &["hsm/hazmat", "items/crypto"]),
    (&["ed25519_dalek", "ml_dsa", "ml_kem"], &["hsm/hazmat"]),
    (&["hmac"], &["hsm/hazmat", "items/crypto", "wire/sigv4"]),
    (&["sha2"], &["hsm/hazmat", "items/crypto", "wire/sigv4", "audit", "policy"]),
    (&["governor"], &["ops/rates"]),
    (&["jsonwebtoken"], &["identity/oidc"]),
    (&["aws_config"], &["audit/trail/s3", "config/client", "keys/backend/remote"]),
    (&["aws_sdk_kms"], &["keys/backend/remote", "cli/demo"]),
    (&["aws_sdk_s3"], &["audit/trail/s3"]),
    (&["aws_smithy_http_client"], &["keys/backend/remote"]),
    (&["flate2"], &["audit/trail", "cli/items/job"]),
    (&["md5"], &["hsm/hazmat"]),
    (
        &[
            "opentelemetry",
            "opentelemetry_otlp",
            "opentelemetry_prometheus",
            "opentelemetry_sdk",
            "prometheus",
            "tracing_opentelemetry",
            "tracing_subscriber",
        ],
        &["telemetry", "http/metrics"],
    ),
    (
        &["reqwest"],
        &["app/error", "app/witness", "cli", "config/audit", "config/remotes", "telemetry"],
    ),
];

/// A file of `src/` has at most this many lines.
const LINES_MAX: usize = 500;

/// Files that are longer, with the length they may have. The list only shrinks.
pub(super) const LONG_FILES: &[(&str, usize)] = &[];

/// Look down only.
pub(super) fn floors(tree: &Tree) -> Vec<String> {
    let mut sins = BTreeSet::new();
    for (path, file) in tree.src() {
        let own = top_module(path);
        let Some(own_floor) = floor(own) else {
            sins.insert(format!("{path}:1: `{own}` stands on no floor"));
            continue;
        };
        for named in &file.names {
            let Some(target) = from_root(path, named) else { continue };
            let Some(other) = target.first().filter(|other| *other != own) else { continue };
            let line = named.line;
            if other == "*" {
                sins.insert(format!("{path}:{line}: names the whole crate"));
            } else if own_floor + 1 < FLOORS.len()
                && floor(other).is_some_and(|other_floor| other_floor >= own_floor)
            {
                sins.insert(format!("{path}:{line}: `{own}` may not see `{other}`"));
            }
        }
    }
    sins.into_iter().collect()
}

/// The module right under the crate's root that the file at `path` belongs to.
fn top_module(path: &str) -> &str {
    let inner = path.trim_start_matches("src/");
    inner.split_once('/').map_or(inner.trim_end_matches(".rs"), |(top, _)| top)
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// The path from the crate's root, if `named` is a path inside this crate.
fn from_root(path: &str, named: &Named) -> Option<Vec<String>> {
    let mut target: Vec<String> = path
        .trim_start_matches("src/")
        .trim_end_matches(".rs")
        .split('/')
        .filter(|part| !matches!(*part, "mod" | "lib" | "main"))
        .map(str::to_owned)
        .chain(named.inside.iter().cloned())
        .collect();
    let (first, rest) = named.segments.split_first()?;
    match first.as_str() {
        "crate" => target.clear(),
        "super" => drop(target.pop()),
        "self" => {}
        _ => return None,
    }
    for segment in rest {
        if segment == "super" {
            target.pop();
        } else {
            target.push(segment.clone());
        }
    }
    Some(target)
}

/// A foreign crate stays inside its fence.
pub(super) fn fences(tree: &Tree) -> Vec<String> {
    let mut sins = BTreeSet::new();
    let reached = modules(tree);
    for (path, file) in tree.src().filter(|(path, _)| reached.get(*path) != Some(&true)) {
        let own: BTreeSet<&str> = file.names.iter().filter_map(brought_in).collect();
        for named in file.names.iter().filter(|named| !named.test && named.how != How::Declared) {
            let Some(name) = named.segments.first().map(String::as_str) else { continue };
            if named.how == How::Used && own.contains(name) {
                continue;
            }
            let fence = FENCES.iter().find(|(crates, _)| crates.contains(&name));
            if fence.is_some_and(|(_, places)| !places.iter().any(|place| is_in(path, place))) {
                sins.insert(format!("{path}:{}: `{name}` is fenced off", named.line));
            }
        }
    }
    sins.into_iter().collect()
}

/// The name of something else that may happen to be that of a foreign crate: a
/// module of our own, or `use rustls::crypto::aws_lc_rs`.
fn brought_in(named: &Named) -> Option<&str> {
    let path = named.segments.strip_suffix(&["self".to_owned()]).unwrap_or(&named.segments);
    let other = match named.how {
        How::Used => false,
        How::Imported => path.len() > 1,
        How::Declared => true,
    };
    path.last().filter(|_| other).map(String::as_str)
}

/// Whether `path` is the file, or in the folder, `place` of `src/`.
fn is_in(path: &str, place: &str) -> bool {
    path.strip_prefix("src/")
        .and_then(|path| path.strip_prefix(place))
        .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// Every file is part of the program.
pub(super) fn orphans(tree: &Tree) -> Vec<String> {
    let reached = modules(tree);
    let lost = tree.rust().filter(|(path, _)| !reached.contains_key(*path));
    lost.map(|(path, _)| format!("{path}:1: no `mod` line leads here")).collect()
}

/// Every file that `mod` lines reach from the roots of compilation, and whether
/// it is a test module.
fn modules(tree: &Tree) -> BTreeMap<String, bool> {
    let manifest = tree.0.get("Cargo.toml").map_or("", |file| file.text.as_str());
    let values = |name: &str| {
        let open = format!("{name} = \"");
        let value = |line: &str| Some(line.strip_prefix(&open)?.strip_suffix('"')?.to_owned());
        manifest.lines().filter_map(value).collect::<Vec<_>>()
    };
    let mut waiting: Vec<(String, String, bool)> = values("path")
        .into_iter()
        .chain(values("name").iter().map(|name| format!("benches/{name}.rs")))
        .chain(["src/lib.rs".to_owned(), "src/main.rs".to_owned()])
        .map(|root| (root.clone(), folder(&root).to_owned(), false))
        .collect();
    let mut reached = BTreeMap::new();
    while let Some((path, children, test)) = waiting.pop() {
        let Some(file) = tree.0.get(&path) else { continue };
        for named in file.names.iter().filter(|named| named.how == How::Declared) {
            let inner = [named.inside.as_slice(), named.segments.as_slice()].concat().join("/");
            let (stem, test) = (format!("{children}/{inner}"), test || named.test);
            waiting.push((format!("{stem}.rs"), stem.clone(), test));
            waiting.push((format!("{stem}/mod.rs"), stem, test));
        }
        reached.insert(path, test);
    }
    reached
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A file can be read in one sitting; `long` lists the exceptions.
pub(super) fn sizes(tree: &Tree, long: &[(&str, usize)]) -> Vec<String> {
    let mut sins = Vec::new();
    for (path, file) in tree.src() {
        let exception = long.iter().find(|(listed, _)| *listed == path).map(|(_, max)| *max);
        let (lines, max) = (file.text.lines().count(), exception.unwrap_or(LINES_MAX));
        if lines > max {
            sins.push(format!("{path}:{lines}: more than {max} lines"));
        } else if exception.is_some() && lines <= LINES_MAX {
            sins.push(format!("{path}:{lines}: no longer long, take it off the list"));
        }
    }
    let gone = long.iter().filter(|(path, _)| !tree.0.contains_key(*path));
    sins.extend(gone.map(|(path, _)| format!("{path}:0: gone, take it off the list")));
    sins
}

/// A module opens with what it is, here or in a README beside it. A test module
/// is what its parent is.
pub(super) fn front_pages(tree: &Tree) -> Vec<String> {
    let reached = modules(tree);
    tree.rust()
        .filter(|(path, _)| reached.get(*path) != Some(&true))
        .filter(|(path, _)| path.ends_with("/mod.rs") || folder(path) == "src")
        .filter(|(_, file)| !file.text.starts_with("//! "))
        .filter(|(_, file)| !file.text.starts_with("#![doc = include_str!("))
        .map(|(path, _)| format!("{path}:1: must open with `//!`"))
        .collect()
}

/// Nothing is put off, switched off, or silenced without a reason.
pub(super) fn loose_ends(tree: &Tree) -> Vec<String> {
    tree.rust().flat_map(|(path, file)| loose_ends_of(path, file)).collect()
}

fn loose_ends_of(path: &str, file: &File) -> Vec<String> {
    // In two halves, or this file would hold what it looks for.
    let put_off = [["TO", "DO"].concat(), ["FIX", "ME"].concat()];
    let mut sins = Vec::new();
    for (line, attribute) in attributes(&file.tokens) {
        let has = |name| attribute.iter().any(|token| token.is_word(name));
        let first = word(attribute, 0).unwrap_or_default();
        if has("allow") {
            sins.push(format!("{path}:{line}: `expect` with a reason instead of `allow`"));
        } else if has("expect") && !has("reason") {
            sins.push(format!("{path}:{line}: `expect` without a reason"));
        } else if matches!(first, "ignore" | "should_panic" | "path") {
            sins.push(format!("{path}:{line}: no `#[{first}]`"));
        }
    }
    for (at, token) in file.tokens.iter().enumerate() {
        if token.is_word("todo") && is_mark(&file.tokens, at + 1, "!") {
            sins.push(format!("{path}:{}: unfinished", token.line));
        }
    }
    for (line, text) in (1_usize..).zip(file.text.lines()) {
        if put_off.iter().any(|word| text.contains(word)) {
            sins.push(format!("{path}:{line}: put off"));
        }
    }
    sins
}
