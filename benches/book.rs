//! What a durable record costs.
//!
//! First the figures that the store was designed for, each taken in rounds with
//! the thing it is compared with, so that a busy machine falls on both: CPU time
//! a record; records a second against a raw file that gets the same bytes in
//! groups of the same size; and the share of the search index, which is filled
//! meanwhile, against the same without it. Then the pieces, by criterion.
//! `BOOK_ROUNDS_ONLY=1` leaves these out.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::disallowed_methods,
    reason = "a benchmark measures time, and may stop at the first surprise"
)]

mod records;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use criterion::{BatchSize, Criterion};
use records::{Dice, Sample};
use tempfile::TempDir;
use wardbook::audit::{self, Filter, FilterValue, Name, Selection, Term, ledger};
use wardbook::hsm::{Hsm, OsEntropy, RootKey};
use wardbook::store::{NewEvent, Settings, Store, Unit};

/// The indexer does not look by itself; and without texts nothing tells it to.
const LOG_ONLY: Settings = Settings {
    queue_units: 2_048,
    batch_units: 512,
    commit_wait_ms: 10_000,
    index_interval_ms: 3_600_000,
    pages_max: None,
    reserve_bytes: None,
};

const WAITERS: usize = 64;
const RECORDS: usize = 128_000;
const ROUNDS: u64 = 5;

fn main() {
    durable_records();
    if std::env::var_os("BOOK_ROUNDS_ONLY").is_some() {
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    pieces(&mut criterion);
    pages(&mut criterion);
    criterion.final_summary();
}

/// Prints CPU a record, the ratio to a raw file, and the share of the index,
/// medians of all rounds.
fn durable_records() {
    let (mut ratios, mut cpus, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    let (mut index_cpus, mut shares, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let samples = Arc::new(samples(round, RECORDS));
        let bodies: Vec<NewEvent> = samples.iter().take(WAITERS * 100).map(event).collect();
        let raw = raw_rate(&bodies);
        // Whoever comes second has a warmer machine: they take turns.
        let run = |with: bool| match with {
            true => store_rate(&samples, Settings::default(), true),
            false => store_rate(&samples, LOG_ONLY, false),
        };
        let (log, indexed) = match round % 2 {
            0 => (run(false), run(true)),
            _ => {
                let indexed = run(true);
                (run(false), indexed)
            }
        };
        let (rate, cpu_us, waits) = (log.rate, log.cpu_us, &indexed.waits);
        println!(
            "round {round}: raw {raw:.0}/s, store {rate:.0}/s = {:.2} of raw, \
             {cpu_us:.1} us CPU a record; with the index {:.0}/s, {:.1} us, of them {:.1} of its \
             thread, which was done {:.2} s after the last commit; \
             waits p50 {:.2} p99 {:.2} p99.9 {:.2} ms",
            rate / raw,
            indexed.rate,
            indexed.cpu_us,
            indexed.index_cpu_us,
            indexed.behind_s,
            waits[waits.len() / 2],
            waits[waits.len() * 99 / 100],
            waits[waits.len() * 999 / 1000]
        );
        index_cpus.push(indexed.index_cpu_us);
        shares.push(indexed.index_cpu_us / cpu_us);
        kept.push(indexed.rate / rate);
        ratios.push(rate / raw);
        cpus.push(cpu_us);
        rates.push(rate);
    }
    println!(
        "durable record at {WAITERS} waiters: {:.1} us CPU (prepare and commit), {:.0}/s, {:.2} of raw write+fdatasync",
        median(cpus),
        median(rates),
        median(ratios)
    );
    println!(
        "the search index, filled meanwhile: {:.1} us CPU a record = {:.2} of group commit; \
         {:.2} of the rate without it",
        median(index_cpus),
        median(shares),
        median(kept)
    );
}

fn samples(seed: u64, count: usize) -> Vec<Sample> {
    let mut dice = Dice::new(seed + 100);
    (0..count).map(|number| Sample::new(&mut dice, number)).collect()
}

/// A new store, whose commits are signed as those of a server.
fn open(folder: &Path, settings: Settings) -> Store {
    let store = Store::open(folder, settings, audit::marks).unwrap();
    let root = RootKey::generate(&mut OsEntropy).unwrap();
    let (hsm, _domain_key) = Hsm::initialize(root, OsEntropy).unwrap();
    let (ledger, _founding) = ledger::found(&hsm, &store, None, 0).unwrap();
    store.appoint(Box::new(ledger.notary)).unwrap();
    store
}

fn event(sample: &Sample) -> NewEvent {
    sample.with_record(|record| audit::prepare(record).unwrap())
}

/// Records a second into a plain file, one write and one sync a group.
fn raw_rate(events: &[NewEvent]) -> f64 {
    let folder = TempDir::new_in(".").unwrap();
    let mut file = std::fs::File::create(folder.path().join("raw")).unwrap();
    let start = Instant::now();
    for group in events.chunks(WAITERS) {
        let mut bytes = Vec::new();
        for event in group {
            bytes.extend(&event.body);
            bytes.extend(event.leaf);
            bytes.extend(event.request_id.unwrap());
            bytes.extend(event.personal.salt.unwrap());
            bytes.extend(&event.personal.body);
            bytes.extend([0; 24]);
        }
        file.write_all(&bytes).unwrap();
        file.sync_data().unwrap();
    }
    events.len() as f64 / start.elapsed().as_secs_f64()
}

/// What committing all samples took.
struct Committed {
    /// Records a second, until the last was durable.
    rate: f64,
    /// CPU microseconds a record, everything included, until the last was durable
    /// and, if there is an index, in it.
    cpu_us: f64,
    /// Of them those of the thread that fills the index.
    index_cpu_us: f64,
    /// How long that needed beyond the last commit, seconds.
    behind_s: f64,
    /// How long each waited for its receipt, milliseconds, ascending.
    waits: Vec<f64>,
}

fn store_rate(samples: &Arc<Vec<Sample>>, settings: Settings, has_index: bool) -> Committed {
    let folder = TempDir::new_in(".").unwrap();
    let store = Arc::new(open(folder.path(), settings));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let count = samples.len();
    let (start, cpu) = (Instant::now(), cpu_us());
    let tasks: Vec<_> = (0..WAITERS)
        .map(|waiter| {
            let (store, samples) = (Arc::clone(&store), Arc::clone(samples));
            runtime.spawn(async move {
                let mut waits = Vec::new();
                for sample in samples.iter().skip(waiter).step_by(WAITERS) {
                    let mut event = event(sample);
                    event.text = event.text.filter(|_| has_index);
                    let unit = Unit { changes: Vec::new(), event, further: Vec::new() };
                    let start = Instant::now();
                    store.commit(unit).await.unwrap();
                    waits.push(start.elapsed().as_secs_f64() * 1_000.0);
                }
                waits
            })
        })
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(runtime.block_on(task).unwrap());
    }
    let seconds = start.elapsed().as_secs_f64();
    let is_behind = || store.health().indexed_seq < store.health().last_seq;
    while has_index && is_behind() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let behind_s = start.elapsed().as_secs_f64() - seconds;
    let (cpu_us, index_cpu_us) = (cpu_us() - cpu, thread_cpu_us("book-index"));
    waits.sort_by(f64::total_cmp);
    Committed {
        rate: count as f64 / seconds,
        cpu_us: cpu_us / count as f64,
        index_cpu_us: index_cpu_us / count as f64,
        behind_s,
        waits,
    }
}

/// CPU time of the threads of this name so far, by the scheduler's count.
fn thread_cpu_us(name: &str) -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let of = |task: std::fs::DirEntry| {
        let read = |file| std::fs::read_to_string(task.path().join(file)).unwrap_or_default();
        let time = read("schedstat").split(' ').next().and_then(|ns| ns.parse::<f64>().ok());
        (read("comm").trim() == name).then_some(time).flatten().unwrap_or(0.0) / 1_000.0
    };
    tasks.map(|task| of(task.unwrap())).sum()
}

/// CPU time of this process so far, all threads, user and system.
fn cpu_us() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let behind_name = stat.rsplit_once(") ").unwrap().1;
    let ticks = behind_name.split(' ').skip(11).take(2).map(|n| n.parse::<f64>().unwrap());
    ticks.sum::<f64>() * 10_000.0
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

fn pieces(criterion: &mut Criterion) {
    let samples = samples(50, 1_000);
    let mut turn = samples.iter().cycle();
    criterion.bench_function("canonical", |bench| {
        bench.iter(|| turn.next().unwrap().with_record(|record| audit::canonical(record).unwrap()));
    });
    criterion.bench_function("prepare", |bench| {
        bench.iter(|| event(turn.next().unwrap()));
    });
    let canonical: Vec<String> = samples
        .iter()
        .map(|sample| sample.with_record(|record| audit::canonical(record).unwrap()))
        .collect();
    let mut bytes = canonical.iter().cycle();
    criterion.bench_function("leaf", |bench| {
        bench.iter_batched(
            || bytes.next().unwrap(),
            |canonical| audit::leaf_2(canonical.as_bytes(), &[[7; 32]; 6]),
            BatchSize::SmallInput,
        );
    });
}

fn pages(criterion: &mut Criterion) {
    const STORED: usize = 200_000;
    let folder = TempDir::new_in(".").unwrap();
    let store = Arc::new(open(folder.path(), Settings::default()));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let samples = samples(60, STORED);
    let mut principal = String::new();
    let mut key = String::new();
    for group in samples.chunks(512) {
        let tasks: Vec<_> = group
            .iter()
            .map(|sample| {
                let event = event(sample);
                principal.clone_from(&event.principal);
                key = event.key.clone().unwrap_or_default();
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
    while store.health().indexed_seq < store.health().last_seq {
        std::thread::yield_now();
    }
    let size = |name| std::fs::metadata(folder.path().join(name)).unwrap().len();
    drop(store);
    println!(
        "{STORED} records: log {} B each, index {} B each",
        size("wardbook.db") / STORED as u64,
        size("index.db") / STORED as u64
    );
    let store = Store::open(folder.path(), Settings::default(), audit::marks).unwrap();
    let is = |name: Name, text: &str| Term::is(FilterValue::parse(name, text).unwrap());
    let principal = is(Name::Principal, &principal);
    let denied = is(Name::ErrorCode, "AccessDenied");
    let (decrypt, writing) = (is(Name::EventName, "Decrypt"), is(Name::ReadOnly, "false"));
    for (title, terms) in [
        ("page: newest 50", vec![]),
        ("page: 50 of a principal", vec![principal.clone()]),
        ("page: 50 of a key", vec![is(Name::KeyId, &key)]),
        ("page: 50 denials of a principal", vec![principal, denied]),
        ("page: a combination that never was", vec![decrypt, writing]),
    ] {
        let selection = Selection { terms, ..Selection::default() };
        let filter = Filter { selection, limit: 50, ..Filter::default() };
        criterion
            .bench_function(title, |bench| bench.iter(|| audit::query(&store, &filter).unwrap()));
    }
}
