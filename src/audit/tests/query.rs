//! Queries over a real store.

use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::base::limits;
use crate::store::testing::Counting;
use crate::store::{self, NewEvent, Settings, Store, Unit};

fn open(folder: &TempDir) -> Store {
    let store = Store::open(folder.path(), Settings::default()).unwrap();
    store.appoint(Counting::from(store.health().last_seq)).unwrap();
    store
}

async fn commit(store: &Store, event: NewEvent) -> i64 {
    store.commit(Unit { changes: Vec::new(), event, further: Vec::new() }).await.unwrap().seq()
}

fn all() -> Filter {
    Filter { limit: 10, ..Filter::default() }
}

/// The records of three calls, a second apart, and the oldest first.
async fn three(store: &Store) -> Vec<String> {
    let session = Principal::RoleSession {
        account: account(),
        role_id: "AROAEXAMPLE".to_owned(),
        role_name: "app".to_owned(),
        name: "i-0123".to_owned(),
    };
    let mut by_session =
        Case { time_ms: 2_000, read_only: false, ..Case::decrypt(caller(session)) };
    by_session.caller.source_ip = Some("2001:db8::1".parse().unwrap());
    by_session.caller.request_id = RequestId::from_random([1; 16]);
    let denied = Case {
        time_ms: 3_000,
        error: Some(("AccessDenied", "no".to_owned())),
        arns: vec![OTHER.to_owned()],
        ..Case::new(ada(), "Encrypt")
    };
    let mut texts = Vec::new();
    for case in [Case { time_ms: 1_000, ..Case::decrypt(ada()) }, by_session, denied] {
        commit(store, case.with(|record| prepare(record).unwrap())).await;
        texts.push(case.canonical());
    }
    texts
}

#[tokio::test]
async fn a_record_comes_back_byte_for_byte_by_every_field() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let texts = three(&store).await;
    let check = |filter: Filter, want: &[usize]| {
        let page = query(&store, &filter).unwrap();
        let want: Vec<&String> = want.iter().map(|i| &texts[*i]).collect();
        assert_eq!(page.records.iter().collect::<Vec<_>>(), want, "{filter:?}");
        assert_eq!(page.next_cursor, None);
    };
    check(all(), &[2, 1, 0]);
    check(Filter { account: Some("111122223333".to_owned()), ..all() }, &[2, 1, 0]);
    check(Filter { account: Some("444455556666".to_owned()), ..all() }, &[]);
    check(Filter { from_ms: Some(2_000), ..all() }, &[2, 1]);
    check(Filter { to_ms: Some(2_000), ..all() }, &[0]);
    let ada = "arn:aws:iam::111122223333:user/ada".to_owned();
    check(Filter { principal: Some(ada.clone()), ..all() }, &[2, 0]);
    let session = "arn:aws:sts::111122223333:assumed-role/app/i-0123".to_owned();
    check(Filter { principal: Some(session), ..all() }, &[1]);
    let role = "arn:aws:iam::111122223333:role/app".to_owned();
    check(Filter { principal: Some(role), ..all() }, &[1]);
    let other = "arn:aws:sts::111122223333:assumed-role/app/i-9".to_owned();
    check(Filter { principal: Some(other), ..all() }, &[]);
    check(Filter { key: Some(KEY.to_owned()), ..all() }, &[1, 0]);
    let key_id = "0987dcba-09fe-87dc-65ba-ab0987654321".to_owned();
    check(Filter { key: Some(key_id), ..all() }, &[2]);
    check(Filter { key: Some("none".to_owned()), ..all() }, &[]);
    check(Filter { event_name: Some("Decrypt".to_owned()), ..all() }, &[1, 0]);
    check(Filter { error_code: Some("AccessDenied".to_owned()), ..all() }, &[2]);
    check(Filter { request_id: Some(RequestId::from_random([1; 16])), ..all() }, &[1]);
    check(Filter { source_ip: Some("2001:db8::1".parse().unwrap()), ..all() }, &[1]);
    check(Filter { read_only: Some(true), principal: Some(ada), ..all() }, &[2, 0]);
}

#[tokio::test]
async fn a_cursor_belongs_to_its_filter() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let texts = three(&store).await;
    let filter = Filter { limit: 2, ..all() };
    let page = query(&store, &filter).unwrap();
    assert_eq!(page.records, [texts[2].clone(), texts[1].clone()]);
    let next = Filter { cursor: page.next_cursor, limit: 5, ..filter.clone() };
    let last = query(&store, &next).unwrap();
    assert_eq!(last.records, [texts[0].clone()]);
    assert_eq!(last.next_cursor, None);
    let other = Filter { read_only: Some(true), ..next };
    assert!(matches!(query(&store, &other), Err(Error::Cursor)));
    let forged = Filter { cursor: Some("AAAA".to_owned()), ..filter };
    assert!(matches!(query(&store, &forged), Err(Error::Cursor)));
    for limit in [0, limits::AUDIT_PAGE_ROWS + 1] {
        assert!(matches!(query(&store, &Filter { limit, ..all() }), Err(Error::PageRows)));
    }
}

#[tokio::test]
async fn a_damaged_record_is_named() {
    let good = Case::decrypt(ada()).with(|record| prepare(record).unwrap());
    let other = Case::new(ada(), "Encrypt").with(|record| prepare(record).unwrap());
    for bad in [
        NewEvent { leaf: [0; 32], ..good.clone() },
        NewEvent { format: 1, ..good.clone() },
        NewEvent { format: 3, ..good.clone() },
        NewEvent { dictionary: 99, ..good.clone() },
        NewEvent { body: other.body, ..good.clone() },
        NewEvent { body: good.body[1..].to_vec(), ..good.clone() },
        NewEvent { body: Vec::new(), ..good.clone() },
    ] {
        let folder = TempDir::new().unwrap();
        let store = open(&folder);
        commit(&store, good.clone()).await;
        assert_eq!(query(&store, &all()).unwrap().records.len(), 1);
        commit(&store, bad).await;
        assert!(matches!(query(&store, &all()), Err(Error::Corrupt { seq: 2 })));
    }
}

#[tokio::test]
async fn a_store_that_fails_is_the_source() {
    let folder = TempDir::new().unwrap();
    let store = Arc::new(open(&folder));
    std::fs::remove_file(folder.path().join("index.db")).unwrap();
    store.close();
    let failed = query(&store, &all()).unwrap_err();
    assert!(matches!(failed, Error::Store(store::Error::Unavailable(_))), "{failed:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Every record, small or large, comes out of the press as it went in.
    #[test]
    fn bodies_round_trip(request in "\\PC{0,400}", repeat in 1..200_usize) {
        let text = serde_json::to_string(&request.repeat(repeat)).unwrap();
        let case = Case { request: Some(json(&text)), ..Case::new(ada(), "Encrypt") };
        let stored = case.stored();
        let opened = Opener::default().open(&stored).unwrap();
        prop_assert_eq!(opened.record().unwrap(), case.canonical());
    }
}

/// Of all that was done with a key, the newest use: not what failed, nor what
/// only read. The other key of a call with two was used as well.
#[tokio::test]
async fn the_last_use_of_a_key() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    const USES: &[&str] = &["Decrypt", "ReEncrypt", "Sign"];
    assert_eq!(last_use(&store, KEY, USES, 0).unwrap(), None);
    three(&store).await;
    let used = last_use(&store, KEY, USES, 0).unwrap().unwrap();
    assert_eq!((used.event_name.as_str(), used.time_ms), ("Decrypt", 2_000));
    assert_eq!(used.request_id, Some(RequestId::from_random([1; 16]).to_string()));
    // Its one call was refused.
    assert_eq!(last_use(&store, OTHER, USES, 0).unwrap(), None);
    let both = vec![KEY.to_owned(), OTHER.to_owned()];
    let two = Case { time_ms: 4_000, arns: both, ..Case::new(ada(), "ReEncrypt") };
    commit(&store, two.with(|record| prepare(record).unwrap())).await;
    for n in 0..100 {
        let case = Case { time_ms: 5_000 + n, ..Case::new(ada(), "DescribeKey") };
        commit(&store, case.with(|record| prepare(record).unwrap())).await;
    }
    for key in [KEY, OTHER] {
        let used = last_use(&store, key, USES, 0).unwrap().unwrap();
        assert_eq!((used.event_name.as_str(), used.time_ms), ("ReEncrypt", 4_000));
    }
    assert_eq!(last_use(&store, KEY, &["Sign"], 0).unwrap(), None);
}
