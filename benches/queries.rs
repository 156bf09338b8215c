//! What questions to a large book cost, and what its search index takes.
//!
//! `QUERIES_EVENTS=5000000 cargo bench --bench queries` measures five million
//! records; without it, 200,000.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::disallowed_methods,
    reason = "a benchmark measures time, and may stop at the first surprise"
)]

mod records;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use criterion::Criterion;
use records::{Dice, Sample};
use tempfile::TempDir;
use wardbook::audit::{self, Filter, FilterValue, Name, Record, Selection, Term, ledger};
use wardbook::base::ids::RequestId;
use wardbook::hsm::{Hsm, OsEntropy, RootKey};
use wardbook::store::{Dimension, NewEvent, Settings, Store, Unit};

/// Records that differ; they are committed again and again, at other times and
/// with other ids.
const DISTINCT: usize = 100_000;
/// The book spans a year, however many records it has.
const YEAR_MS: i64 = 365 * 86_400_000;
const DAY_MS: i64 = 86_400_000;
const START_MS: i64 = 1_793_614_272_000;

fn main() {
    let count = std::env::var("QUERIES_EVENTS").map_or(200_000, |text| text.parse().unwrap());
    let folder = TempDir::new_in(".").unwrap();
    let samples = samples();
    let denied = fill(&folder, &samples, count);
    let store = Store::open(folder.path(), Settings::default(), audit::marks).unwrap();
    let mut criterion = Criterion::default().sample_size(20).configure_from_args();
    pages(&mut criterion, &store, &denied);
    counts(&mut criterion, &store, &denied);
    criterion.final_summary();
}

fn samples() -> Vec<Sample> {
    let mut dice = Dice::new(77);
    (0..DISTINCT).map(|number| Sample::new(&mut dice, number)).collect()
}

/// A new store, whose commits are signed as those of a server.
fn open(folder: &Path) -> Store {
    let store = Store::open(folder, Settings::default(), audit::marks).unwrap();
    let root = RootKey::generate(&mut OsEntropy).unwrap();
    let (hsm, _domain_key) = Hsm::initialize(root, OsEntropy).unwrap();
    let (ledger, _founding) = ledger::found(&hsm, &store, None, 0).unwrap();
    store.appoint(Box::new(ledger.notary)).unwrap();
    store
}

/// Commits `count` records in the order of their times, waits for the index,
/// and prints what that took. Answers one record that failed.
fn fill(folder: &TempDir, samples: &[Sample], count: usize) -> NewEvent {
    let store = Arc::new(open(folder.path()));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut dice = Dice::new(5);
    let mut failed = None;
    let step_ms = YEAR_MS / i64::try_from(count).unwrap();
    let start = Instant::now();
    for group in 0..count.div_ceil(512) {
        let tasks: Vec<_> = (group * 512..count.min((group + 1) * 512))
            .map(|number| {
                let sample = &samples[number % samples.len()];
                let time_ms = START_MS + step_ms * i64::try_from(number).unwrap();
                let event = event(sample, time_ms, &mut dice);
                if event.error.as_deref() == Some("AccessDenied") && event.key.is_some() {
                    failed = Some(event.clone());
                }
                let store = Arc::clone(&store);
                runtime.spawn(async move {
                    store.commit(Unit { changes: Vec::new(), event, further: Vec::new() }).await
                })
            })
            .collect();
        for task in tasks {
            runtime.block_on(task).unwrap().unwrap();
        }
    }
    let committed = start.elapsed().as_secs_f64();
    while store.health().indexed_seq < store.health().last_seq {
        std::thread::yield_now();
    }
    let indexed = start.elapsed().as_secs_f64();
    store.close();
    let size = |name| std::fs::metadata(folder.path().join(name)).unwrap().len() as f64;
    println!(
        "{count} records: committed in {committed:.1} s, indexed {:.1} s later; \
         log {:.1} B each, index {:.1} B each",
        indexed - committed,
        size("wardbook.db") / count as f64,
        size("index.db") / count as f64
    );
    failed.unwrap()
}

/// The record of a sample, as that of another call.
fn event(sample: &Sample, time_ms: i64, dice: &mut Dice) -> NewEvent {
    sample.with_record(|record| {
        let mut caller = record.caller.clone();
        caller.request_id = RequestId::from_random(dice.bytes());
        // That of a call's own record.
        let event_id = *caller.request_id.as_bytes();
        audit::prepare(&Record { event_id, time_ms, caller: &caller, ..*record }).unwrap()
    })
}

fn is(name: Name, text: &str) -> Term {
    Term::is(FilterValue::parse(name, text).unwrap())
}

fn of(terms: Vec<Term>) -> Selection {
    Selection { terms, ..Selection::default() }
}

fn pages(criterion: &mut Criterion, store: &Store, event: &NewEvent) {
    let principal = is(Name::Principal, &event.principal);
    let key = is(Name::KeyId, event.key.as_deref().unwrap());
    let name = is(Name::EventName, &event.event_name);
    let denied = is(Name::ErrorCode, "AccessDenied");
    let day = |terms: Vec<Term>| {
        let middle = START_MS + YEAR_MS / 2;
        Selection { from_ms: Some(middle), to_ms: Some(middle + 30 * DAY_MS), ..of(terms) }
    };
    let never = [is(Name::EventName, "Decrypt"), is(Name::ReadOnly, "false")];
    for (title, selection) in [
        ("page: newest 50", of(vec![])),
        ("page: 50 of a principal", of(vec![principal.clone()])),
        ("page: 50 of a principal in a month", day(vec![principal.clone()])),
        ("page: 50 of a key in a month", day(vec![key.clone()])),
        ("page: 50 of an event and an error", of(vec![name.clone(), denied.clone()])),
        ("page: 50 denials of a principal", of(vec![principal.clone(), denied.clone()])),
        ("page: 50 of a key by a principal", of(vec![key, principal])),
        ("page: 50 of a network", of(vec![is(Name::SourceIp, "10.0.3.0/28")])),
        ("page: 50 of a context", of(vec![is(Name::Context, "tenant=7")])),
        ("page: not the most", of(vec![Term { not: true, ..name }, denied])),
        ("page: a combination that never was", of(never.to_vec())),
    ] {
        let filter = Filter { selection, limit: 50, ..Filter::default() };
        criterion.bench_function(title, |bench| {
            bench.iter(|| audit::query(store, &filter).unwrap());
        });
    }
    let request_id = uuid(event.request_id.unwrap());
    let one = Filter {
        selection: of(vec![is(Name::RequestId, &request_id)]),
        limit: 50,
        ..Filter::default()
    };
    criterion.bench_function("page: a request", |bench| {
        bench.iter(|| audit::query(store, &one).unwrap());
    });
    let text = Filter {
        selection: of(vec![is(Name::ErrorCode, "any")]),
        text: vec!["explicit deny".to_owned()],
        limit: 50,
        ..Filter::default()
    };
    criterion.bench_function("page: 50 errors with a text", |bench| {
        bench.iter(|| audit::query(store, &text).unwrap());
    });
}

fn uuid(bytes: [u8; 16]) -> String {
    let digits = wardbook::base::hex::encode(&bytes);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

fn counts(criterion: &mut Criterion, store: &Store, event: &NewEvent) {
    let day = Some(Dimension::Time(DAY_MS));
    let denied = of(vec![is(Name::ErrorCode, "AccessDenied")]);
    let key = of(vec![is(Name::KeyId, event.key.as_deref().unwrap())]);
    for (title, selection, by) in [
        ("count: all", of(vec![]), [None, None]),
        ("count: all by day", of(vec![]), [day, None]),
        ("count: all by day and event", of(vec![]), [day, Some(Dimension::EventName)]),
        ("count: all by principal", of(vec![]), [Some(Dimension::Principal), None]),
        ("count: denials by principal", denied, [Some(Dimension::Principal), None]),
        (
            "count: a key by principal",
            key,
            [Some(Dimension::Principal), Some(Dimension::EventName)],
        ),
    ] {
        criterion.bench_function(title, |bench| {
            bench.iter(|| audit::count(store, &selection, by, 1_000).unwrap());
        });
    }
}
