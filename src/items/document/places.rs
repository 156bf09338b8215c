//! Two schemas of documents side by side: at which places which path decides.
//!
//! Paths are walked together as a document would be, because a path says nothing
//! about a place where a longer or a more specific one decides. A place with `*`
//! stands for all names that neither schema names there.

use super::pattern;
use super::rules::{Position, Rules};
use super::schema::PathAction;
use crate::base::limits;
use crate::items::schema::SchemaDocument;

/// What a schema says about a place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::items) struct Decision<'a> {
    /// The path that decides, as it is written;
    /// [`EVERYTHING_ELSE`](super::schema::EVERYTHING_ELSE) if none does.
    pub(in crate::items) name: &'a str,
    /// `None` if nothing is said.
    pub(in crate::items) action: Option<PathAction>,
}

/// Tells `found` of every place at which something else decides than around it,
/// in the one schema or the other, and of that which no path names. Answers
/// whether this came to an end: it does not if a path cannot be read, or if there are
/// more places than `left`, from which they are taken.
pub(in crate::items) fn compare(
    old: &SchemaDocument,
    new: &SchemaDocument,
    left: &mut usize,
    found: &mut dyn FnMut(&str, Decision<'_>, Decision<'_>),
) -> bool {
    let rules = |document: &SchemaDocument| {
        Rules::of_checked(&document.path_actions_on_encrypt, document.default_action)
    };
    let (Ok(old), Ok(new)) = (rules(old), rules(new)) else { return false };
    let unnamed = "*".repeat(limits::DOCUMENT_PATH_BYTES.saturating_add(1));
    let mut walk = Walk { old: &old, new: &new, unnamed: &unnamed, left, found };
    let root = (old.start(), new.start());
    let (before, after) = walk.decisions(&root);
    (walk.found)(super::schema::EVERYTHING_ELSE, before, after);
    walk.below(&mut String::new(), &root).is_some()
}

struct Walk<'a> {
    old: &'a Rules,
    new: &'a Rules,
    /// A name that is too long to stand in a path.
    unnamed: &'a str,
    left: &'a mut usize,
    found: &'a mut dyn FnMut(&str, Decision<'_>, Decision<'_>),
}

/// Where the walk stands in both schemas.
type Both<'a> = (Position<'a>, Position<'a>);

impl<'a> Walk<'a> {
    /// `None` if there are too many places. Goes as deep as paths do.
    fn below(&mut self, path: &mut String, at: &Both<'a>) -> Option<()> {
        let mut names = self.old.member_names(&at.0);
        names.extend(self.new.member_names(&at.1));
        let around = self.decisions(at);
        let any = self.child(at, self.unnamed);
        let of_any = self.decisions(&any);
        let length = path.len();
        for name in names {
            let child = self.child(at, name);
            let decided = self.decisions(&child);
            pattern::push_token(path, name);
            self.step(path, &child, decided != around && decided != of_any)?;
            path.truncate(length);
        }
        if !any.0.is_closed() || !any.1.is_closed() || of_any != around {
            path.push_str("/*");
            self.step(path, &any, of_any != around)?;
            path.truncate(length);
        }
        Some(())
    }

    fn step(&mut self, path: &mut String, at: &Both<'a>, is_other: bool) -> Option<()> {
        *self.left = self.left.checked_sub(1)?;
        if is_other {
            let (before, after) = self.decisions(at);
            (self.found)(path, before, after);
        }
        self.below(path, at)
    }

    fn child(&self, at: &Both<'a>, name: &str) -> Both<'a> {
        (self.old.child(&at.0, name), self.new.child(&at.1, name))
    }

    fn decisions(&self, at: &Both<'a>) -> (Decision<'a>, Decision<'a>) {
        let decision = |rules: &'a Rules, position: &Position<'a>| Decision {
            name: rules.name(position.decider()),
            action: rules.action(position),
        };
        (decision(self.old, &at.0), decision(self.new, &at.1))
    }
}
