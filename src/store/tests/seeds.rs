//! Events and filters as small numbers, and the obvious definition of what
//! fits.

use std::collections::BTreeMap;

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
pub(super) struct Seed {
    pub(super) time: i64,
    pub(super) account: usize,
    pub(super) principal: usize,
    pub(super) session: Option<usize>,
    pub(super) name: usize,
    pub(super) keys: Vec<usize>,
    pub(super) error: Option<usize>,
    pub(super) ip: Option<usize>,
    pub(super) request: Option<u8>,
    pub(super) event: u8,
    pub(super) tags: Vec<i64>,
    pub(super) read_only: bool,
}

impl Seed {
    /// An event that carries its seed as its body, and most as their text.
    pub(super) fn event(&self) -> NewEvent {
        let body = serde_json::to_vec(&(
            (self.account, self.principal, self.session, self.name, &self.keys, self.error),
            (self.ip, self.request, self.event, &self.tags, self.read_only),
        ));
        let body = body.unwrap();
        let marks = |event: &NewEvent, whole: &str| {
            Self::read(event.time_ms, whole.as_bytes()).unwrap().marks()
        };
        let whole = String::from_utf8(body.clone()).unwrap();
        let text = (!self.event.is_multiple_of(4)).then_some(Text { whole, marks });
        NewEvent { time_ms: self.time, body, text, ..event("seed") }
    }

    fn read(time: i64, body: &[u8]) -> Option<Self> {
        let ((account, principal, session, name, keys, error), rest) =
            serde_json::from_slice(body).ok()?;
        let (ip, request, event, tags, read_only) = rest;
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

    pub(super) fn marks(&self) -> Marks {
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

/// What is left of the personal data of a record that was erased.
const LEFT: &[u8] = b"erased";

/// What the records of these tests are found by.
pub(super) fn read_marks(record: &StoredRecord, _extent: Extent) -> Marks {
    let Some(mut seed) = Seed::read(record.position.time_ms, &record.body) else {
        let address = record.personal.as_ref().and_then(|personal| personal.source_ip.as_deref());
        let source_ip = address.and_then(|address| address.parse().ok());
        return Marks { source_ip, ..Marks::default() };
    };
    if record.personal.as_ref().is_some_and(|personal| personal.body == LEFT) {
        seed = Seed { session: None, ip: None, tags: Vec::new(), ..seed };
    }
    seed.marks()
}

/// Erases the personal data of the record at this place.
pub(super) struct Leave(pub(super) i64);

impl Change for Leave {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), Error> {
        let left = Personal { body: LEFT.to_vec(), ..personal(None) };
        erase(tx, self.0, &event("seed").personal, &left)
    }

    fn publish(&self) {}

    fn erases(&self) -> bool {
        true
    }
}

pub(super) fn seed() -> impl Strategy<Value = Seed> {
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
pub(super) enum Want {
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

pub(super) fn want() -> impl Strategy<Value = Want> {
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
pub(super) struct Filter {
    pub(super) all: Vec<(Vec<Want>, bool)>,
    pub(super) from: i64,
    pub(super) to: i64,
}

pub(super) fn filter() -> impl Strategy<Value = Filter> {
    let not = prop::bool::weighted(0.3);
    let condition = (prop::collection::vec(want(), 1..4), not);
    let all = prop::collection::vec(condition, 0..4);
    (all, 0..20_i64, 20..60_i64).prop_map(|(all, from, to)| Filter { all, from, to })
}

impl Filter {
    pub(super) fn matches(&self, seed: &Seed) -> bool {
        (self.from..self.to).contains(&seed.time)
            && self.all.iter().all(|(any, not)| any.iter().any(|want| want.is_in(seed)) != *not)
    }

    pub(super) fn with<T>(&self, f: impl FnOnce(Conditions<'_>) -> T) -> T {
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

    pub(super) fn page(&self, store: &Store, before: Option<Position>, limit: usize) -> Found {
        let before = before.unwrap_or(Position::END);
        self.with(|conditions| store.search(&Search { conditions, before, limit }, None).unwrap())
    }

    /// Follows all pages; `between` runs after each.
    pub(super) fn all(
        &self,
        store: &Store,
        limit: usize,
        mut between: impl FnMut(),
    ) -> Vec<Position> {
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
    pub(super) fn counts(&self, placed: &[(Seed, Position)], by: [Option<Dimension>; 2]) -> Rows {
        let mut rows = Rows::new();
        if by == [None, None] {
            rows.insert(Vec::new(), 0);
        }
        for (seed, _) in placed.iter().filter(|(seed, _)| self.matches(seed)) {
            let shares = by.into_iter().flatten().map(|by| seed.share(by)).collect();
            let count: &mut u64 = rows.entry(shares).or_default();
            *count = count.saturating_add(1);
        }
        rows
    }
}

pub(super) type Rows = BTreeMap<Vec<Share>, u64>;

impl Seed {
    fn share(&self, by: Dimension) -> Share {
        let text = |text: Option<String>| text.map_or(Share::None, Share::Text);
        match by {
            Dimension::Time(width) => {
                Share::Time(self.time.saturating_sub(self.time.rem_euclid(width)))
            }
            Dimension::EventName => Share::Text(format!("name-{}", self.name)),
            Dimension::Principal => Share::Text(format!("principal-{}", self.principal)),
            Dimension::Key => text(self.keys.first().map(|key| KEYS[*key].to_owned())),
            Dimension::Error => text(self.error.map(|error| format!("error-{error}"))),
            Dimension::SourceIp => text(self.ip.map(|ip| ADDRESSES[ip].to_owned())),
        }
    }
}

pub(super) fn grouping() -> impl Strategy<Value = [Option<Dimension>; 2]> {
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

pub(super) fn with_interval(folder: &Path, index_interval_ms: u64) -> Store {
    open_with(folder, Settings { index_interval_ms, ..Settings::default() })
}

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Commits all and answers their places in the log, in the order given.
pub(super) fn commit_all(store: &Store, seeds: &[Seed]) -> Vec<(Seed, Position)> {
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

pub(super) fn wait_for_index(store: &Store) {
    while store.health().indexed_seq < store.health().last_seq {
        std::thread::yield_now();
    }
}

pub(super) fn newest_first(filter: &Filter, placed: &[(Seed, Position)]) -> Vec<Position> {
    let mut want: Vec<Position> = placed
        .iter()
        .filter(|(seed, _)| filter.matches(seed))
        .map(|(_, position)| *position)
        .collect();
    want.sort_unstable_by(|a, b| b.cmp(a));
    want
}

pub(super) fn plain() -> Seed {
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

pub(super) fn any_filter() -> Filter {
    Filter { all: Vec::new(), from: 0, to: 1_000 }
}

pub(super) fn that(wants: &[Want]) -> Filter {
    Filter { all: wants.iter().map(|want| (vec![want.clone()], false)).collect(), ..any_filter() }
}
