//! What a search and a count promise: each record once, newest first, whatever
//! the conditions, however far the index is, and while records arrive.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::*;
use crate::store::search::Found;

const KEYS: [&str; 3] = [
    "arn:aws:kms:eu-central-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab",
    "arn:aws:kms:us-east-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab",
    "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
];
const ADDRESSES: [&str; 5] = ["10.0.0.1", "10.0.0.2", "10.0.1.1", "10.1.0.1", "2001:db8::1"];
/// Networks, and which of the addresses are in each.
const NETWORKS: [(&str, u8, &[usize]); 5] = [
    ("10.0.0.2", 32, &[1]),
    ("10.0.0.0", 24, &[0, 1]),
    ("10.9.9.9", 8, &[0, 1, 2, 3]),
    ("2001:db8::", 32, &[4]),
    ("192.0.2.0", 24, &[]),
];

/// What of an event matters to a search, as small numbers.
#[derive(Clone, Debug)]
struct Seed {
    time: i64,
    account: usize,
    principal: usize,
    session: Option<usize>,
    name: usize,
    keys: Vec<usize>,
    error: Option<usize>,
    ip: Option<usize>,
    request: Option<u8>,
    event: u8,
    tags: Vec<i64>,
    read_only: bool,
}

impl Seed {
    /// An event that carries its seed as its body.
    fn event(&self) -> NewEvent {
        let body = serde_json::to_vec(&(
            (self.account, self.principal, self.session, self.name, &self.keys, self.error),
            (self.ip, self.request, self.event, &self.tags, self.read_only),
        ));
        NewEvent { time_ms: self.time, body: body.unwrap(), ..event("seed") }
    }

    fn read(record: &StoredRecord) -> Option<Self> {
        let ((account, principal, session, name, keys, error), rest) =
            serde_json::from_slice(&record.body).ok()?;
        let (ip, request, event, tags, read_only) = rest;
        let time = record.position.time_ms;
        Some(Self {
            time,
            account,
            principal,
            session,
            name,
            keys,
            error,
            ip,
            request,
            event,
            tags,
            read_only,
        })
    }

    fn id(event: u8) -> [u8; 16] {
        // Ids that begin alike, as far as the index goes.
        let mut id = [7; 16];
        id[15] = event;
        id
    }

    fn marks(&self) -> Marks {
        let mut texts = vec![
            (Field::Account, format!("account-{}", self.account)),
            (Field::Principal, format!("principal-{}", self.principal)),
            (Field::EventName, format!("name-{}", self.name)),
        ];
        texts.extend(self.session.map(|session| (Field::Session, format!("session-{session}"))));
        texts.extend(self.keys.iter().map(|key| (Field::Key, KEYS[*key].to_owned())));
        texts.extend(self.error.map(|error| (Field::Error, format!("error-{error}"))));
        Marks {
            texts,
            source_ip: self.ip.map(|ip| ADDRESSES[ip].parse().unwrap()),
            tags: self.tags.clone(),
            read_only: self.read_only,
            request_id: self.request.map(Self::id),
            event_id: Some(Self::id(self.event)),
        }
    }
}

/// Of which principal the personal data is erased, once [`ERASED`] is set.
const LEAVER: usize = 99;
static ERASED: AtomicBool = AtomicBool::new(false);

/// What the records of these tests are found by.
pub(super) fn read_marks(record: &StoredRecord) -> Marks {
    let Some(mut seed) = Seed::read(record) else { return Marks::default() };
    if seed.principal == LEAVER && ERASED.load(Ordering::SeqCst) {
        seed = Seed { session: None, ip: None, tags: Vec::new(), ..seed };
    }
    seed.marks()
}

fn seed() -> impl Strategy<Value = Seed> {
    let who = (0..2_usize, 0..3_usize, prop::option::of(0..3_usize), 0..3_usize);
    let what = (prop::collection::vec(0..3_usize, 0..3), prop::option::of(0..2_usize));
    let rest = (
        prop::option::of(0..5_usize),
        prop::option::of(0..9_u8),
        0..60_u8,
        prop::collection::btree_set(0..5_i64, 0..3),
        any::<bool>(),
    );
    (0..40_i64, who, what, rest).prop_map(
        |(time, (account, principal, session, name), (keys, error), rest)| {
            let (ip, request, event, tags, read_only) = rest;
            let tags = tags.into_iter().collect();
            Seed {
                time,
                account,
                principal,
                session,
                name,
                keys,
                error,
                ip,
                request,
                event,
                tags,
                read_only,
            }
        },
    )
}

/// One thing sought, in the same small numbers.
#[derive(Clone, Debug)]
enum Want {
    Account(usize),
    Principal(usize),
    Session(usize),
    Name(usize),
    Key(usize),
    KeyId(usize),
    Error(usize),
    Failed,
    Succeeded,
    Network(usize),
    Tag(i64),
    ReadOnly,
    Writing,
    Request(u8),
    Event(u8),
}

fn want() -> impl Strategy<Value = Want> {
    prop_oneof![
        (0..3_usize).prop_map(Want::Account),
        (0..4_usize).prop_map(Want::Principal),
        (0..4_usize).prop_map(Want::Session),
        (0..4_usize).prop_map(Want::Name),
        (0..3_usize).prop_map(Want::Key),
        (0..3_usize).prop_map(Want::KeyId),
        (0..3_usize).prop_map(Want::Error),
        Just(Want::Failed),
        Just(Want::Succeeded),
        (0..5_usize).prop_map(Want::Network),
        (0..6_i64).prop_map(Want::Tag),
        Just(Want::ReadOnly),
        Just(Want::Writing),
        (0..10_u8).prop_map(Want::Request),
        (0..61_u8).prop_map(Want::Event),
    ]
}

impl Want {
    /// The obvious definition, over the events themselves.
    fn is_in(&self, seed: &Seed) -> bool {
        let key_id = |key: usize| KEYS[key].rsplit('/').next().unwrap();
        match *self {
            Self::Account(account) => seed.account == account,
            Self::Principal(principal) => seed.principal == principal,
            Self::Session(session) => seed.session == Some(session),
            Self::Name(name) => seed.name == name,
            Self::Key(key) => seed.keys.contains(&key),
            Self::KeyId(key) => seed.keys.iter().any(|used| key_id(*used) == key_id(key)),
            Self::Error(error) => seed.error == Some(error),
            Self::Failed => seed.error.is_some(),
            Self::Succeeded => seed.error.is_none(),
            Self::Network(net) => seed.ip.is_some_and(|ip| NETWORKS[net].2.contains(&ip)),
            Self::Tag(tag) => seed.tags.contains(&tag),
            Self::ReadOnly => seed.read_only,
            Self::Writing => !seed.read_only,
            Self::Request(request) => seed.request == Some(request),
            Self::Event(event) => seed.event == event,
        }
    }

    fn sought<'a>(&self, texts: &'a mut String) -> Sought<'a> {
        let mut text = |field: Field, kind: &str, id: usize| {
            *texts = format!("{kind}-{id}");
            field
        };
        let field = match *self {
            Self::Account(id) => text(Field::Account, "account", id),
            Self::Principal(id) => text(Field::Principal, "principal", id),
            Self::Session(id) => text(Field::Session, "session", id),
            Self::Name(id) => text(Field::EventName, "name", id),
            Self::Error(id) => text(Field::Error, "error", id),
            Self::Key(key) => return Sought::Text(Field::Key, KEYS[key]),
            Self::KeyId(key) => return Sought::KeyId(KEYS[key].rsplit('/').next().unwrap()),
            Self::Failed => return Sought::Failed,
            Self::Succeeded => return Sought::Succeeded,
            Self::Network(net) => {
                let (address, prefix, _) = NETWORKS[net];
                return Sought::SourceIn(Network::new(address.parse().unwrap(), prefix).unwrap());
            }
            Self::Tag(tag) => return Sought::Tag(tag),
            Self::ReadOnly => return Sought::ReadOnly,
            Self::Writing => return Sought::Writing,
            Self::Request(request) => return Sought::RequestId(Seed::id(request)),
            Self::Event(event) => return Sought::EventId(Seed::id(event)),
        };
        Sought::Text(field, texts)
    }
}

/// Conditions in the same small numbers.
#[derive(Clone, Debug)]
struct Filter {
    all: Vec<(Vec<Want>, bool)>,
    from: i64,
    to: i64,
}

fn filter() -> impl Strategy<Value = Filter> {
    let not = prop::bool::weighted(0.3);
    let condition = (prop::collection::vec(want(), 1..4), not);
    let all = prop::collection::vec(condition, 0..4);
    (all, 0..20_i64, 20..60_i64).prop_map(|(all, from, to)| Filter { all, from, to })
}

impl Filter {
    fn matches(&self, seed: &Seed) -> bool {
        (self.from..self.to).contains(&seed.time)
            && self.all.iter().all(|(any, not)| any.iter().any(|want| want.is_in(seed)) != *not)
    }

    fn with<T>(&self, f: impl FnOnce(Conditions<'_>) -> T) -> T {
        let mut texts: Vec<Vec<String>> =
            self.all.iter().map(|(any, _)| vec![String::new(); any.len()]).collect();
        let all: Vec<Condition<'_>> = self
            .all
            .iter()
            .zip(&mut texts)
            .map(|((any, not), texts)| Condition {
                any_of: any.iter().zip(texts).map(|(want, text)| want.sought(text)).collect(),
                not: *not,
            })
            .collect();
        f(Conditions { all: &all, from_ms: self.from, to_ms: self.to })
    }

    fn page(&self, store: &Store, before: Option<Position>, limit: usize) -> Found {
        let before = before.unwrap_or(Position::END);
        self.with(|conditions| store.search(&Search { conditions, before, limit }, None).unwrap())
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

    /// Counts by the obvious definition.
    fn counts(&self, placed: &[(Seed, Position)], by: [Option<Dimension>; 2]) -> Rows {
        let mut rows = Rows::new();
        if by == [None, None] {
            rows.insert(Vec::new(), 0);
        }
        for (seed, _) in placed.iter().filter(|(seed, _)| self.matches(seed)) {
            let shares = by.into_iter().flatten().map(|by| seed.share(by)).collect();
            *rows.entry(shares).or_default() += 1;
        }
        rows
    }
}

type Rows = BTreeMap<Vec<Share>, u64>;

impl Seed {
    fn share(&self, by: Dimension) -> Share {
        let text = |text: Option<String>| text.map_or(Share::None, Share::Text);
        match by {
            Dimension::Time(width) => Share::Time(self.time / width * width),
            Dimension::EventName => Share::Text(format!("name-{}", self.name)),
            Dimension::Principal => Share::Text(format!("principal-{}", self.principal)),
            Dimension::Key => text(self.keys.first().map(|key| KEYS[*key].to_owned())),
            Dimension::Error => text(self.error.map(|error| format!("error-{error}"))),
            Dimension::SourceIp => text(self.ip.map(|ip| ADDRESSES[ip].to_owned())),
        }
    }
}

fn grouping() -> impl Strategy<Value = [Option<Dimension>; 2]> {
    let one = prop::sample::select(vec![
        Dimension::Time(7),
        Dimension::EventName,
        Dimension::Principal,
        Dimension::Key,
        Dimension::Error,
        Dimension::SourceIp,
    ]);
    prop::array::uniform2(prop::option::of(one))
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

fn plain() -> Seed {
    Seed {
        time: 1,
        account: 0,
        principal: 0,
        session: None,
        name: 0,
        keys: Vec::new(),
        error: None,
        ip: None,
        request: None,
        event: 0,
        tags: Vec::new(),
        read_only: true,
    }
}

fn any_filter() -> Filter {
    Filter { all: Vec::new(), from: 0, to: 1_000 }
}

fn that(wants: &[Want]) -> Filter {
    Filter { all: wants.iter().map(|want| (vec![want.clone()], false)).collect(), ..any_filter() }
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
    ERASED.store(true, Ordering::SeqCst);
    store.forget(&[11, 21, 91]).unwrap();
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
    assert_eq!(rows, [(&Share::Text("10.0.0.1".to_owned()), 97), (&Share::None, 3)]);
    // The index goes on.
    commit_all(&store, &[of(2, 1)]);
    wait_for_index(&store);
    assert_eq!(found(Want::Network(2)), 98);
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
}
