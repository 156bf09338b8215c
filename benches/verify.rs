//! How fast `wardbook audit verify` reads a book, and how much memory that, a count
//! and an export take: `cargo bench --bench verify -- RECORDS` makes a book with a
//! tenth of so many records and one with all (500,000 if nothing is said).
//! `VERIFY_PEAKS_ONLY=1` leaves out how fast it is.
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

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use records::{Dice, Sample};
use tempfile::TempDir;
use wardbook::audit::verify::{Wanted, verify};
use wardbook::audit::{self, Export, Filter, Form, Selection, ledger};
use wardbook::base::limits;
use wardbook::hsm::{Hsm, OsEntropy, RootKey};
use wardbook::store::{Change, Dimension, Settings, Store, Unit};

/// Records of one commit.
const BATCH: usize = 2_000;
/// The argument of a process that measures its memory.
const PEAK: &str = "--peak-of";

fn main() {
    let given: Vec<String> = std::env::args().skip(1).collect();
    if let [mark, what, folder] = given.as_slice()
        && mark == PEAK
    {
        return print_peak(what, Path::new(folder));
    }
    let count: usize = given.iter().find_map(|text| text.parse().ok()).unwrap_or(500_000);
    for count in [count / 10, count] {
        let folder = filled(count);
        if std::env::var_os("VERIFY_PEAKS_ONLY").is_none() {
            rates(folder.path(), count);
        }
        for what in ["nothing", "verify", "verify with its index", "count", "export"] {
            // What this process ever took would hide what one of them takes.
            let program = std::env::current_exe().unwrap();
            let folder = folder.path().as_os_str();
            let args = [PEAK.as_ref(), what.as_ref(), folder];
            assert!(Command::new(program).args(args).status().unwrap().success());
        }
    }
}

/// A book of so many records, and its index.
fn filled(count: usize) -> TempDir {
    let folder = TempDir::new_in(".").unwrap();
    let store = Store::open(folder.path(), Settings::default(), audit::marks).unwrap();
    let root = RootKey::generate(&mut OsEntropy).unwrap();
    let (hsm, _domain_key) = Hsm::initialize(root, OsEntropy).unwrap();
    let (ledger, founding) = ledger::found(&hsm, &store, None, 0).unwrap();
    store.appoint(Box::new(ledger.notary)).unwrap();
    let mut changes: Vec<Box<dyn Change>> = vec![Box::new(founding)];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut dice = Dice::new(1);
    let mut left = count;
    while left > 0 {
        let batch = left.min(BATCH);
        let mut events = (0..batch).map(|number| {
            let sample = Sample::new(&mut dice, count - left + number);
            sample.with_record(|record| audit::prepare(record).unwrap())
        });
        let event = events.next().unwrap();
        let unit = Unit { changes: std::mem::take(&mut changes), event, further: events.collect() };
        runtime.block_on(store.commit(unit)).unwrap();
        left -= batch;
    }
    while store.health().indexed_seq < store.health().last_seq {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    drop(store);
    let bytes = folder.path().join("wardbook.db").metadata().unwrap().len();
    println!("{count} records, {:.0} MB", bytes as f64 / 1e6);
    folder
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn wanted(folder: &Path, index: bool, threads: usize) -> Wanted<'_> {
    Wanted { folder, key: None, kept: Vec::new(), index, threads }
}

fn rates(folder: &Path, count: usize) {
    for _ in 0..2 {
        for (threads, index) in [(1, false), (threads(), false), (1, true), (threads(), true)] {
            let start = Instant::now();
            let report = verify(wanted(folder, index, threads), &|_, _| {}).unwrap();
            let rate = count as f64 / start.elapsed().as_secs_f64();
            assert_eq!(report.findings(), []);
            let what = if index { "with its index" } else { "the log alone" };
            println!("{what}, {threads} threads: {rate:.0} records a second");
        }
    }
}

/// Does one thing, and prints the most memory that this process ever had.
fn print_peak(what: &str, folder: &Path) {
    let open = || Store::open(folder, Settings::default(), audit::marks).unwrap();
    match what {
        "verify" | "verify with its index" => {
            let wanted = wanted(folder, what != "verify", threads());
            assert_eq!(verify(wanted, &|_, _| {}).unwrap().findings(), []);
        }
        "count" => {
            let by = [Some(Dimension::Time(86_400_000)), Some(Dimension::Principal)];
            audit::count(&open(), &Selection::default(), by, 1_000).unwrap();
        }
        "export" => {
            let store = open();
            let filter = Filter { limit: limits::AUDIT_EXPORT_ROWS, ..Filter::default() };
            let mut export = Export::new(&store, filter, Form::Ndjson).unwrap();
            while export.piece(&store).unwrap().is_some() {}
        }
        _ => {}
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("peak memory, {what}: {}", peak.trim());
}
