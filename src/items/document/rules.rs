//! Which rule of a schema decides about a value. Seen from the top of the
//! document, at each level the most specific path that ends there takes over;
//! what is encrypted or left alone ends the search, for that is one value. The
//! rules are checked so that there is always exactly one most specific path.
//!
//! Paths are kept as a tree, so that a document is walked once, whatever the
//! number of rules.

use std::collections::{BTreeMap, BTreeSet};

use super::pattern::{self, Segment};
use super::schema::{DefaultAction, PathAction};
use crate::items::error::{ItemError, ItemErrorCode};

/// The name of what no path of a schema names. No path is spelled like this, for
/// behind a `~` there is a digit; and policies in AWS's JSON have no wildcard in it.
pub const EVERYTHING_ELSE: &str = "/~";

/// One path with its action.
#[derive(Clone, Debug)]
struct Rule {
    path: String,
    segments: Vec<Segment>,
    action: PathAction,
}

#[derive(Clone, Debug, Default)]
struct Node {
    named: BTreeMap<String, Self>,
    any: Option<Box<Self>>,
    /// The rule whose path ends here.
    rule: Option<usize>,
    /// The rules that encrypt something below.
    below: Vec<usize>,
}

/// The rules of one schema.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    rules: Vec<Rule>,
    root: Node,
    default: Option<DefaultAction>,
}

/// Where a walk through a document stands among the rules.
#[derive(Clone)]
pub(super) struct Position<'a> {
    /// What can still match below, the more specific first.
    open: Vec<&'a Node>,
    /// The rule that decides here.
    rule: Option<usize>,
}

/// The rule that decides about a value; none, where it is the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Decider(Option<usize>);

impl Position<'_> {
    pub(super) fn decider(&self) -> Decider {
        Decider(self.rule)
    }

    /// Whether no longer path leads further down from here.
    pub(super) fn is_end(&self) -> bool {
        self.open.iter().all(|node| node.named.is_empty() && node.any.is_none())
    }

    /// Whether no path says anything about what is below.
    pub(super) fn is_closed(&self) -> bool {
        self.open.is_empty()
    }
}

impl Rules {
    /// # Errors
    /// `InvalidSchema` if a path cannot be read, or two contradict each other.
    pub(super) fn new(
        actions: &BTreeMap<String, PathAction>,
        default: Option<DefaultAction>,
    ) -> Result<Self, ItemError> {
        let read = Self::of_checked(actions, default)?;
        for (at, rule) in read.rules.iter().enumerate() {
            read.rules.iter().take(at).try_for_each(|other| check_pair(rule, other))?;
        }
        Ok(read)
    }

    /// The rules of a schema that was checked before.
    ///
    /// # Errors
    /// `InvalidSchema` if a path cannot be read.
    pub(super) fn of_checked(
        actions: &BTreeMap<String, PathAction>,
        default: Option<DefaultAction>,
    ) -> Result<Self, ItemError> {
        let mut rules: Vec<Rule> = Vec::with_capacity(actions.len());
        let mut root = Node::default();
        for (path, action) in actions {
            let rule =
                Rule { path: path.clone(), segments: pattern::parse(path)?, action: *action };
            let mut node = &mut root;
            for segment in &rule.segments {
                if rule.action == PathAction::EncryptAndSign {
                    node.below.push(rules.len());
                }
                node = match segment {
                    Segment::Named(name) => node.named.entry(name.clone()).or_default(),
                    Segment::Any => node.any.get_or_insert_default(),
                };
            }
            node.rule = Some(rules.len());
            rules.push(rule);
        }
        Ok(Self { rules, root, default })
    }

    /// The names of what is encrypted, sorted.
    pub(super) fn encrypted_names(&self) -> impl Iterator<Item = &str> {
        let rest = self.default == Some(DefaultAction::EncryptAndSign);
        let rules = self.rules.iter().filter(|rule| rule.action == PathAction::EncryptAndSign);
        rest.then_some(EVERYTHING_ELSE).into_iter().chain(rules.map(|rule| rule.path.as_str()))
    }

    /// Where a walk begins: at the document itself.
    pub(super) fn start(&self) -> Position<'_> {
        Position { open: vec![&self.root], rule: None }
    }

    /// What happens to a value there; `None` if the schema does not say.
    pub(super) fn action(&self, position: &Position<'_>) -> Option<PathAction> {
        match self.rule(position) {
            Some(rule) => Some(rule.action),
            None => self.default.map(PathAction::from),
        }
    }

    /// Whether a rule encrypts what is there as one value. (The default
    /// encrypts single values only.)
    pub(super) fn is_whole(&self, position: &Position<'_>) -> bool {
        self.rule(position).is_some_and(|rule| rule.action == PathAction::EncryptAndSign)
    }

    /// The position of the member called `name`.
    pub(super) fn child<'a>(&self, position: &Position<'a>, name: &str) -> Position<'a> {
        let one_value = self.rule(position).is_some_and(|rule| rule.action != PathAction::SignOnly);
        if one_value || position.open.is_empty() {
            return Position { open: Vec::new(), rule: position.rule };
        }
        let mut open = Vec::new();
        for node in &position.open {
            open.extend(node.named.get(name));
            open.extend(node.any.as_deref());
        }
        // Nodes stand in the order of their paths, names before wildcards, so of
        // the rules that end here the first is the most specific.
        let rule = open.iter().find_map(|node| node.rule).or(position.rule);
        Position { open, rule }
    }

    /// The names of members for which paths say something of their own, there or
    /// deeper.
    pub(super) fn member_names<'a>(&self, position: &Position<'a>) -> BTreeSet<&'a str> {
        position.open.iter().flat_map(|node| node.named.keys().map(String::as_str)).collect()
    }

    /// The position of the element at `index`.
    pub(super) fn element<'a>(&self, position: &Position<'a>, index: usize) -> Position<'a> {
        let name = if position.open.is_empty() { String::new() } else { index.to_string() };
        self.child(position, &name)
    }

    /// The path of the rule that decides, where that is `decider`.
    pub(super) fn name(&self, decider: Decider) -> &str {
        decider.0.and_then(|rule| self.rules.get(rule)).map_or(EVERYTHING_ELSE, |rule| &rule.path)
    }

    /// The paths that may encrypt something inside of values at `positions`, of
    /// which only the positions are known. One mark for each rule: there are
    /// many positions, and below each may be every rule.
    pub(super) fn names_below<'a>(
        &'a self,
        positions: impl Iterator<Item = Position<'a>>,
    ) -> impl Iterator<Item = &'a str> {
        let mut marks = vec![false; self.rules.len()];
        for position in positions.filter(|position| !self.is_whole(position)) {
            for rule in position.open.iter().flat_map(|node| &node.below) {
                if let Some(mark) = marks.get_mut(*rule) {
                    *mark = true;
                }
            }
        }
        let marked = self.rules.iter().zip(marks).filter(|(_, is_marked)| *is_marked);
        marked.map(|(rule, _)| rule.path.as_str())
    }

    fn rule(&self, position: &Position<'_>) -> Option<&Rule> {
        position.rule.and_then(|rule| self.rules.get(rule))
    }
}

/// Refuses two rules of which nobody could say at a glance which one decides.
fn check_pair(one: &Rule, other: &Rule) -> Result<(), ItemError> {
    if !pattern::overlap(&one.segments, &other.segments) {
        return Ok(());
    }
    let (outer, inner) =
        if one.segments.len() <= other.segments.len() { (one, other) } else { (other, one) };
    let outer_is_clear = pattern::is_within(&outer.segments, &inner.segments);
    let inner_is_clear = pattern::is_within(&inner.segments, &outer.segments);
    if outer.segments.len() == inner.segments.len() {
        if outer_is_clear || inner_is_clear {
            return Ok(());
        }
        return Err(contradiction(
            inner,
            format!(
                "paths `{}` and `{}` match the same values and neither is the more specific: \
                 name the members in place of *",
                outer.path, inner.path
            ),
        ));
    }
    // `/a` beside `/*/b`: who names `/a` means all of it.
    if outer_is_clear && !inner_is_clear {
        return Ok(());
    }
    let state = match outer.action {
        PathAction::SignOnly => return Ok(()),
        PathAction::EncryptAndSign => "is encrypted as one value",
        PathAction::DoNothing => "is left alone as a whole",
    };
    Err(contradiction(
        inner,
        format!(
            "path `{}` lies inside of `{}`, which {state}: leave one of them out",
            inner.path, outer.path
        ),
    ))
}

fn contradiction(rule: &Rule, message: String) -> ItemError {
    ItemError::new(ItemErrorCode::InvalidSchema, message).of(&rule.path)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{EVERYTHING_ELSE, Position, Rules};
    use crate::items::document::schema::{DefaultAction, PathAction};
    use crate::items::error::ItemError;

    use PathAction::{DoNothing, EncryptAndSign, SignOnly};

    fn rules(actions: &[(&str, PathAction)]) -> Result<Rules, ItemError> {
        let actions: BTreeMap<_, _> =
            actions.iter().map(|(path, action)| ((*path).to_owned(), *action)).collect();
        Rules::new(&actions, Some(DefaultAction::SignOnly))
    }

    fn position<'a>(rules: &'a Rules, path: &str) -> Position<'a> {
        let names = path.split('/').skip(1);
        names.fold(rules.start(), |position, name| rules.child(&position, name))
    }

    /// Action and path at a path of plain member names.
    fn at<'a>(rules: &'a Rules, path: &str) -> (Option<PathAction>, &'a str) {
        let position = position(rules, path);
        (rules.action(&position), rules.name(position.decider()))
    }

    #[test]
    fn the_most_specific_path_decides() {
        let rules = rules(&[
            ("/a", SignOnly),
            ("/a/b", EncryptAndSign),
            ("/a/z/c", DoNothing),
            ("/list/*", EncryptAndSign),
            ("/list/0", SignOnly),
            ("/m/*/y", EncryptAndSign),
            ("/m/left/y", SignOnly),
            ("/m/whole", EncryptAndSign),
            ("/*", SignOnly),
        ])
        .unwrap();
        for (path, action, name) in [
            ("/a/q", SignOnly, "/a"),
            ("/a/b", EncryptAndSign, "/a/b"),
            ("/a/b/deep", EncryptAndSign, "/a/b"),
            ("/a/z/c/deep", DoNothing, "/a/z/c"),
            ("/list/0", SignOnly, "/list/0"),
            ("/list/1", EncryptAndSign, "/list/*"),
            ("/m/left/y", SignOnly, "/m/left/y"),
            ("/m/other/y", EncryptAndSign, "/m/*/y"),
            ("/m/whole", EncryptAndSign, "/m/whole"),
            ("/m/whole/y", EncryptAndSign, "/m/whole"),
            ("/other/q", SignOnly, "/*"),
        ] {
            assert_eq!(at(&rules, path), (Some(action), name), "{path}");
        }
        assert_eq!(
            rules.element(&rules.child(&rules.start(), "list"), 0).rule,
            rules.child(&rules.child(&rules.start(), "list"), "0").rule
        );
    }

    #[test]
    fn what_is_not_named() {
        let none = Rules::new(&BTreeMap::new(), None).unwrap();
        assert_eq!(at(&none, "/a"), (None, EVERYTHING_ELSE));
        let default = Rules::new(&BTreeMap::new(), Some(DefaultAction::EncryptAndSign)).unwrap();
        assert_eq!(at(&default, "/a").0, Some(EncryptAndSign));
        assert!(!default.is_whole(&default.start()));
    }

    #[test]
    fn what_may_be_inside_is_what_is_encrypted_below() {
        let rules = rules(&[
            ("/p", SignOnly),
            ("/p/ssn", EncryptAndSign),
            ("/p/jobs/*/tax", EncryptAndSign),
            ("/p/seen", DoNothing),
            ("/*/pin", EncryptAndSign),
        ])
        .unwrap();
        let below = |paths: &[&str]| -> Vec<&str> {
            rules.names_below(paths.iter().map(|path| position(&rules, path))).collect()
        };
        assert_eq!(below(&["/p"]), ["/*/pin", "/p/jobs/*/tax", "/p/ssn"]);
        assert_eq!(below(&["/q"]), ["/*/pin"]);
        assert_eq!(below(&["/p/jobs", "/q", "/q"]), ["/*/pin", "/p/jobs/*/tax"]);
        assert!(below(&["/p/ssn", "/q/pin", "/p/seen"]).is_empty());
        assert!(position(&rules, "/p/ssn").is_end() && !position(&rules, "/q").is_end());
    }

    #[test]
    fn contradictions() {
        for (one, other, part) in [
            (("/a", EncryptAndSign), ("/a/b", SignOnly), "encrypted as one value"),
            (("/a", DoNothing), ("/a/b", SignOnly), "left alone"),
            (("/*", EncryptAndSign), ("/a/b", SignOnly), "lies inside of `/*`"),
            (("/*", DoNothing), ("/*/b", EncryptAndSign), "lies inside of `/*`"),
            (("/a/*", EncryptAndSign), ("/*/b/c", SignOnly), "lies inside of `/a/*`"),
            (("/a/*", SignOnly), ("/*/b", SignOnly), "neither is the more specific"),
        ] {
            let error = rules(&[one, other]).unwrap_err();
            assert!(error.message.contains(part), "{error}");
            assert!(error.attribute.is_some());
        }
        for (one, other) in [
            (("/a", SignOnly), ("/a/b", EncryptAndSign)),
            (("/a", EncryptAndSign), ("/*/b", SignOnly)),
            (("/a/*", EncryptAndSign), ("/a/b", SignOnly)),
            (("/a", EncryptAndSign), ("/b/c", SignOnly)),
        ] {
            rules(&[one, other]).unwrap();
        }
    }
}
