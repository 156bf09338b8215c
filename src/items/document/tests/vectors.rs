//! What the second implementation wrote, `tests/vectors/documents/document.py`.

use serde::Deserialize;
use serde_json::Value;

use super::{counting_random, recipient, text};
use crate::base::secret::SecretBytes;
use crate::items::document::decrypt::ParsedDocument;
use crate::items::document::encrypt::PreparedDocument;
use crate::items::document::leaves::{self, Grain};
use crate::items::document::schema::Schema;
use crate::items::document::value::Document;
use crate::items::schema::{self, AlgorithmSuite, SchemaDocument};
use crate::items::tests::hex;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    name: String,
    schema: SchemaDocument,
    intermediate_key: String,
    random: Vec<String>,
    encryption_context: Value,
    canonical_paths: Vec<String>,
    plaintext: String,
    encrypted: String,
}

fn load() -> Vec<(Vector, Schema)> {
    let text = include_str!("../../../../tests/vectors/documents/vectors.json");
    let vectors: Vec<Vector> = serde_json::from_str(text).unwrap();
    assert!(vectors.len() >= 6);
    vectors
        .into_iter()
        .map(|vector| {
            let schema = schema::Schema::new(vector.schema.clone()).unwrap();
            let documents = schema.documents().unwrap().clone();
            (vector, documents)
        })
        .collect()
}

#[test]
fn open() {
    for (vector, schema) in load() {
        let document = Document::parse_encrypted(&vector.encrypted).unwrap();
        let parsed = ParsedDocument::parse(&schema, document).unwrap();
        let context = serde_json::to_value(parsed.encryption_context()).unwrap();
        assert_eq!(context, vector.encryption_context, "{}", vector.name);
        let key = SecretBytes::new(hex(&vector.intermediate_key));
        assert_eq!(text(&parsed.finish(0, &key).unwrap()), vector.plaintext, "{}", vector.name);
    }
}

/// Where nothing is left to chance, both implementations write the same bytes.
#[test]
fn are_written_again() {
    let mut written = 0;
    for (vector, schema) in load() {
        let document = Document::parse(&vector.plaintext).unwrap();
        let table = schema.table_name();
        let leaves =
            leaves::of_document(schema.rules(), table, &document.0, Grain::Schema).unwrap();
        let paths: Vec<_> = vector.canonical_paths.iter().map(|path| hex(path)).collect();
        assert_eq!(leaves.iter().map(|leaf| leaf.path.clone()).collect::<Vec<_>>(), paths);
        if schema.algorithm_suite() == AlgorithmSuite::EcdsaP384 {
            continue;
        }
        let drawn: Vec<u8> = vector.random.iter().flat_map(|bytes| hex(bytes)).collect();
        let mut random = |bytes: &mut [u8]| {
            bytes.copy_from_slice(&drawn);
            Ok(())
        };
        let recipients = [recipient(&hex(&vector.intermediate_key), b"wrapped")];
        let prepared = PreparedDocument::prepare(&schema, document).unwrap();
        let encrypted = prepared.finish(&recipients, &mut random).unwrap();
        assert_eq!(text(&encrypted), vector.encrypted, "{}", vector.name);
        written += 1;
    }
    assert!(written >= 3);
}

/// Several recipients: each opens it.
#[test]
fn any_recipient_opens() {
    let (vector, schema) = load().swap_remove(0);
    let keys = [[1; 32], [2; 32], [3; 32]];
    let recipients = keys.map(|key| recipient(&key, b"wrapped"));
    let document = Document::parse(&vector.plaintext).unwrap();
    let prepared = PreparedDocument::prepare(&schema, document).unwrap();
    let encrypted = text(&prepared.finish(&recipients, &mut counting_random(0)).unwrap());
    for (index, key) in keys.iter().enumerate() {
        let document = Document::parse_encrypted(&encrypted).unwrap();
        let parsed = ParsedDocument::parse(&schema, document).unwrap();
        assert_eq!(parsed.data_keys().len(), 3);
        let found = parsed.finish(index, &SecretBytes::new(key.to_vec())).unwrap();
        assert_eq!(text(&found), vector.plaintext);
    }
}
