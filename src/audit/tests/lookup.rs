//! LookupEvents over a real store.

use tempfile::TempDir;

use super::*;
use crate::audit::lookup::{Attribute, Event, Lookup, lookup};
use crate::base::limits;
use crate::store::testing::Counting;
use crate::store::{Settings, Store, Unit};

fn open(folder: &TempDir) -> Store {
    let store = Store::open(folder.path(), Settings::default(), marks).unwrap();
    store.appoint(Counting::from(store.health().last_seq)).unwrap();
    store
}

async fn commit(store: &Store, case: &Case) {
    let event = case.with(|record| prepare(record).unwrap());
    store.commit(Unit { changes: Vec::new(), event, further: Vec::new() }).await.unwrap();
}

fn all() -> Lookup {
    Lookup {
        account: "111122223333".to_owned(),
        region: "eu-central-1".to_owned(),
        from_ms: None,
        usual_from_ms: 0,
        to_ms: i64::MAX,
        attribute: None,
        limit: 50,
        cursor: None,
    }
}

/// All pages in a row.
fn walk(store: &Store, mut of: Lookup) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let page = lookup(store, &of).unwrap();
        assert!(page.events.len() <= of.limit);
        events.extend(page.events);
        match page.next {
            Some(next) => of.cursor = Some(next),
            None => return events,
        }
    }
}

/// Three calls: by a user, by a session that changes something, and one of the
/// server itself.
async fn three(store: &Store) {
    let session = Principal::RoleSession {
        account: account(),
        role_id: "AROAEXAMPLE".to_owned(),
        role_name: "app".to_owned(),
        name: "i-0123".to_owned(),
    };
    let mut by_session = Case { time_ms: 2_500, ..Case::new(caller(session), "DisableKey") };
    by_session.read_only = false;
    by_session.arns = vec![OTHER.to_owned()];
    by_session.caller.access_key_id = Some("ASIAEXAMPLE".to_owned());
    let itself = Case {
        time_ms: 3_000,
        event_type: EventType::AwsServiceEvent,
        ..Case::new(caller(Principal::System { account: account() }), "RotateKey")
    };
    for case in [Case { time_ms: 1_000, ..Case::decrypt(ada()) }, by_session, itself] {
        commit(store, &case).await;
    }
}

#[tokio::test]
async fn every_attribute_finds_its_events() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    three(&store).await;
    let check = |attribute: Attribute, want: &[&str]| {
        for limit in [1, 2, 50] {
            let of = Lookup { attribute: Some(attribute.clone()), limit, ..all() };
            let found = walk(&store, of);
            let names: Vec<&str> = found.iter().map(|event| event.event_name.as_str()).collect();
            assert_eq!(names, want, "{attribute:?}");
        }
    };
    let text = str::to_owned;
    check(Attribute::EventName(text("Decrypt")), &["Decrypt"]);
    check(Attribute::EventName(text("decrypt")), &[]);
    check(Attribute::ReadOnly(false), &["DisableKey"]);
    check(Attribute::Username(text("ada")), &["Decrypt"]);
    check(Attribute::Username(text("i-0123")), &["DisableKey"]);
    check(Attribute::ResourceType(text("AWS::KMS::Key")), &["RotateKey", "DisableKey", "Decrypt"]);
    check(Attribute::ResourceType(text("AWS::S3::Bucket")), &[]);
    check(Attribute::ResourceName(text(OTHER)), &["DisableKey"]);
    check(Attribute::ResourceName(text(OTHER.rsplit_once('/').unwrap().1)), &["DisableKey"]);
    check(Attribute::ResourceName(text(ALIAS)), &[]);
    let all_three = ["RotateKey", "DisableKey", "Decrypt"];
    check(Attribute::EventSource(text("kms.amazonaws.com")), &all_three);
    check(Attribute::EventSource(text("sts.amazonaws.com")), &[]);
    check(Attribute::AccessKeyId(text("ASIAEXAMPLE")), &["DisableKey"]);
    let id = walk(&store, all())[0].event_id.clone();
    check(Attribute::EventId(id), &all_three);
}

#[tokio::test]
async fn an_event_shows_what_cloudtrail_shows() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    three(&store).await;
    let [itself, by_session, by_user] = walk(&store, all()).try_into().unwrap();
    assert_eq!((itself.username, itself.access_key_id), (None, None));
    assert_eq!(by_session.username.as_deref(), Some("i-0123"));
    assert_eq!(by_session.time_ms, 2_500);
    assert!(!by_session.read_only);
    assert_eq!(by_user.username.as_deref(), Some("ada"));
    assert_eq!(by_user.access_key_id.as_deref(), Some("AKIAEXAMPLE"));
    assert_eq!(by_user.resources, [("AWS::KMS::Key".to_owned(), KEY.to_owned())]);
    assert_eq!(by_user.record, Case { time_ms: 1_000, ..Case::decrypt(ada()) }.canonical());
}

#[tokio::test]
async fn other_times_regions_and_accounts_are_left_out() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    three(&store).await;
    let count = |of: Lookup| walk(&store, of).len();
    assert_eq!(count(Lookup { from_ms: Some(2_500), ..all() }), 2);
    assert_eq!(count(Lookup { to_ms: 2_500, ..all() }), 1);
    assert_eq!(count(Lookup { region: "eu-west-1".to_owned(), ..all() }), 0);
    assert_eq!(count(Lookup { account: "444455556666".to_owned(), ..all() }), 0);
}

/// What the index has no way to is looked for page by page, each of bounded work.
#[tokio::test]
async fn a_page_looks_at_so_many_records_and_no_more() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let event = |case: Case| case.with(|record| prepare(record).unwrap());
    let eve = Principal::User {
        account: account(),
        unique_id: "AIDAOLDEST".to_owned(),
        name: "eve".to_owned(),
    };
    let oldest = Case::new(caller(eve), "Sign");
    let others = (1..=limits::LOOKUP_RECORDS).map(|at| {
        let time_ms = i64::try_from(at).unwrap();
        event(Case { time_ms, ..Case::new(ada(), "Decrypt") })
    });
    let unit = Unit { changes: Vec::new(), event: event(oldest), further: others.collect() };
    store.commit(unit).await.unwrap();
    let wanted = Lookup { attribute: Some(Attribute::Username("eve".to_owned())), ..all() };
    let first = lookup(&store, &wanted).unwrap();
    assert_eq!(first.events, []);
    assert!(first.next.is_some());
    assert_eq!(walk(&store, wanted).len(), 1);
}

#[tokio::test]
async fn a_cursor_belongs_to_its_lookup() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    three(&store).await;
    let cursor = lookup(&store, &Lookup { limit: 1, ..all() }).unwrap().next;
    assert!(cursor.is_some());
    let with = |of: Lookup| lookup(&store, &Lookup { cursor: cursor.clone(), ..of });
    assert_eq!(with(all()).unwrap().events.len(), 2);
    // Midnight came from one page to the next.
    assert_eq!(with(Lookup { usual_from_ms: 1, ..all() }).unwrap().events.len(), 2);
    for other in [
        Lookup { from_ms: Some(1), ..all() },
        Lookup { region: "eu-west-1".to_owned(), ..all() },
        Lookup { attribute: Some(Attribute::ReadOnly(true)), ..all() },
    ] {
        assert!(matches!(with(other), Err(Error::Cursor)));
    }
}
