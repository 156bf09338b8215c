//! The rules of the house, as a test: who may see whom, which foreign crate may
//! be named where, how long a file may grow. Every rule is a function from a
//! tree of files to the list of its sins, so each is itself tested on small
//! trees. Deliberately absent: whatever rustc, rustfmt or clippy already say.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    reason = "positions in this repository's own files; a wrong one fails the test"
)]

mod catches;
mod names;
mod rules;
mod tokens;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use names::Named;
use tokens::Token;

/// The sources, by path from the repository's root.
#[derive(Default)]
struct Tree(BTreeMap<String, File>);

/// A file and, if it is Rust, its tokens and what they name.
struct File {
    text: String,
    tokens: Vec<Token>,
    names: Vec<Named>,
}

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.add((*path).to_owned(), (*text).to_owned());
        }
        tree
    }

    /// The manifest and every `.rs` file of this repository.
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut tree = Self::default();
        tree.add("Cargo.toml".to_owned(), fs::read_to_string(root.join("Cargo.toml")).unwrap());
        for folder in ["src", "tests/it", "benches"] {
            tree.read_folder(root, &root.join(folder));
        }
        tree
    }

    fn read_folder(&mut self, root: &Path, folder: &Path) {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.read_folder(root, &path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                self.add(name, fs::read_to_string(&path).unwrap());
            }
        }
    }

    fn add(&mut self, path: String, text: String) {
        let tokens = if is_rust(&path) { tokens::tokens(&text) } else { Vec::new() };
        let names = names::names(&tokens);
        self.0.insert(path, File { text, tokens, names });
    }

    fn rust(&self) -> impl Iterator<Item = (&str, &File)> {
        self.0.iter().map(|(path, file)| (path.as_str(), file)).filter(|(path, _)| is_rust(path))
    }

    fn src(&self) -> impl Iterator<Item = (&str, &File)> {
        self.rust().filter(|(path, _)| path.starts_with("src/"))
    }
}

fn is_rust(path: &str) -> bool {
    path.ends_with(".rs")
}

static SOURCES: LazyLock<Tree> = LazyLock::new(Tree::read);

#[track_caller]
fn obeyed(sins: &[String]) {
    assert!(sins.is_empty(), "\n{}\n", sins.join("\n"));
}

#[test]
fn the_sources_are_read() {
    for path in ["Cargo.toml", "src/lib.rs", "src/base/ids.rs", "tests/it/tidy/mod.rs"] {
        assert!(SOURCES.0.contains_key(path), "{path}");
    }
}

#[test]
fn modules_look_down_only() {
    obeyed(&rules::floors(&SOURCES));
}

#[test]
fn foreign_crates_stay_inside_their_fences() {
    obeyed(&rules::fences(&SOURCES));
}

#[test]
fn every_file_is_part_of_the_program() {
    obeyed(&rules::orphans(&SOURCES));
}

#[test]
fn files_are_short() {
    obeyed(&rules::sizes(&SOURCES, rules::LONG_FILES));
}

#[test]
fn modules_open_with_what_they_are() {
    obeyed(&rules::front_pages(&SOURCES));
}

#[test]
fn nothing_is_put_off_or_silenced() {
    obeyed(&rules::loose_ends(&SOURCES));
}
