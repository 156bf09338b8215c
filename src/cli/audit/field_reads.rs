//! `wardbook audit field-reads`.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::limits;
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::output::Output;

#[derive(Args)]
pub(super) struct FieldReads {
    /// Not before this time or day, such as 2026-11-02T10:00:00Z or 2026-11-02
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Before this time or day
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// The table: its logical name, or the name of a schema
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    /// The schema, if a table has several
    #[arg(long, value_name = "NAME")]
    schema: Option<String>,
    /// Partition key of the item: a text or a number; S:42 and N:42 are only the one or
    /// the other, B:KgA= is bytes in Base64
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Sort key of the item, if the table has one
    #[arg(long, value_name = "KEY", requires = "key")]
    sort_key: Option<String>,
    /// Attribute; several times: any of them
    #[arg(long, value_name = "NAME")]
    attribute: Vec<String>,
    /// How it was read: plain, masked or withheld
    #[arg(long, value_name = "HOW")]
    how: Vec<String>,
    /// What became of it: returned, used-inside or key-released
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    /// ARN of the caller; that of a role finds all its sessions
    #[arg(long, value_name = "ARN")]
    principal: Vec<String>,
    /// What the caller gave as the reason
    #[arg(long, value_name = "TEXT")]
    purpose: Vec<String>,
    /// The reads of the record with this id
    #[arg(long, value_name = "UUID")]
    event_id: Vec<String>,
    /// How many reads
    #[arg(long, value_name = "NUMBER", default_value_t = 100, conflicts_with = "all")]
    limit: usize,
    /// All reads, however many
    #[arg(long)]
    all: bool,
    /// Go on where an earlier answer stopped
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Count all of them instead, by what they have in common
    #[arg(long, value_enum, value_name = "GROUPING", conflicts_with_all = ["limit", "cursor"])]
    count_by: Option<Grouping>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Grouping {
    Principal,
    Attribute,
    How,
    Day,
    /// By reference
    Item,
    Table,
    Kind,
    Purpose,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    reads: Vec<Value>,
    next_cursor: Option<String>,
    searched_to: Option<String>,
}

/// Pages that are asked for without `--all`, however few reads they have.
const PAGES: usize = 100;

const HEADS: &[&str] =
    &["TIME", "PRINCIPAL", "TABLE", "KEY", "ATTRIBUTES", "KIND", "PURPOSE", "POLICIES", "EVENT"];

pub(super) fn ask(client: &Client, output: &mut Output, asked: &FieldReads) -> Result<(), Error> {
    let all = asked.all || asked.count_by.is_some();
    let mut wanted = if all { usize::MAX } else { asked.limit };
    let mut pages = if all { usize::MAX } else { PAGES };
    let mut cursor = asked.cursor.clone();
    let (mut searched_to, mut rows, mut counts) = (None, Vec::new(), Counts::new());
    let members = asked.members();
    while wanted > 0 && pages > 0 {
        let limit = wanted.min(limits::AUDIT_PAGE_ROWS).to_string();
        let mut query = members.clone();
        query.push(("limit", &limit));
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let call = Call::new(Method::GET, &["v1", "audit", "field-reads"]).asking(&query);
        let page: Page = client.call(call)?;
        wanted = wanted.saturating_sub(page.reads.len());
        pages = pages.saturating_sub(1);
        for read in &page.reads {
            match asked.count_by {
                Some(by) => by.count(read, &mut counts),
                None if output.is_json() => output.json(read)?,
                None => rows.push(row(read)),
            }
        }
        (cursor, searched_to) = (page.next_cursor, page.searched_to);
        if cursor.is_none() {
            break;
        }
    }
    if asked.count_by.is_some() {
        return print(output, counts);
    }
    if !output.is_json() {
        output.table(HEADS, &rows)?;
    }
    if let Some(cursor) = cursor {
        let searched_to = searched_to.unwrap_or_default();
        output
            .note(format_args!("Searched back to {searched_to}. There is more: --cursor {cursor}"));
    }
    Ok(())
}

impl FieldReads {
    /// As members of a query string.
    fn members(&self) -> Vec<(&'static str, &str)> {
        let one = [
            ("from", &self.from),
            ("to", &self.to),
            ("table", &self.table),
            ("schema", &self.schema),
            ("key", &self.key),
            ("sortKey", &self.sort_key),
        ];
        let many = [
            ("attribute", &self.attribute),
            ("how", &self.how),
            ("kind", &self.kind),
            ("principal", &self.principal),
            ("purpose", &self.purpose),
            ("eventId", &self.event_id),
        ];
        let one = one.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        let many = many
            .into_iter()
            .flat_map(|(name, values)| values.iter().map(move |value| (name, value.as_str())));
        one.chain(many).collect()
    }
}

fn text<'a>(read: &'a Value, name: &str) -> &'a str {
    read.get(name).and_then(Value::as_str).unwrap_or("-")
}

/// The attributes of a read, and how each was read.
fn attributes(read: &Value) -> impl Iterator<Item = (&str, &str)> {
    let attributes = read.get("attributes").and_then(Value::as_object);
    attributes.into_iter().flatten().map(|(name, how)| (name.as_str(), how.as_str().unwrap_or("-")))
}

fn row(read: &Value) -> Vec<String> {
    let list = |name: &str| read.get(name).and_then(Value::as_array).into_iter().flatten();
    let key: Vec<&str> = list("key").filter_map(Value::as_str).collect();
    let key = match key.is_empty() {
        // The reference tells items apart, too.
        true => text(read, "reference").to_owned(),
        false => key.join(" / "),
    };
    let is_omitted = read.get("policiesOmitted").and_then(Value::as_bool) == Some(true);
    let policies = list("policies").map(|policy| {
        let name = policy.get("sid").or_else(|| policy.get("policy"));
        name.and_then(Value::as_str).unwrap_or("-")
    });
    let all: Vec<String> = attributes(read).map(|(name, how)| format!("{name}={how}")).collect();
    vec![
        text(read, "time").to_owned(),
        text(read, "principal").rsplit(':').next().unwrap_or("-").to_owned(),
        text(read, "table").to_owned(),
        key,
        all.join(" "),
        text(read, "kind").to_owned(),
        text(read, "purpose").to_owned(),
        policies.chain(is_omitted.then_some("(omitted)")).collect::<Vec<_>>().join(" "),
        text(read, "eventId").to_owned(),
    ]
}

/// Reads by what they have in common.
type Counts = BTreeMap<String, u64>;

impl Grouping {
    fn count(self, read: &Value, counts: &mut Counts) {
        let mut add = |group: &str| {
            let count = counts.entry(group.to_owned()).or_default();
            *count = count.saturating_add(1);
        };
        match self {
            Self::Principal => add(text(read, "principal")),
            // One read may have several of these.
            Self::Attribute => attributes(read).for_each(|(name, _)| add(name)),
            Self::How => {
                let mut ways: Vec<&str> = attributes(read).map(|(_, how)| how).collect();
                ways.sort_unstable();
                ways.dedup();
                ways.into_iter().for_each(add);
            }
            Self::Day => add(text(read, "time").split('T').next().unwrap_or("-")),
            Self::Item => add(text(read, "reference")),
            Self::Table => add(text(read, "table")),
            Self::Kind => add(text(read, "kind")),
            Self::Purpose => add(text(read, "purpose")),
        }
    }
}

/// The most common first.
fn print(output: &mut Output, counts: Counts) -> Result<(), Error> {
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, reads)| std::cmp::Reverse(*reads));
    if output.is_json() {
        for (group, reads) in &counts {
            output.json(&json!({ "group": group, "reads": reads }))?;
        }
        return Ok(());
    }
    let rows: Vec<Vec<String>> =
        counts.into_iter().map(|(group, reads)| vec![group, reads.to_string()]).collect();
    Ok(output.table(&["GROUP", "READS"], &rows)?)
}
