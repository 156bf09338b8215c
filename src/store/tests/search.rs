//! What a search and a count promise: each record once, newest first, whatever
//! the conditions, however far the index is, and while records arrive.

use proptest::prelude::*;
use rusqlite::Connection;

use super::seeds::{
    Filter, Leave, Rows, Seed, Want, any_filter, commit_all, filter, grouping, newest_first, plain,
    runtime, seed, that, wait_for_index, with_interval,
};
use super::*;

/// Every count is that of the obvious definition, and is in order.
fn check_counts(
    store: &Store,
    filter: &Filter,
    by: [Option<Dimension>; 2],
    placed: &[(Seed, Position)],
) {
    let counts = filter.with(|conditions| {
        store.count(&Census { conditions, by, groups: 1_000, rows: 1_000 }).unwrap()
    });
    let want = filter.counts(placed, by);
    assert!(counts.complete);
    assert_eq!(counts.events, want.values().sum::<u64>());
    assert_eq!(counts.groups.len(), want.len());
    let found = counts.groups.iter().map(|group| (group.shares.clone(), group.events));
    assert_eq!(found.collect::<Rows>(), want);
    let time =
        |group: &Group| group.shares.iter().find(|share| matches!(share, Share::Time(_))).cloned();
    let order = |group: &Group| (time(group), std::cmp::Reverse(group.events));
    assert!(counts.groups.is_sorted_by_key(order));
}

const NEVER: u64 = 3_600_000;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// The index, the bare log, and any mixture of the two give what a plain
    /// look at all events gives.
    #[test]
    fn every_filter_finds_each_record_once(
        first in prop::collection::vec(seed(), 0..150),
        second in prop::collection::vec(seed(), 0..60),
        filters in prop::collection::vec((filter(), 1..40_usize, grouping()), 24),
    ) {
        let folder = TempDir::new().unwrap();
        let store = with_interval(folder.path(), 1);
        let mut placed = commit_all(&store, &first);
        wait_for_index(&store);
        let check = |store: &Store, placed: &[(Seed, Position)]| {
            for (filter, limit, by) in &filters {
                assert_eq!(filter.all(store, *limit, || {}), newest_first(filter, placed), "{filter:?}");
                check_counts(store, filter, *by, placed);
            }
        };
        check(&store, &placed);
        drop(store);
        let store = with_interval(folder.path(), NEVER);
        placed.extend(commit_all(&store, &second));
        prop_assert_eq!(store.health().indexed_seq, i64::try_from(first.len()).unwrap());
        check(&store, &placed);
        drop(store);
        // The index goes on where it was.
        let store = with_interval(folder.path(), 1);
        wait_for_index(&store);
        check(&store, &placed);
        drop(store);
        std::fs::remove_file(folder.path().join("index.db")).unwrap();
        check(&with_interval(folder.path(), NEVER), &placed);
    }

    /// Records that arrive between two pages neither hide nor repeat others.
    #[test]
    fn paging_is_stable_while_records_arrive(
        before in prop::collection::vec(seed(), 1..80),
        arriving in prop::collection::vec(seed(), 1..80),
        filter in filter(),
        limit in 1..5_usize,
    ) {
        let folder = TempDir::new().unwrap();
        let store = with_interval(folder.path(), 1);
        let mut placed = commit_all(&store, &before);
        let want = newest_first(&filter, &placed);
        let mut arriving = arriving.chunks(3);
        let found = filter.all(&store, limit, || {
            if let Some(seeds) = arriving.next() {
                placed.extend(commit_all(&store, seeds));
            }
        });
        let all = newest_first(&filter, &placed);
        prop_assert!(found.is_sorted_by(|a, b| a > b), "newest first, none twice");
        prop_assert!(found.iter().all(|position| all.contains(position)));
        prop_assert!(want.iter().all(|position| found.contains(position)), "none is missing");
    }
}

#[test]
fn a_rare_combination_is_looked_for_in_bounded_pages() {
    let folder = TempDir::new().unwrap();
    let mut seeds: Vec<Seed> = (0..500).map(|time| Seed { time, ..plain() }).collect();
    seeds[3].read_only = false;
    let want = [Position { time_ms: 3, seq: 4 }];
    let filter = that(&[Want::Principal(0), Want::Writing]);
    let check = |store: &Store, least: usize| {
        let mut pages = 1;
        assert_eq!(filter.all(store, 5, || pages += 1), want);
        assert!(pages >= least, "{pages}");
    };
    // Beyond the index, and in it.
    let store = with_interval(folder.path(), NEVER);
    commit_all(&store, &seeds);
    check(&store, 10);
    drop(store);
    let store = with_interval(folder.path(), 1);
    wait_for_index(&store);
    check(&store, 3);
    // The time alone leads to the window.
    let early = Filter { to: 5, ..filter.clone() };
    let mut pages = 1;
    assert_eq!(early.all(&store, 5, || pages += 1), want);
    assert_eq!(pages, 1);
}

/// The index only proposes: one that was changed shows nobody the records of
/// others.
#[test]
fn an_index_that_lies_shows_no_record_that_does_not_fit() {
    let folder = TempDir::new().unwrap();
    let store = with_interval(folder.path(), 1);
    let seeds: Vec<Seed> = (0..30)
        .map(|n| Seed { account: usize::from(n % 3 == 0), time: n, tags: vec![1], ..plain() })
        .collect();
    let placed = commit_all(&store, &seeds);
    wait_for_index(&store);
    drop(store);
    // Every record is read-only, so this has all of them.
    let lie = "update postings set places = (select places from postings p where p.window = \
               postings.window and p.field = 12) where field = 1";
    let index = Connection::open(folder.path().join("index.db")).unwrap();
    assert!(index.execute(lie, []).unwrap() >= 2);
    drop(index);
    let store = with_interval(folder.path(), NEVER);
    assert_eq!(store.health().indexed_seq, 30);
    for account in 0..2 {
        for more in [Want::ReadOnly, Want::Tag(1)] {
            let filter = that(&[Want::Account(account), more]);
            assert_eq!(filter.all(&store, 4, || {}), newest_first(&filter, &placed));
        }
    }
}

#[test]
fn a_sieve_is_asked_about_a_bounded_number() {
    let folder = TempDir::new().unwrap();
    let store = with_interval(folder.path(), 1);
    let seeds: Vec<Seed> = (0..100).map(|time| Seed { time, ..plain() }).collect();
    commit_all(&store, &seeds);
    wait_for_index(&store);
    let (mut asked, mut found, mut pages) = (0, Vec::new(), 0);
    let mut before = Position::END;
    loop {
        let mut keeps = |record: &StoredRecord| {
            asked += 1;
            record.position.time_ms % 30 == 0
        };
        let page = any_filter().with(|conditions| {
            let search = Search { conditions, before, limit: 50 };
            store.search(&search, Some(&mut Sieve { keeps: &mut keeps, limit: 7 })).unwrap()
        });
        found.extend(page.records.iter().map(|record| record.position.time_ms));
        pages += 1;
        match page.next {
            Some(next) => before = next,
            None => break,
        }
    }
    assert_eq!((asked, found, pages), (100, vec![90, 60, 30, 0], 15));
}

#[test]
fn what_is_cut_of_a_count_is_told() {
    let folder = TempDir::new().unwrap();
    let store = with_interval(folder.path(), 1);
    let mut seeds = vec![Seed { principal: 1, ..plain() }; 3];
    seeds.extend(vec![Seed { principal: 2, ..plain() }; 5]);
    seeds.push(Seed { principal: 0, ..plain() });
    commit_all(&store, &seeds);
    wait_for_index(&store);
    let count = |groups, rows| {
        let by = [Some(Dimension::Principal), None];
        let counts = any_filter()
            .with(|conditions| store.count(&Census { conditions, by, groups, rows }).unwrap());
        assert_eq!(counts.events, 9);
        (counts.groups.iter().map(|group| group.events).collect::<Vec<_>>(), counts.complete)
    };
    assert_eq!(count(3, 3), (vec![5, 3, 1], true));
    assert_eq!(count(3, 2), (vec![5, 3], false));
    assert_eq!(count(2, 3), (vec![5, 3], false));
}

/// Somebody whose personal data is erased.
const LEAVER: usize = 99;

/// What was erased is found no more, whoever else has it is, and nothing of it
/// is left in the file.
#[test]
fn what_is_erased_leaves_the_index() {
    let folder = TempDir::new().unwrap();
    let store = with_interval(folder.path(), 1);
    let of = |principal, ip| Seed {
        principal,
        session: Some(principal),
        ip: Some(ip),
        tags: vec![5, i64::try_from(principal).unwrap()],
        ..plain()
    };
    // Over two windows; of the addresses, two are the leaver's alone.
    let mut seeds: Vec<Seed> = (0..100).map(|_| of(1, 0)).collect();
    seeds[10] = of(LEAVER, 2);
    seeds[20] = of(LEAVER, 0);
    seeds[90] = of(LEAVER, 4);
    commit_all(&store, &seeds);
    wait_for_index(&store);
    let left_of = |text: &str| {
        ["index.db", "index.db-wal"].iter().any(|name| {
            let bytes = std::fs::read(folder.path().join(name)).unwrap_or_default();
            bytes.windows(text.len()).any(|bytes| bytes == text.as_bytes())
        })
    };
    assert!(left_of("session-99") && left_of("10.0.1.1") && left_of("2001:db8::1"));
    let found = |want: Want| that(&[want]).all(&store, 1_000, || {}).len();
    assert_eq!(
        (found(Want::Session(LEAVER)), found(Want::Tag(99)), found(Want::Network(2))),
        (3, 3, 99)
    );
    // Two while the server runs, the third before the index goes on.
    erase_those(&store, &[11, 21]);
    while left_of("10.0.1.1") {
        std::thread::yield_now();
    }
    assert_eq!((found(Want::Session(LEAVER)), found(Want::Network(2))), (1, 97));
    drop(store);
    let store = with_interval(folder.path(), NEVER);
    erase_those(&store, &[91]);
    drop(store);
    let store = with_interval(folder.path(), 1);
    while left_of("session-99") {
        std::thread::yield_now();
    }
    let found = |want: Want| that(&[want]).all(&store, 1_000, || {}).len();
    assert_eq!(
        (found(Want::Session(LEAVER)), found(Want::Tag(99)), found(Want::Network(2))),
        (0, 0, 97)
    );
    assert_eq!(
        (found(Want::Session(1)), found(Want::Tag(5)), found(Want::Principal(LEAVER))),
        (97, 97, 3)
    );
    assert!(!left_of("session-99") && !left_of("10.0.1.1") && !left_of("2001:db8::1"));
    let by = [Some(Dimension::SourceIp), Some(Dimension::Principal)];
    let counts = any_filter()
        .with(|conditions| store.count(&Census { conditions, by, groups: 9, rows: 9 }).unwrap());
    let rows: Vec<_> = counts.groups.iter().map(|group| (&group.shares[0], group.events)).collect();
    // With the two records that tell of it.
    assert_eq!(
        rows,
        [(&Share::Text("10.0.0.1".to_owned()), 97), (&Share::None, 3), (&Share::None, 2)]
    );
    // The index goes on.
    commit_all(&store, &[of(2, 1)]);
    wait_for_index(&store);
    assert_eq!(found(Want::Network(2)), 98);
}

fn erase_those(store: &Store, seqs: &[i64]) {
    let leave = |seq: &i64| -> Box<dyn Change> { Box::new(Leave(*seq)) };
    let changes = seqs.iter().map(leave).collect();
    let unit = Unit { changes, event: plain().event(), further: Vec::new() };
    runtime().block_on(store.commit(unit)).unwrap();
}

#[test]
fn too_much_beyond_the_index_is_not_counted() {
    let folder = TempDir::new().unwrap();
    let store = with_interval(folder.path(), NEVER);
    commit_all(&store, &vec![plain(); 600]);
    let by = [None, None];
    let refused = any_filter()
        .with(|conditions| store.count(&Census { conditions, by, groups: 9, rows: 9 }))
        .unwrap_err();
    assert!(matches!(refused, Error::IndexBehind), "{refused:?}");
}

#[test]
fn an_index_that_does_not_fit_the_log_is_built_anew() {
    let folder = TempDir::new().unwrap();
    let seeds: Vec<Seed> = (0..30).map(|time| Seed { time, ..plain() }).collect();
    let fill = |folder: &Path, leaf: u8| {
        let store = with_interval(folder, 1);
        runtime().block_on(async {
            for seed in &seeds {
                let event = NewEvent { leaf: [leaf; 32], ..seed.event() };
                store
                    .commit(Unit { changes: Vec::new(), event, further: Vec::new() })
                    .await
                    .unwrap();
            }
        });
        wait_for_index(&store);
    };
    fill(folder.path(), 1);
    let index = folder.path().join("index.db");
    let check = |why: &str| {
        let store = with_interval(folder.path(), NEVER);
        assert_eq!(store.health().indexed_seq, 0, "{why}");
        assert_eq!(any_filter().all(&store, 7, || {}).len(), 30, "{why}");
        drop(store);
        let store = with_interval(folder.path(), 1);
        wait_for_index(&store);
        drop(store);
        let store = with_interval(folder.path(), NEVER);
        assert_eq!(store.health().indexed_seq, 30, "{why}");
    };

    let good = std::fs::read(&index).unwrap();
    std::fs::write(&index, b"this is no database, and longer than its header would be: ".repeat(9))
        .unwrap();
    check("garbage");
    std::fs::write(&index, &good[..good.len() / 2]).unwrap();
    std::fs::write(&index, []).unwrap();
    check("empty");

    let other = TempDir::new().unwrap();
    fill(other.path(), 1);
    std::fs::copy(other.path().join("index.db"), &index).unwrap();
    check("of another log");

    // Restored from a backup of its beginning, then gone another way.
    let restored = TempDir::new().unwrap();
    drop(open(restored.path()));
    let backup = restored.path().join("wardbook.db");
    let start = std::fs::read(&backup).unwrap();
    fill(restored.path(), 1);
    let ahead = std::fs::read(restored.path().join("index.db")).unwrap();
    std::fs::write(&backup, start).unwrap();
    fill(restored.path(), 2);
    std::fs::write(restored.path().join("index.db"), ahead).unwrap();
    let store = with_interval(restored.path(), NEVER);
    assert_eq!(store.health().indexed_seq, 0, "of another branch of this log");
}

#[test]
fn a_damaged_index_does_not_hide_records() {
    let folder = TempDir::new().unwrap();
    let store = with_interval(folder.path(), 1);
    let seeds: Vec<Seed> = (0..200).map(|time| Seed { time, ..plain() }).collect();
    commit_all(&store, &seeds);
    wait_for_index(&store);
    drop(store);
    // All pages but the first, which holds the schema.
    let index = folder.path().join("index.db");
    let mut bytes = std::fs::read(&index).unwrap();
    bytes[2 * 4_096..].fill(0x5a);
    std::fs::write(&index, bytes).unwrap();
    let store = with_interval(folder.path(), NEVER);
    assert_eq!(any_filter().all(&store, 50, || {}).len(), 200);
    drop(store);
    // Whoever writes to it makes it anew, while others have it open.
    let reader = Connection::open(folder.path().join("index.db")).unwrap();
    reader.execute_batch("begin; select * from sqlite_schema").unwrap();
    let store = with_interval(folder.path(), 1);
    commit_all(&store, &seeds[..1]);
    wait_for_index(&store);
    let count = || {
        let by = [Some(Dimension::EventName), None];
        any_filter().with(|conditions| {
            store.count(&Census { conditions, by, groups: 9, rows: 9 }).unwrap().events
        })
    };
    assert_eq!(count(), 201);
    assert_eq!(any_filter().all(&store, 50, || {}).len(), 201);
    reader.execute_batch("end").unwrap();
    drop((store, reader));
    let index = Connection::open(folder.path().join("index.db")).unwrap();
    let sound: String = index.query_row("pragma integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}
