//! Each rule on small trees: it catches its sin and passes the innocent.

use super::Tree;
use super::rules::{fences, floors, front_pages, loose_ends, orphans, sizes};

#[track_caller]
fn check(rule: fn(&Tree) -> Vec<String>, files: &[(&str, &str)], want: &[&str]) {
    assert_eq!(rule(&Tree::new(files)), want, "{files:?}");
}

#[test]
fn floors_catches() {
    check(
        floors,
        &[("src/wire/x.rs", "\nuse crate::{base::A, keys::B};")],
        &["src/wire/x.rs:2: `wire` may not see `keys`"],
    );
    check(
        floors,
        &[("src/hsm/mod.rs", "fn f(s: &crate::store::Tx) {}")],
        &["src/hsm/mod.rs:1: `hsm` may not see `store`"],
    );
    check(
        floors,
        &[("src/keys/deep/x.rs", "use super::super::super::http::Server;")],
        &["src/keys/deep/x.rs:1: `keys` may not see `http`"],
    );
    check(
        floors,
        &[("src/keys/x.rs", "mod tests { use super::super::super::ops::TABLE; }")],
        &["src/keys/x.rs:1: `keys` may not see `ops`"],
    );
    check(
        floors,
        &[("src/wire/x.rs", r#"#[serde(with = "crate::audit::x")] struct S;"#)],
        &["src/wire/x.rs:1: `wire` may not see `audit`"],
    );
    check(
        floors,
        &[("src/items/mod.rs", "use crate::*;")],
        &["src/items/mod.rs:1: names the whole crate"],
    );
    check(floors, &[("src/attic.rs", "")], &["src/attic.rs:1: `attic` stands on no floor"]);
}

#[test]
fn floors_passes() {
    check(
        floors,
        &[("src/ops/encrypt.rs", "use crate::{keys, wire::shapes}; use super::Done;")],
        &[],
    );
    check(
        floors,
        &[("src/keys/state.rs", "use crate::keys::create; mod tests { use super::*; }")],
        &[],
    );
    check(
        floors,
        &[("src/wire/x.rs", "//! Not crate::http::Server.\nconst A: &str = \"a crate::http\";")],
        &[],
    );
    check(floors, &[("src/app.rs", "use crate::cli; use crate::config;")], &[]);
    check(floors, &[("src/lib.rs", "pub mod http;"), ("src/main.rs", "use wardbook::cli;")], &[]);
}

#[test]
fn fences_catches() {
    check(
        fences,
        &[("src/ops/encrypt.rs", "use aes_gcm::Aes256Gcm;")],
        &["src/ops/encrypt.rs:1: `aes_gcm` is fenced off"],
    );
    check(
        fences,
        &[("src/app.rs", "fn f() -> ::actix_web::App<()> { actix_web::App::new() }")],
        &["src/app.rs:1: `actix_web` is fenced off"],
    );
    check(
        fences,
        &[("src/items/schema.rs", "use {sha2 as digest, std::fmt};")],
        &["src/items/schema.rs:1: `sha2` is fenced off"],
    );
    check(
        fences,
        &[("src/store/sqlite_of_another.rs", "extern crate rusqlite;")],
        &["src/store/sqlite_of_another.rs:1: `rusqlite` is fenced off"],
    );
    check(
        fences,
        &[("src/config/tls.rs", "use aws_lc_rs; use rustls::crypto; fn f() { aws_lc_rs::f() }")],
        &["src/config/tls.rs:1: `aws_lc_rs` is fenced off"],
    );
    check(
        fences,
        &[("src/hsm/seal.rs", "#[cfg(not(test))] mod x { use aes::Aes256; }")],
        &["src/hsm/seal.rs:1: `aes` is fenced off"],
    );
}

#[test]
fn fences_passes() {
    check(fences, &[("src/http/kms.rs", "use actix_web::web;")], &[]);
    check(fences, &[("src/telemetry.rs", "use prometheus::Registry;")], &[]);
    check(fences, &[("src/http/metrics.rs", "mod prometheus; use prometheus::Encoder;")], &[]);
    check(fences, &[("src/store/sqlite/mod.rs", "use rusqlite::Connection;")], &[]);
    let provider = "use rustls::crypto::aws_lc_rs; fn f() { aws_lc_rs::default_provider() }";
    check(fences, &[("src/config/tls.rs", provider)], &[]);
    let provider = "use rustls::crypto::aws_lc_rs::{self}; fn f() -> aws_lc_rs::P {}";
    check(fences, &[("src/config/tls.rs", provider)], &[]);
    check(fences, &[("src/ops/x.rs", "mod prometheus; fn f() { prometheus::g() }")], &[]);
    check(
        fences,
        &[("src/audit/mod.rs", "#[cfg(test)] mod tests { use rusqlite::Connection; }")],
        &[],
    );
    check(
        fences,
        &[
            ("src/lib.rs", "mod audit;"),
            ("src/audit/mod.rs", "#[cfg(test)] mod tests;"),
            ("src/audit/tests/mod.rs", "mod raw;"),
            ("src/audit/tests/raw.rs", "use rusqlite::Connection;"),
        ],
        &[],
    );
}

#[test]
fn orphans_catches() {
    check(
        orphans,
        &[("src/lib.rs", "mod a;"), ("src/a.rs", ""), ("src/b.rs", "mod c;"), ("src/b/c.rs", "")],
        &["src/b.rs:1: no `mod` line leads here", "src/b/c.rs:1: no `mod` line leads here"],
    );
    check(orphans, &[("benches/old.rs", "")], &["benches/old.rs:1: no `mod` line leads here"]);
}

#[test]
fn orphans_passes() {
    check(
        orphans,
        &[
            (
                "Cargo.toml",
                "[[test]]\nname = \"it\"\npath = \"tests/it/main.rs\"\n[[bench]]\nname = \"b\"\n",
            ),
            ("benches/b.rs", ""),
            ("tests/it/main.rs", "mod tidy;"),
            ("tests/it/tidy.rs", ""),
            ("src/lib.rs", "pub mod a; mod b { mod c; }"),
            ("src/a/mod.rs", "mod d;"),
            ("src/a/d.rs", "mod e;"),
            ("src/a/d/e.rs", ""),
            ("src/b/c.rs", ""),
        ],
        &[],
    );
}

#[test]
fn sizes_catches_and_passes() {
    let lines = |count| "\n".repeat(count);
    let tree = Tree::new(&[("src/a.rs", &lines(500)), ("src/b.rs", &lines(501))]);
    assert_eq!(sizes(&tree, &[]), ["src/b.rs:501: more than 500 lines"]);
    assert_eq!(sizes(&tree, &[("src/b.rs", 501)]), Vec::<String>::new());
    assert_eq!(sizes(&tree, &[("src/b.rs", 500)]), ["src/b.rs:501: more than 500 lines"]);
    assert_eq!(
        sizes(&tree, &[("src/a.rs", 600), ("src/b.rs", 501), ("src/c.rs", 700)]),
        [
            "src/a.rs:500: no longer long, take it off the list",
            "src/c.rs:0: gone, take it off the list",
        ]
    );
}

#[test]
fn front_pages_catches_and_passes() {
    let files = [
        ("src/a/mod.rs", "use b;"),
        ("src/app.rs", "// no"),
        ("src/lib.rs", "//! L.\nmod c;"),
        ("src/a/b.rs", ""),
        ("src/c/mod.rs", "//! C.\n#[cfg(test)] mod tests;"),
        ("src/c/tests/mod.rs", ""),
        ("src/d/mod.rs", "#![doc = include_str!(\"README.md\")]"),
    ];
    check(
        front_pages,
        &files,
        &["src/a/mod.rs:1: must open with `//!`", "src/app.rs:1: must open with `//!`"],
    );
}

#[test]
fn loose_ends_catches() {
    let later = ["// TO", "DO later\n/* FIX", "ME */"].concat();
    check(loose_ends, &[("src/a.rs", &later)], &["src/a.rs:1: put off", "src/a.rs:2: put off"]);
    check(loose_ends, &[("src/a.rs", "fn f() {\n    todo!()\n}")], &["src/a.rs:2: unfinished"]);
    check(
        loose_ends,
        &[("src/a.rs", "#![cfg_attr(x, allow(dead_code))]\n#[allow(a, reason = \"b\")]")],
        &[
            "src/a.rs:1: `expect` with a reason instead of `allow`",
            "src/a.rs:2: `expect` with a reason instead of `allow`",
        ],
    );
    check(
        loose_ends,
        &[("src/a.rs", "#[expect(clippy::panic)]")],
        &["src/a.rs:1: `expect` without a reason"],
    );
    let switched_off =
        "#[test] #[ignore = \"slow\"]\n#[should_panic] fn f() {}\n#[path = \"b.rs\"] mod c;";
    check(
        loose_ends,
        &[("tests/it/a.rs", switched_off)],
        &[
            "tests/it/a.rs:1: no `#[ignore]`",
            "tests/it/a.rs:2: no `#[should_panic]`",
            "tests/it/a.rs:3: no `#[path]`",
        ],
    );
}

#[test]
fn loose_ends_passes() {
    check(
        loose_ends,
        &[("src/a.rs", "#[expect(clippy::panic, reason = \"a\")] fn allow() {}")],
        &[],
    );
    check(loose_ends, &[("src/a.rs", "//! #[allow(a)] todo!()\nlet todo = x.expect(y);")], &[]);
}
