//! Notes, keys, checkpoints and proofs as text.

use sha2::{Digest, Sha256};

use super::*;
use crate::audit::leaf_1;
use crate::hsm::{AuditKey, Hsm, OsEntropy, RootKey};

/// The key and the note of golang.org/x/mod/sumdb/note.
const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                       then you don't know what your problem is.\n";
const GO_SIGNATURE: &str = concat!(
    "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuG",
    "UgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
);

fn go_note() -> String {
    format!("{GO_TEXT}\n{GO_SIGNATURE}")
}

pub(in crate::audit) fn hsm() -> Hsm {
    Hsm::initialize(RootKey::generate(&mut OsEntropy).unwrap(), OsEntropy).unwrap().0
}

fn signer() -> (AuditKey, VerifierKey) {
    let (_sealed, signer) = hsm().generate_audit_key(b"").unwrap();
    let key = VerifierKey::new("example.com/log", signer.public_key()).unwrap();
    (signer, key)
}

fn signed(text: &str) -> (String, VerifierKey) {
    let (signer, key) = signer();
    (key.note(text, &signer.sign(text.as_bytes()).unwrap()), key)
}

#[test]
fn the_note_of_go_verifies() {
    let key = VerifierKey::parse(GO_KEY).unwrap();
    assert_eq!((key.name(), key.to_string().as_str()), ("PeterNeumann", GO_KEY));
    let note = Note::parse(&go_note()).unwrap();
    assert_eq!(note.verify(&key).unwrap(), GO_TEXT);
    let signature: [u8; 64] = note.signatures[0].signature.clone().try_into().unwrap();
    assert_eq!(key.note(GO_TEXT, &signature), go_note());
}

#[test]
fn a_mangled_key_is_none() {
    for end in 0..GO_KEY.len() {
        assert!(VerifierKey::parse(&GO_KEY[..end]).is_err(), "{end}");
        assert!(VerifierKey::parse(&GO_KEY[end + 1..]).is_err(), "{end}");
        let mut other = GO_KEY.as_bytes().to_vec();
        other[end] += 1;
        assert!(VerifierKey::parse(std::str::from_utf8(&other).unwrap()).is_err(), "{end}");
    }
    // A key that is too long, and an unknown algorithm; both with their right id.
    for bad in [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ] {
        assert!(VerifierKey::parse(bad).is_err());
    }
    for name in ["", "a b", "a+b", "a\u{2003}b", "a\nb", &"x".repeat(256)] {
        assert!(matches!(VerifierKey::new(name, [1; 32]), Err(Error::OriginForm)), "{name:?}");
    }
}

#[test]
fn a_note_with_one_flipped_bit_is_refused() {
    let text = Checkpoint { origin: "example.com/log".to_owned(), size: 5, root: [9; 32] }.text();
    let (note, key) = signed(&text);
    assert_eq!(Note::parse(&note).unwrap().verify(&key).unwrap(), text);
    for at in 0..note.len() {
        for bit in 0..8 {
            let mut other = note.clone().into_bytes();
            other[at] ^= 1 << bit;
            let Ok(other) = String::from_utf8(other) else { continue };
            let opened = Note::parse(&other).and_then(|note| note.verify(&key).map(str::to_owned));
            assert!(opened.is_err(), "{at}.{bit}: {other}");
        }
    }
}

#[test]
fn notes_keep_their_form() {
    let key = VerifierKey::parse(GO_KEY).unwrap();
    let refused = |note: &str| matches!(Note::parse(note), Err(Error::Note));
    let note = go_note();
    assert!(refused(""));
    assert!(refused(GO_TEXT));
    assert!(refused(&format!("{GO_TEXT}\n")));
    assert!(refused(note.trim_end()));
    assert!(refused(&note.replace('\u{2014}', "-")));
    assert!(refused(&note.replace("answer", "an\tswer")));
    assert!(refused(&format!("{note}\n")));
    assert!(refused(&format!("{note}more\n")));
    assert!(refused(&note.replace("x08go", "x08g")));
    assert!(refused(&format!("{}{note}", "x".repeat(64 * 1024))));

    // Of others there may be any number, before and behind.
    let other = GO_SIGNATURE.replace("PeterNeumann", "eve");
    let many = format!("{GO_TEXT}\n{}{GO_SIGNATURE}{}", other.repeat(40), other.repeat(40));
    assert_eq!(Note::parse(&many).unwrap().verify(&key).unwrap(), GO_TEXT);
    // One that names the key must be made by it, whatever else there is.
    let forged = GO_SIGNATURE.replace("wJnAM=", "wJnAN=");
    let forged = forged.replace("N=\n", "E=\n");
    let both = format!("{GO_TEXT}\n{GO_SIGNATURE}{forged}");
    assert!(matches!(Note::parse(&both).unwrap().verify(&key), Err(Error::Signature(_))));
    let (foreign, _) = signed(GO_TEXT);
    assert!(matches!(Note::parse(&foreign).unwrap().verify(&key), Err(Error::Unsigned(_))));
}

#[test]
fn checkpoints_have_one_form() {
    // The example of c2sp.org/tlog-checkpoint.
    let text =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    let checkpoint = Checkpoint::parse(text).unwrap();
    assert_eq!(
        (checkpoint.origin.as_str(), checkpoint.size),
        ("example.com/behind-the-sofa", 20_852_163)
    );
    assert_eq!(checkpoint.text(), text);
    assert_eq!(Checkpoint::parse(&format!("{text}extension\n")).unwrap(), checkpoint);
    for (from, to) in [
        ("20852163", "020852163"),
        ("20852163", "+20852163"),
        ("20852163", "-1"),
        ("20852163", "99999999999999999999"),
        ("2I=", "2I"),
        ("CsUY", "AACsUY"),
        ("example.com/behind-the-sofa", ""),
        ("2I=\n", "2I="),
        ("2I=\n", "2I=\n\nx\n"),
    ] {
        let other = text.replacen(from, to, 1);
        assert!(matches!(Checkpoint::parse(&other), Err(Error::Checkpoint)), "{other}");
    }
}

#[test]
fn a_checkpoint_is_of_the_log_that_signed_it() {
    let of = |origin: &str| Checkpoint { origin: origin.to_owned(), size: 1, root: [1; 32] };
    let (note, key) = signed(&of("example.com/log").text());
    assert_eq!(Checkpoint::open(&note, &key).unwrap(), of("example.com/log"));
    let (note, key) = signed(&of("example.com/other").text());
    assert!(matches!(Checkpoint::open(&note, &key), Err(Error::Origin { .. })));
}

/// Checks a proof whose leaf is the hash of what it brings along.
fn verified(proof: &TlogProof, key: &VerifierKey) -> Result<Checkpoint, Error> {
    let extra = proof.extra.as_deref().unwrap_or_default();
    proof.verify(key, &Sha256::digest([&[0], extra].concat()).into())
}

#[test]
fn a_proof_is_checked_with_the_public_key_alone() {
    let data = b"\x01{\"eventName\":\"Decrypt\"}";
    let mut all = leaves(20);
    all[13] = leaf_1(&data[1..]);
    let mut tree = Grown::of(all);
    let hashes = inclusion_proof(&mut tree, 13, 20).unwrap().unwrap();
    let head =
        Checkpoint { origin: "example.com/log".to_owned(), size: 20, root: tree.frontier.root() };
    let (checkpoint, key) = signed(&head.text());
    let proof = TlogProof { extra: Some(data.to_vec()), index: 13, hashes, checkpoint };
    let text = proof.to_string();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nextra AX"), "{text}");
    assert_eq!(TlogProof::parse(&text).unwrap(), proof);
    assert_eq!(verified(&proof, &key).unwrap(), head);

    let (_, other_key) = signer();
    assert!(matches!(verified(&proof, &other_key), Err(Error::Unsigned(_))));
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut other = text.clone().into_bytes();
            other[at] ^= 1 << bit;
            let Ok(other) = String::from_utf8(other) else { continue };
            let verified = TlogProof::parse(&other).and_then(|proof| verified(&proof, &key));
            assert!(verified.is_err(), "{at}.{bit}: {other}");
        }
    }
    let bare = TlogProof { extra: None, ..proof };
    assert_eq!(TlogProof::parse(&bare.to_string()).unwrap(), bare);
    assert!(matches!(verified(&bare, &key), Err(Error::Proof)));
}

#[test]
fn proofs_keep_their_form() {
    let (checkpoint, _) =
        signed(&Checkpoint { origin: "o".to_owned(), size: 1, root: [1; 32] }.text());
    let text = format!("c2sp.org/tlog-proof@v1\nindex 0\n\n{checkpoint}");
    let proof = TlogProof::parse(&text).unwrap();
    assert_eq!((proof.index, proof.hashes.len(), &proof.extra), (0, 0, &None));
    assert_eq!(proof.checkpoint, checkpoint);
    let long = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n".repeat(65);
    for (from, to) in [
        ("@v1", "@v2"),
        ("index 0", "index 00"),
        ("index 0", "index"),
        ("index 0\n", ""),
        ("index 0", "index 0\nextra AA=="),
        ("index 0", "extra A\nindex 0"),
        ("index 0", "index 0\nAAAA"),
        ("index 0\n", &format!("index 0\n{long}")),
        ("\n\n", "\n"),
    ] {
        let other = text.replacen(from, to, 1);
        let parsed = TlogProof::parse(&other);
        assert!(matches!(parsed, Err(Error::Proof)) || from == "\n\n", "{other}");
    }
}
