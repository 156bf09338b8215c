//! What a search promises: each record once, newest first, whatever the filter,
//! however far the index is, and while records arrive.

use proptest::prelude::*;

use super::*;
use crate::store::search::{Found, KeyText, Search};

const KEYS: [&str; 3] = [
    "arn:aws:kms:eu-central-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab",
    "arn:aws:kms:us-east-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab",
    "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
];

/// What of an event matters to a search, as small numbers.
#[derive(Clone, Debug)]
struct Seed {
    time: i64,
    account: usize,
    principal: usize,
    name: usize,
    key: Option<usize>,
    second_key: Option<usize>,
    error: Option<usize>,
    ip: Option<usize>,
    request: Option<u8>,
    read_only: bool,
}

impl Seed {
    fn event(&self) -> NewEvent {
        NewEvent {
            time_ms: self.time,
            account: format!("account-{}", self.account),
            event_name: format!("event-{}", self.name),
            key: self.key.map(|key| KEYS[key].to_owned()),
            second_key: self.second_key.map(|key| KEYS[key].to_owned()),
            error: self.error.map(|error| format!("error-{error}")),
            personal: personal(self.ip.map(|ip| format!("ip-{ip}"))),
            request_id: self.request.map(|request| [request; 16]),
            read_only: self.read_only,
            ..event(&self.principal.to_string())
        }
    }
}

fn seed() -> impl Strategy<Value = Seed> {
    let ids = (0..2_usize, 0..3_usize, 0..3_usize);
    let keys = (prop::option::of(0..3_usize), prop::option::weighted(0.2, 0..3_usize));
    let rest =
        (prop::option::of(0..2_usize), prop::option::of(0..3_usize), prop::option::of(0..9_u8));
    (0..40_i64, ids, keys, rest, any::<bool>()).prop_map(
        |(time, (account, principal, name), (key, second_key), (error, ip, request), read_only)| {
            Seed { time, account, principal, name, key, second_key, error, ip, request, read_only }
        },
    )
}

/// A filter in the same small numbers.
#[derive(Clone, Debug)]
struct Filter {
    account: Option<usize>,
    principal: Option<usize>,
    name: Option<usize>,
    key: Option<usize>,
    any_region: bool,
    error: Option<usize>,
    ip: Option<usize>,
    request: Option<u8>,
    read_only: Option<bool>,
    succeeded_in: Option<Vec<usize>>,
    from: i64,
    to: i64,
}

fn filter() -> impl Strategy<Value = Filter> {
    let some = |end: usize| prop::option::weighted(0.3, 0..end);
    let ids = (some(3), some(4), some(4), some(3), some(3), some(4));
    let rest = (prop::option::weighted(0.2, 0..10_u8), prop::option::weighted(0.3, any::<bool>()));
    let succeeded_in = prop::option::weighted(0.2, prop::collection::vec(0..4_usize, 0..3));
    (ids, any::<bool>(), rest, succeeded_in, 0..20_i64, 20..60_i64).prop_map(
        |(
            (account, principal, name, key, error, ip),
            any_region,
            (request, read_only),
            succeeded_in,
            from,
            to,
        )| {
            Filter {
                account,
                principal,
                name,
                key,
                any_region,
                error,
                ip,
                request,
                read_only,
                succeeded_in,
                from,
                to,
            }
        },
    )
}

impl Filter {
    /// The obvious definition, over the events themselves.
    fn matches(&self, seed: &Seed) -> bool {
        let same = |wanted: Option<usize>, is: Option<usize>| wanted.is_none() || wanted == is;
        let key_matches = |key: usize| {
            [seed.key, seed.second_key].iter().flatten().any(|used| {
                let id = |arn: &str| arn.rsplit('/').next().unwrap().to_owned();
                *used == key || (self.any_region && id(KEYS[*used]) == id(KEYS[key]))
            })
        };
        (self.from..self.to).contains(&seed.time)
            && same(self.account, Some(seed.account))
            && same(self.principal, Some(seed.principal))
            && same(self.name, Some(seed.name))
            && same(self.error, seed.error)
            && same(self.ip, seed.ip)
            && self.key.is_none_or(key_matches)
            && (self.request.is_none() || self.request == seed.request)
            && self.read_only.is_none_or(|wanted| wanted == seed.read_only)
            && self
                .succeeded_in
                .as_ref()
                .is_none_or(|names| seed.error.is_none() && names.contains(&seed.name))
    }

    fn page(&self, store: &Store, before: Option<Position>, limit: usize) -> Found {
        let text = |kind: &str, id: Option<usize>| id.map(|id| format!("{kind}-{id}"));
        let account = text("account", self.account);
        let principal = self.principal.map(|tag| format!("arn:aws:iam::111122223333:user/{tag}"));
        let (name, error) = (text("event", self.name), text("error", self.error));
        let ip = text("ip", self.ip);
        let key = self.key.map(|key| {
            if self.any_region {
                KeyText::Id(KEYS[key].rsplit('/').next().unwrap())
            } else {
                KeyText::Arn(KEYS[key])
            }
        });
        let names = self.succeeded_in.as_ref();
        let names: Option<Vec<String>> =
            names.map(|names| names.iter().map(|name| format!("event-{name}")).collect());
        let names: Option<Vec<&str>> =
            names.as_ref().map(|names| names.iter().map(String::as_str).collect());
        let search = Search {
            account: account.as_deref(),
            principal: principal.as_deref(),
            session: None,
            key,
            event_name: name.as_deref(),
            error: error.as_deref(),
            source_ip: ip.as_deref(),
            request_id: self.request.map(|request| [request; 16]),
            read_only: self.read_only,
            succeeded_in: names.as_deref(),
            from_ms: self.from,
            before: before.unwrap_or(Position { time_ms: self.to, seq: 0 }),
            limit,
        };
        store.search(&search).unwrap()
    }

    /// Follows all pages; `between` runs after each.
    fn all(&self, store: &Store, limit: usize, mut between: impl FnMut()) -> Vec<Position> {
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let page = self.page(store, before, limit);
            assert!(page.records.len() <= limit);
            found.extend(page.records.iter().map(|record| record.position));
            assert!(page.next.is_none() || page.next < before || before.is_none(), "progress");
            before = page.next;
            if before.is_none() {
                return found;
            }
            between();
        }
    }
}

fn with_interval(folder: &Path, index_interval_ms: u64) -> Store {
    open_with(folder, Settings { index_interval_ms, ..Settings::default() })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Commits all and answers their places in the log, in the order given.
fn commit_all(store: &Store, seeds: &[Seed]) -> Vec<(Seed, Position)> {
    runtime().block_on(async {
        let mut placed = Vec::new();
        for seed in seeds {
            let unit = Unit { changes: Vec::new(), event: seed.event(), further: Vec::new() };
            let seq = store.commit(unit).await.unwrap().seq();
            placed.push((seed.clone(), Position { time_ms: seed.time, seq }));
        }
        placed
    })
}

fn wait_for_index(store: &Store) {
    while store.health().indexed_seq < store.health().last_seq {
        std::thread::yield_now();
    }
}

fn newest_first(filter: &Filter, placed: &[(Seed, Position)]) -> Vec<Position> {
    let mut want: Vec<Position> = placed
        .iter()
        .filter(|(seed, _)| filter.matches(seed))
        .map(|(_, position)| *position)
        .collect();
    want.sort_unstable_by(|a, b| b.cmp(a));
    want
}

const NEVER: u64 = 3_600_000;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// The index, the bare log, and any mixture of the two give what a plain
    /// look at all events gives.
    #[test]
    fn every_filter_finds_each_record_once(
        first in prop::collection::vec(seed(), 0..120),
        second in prop::collection::vec(seed(), 0..60),
        filters in prop::collection::vec((filter(), 1..40_usize), 12),
    ) {
        let folder = TempDir::new().unwrap();
        let store = with_interval(folder.path(), 1);
        let mut placed = commit_all(&store, &first);
        wait_for_index(&store);
        for (filter, limit) in &filters {
            prop_assert_eq!(filter.all(&store, *limit, || {}), newest_first(filter, &placed));
        }
        drop(store);
        let store = with_interval(folder.path(), NEVER);
        placed.extend(commit_all(&store, &second));
        prop_assert_eq!(store.health().indexed_seq, i64::try_from(first.len()).unwrap());
        for (filter, limit) in &filters {
            prop_assert_eq!(filter.all(&store, *limit, || {}), newest_first(filter, &placed));
        }
        drop(store);
        std::fs::remove_file(folder.path().join("index.db")).unwrap();
        let store = with_interval(folder.path(), NEVER);
        for (filter, limit) in &filters {
            prop_assert_eq!(filter.all(&store, *limit, || {}), newest_first(filter, &placed));
        }
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

fn plain() -> Seed {
    Seed {
        time: 1,
        account: 0,
        principal: 0,
        name: 0,
        key: None,
        second_key: None,
        error: None,
        ip: None,
        request: None,
        read_only: true,
    }
}

fn any_filter() -> Filter {
    Filter {
        account: None,
        principal: None,
        name: None,
        key: None,
        any_region: false,
        error: None,
        ip: None,
        request: None,
        read_only: None,
        succeeded_in: None,
        from: 0,
        to: 1_000,
    }
}

#[test]
fn a_rare_combination_is_looked_for_in_bounded_pages() {
    let folder = TempDir::new().unwrap();
    let store = with_interval(folder.path(), 1);
    let mut seeds: Vec<Seed> = (0..200).map(|time| Seed { time, ..plain() }).collect();
    seeds[3].read_only = false;
    commit_all(&store, &seeds);
    wait_for_index(&store);
    let filter = Filter { principal: Some(0), read_only: Some(false), ..any_filter() };
    let mut pages = 1;
    let found = filter.all(&store, 5, || pages += 1);
    assert_eq!(found, [Position { time_ms: 3, seq: 4 }]);
    assert!(pages > 2, "{pages}");
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
}
