//! Facts of the installation: made once, and set.

use super::*;

#[tokio::test]
async fn facts_of_the_installation() {
    struct Fact(&'static str, bool);
    impl Change for Fact {
        fn write(&self, tx: &mut dyn Tx) -> Result<(), Error> {
            if self.1 {
                meta::insert(tx, "account", self.0)
            } else {
                meta::set(tx, "account", self.0)
            }
        }
        fn publish(&self) {}
    }
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let find = || store.read(|tx| meta::find(tx, "account")).unwrap();
    let write = |fact| {
        store.commit(Unit {
            changes: vec![Box::new(fact)],
            event: event("init"),
            further: Vec::new(),
        })
    };
    assert_eq!(find(), None);
    write(Fact("111122223333", true)).await.unwrap();
    assert_eq!(find().as_deref(), Some("111122223333"));
    assert!(matches!(write(Fact("444455556666", true)).await, Err(Error::Duplicate)));
    write(Fact("444455556666", false)).await.unwrap();
    assert_eq!(find().as_deref(), Some("444455556666"));
}
