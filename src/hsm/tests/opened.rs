//! Opened keys in memory: who finds them, who does not, and when they go.

use super::keys::{KEYS, specs};
use super::*;
use crate::hsm::cache::CAPACITY;

fn asymmetric() -> impl Iterator<Item = KeySpec> {
    specs().filter(|spec| spec.is_asymmetric())
}

fn kept(hsm: &Hsm, token: &ExportedKeyToken, binding: &KeyBinding<'_>) -> bool {
    let name = token::opened_name(token, binding);
    hsm.opened_keys().unwrap().find(&name).is_ok()
}

#[test]
fn a_kept_key_opens_only_where_it_belongs() {
    let region = Region::parse("eu-central-2").unwrap();
    let account = AccountId::parse("111122223334").unwrap();
    for spec in asymmetric() {
        let (token, binding) = KEYS.of(spec);
        KEYS.hsm.public_key(token, &binding).unwrap();
        assert!(kept(&KEYS.hsm, token, &binding));
        let others = [
            KeyBinding { region: &region, ..binding },
            KeyBinding { account: &account, ..binding },
            KeyBinding { key_id: KeyId::from_bytes(*binding.key_id.as_bytes(), true), ..binding },
            KeyBinding { key_id: KeyId::from_random([8; 16]), ..binding },
            KeyBinding { material_id: MaterialId::from_bytes([0; 32]), ..binding },
        ];
        for other in others {
            assert_eq!(KEYS.hsm.public_key(token, &other), Err(Error::DamagedToken), "{other:?}");
        }
        for other in asymmetric().filter(|other| *other != spec) {
            let other = KeyBinding { spec: other, ..binding };
            assert_eq!(KEYS.hsm.public_key(token, &other), Err(Error::DamagedToken), "{other:?}");
        }
        let bytes = token.as_bytes();
        for at in [0, 5, 40, bytes.len() - 1] {
            let mut altered = bytes.to_vec();
            altered[at] ^= 0x80;
            let altered = ExportedKeyToken::from_bytes(altered);
            assert_eq!(KEYS.hsm.public_key(&altered, &binding), Err(Error::DamagedToken));
        }
        let cut = ExportedKeyToken::from_bytes(bytes[..bytes.len() - 1].to_vec());
        assert_eq!(KEYS.hsm.public_key(&cut, &binding), Err(Error::DamagedToken));
    }
}

/// An HSM with `count` keys of a kind that is quick to make.
struct Many {
    hsm: Hsm,
    region: Region,
    account: AccountId,
    keys: Vec<GeneratedKey>,
}

impl Many {
    fn new(count: usize) -> Self {
        let (hsm, _) = Hsm::initialize(test_root(), CountingEntropy::default()).unwrap();
        let region = Region::parse("eu-central-1").unwrap();
        let account = AccountId::parse("111122223333").unwrap();
        let (key_id, spec) = (KeyId::from_random([7; 16]), KeySpec::EccNistEdwards25519);
        let make = |_| hsm.generate_key(&region, &account, key_id, spec).unwrap();
        let keys = (0..count).map(make).collect();
        Self { hsm, region, account, keys }
    }

    fn binding(&self, at: usize) -> KeyBinding<'_> {
        KeyBinding {
            region: &self.region,
            account: &self.account,
            key_id: KeyId::from_random([7; 16]),
            material_id: self.keys[at].material_id,
            spec: KeySpec::EccNistEdwards25519,
        }
    }

    fn open(&self, at: usize) {
        self.hsm.public_key(&self.keys[at].token, &self.binding(at)).unwrap();
    }

    fn is_kept(&self, at: usize) -> bool {
        let name = token::opened_name(&self.keys[at].token, &self.binding(at));
        // Not by `find`, which is a use.
        self.hsm.opened_keys().unwrap().contains(&name)
    }
}

#[test]
fn forgetting_drops_one_material_everywhere() {
    let many = Many::new(2);
    let region = Region::parse("eu-central-2").unwrap();
    let replica = many.hsm.rebind_key(&many.keys[0].token, &many.binding(0), &region).unwrap();
    let there = KeyBinding { region: &region, ..many.binding(0) };
    many.open(0);
    many.open(1);
    many.hsm.public_key(&replica, &there).unwrap();
    let key = many.hsm.opened_keys().unwrap().find(&token::opened_name(&replica, &there));
    let key = Arc::downgrade(&key.unwrap());

    many.hsm.forget_key(many.keys[0].material_id).unwrap();
    assert!(!many.is_kept(0) && many.is_kept(1) && !kept(&many.hsm, &replica, &there));
    assert!(key.upgrade().is_none(), "somebody still has the key");
    many.open(0);
    assert!(many.is_kept(0));
}

#[test]
fn a_key_opened_while_it_is_forgotten_is_not_kept() {
    let many = Many::new(1);
    many.open(0);
    let name = token::opened_name(&many.keys[0].token, &many.binding(0));
    let key = many.hsm.opened_keys().unwrap().find(&name).unwrap();
    let since = many.hsm.opened_keys().unwrap().find(&[0; 32]).err().unwrap();
    many.hsm.forget_key(many.keys[0].material_id).unwrap();
    let material_id = many.keys[0].material_id;
    assert!(many.hsm.opened_keys().unwrap().keep(since, name, material_id, key).is_none());
    assert!(!many.is_kept(0));
}

#[test]
fn forgetting_a_domain_key_forgets_what_it_opened() {
    let many = Many::new(1);
    many.open(0);
    let pending = many.hsm.prepare_domain_key().unwrap();
    many.hsm.activate(pending).unwrap();
    many.open(0);
    many.hsm.forget_domain_key(1).unwrap();
    let opened = many.hsm.public_key(&many.keys[0].token, &many.binding(0));
    assert_eq!(opened, Err(Error::UnknownDomainKey(1)));
}

#[test]
fn the_least_recently_used_key_makes_room() {
    let many = Many::new(CAPACITY + 1);
    for at in 0..CAPACITY {
        many.open(at);
    }
    many.open(0);
    many.open(CAPACITY);
    assert!(many.is_kept(0) && many.is_kept(CAPACITY));
    assert!(!many.is_kept(1) && many.is_kept(2));
    many.open(1);
    assert!(many.is_kept(1) && !many.is_kept(2));
}
