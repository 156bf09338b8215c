//! The tree as the records make it, beside the one that is stored.

use std::collections::BTreeMap;

use super::report::{Kind, Report, records};
use crate::audit::ledger::{Hash, Nodes, fold, root};
use crate::store::inspect::{self, Book};
use crate::store::{self, Tx, tree as rows};

/// Leaves under a stored node of the lowest height.
pub(super) const BLOCK: u64 = 256;
/// How many of them are one.
const STEP: u8 = 8;
/// Nodes that are read at a time.
const PAGE: i64 = 1_024;

type Stored = BTreeMap<(u8, u64), Hash>;

/// The root over the leaves of a full block.
pub(super) fn block_root(leaves: Vec<Hash>) -> Option<Hash> {
    (u64::try_from(leaves.len()) == Ok(BLOCK)).then(|| fold(leaves))
}

/// Both trees. Where the records make no node, since some are gone, the stored
/// one stands in for it.
pub(super) struct Trees {
    made: Stored,
    stored: Stored,
    /// Blocks whose records make another node than the stored one.
    differing: Vec<u64>,
}

/// Which of the trees a root is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Made,
    Stored,
}

impl Trees {
    pub(super) fn build(
        book: &Book,
        size: u64,
        blocks: BTreeMap<u64, Hash>,
        report: &mut Report,
    ) -> Self {
        let stored = stored_nodes(book, size, report);
        let mut made: Stored = blocks.into_iter().map(|(n, hash)| ((STEP, n), hash)).collect();
        let mut height = STEP;
        while size.checked_shr(u32::from(height)).unwrap_or(0) > 0 {
            fill(&mut made, &stored, height, size);
            height = height.saturating_add(STEP);
        }
        let mut trees = Self { made, stored, differing: Vec::new() };
        trees.compare(report);
        trees
    }

    fn compare(&mut self, report: &mut Report) {
        for (key @ (height, n), hash) in &self.made {
            match self.stored.get(key) {
                Some(other) if other == hash => {}
                // Whose fault it is, the signed root tells.
                Some(_) if *height == STEP => self.differing.push(*n),
                Some(_) => {}
                None => report.add(Kind::Tree, format!("node {n} of height {height} is missing")),
            }
        }
    }

    /// The root at a size; `None` if something that it needs cannot be read.
    pub(super) fn root(&self, tx: &mut dyn Tx, size: u64, which: Which) -> Option<Hash> {
        root(&mut Of { trees: self, tx, which }, size).ok()
    }

    /// Tells of nodes that the signed root proves to be wrong, or of records.
    /// `size` and `signed` are what was signed.
    pub(super) fn blame(&self, tx: &mut dyn Tx, size: u64, signed: &Hash, report: &mut Report) {
        if self.root(tx, size, Which::Made).as_ref() == Some(signed) {
            for (height, n) in self.made.keys() {
                let key = (*height, *n);
                if self.stored.get(&key).is_some_and(|node| Some(node) != self.made.get(&key)) {
                    let text = format!("node {n} of height {height} of the tree was changed");
                    report.add(Kind::Tree, text);
                }
            }
            return;
        }
        let tail = size.saturating_sub(size.checked_rem(BLOCK).unwrap_or(0));
        let stored_is_right = self.root(tx, size, Which::Stored).as_ref() == Some(signed);
        for n in &self.differing {
            let first = n.saturating_mul(BLOCK).saturating_add(1);
            let last = first.saturating_add(BLOCK).saturating_sub(1);
            replaced(first, last, report);
        }
        if self.differing.is_empty() && tail < size {
            replaced(tail.saturating_add(1), size, report);
        } else if !stored_is_right {
            let all = records(1, size);
            let text = format!("{all} are not those that were signed: they have another root");
            report.add_of(Kind::Replaced, 1, size, text);
        }
    }
}

fn replaced(first: u64, last: u64, report: &mut Report) {
    let text = format!("{}: one or more are not those that were signed", records(first, last));
    report.add_of(Kind::Replaced, first, last, text);
}

/// Makes the nodes above a height, with stored ones in the gaps below.
fn fill(made: &mut Stored, stored: &Stored, height: u8, size: u64) {
    let at_height = |tree: &Stored| {
        let all = tree.range((height, 0)..=(height, u64::MAX));
        all.map(|((_, n), hash)| (*n, *hash)).collect::<BTreeMap<u64, Hash>>()
    };
    // What is stored first, and what was made over it.
    let mut nodes = at_height(stored);
    nodes.retain(|n, _| *n < size.checked_shr(u32::from(height)).unwrap_or(0));
    for (n, hash) in at_height(made) {
        nodes.insert(n, hash);
    }
    let above = height.saturating_add(STEP);
    let mut group: Vec<Hash> = Vec::new();
    let mut next = 0_u64;
    for (n, hash) in nodes {
        if n != next {
            group.clear();
        }
        next = n.saturating_add(1);
        if group.is_empty() && n.checked_rem(BLOCK) != Some(0) {
            continue;
        }
        group.push(hash);
        if u64::try_from(group.len()) == Ok(BLOCK) {
            let parent = fold(std::mem::take(&mut group));
            made.insert((above, n.checked_div(BLOCK).unwrap_or(0)), parent);
        }
    }
}

/// Reads the stored tree, and tells of nodes that no tree of this size has.
fn stored_nodes(book: &Book, size: u64, report: &mut Report) -> Stored {
    let mut stored = Stored::new();
    let read = book.read(|tx| {
        let mut behind = (i64::MIN, i64::MIN);
        loop {
            let page = inspect::nodes(tx, behind, PAGE)?;
            if page.is_empty() {
                return Ok(());
            }
            for node in page {
                let (height, n) = match node {
                    Ok(node) => {
                        behind =
                            (i64::from(node.height), i64::try_from(node.n).unwrap_or(i64::MAX));
                        let full = size.checked_shr(u32::from(node.height)).unwrap_or(0);
                        if node.height > 0 && node.height.is_multiple_of(STEP) && node.n < full {
                            stored.insert((node.height, node.n), node.hash);
                            continue;
                        }
                        behind
                    }
                    Err(odd) => {
                        behind = odd;
                        odd
                    }
                };
                let text =
                    format!("node {n} of height {height} is none of a tree of {size} records");
                report.add(Kind::Tree, text);
            }
        }
    });
    if let Err(error) = read {
        report.add(Kind::Database, format!("the tree cannot be read: {error}"));
    }
    stored
}

/// One of the trees, with the leaves of the records at its right edge.
struct Of<'a> {
    trees: &'a Trees,
    tx: &'a mut dyn Tx,
    which: Which,
}

impl Nodes for Of<'_> {
    type Error = store::Error;

    fn nodes(&mut self, height: u8, first: u64, count: u64) -> Result<Vec<Hash>, store::Error> {
        if height == 0 {
            return rows::nodes(self.tx, 0, first, count);
        }
        let (before, behind) = match self.which {
            Which::Made => (&self.trees.made, &self.trees.stored),
            Which::Stored => (&self.trees.stored, &self.trees.made),
        };
        let missing = || store::Error::Corrupt(format!("no node of height {height}"));
        let node = |n| before.get(&(height, n)).or_else(|| behind.get(&(height, n))).copied();
        (first..first.saturating_add(count)).map(|n| node(n).ok_or_else(missing)).collect()
    }
}
