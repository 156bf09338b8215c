//! What memory shows of stores, and when; what the database refuses.

use std::path::Path;

use super::changes::{DeleteCustomKeyStore, PutCustomKeyStore};
use super::*;
use crate::base::ids::{AccountId, Region};
use crate::keys::backend::remote::FailureKind;
use crate::keys::key::RemoteKey;
use crate::store::testing::Counting;
use crate::store::{
    Change, Error, Marks, Settings, Store, Tx, custom_key_stores as store_rows, keys,
};

fn realm(region: &str) -> Realm {
    let account = AccountId::parse("111122223333").unwrap();
    Realm { account, region: Region::parse(region).unwrap() }
}

fn store(number: u8, name: &str, remote: &str) -> CustomKeyStore {
    CustomKeyStore {
        id: CustomKeyStoreId::from_random([number; 16]),
        realm: realm("eu-central-1"),
        name: name.to_owned(),
        remote: RemoteName::parse(remote).unwrap(),
        wanted: false,
        created_ms: 1,
        version: 1,
    }
}

fn with(all: &[&CustomKeyStore]) -> CustomKeyStores {
    let stores = CustomKeyStores::default();
    for one in all {
        stores.put(Arc::new((*one).clone()));
    }
    stores
}

#[test]
fn stores_are_found_in_their_realm_only() {
    let (a, b) = (store(1, "a", "ra"), store(2, "b", "rb"));
    let stores = with(&[&b, &a]);
    let (here, elsewhere) = (realm("eu-central-1"), realm("eu-west-1"));
    assert_eq!(*stores.find(&a.id).unwrap(), a);
    assert_eq!(*stores.find_by_name(&here, "b").unwrap(), b);
    assert_eq!(stores.find_by_name(&elsewhere, "b"), None);
    assert_eq!(*stores.find_by_remote(&here, &b.remote).unwrap(), b);
    assert_eq!(stores.find_by_remote(&elsewhere, &b.remote), None);
    let ids = |after, limit| -> Vec<_> {
        stores.list(&here, after, limit).iter().map(|store| store.id).collect()
    };
    assert_eq!(ids(None, 9), [a.id, b.id]);
    assert_eq!(ids(None, 1), [a.id]);
    assert_eq!(ids(Some(&a.id), 9), [b.id]);
    assert_eq!(stores.list(&elsewhere, None, 9), []);
    stores.remove(&a.id);
    assert_eq!(stores.find(&a.id), None);
}

#[test]
fn a_store_is_connected_when_its_remote_has_answered() {
    let unwanted = store(1, "a", "ra");
    let stores = with(&[&unwanted]);
    let seen = || stores.connection(&unwanted.id);
    assert_eq!(seen(), Connection::Disconnected);
    stores.report(&unwanted, Ok(()));
    assert_eq!(seen(), Connection::Disconnected);

    let wanted = unwanted.changed(|store| store.wanted = true);
    stores.put(Arc::new(wanted.clone()));
    assert_eq!(seen(), Connection::Connecting);
    let code = ConnectionErrorCode::XksProxyTimedOut;
    stores.report(&wanted, Err(code));
    assert_eq!(seen(), Connection::Failed(code));
    stores.report(&wanted, Ok(()));
    assert_eq!(seen(), Connection::Connected);
    assert_eq!(stores.wanted().len(), 1);

    let renamed = wanted.changed(|store| store.name = "b".to_owned());
    stores.put(Arc::new(renamed.clone()));
    stores.put(Arc::new(wanted.clone()));
    assert_eq!(stores.find(&wanted.id).unwrap().name, "b");
    assert_eq!(seen(), Connection::Connected);

    let moved = renamed.changed(|store| store.remote = RemoteName::parse("rb").unwrap());
    stores.put(Arc::new(moved.clone()));
    assert_eq!(seen(), Connection::Connecting);
    stores.report(&wanted, Ok(()));
    assert_eq!(seen(), Connection::Connecting, "that was the remote before");

    stores.put(Arc::new(moved.changed(|store| store.wanted = false)));
    assert_eq!((seen(), stores.wanted().len()), (Connection::Disconnected, 0));
}

#[test]
fn trouble_with_one_key_is_none_of_the_store() {
    for kind in [FailureKind::NotFound, FailureKind::KeyState, FailureKind::Denied] {
        assert_eq!(ConnectionErrorCode::of(kind), None);
    }
    let code = ConnectionErrorCode::of(FailureKind::TimedOut).unwrap();
    assert_eq!(code.as_str(), "XKS_PROXY_TIMED_OUT");
    let names: std::collections::BTreeSet<_> =
        ConnectionErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(names.len(), ConnectionErrorCode::ALL.len());
}

fn open(folder: &Path) -> Store {
    let book = Store::open(folder, Settings::default(), |_, _| Marks::default()).unwrap();
    book.appoint(Counting::from(0)).unwrap();
    book
}

async fn put(
    book: &Store,
    stores: &Arc<CustomKeyStores>,
    store: &CustomKeyStore,
) -> Result<(), Error> {
    let (stores, store) = (Arc::clone(stores), Arc::new(store.clone()));
    book.keep(vec![Box::new(PutCustomKeyStore { stores, store })]).await
}

/// A new key in a store, made while the store's remote was `remote`.
struct NewKey {
    number: u8,
    store: CustomKeyStoreId,
    remote: &'static str,
    xks_key_id: &'static str,
}

impl Change for NewKey {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), Error> {
        store_rows::check(tx, &self.store.to_string(), self.remote)?;
        let text = str::to_owned;
        keys::insert_key(
            tx,
            &keys::KeyRow {
                key_id: self.number.to_string(),
                region: text("eu-central-1"),
                account: text("111122223333"),
                version: 1,
                spec: text("SYMMETRIC_DEFAULT"),
                usage: text("ENCRYPT_DECRYPT"),
                origin: text("EXTERNAL_KEY_STORE"),
                state: text("Enabled"),
                description: String::new(),
                created_ms: 1,
                deletion_ms: None,
                policy: text("{}"),
                policy_principals: text("{}"),
                tags: text("{}"),
                manager: text("CUSTOMER"),
                pending_window_days: None,
                multi_region: None,
                rotation_period_days: None,
                rotation_next_ms: None,
                on_demand_ms: None,
                policy_tests: None,
                custom_key_store: Some(self.store.to_string()),
                xks_key_id: Some(text(self.xks_key_id)),
            },
        )
    }

    fn publish(&self) {}
}

#[tokio::test]
async fn one_key_material_has_one_key() {
    let folder = tempfile::TempDir::new().unwrap();
    let book = open(folder.path());
    let a = store(1, "a", "ra");
    put(&book, &Arc::default(), &a).await.unwrap();
    let ids = [
        ("arn:aws:kms:eu-central-1:111122223333:key/mrk-1", true),
        ("arn:aws:kms:us-east-1:111122223333:key/mrk-1", false),
        ("arn:aws:kms:us-east-1:111122223333:key/mrk-12", true),
        ("arn:aws:kms:eu-central-1:111122223333:key/1", true),
        ("arn:aws:kms:us-east-1:111122223333:key/1", true),
        ("arn:aws:kms:us-east-1:111122223333:key/1", false),
    ];
    for (number, (xks_key_id, is_free)) in (0..).zip(ids) {
        // What is checked before is checked by the same rule.
        let of_before = ids.iter().take(number.into()).map(|(id, _)| RemoteKey::material(id));
        let is_new = !of_before.into_iter().any(|id| id == RemoteKey::material(xks_key_id));
        assert_eq!(is_new, is_free, "{xks_key_id}");
        let key = NewKey { number, store: a.id, remote: "ra", xks_key_id };
        match book.keep(vec![Box::new(key)]).await {
            Ok(_) => assert!(is_free, "{xks_key_id}"),
            Err(error) => assert!(matches!(error, Error::Duplicate) && !is_free, "{error}"),
        }
    }
}

#[tokio::test]
async fn a_store_with_a_key_keeps_its_remote() {
    let folder = tempfile::TempDir::new().unwrap();
    let book = open(folder.path());
    let stores = Arc::new(CustomKeyStores::default());
    let put = async |store: &CustomKeyStore| put(&book, &stores, store).await;
    let a = store(1, "a", "ra");
    put(&a).await.unwrap();
    let moved = |store: &CustomKeyStore, remote: &str| {
        store.changed(|store| store.remote = RemoteName::parse(remote).unwrap())
    };
    let a = moved(&a, "rb");
    put(&a).await.unwrap();
    let key = |remote| {
        let key = NewKey { number: 1, store: a.id, remote, xks_key_id: "x" };
        book.keep(vec![Box::new(key)])
    };
    assert!(matches!(key("ra").await, Err(Error::Conflict)), "that was the remote before");
    key("rb").await.unwrap();
    assert!(matches!(put(&moved(&a, "ra")).await, Err(Error::Conflict)));
    put(&a.changed(|store| store.wanted = true)).await.unwrap();
}

#[tokio::test]
async fn committed_stores_are_there_after_a_start() {
    let folder = tempfile::TempDir::new().unwrap();
    let book = open(folder.path());
    let stores = Arc::new(CustomKeyStores::default());
    let put = async |store: &CustomKeyStore| put(&book, &stores, store).await;
    let (a, b) = (store(1, "a", "ra"), store(2, "b", "rb"));
    put(&a).await.unwrap();
    put(&b).await.unwrap();
    for (name, remote) in [("a", "rc"), ("c", "ra")] {
        assert!(matches!(put(&store(3, name, remote)).await, Err(Error::Duplicate)), "{name}");
    }
    let renamed = b.changed(|store| store.name = "a".to_owned());
    assert!(matches!(put(&renamed).await, Err(Error::Duplicate)));
    let wanted = b.changed(|store| store.wanted = true);
    put(&wanted).await.unwrap();
    assert!(matches!(put(&wanted).await, Err(Error::Conflict)), "somebody was quicker");
    let delete = |store: &CustomKeyStore| {
        let (stores, store) = (Arc::clone(&stores), Arc::new(store.clone()));
        book.keep(vec![Box::new(DeleteCustomKeyStore { stores, store })])
    };
    assert!(matches!(delete(&b).await, Err(Error::Conflict)), "that was an older version");
    delete(&a).await.unwrap();
    assert_eq!((stores.find(&a.id), stores.find(&b.id).as_deref()), (None, Some(&wanted)));

    let again = CustomKeyStores::default();
    book.read(|tx| Ok(rows::load(tx, &again))).unwrap().unwrap();
    assert_eq!(again.list(&b.realm, None, 9), [Arc::new(wanted.clone())]);
    assert_eq!(again.connection(&b.id), Connection::Connecting, "nobody has asked yet");
}
