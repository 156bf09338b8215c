//! JSON documents, their schemas and their paths as callers write them. A
//! document that can be encrypted decrypts to itself, and a schema that is
//! accepted is accepted again. The input is a document, or a list of two: the
//! rules of a schema, and a document.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use serde_json::value::RawValue;
use wardbook::base::secret::SecretBytes;
use wardbook::items::document::Document;
use wardbook::items::document::decrypt::ParsedDocument;
use wardbook::items::document::encrypt::PreparedDocument;
use wardbook::items::document::schema::Schema;
use wardbook::items::schema::{self, SchemaDocument};
use wardbook::items::encrypt::WrappedKey;
use wardbook::items::header::KMS_PROVIDER_ID;
use wardbook_fuzz::{WORKER_STACK_BYTES, on_stack};

const INTERMEDIATE_KEY: [u8; 32] = [5; 32];

fn schema(rules: &BTreeMap<String, String>) -> Option<Schema> {
    let definition = json!({
        "kind": "document", "tableName": "T", "keyId": "alias/documents", "idPaths": ["/id"],
        "pathActionsOnEncrypt": rules, "defaultAction": "SIGN_ONLY", "algorithmSuite": "0x6700",
    });
    let definition: SchemaDocument = serde_json::from_value(definition).ok()?;
    let schema = schema::Schema::new(definition.clone()).ok()?;
    let printed = serde_json::to_string(schema.document()).expect("text");
    assert_eq!(serde_json::from_str::<SchemaDocument>(&printed).ok(), Some(definition));
    schema.documents().cloned()
}

fn encrypt(schema: &Schema, document: Document) -> Option<String> {
    let recipient = WrappedKey {
        provider_id: KMS_PROVIDER_ID.to_owned(),
        provider_info: b"arn".to_vec(),
        intermediate_key: SecretBytes::new(INTERMEDIATE_KEY.to_vec()),
        ciphertext: b"wrapped".to_vec(),
    };
    let mut random = |bytes: &mut [u8]| {
        bytes.fill(1);
        Ok(())
    };
    let prepared = PreparedDocument::prepare(schema, document).ok()?;
    let encrypted = prepared.finish(&[recipient], &mut random).ok()?;
    Some(serde_json::to_string(&encrypted).expect("text"))
}

fn check(schema: &Schema, text: &str) {
    if let Ok(document) = Document::parse(text) {
        let printed = serde_json::to_string(&document).expect("text");
        assert_eq!(Document::parse(&printed).ok().as_ref(), Some(&document), "{printed}");
        if let Some(encrypted) = encrypt(schema, document) {
            let document = Document::parse_encrypted(&encrypted).expect("it was encrypted");
            let parsed = ParsedDocument::parse(schema, document).expect("it was encrypted");
            let key = SecretBytes::new(INTERMEDIATE_KEY.to_vec());
            let decrypted = parsed.finish(0, &key).expect("it was encrypted");
            assert_eq!(serde_json::to_string(&decrypted).expect("text"), printed);
        }
    }
    let Ok(document) = Document::parse_encrypted(text) else { return };
    let Ok(parsed) = ParsedDocument::parse(schema, document) else { return };
    assert!(!parsed.data_keys().is_empty());
    for value in parsed.encrypted_values() {
        assert!(value.pointer.starts_with('/') && !value.names.is_empty());
    }
    let wrong_key = SecretBytes::new(vec![3; 32]);
    assert!(parsed.finish(0, &wrong_key).is_err(), "decrypted without its key");
}

fuzz_target!(|text: &str| {
    on_stack(WORKER_STACK_BYTES, || {
        if let Ok((rules, document)) =
            serde_json::from_str::<(BTreeMap<String, String>, Box<RawValue>)>(text)
            && let Some(schema) = schema(&rules)
        {
            check(&schema, document.get());
        }
        let rules = BTreeMap::from([("/secret".to_owned(), "ENCRYPT_AND_SIGN".to_owned())]);
        check(&schema(&rules).expect("a schema"), text);
    });
});
