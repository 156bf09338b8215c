//! How fast `wardbook audit verify` reads a book: `cargo bench --bench verify --
//! RECORDS` makes one with so many records (500,000 if nothing is said), and
//! checks it with one thread and with all.
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

use std::time::Instant;

use records::{Dice, Sample};
use tempfile::TempDir;
use wardbook::audit::verify::{Wanted, verify};
use wardbook::audit::{self, ledger};
use wardbook::hsm::{Hsm, OsEntropy, RootKey};
use wardbook::store::{Change, Settings, Store, Unit};

/// Records of one commit.
const BATCH: usize = 2_000;

fn main() {
    let given = std::env::args().skip(1).find_map(|text| text.parse().ok());
    let count: usize = given.unwrap_or(500_000);
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
    drop(store);
    let bytes = folder.path().join("wardbook.db").metadata().unwrap().len();
    println!("{count} records, {:.0} MB", bytes as f64 / 1e6);
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    for threads in [1, all, 1, all] {
        let wanted = Wanted { folder: folder.path(), key: None, kept: Vec::new(), index: false, threads };
        let start = Instant::now();
        let report = verify(wanted, &|_, _| {}).unwrap();
        let rate = count as f64 / start.elapsed().as_secs_f64();
        assert_eq!(report.findings(), []);
        println!("{threads} threads: {rate:.0} records a second");
    }
}
