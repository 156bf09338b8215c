//! What is sealed opens again, and nothing else does.

use std::collections::BTreeMap;
use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::base::limits::ROOT_KEY_PROTECTORS;
use crate::hsm::protector::{KeyFile, SealedRootKey, protect_with_key_file};
use crate::hsm::{Hsm, OsEntropy, RootKey};

/// A root key, twice: once in an HSM, once by itself.
fn root() -> (Hsm, RootKey) {
    let root = RootKey::generate(&mut OsEntropy).unwrap();
    let file = KeyFile::generate(&mut OsEntropy).unwrap();
    let sealed = protect_with_key_file(&root, &file, &mut OsEntropy).unwrap();
    let again = SealedRootKey::decode(sealed.encode().as_bytes()).unwrap();
    (Hsm::initialize(root, OsEntropy).unwrap().0, again.open_with_key_file(&file).unwrap())
}

fn header(database: &[u8]) -> Header {
    Header {
        backup_id: "5f4dcc3b-5aa7-65d6-1d83-27deb882cf99".to_owned(),
        created_ms: 1_700_000_000_000,
        program: "0.1.0".to_owned(),
        account: "111122223333".to_owned(),
        region: "eu-central-1".to_owned(),
        log_id: "93d1719f541041785adcd90e88fadb4d".to_owned(),
        checkpoint: "origin\n1\nAAAA\n".to_owned(),
        public_key: "origin+00000000+AAAA".to_owned(),
        database_bytes: database.len().try_into().unwrap(),
        guardrails_bytes: 0,
        protectors: vec![Protector { name: "key file".to_owned(), sealed: "x\n".to_owned() }],
    }
}

fn seal(hsm: &Hsm, database: &[u8], guardrails: &Guardrails) -> Vec<u8> {
    let header = header(database);
    let mut sealing = Sealing::begin(hsm, header, Cursor::new(database), guardrails).unwrap();
    let mut file = Vec::new();
    while let Some(piece) = sealing.piece().unwrap() {
        file.extend(piece);
    }
    file
}

fn open(root: &RootKey, file: &[u8]) -> Result<(Vec<u8>, Guardrails), Error> {
    let mut database = Vec::new();
    let sealed = Sealed::read(file)?;
    let guardrails = sealed.unseal(root, &mut database, &mut |_done| {})?;
    Ok((database, guardrails))
}

fn some_guardrails() -> Guardrails {
    BTreeMap::from([("no-root.cedar".to_owned(), "forbid (...);\n".to_owned())])
}

#[test]
fn round_trips_at_the_edges() {
    let (hsm, root) = root();
    let guardrails = some_guardrails();
    let tail = serde_json::to_vec(&guardrails).unwrap().len();
    for length in [1, CHUNK_BYTES - tail, CHUNK_BYTES - 1, CHUNK_BYTES, 17 * CHUNK_BYTES + 5] {
        let database: Vec<u8> = (0..=250_u8).cycle().take(length).collect();
        let file = seal(&hsm, &database, &guardrails);
        let expected = Sealed::read(&file[..]).unwrap().file_bytes().unwrap();
        assert_eq!(expected, u64::try_from(file.len()).unwrap());
        assert_eq!(open(&root, &file).unwrap(), (database, guardrails.clone()));
    }
}

#[test]
fn errors_name_the_place() {
    let (hsm, root) = root();
    let file = seal(&hsm, &[7; 3 * CHUNK_BYTES], &some_guardrails());
    let chunk = CHUNK_BYTES + 16;
    let first =
        file.len() - (3 * chunk + (serde_json::to_vec(&some_guardrails()).unwrap().len() + 16));
    let text = |file: &[u8]| open(&root, file).unwrap_err().to_string();
    let changed = |at: usize| {
        let mut file = file.clone();
        file[at] ^= 1;
        file
    };
    assert_eq!(
        text(&changed(first + chunk + 9)),
        format!(
            "chunk 2 of 4, {chunk} bytes from byte {}, was changed or is not in its place",
            first + chunk
        )
    );
    assert_eq!(text(&file[..first + 2 * chunk - 1]), "the file was cut: it ends in chunk 2 of 4");
    // Between two chunks.
    assert_eq!(text(&file[..first + 2 * chunk]), "the file was cut: it ends in chunk 3 of 4");
    assert_eq!(text(&file[..100]), "the file was cut: it ends in its header");
    assert_eq!(text(&file[..first - 1]), "the file was cut: it ends in the sealed key");
    assert_eq!(
        text(&[&file[..], b"x"].concat()),
        "the file goes on behind its last chunk, chunk 4"
    );
    assert_eq!(text(b"SQLite format 3\0"), "the file is not a backup of wardbook");
    assert_eq!(text(&changed(0)), "the file is not a backup of wardbook");
    assert_eq!(
        text(&changed(19)),
        "the file is a backup of format 0, this program knows 1: use a newer one"
    );
    assert!(text(&changed(first - 1)).starts_with("the header or the sealed key"));
    // A digit of the time: still JSON.
    let at = file.windows(4).position(|four| four == b"1700").unwrap();
    assert!(text(&changed(at + 1)).starts_with("the header or the sealed key"));
    // Two chunks in each other's places.
    let mut swapped = file.clone();
    let (one, two) = swapped[first..first + 2 * chunk].split_at_mut(chunk);
    one.swap_with_slice(two);
    assert!(text(&swapped).starts_with("chunk 1 of 4"));
    // One left out.
    let without = [&file[..first + chunk], &file[first + 2 * chunk..]].concat();
    assert!(text(&without).starts_with("chunk 2 of 4"));
    let (_, other) = self::root();
    assert!(open(&other, &file).unwrap_err().to_string().ends_with("not under this root key"));
}

#[test]
fn chunks_of_another_backup_do_not_fit() {
    let (hsm, root) = root();
    let files = [(); 2].map(|()| seal(&hsm, &[7; 2 * CHUNK_BYTES], &Guardrails::new()));
    assert_eq!(files[0].len(), files[1].len());
    let end = files[0].len() - 18;
    let mixed = [&files[0][..end], &files[1][end..]].concat();
    assert!(matches!(open(&root, &mixed), Err(Error::Chunk { number: 3, of: 3, .. })));
}

/// Whoever opens a file has nothing but its word before a protector is opened.
#[test]
fn no_header_asks_for_endless_work() {
    let (hsm, _root) = root();
    let read = |protectors: usize| {
        let mut header = header(&[7; 9]);
        let one = header.protectors[0].clone();
        header.protectors = vec![one; protectors];
        let mut sealing =
            Sealing::begin(&hsm, header, Cursor::new([7; 9]), &some_guardrails()).unwrap();
        let piece = sealing.piece().unwrap().unwrap();
        Sealed::read(&piece[..]).map(|_sealed| ())
    };
    assert!(read(ROOT_KEY_PROTECTORS).is_ok());
    let refused = read(ROOT_KEY_PROTECTORS + 1);
    assert!(matches!(refused, Err(Error::Header("it has too many protectors"))));
}

#[test]
fn a_database_of_another_length_is_not_sealed() {
    let (hsm, _) = root();
    let begin = |database: &'static [u8], says: &[u8]| {
        Sealing::begin(&hsm, header(says), database, &Guardrails::new()).unwrap()
    };
    let mut short = begin(b"ab", b"abcdef");
    short.piece().unwrap();
    assert!(matches!(short.piece(), Err(Error::Length)));
    let mut none = header(b"");
    none.database_bytes = u64::MAX;
    assert!(Sealing::begin(&hsm, none, &b""[..], &Guardrails::new()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_change_is_found(
        length in 1..200_000_usize,
        at in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let (hsm, root) = root();
        let database = vec![1; length];
        let file = seal(&hsm, &database, &Guardrails::new());
        prop_assert_eq!(open(&root, &file).unwrap().0, database);
        let at = at.index(file.len());
        let mut changed = file.clone();
        changed[at] ^= 1 << bit;
        prop_assert!(open(&root, &changed).is_err());
        prop_assert!(open(&root, &file[..at]).is_err());
    }

    #[test]
    fn whatever_it_is_nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (_, root) = root();
        prop_assert!(open(&root, &bytes).is_err());
        let fixed = [&MAGIC[..], &VERSION.to_be_bytes(), &bytes].concat();
        prop_assert!(open(&root, &fixed).is_err());
    }
}

/// A file that another implementation of the format wrote (`make.py` in
/// `tests/vectors/backup/`). What was written once, every later version opens.
#[test]
fn the_golden_file_opens() {
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("../../tests/golden/hsm/v1.json")).unwrap();
    let key_file = KeyFile::parse(golden["key_file"].as_str().unwrap().as_bytes()).unwrap();
    let file: &[u8] = include_bytes!("../../tests/golden/backup/v1.backup");
    let header = Sealed::read(file).unwrap().header().clone();
    assert_eq!((header.created_ms, header.region.as_str()), (1_793_614_272_000, "eu-central-1"));
    let protector = SealedRootKey::decode(header.protectors[0].sealed.as_bytes()).unwrap();
    let root = protector.open_with_key_file(&key_file).unwrap();
    let (database, guardrails) = open(&root, file).unwrap();
    let wanted = (0..u64::try_from(CHUNK_BYTES).unwrap() + 1_000).map(|i| i * i % 251);
    assert!(database.iter().copied().map(u64::from).eq(wanted));
    assert_eq!(guardrails["a.cedar"], "forbid (principal, action, resource);");
}
