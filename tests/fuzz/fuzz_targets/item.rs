//! An encrypted item: header and footer, after the header's length in two bytes.
#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use libfuzzer_sys::{Corpus, fuzz_target};
use wardbook::base::secret::SecretBytes;
use wardbook::items::attribute::{AttributeValue, Item};
use wardbook::items::decrypt::ParsedItem;
use wardbook::items::schema::{FOOTER_NAME, HEADER_NAME, Schema};

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let text = r#"{"tableName": "orders", "partitionKeyName": "pk", "keyId": "alias/items",
        "attributeActionsOnEncrypt":
            {"pk": "SIGN_ONLY", "note": "ENCRYPT_AND_SIGN", "sk": "SIGN_ONLY"}}"#;
    Schema::new(serde_json::from_str(text).expect("a document")).expect("a schema")
});

fn item(header: &[u8], footer: &[u8]) -> Item {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    // A type and room for a nonce, a letter and a tag.
    let note = [&[0, 1][..], &[9; 29]].concat();
    Item(BTreeMap::from([
        (HEADER_NAME.to_owned(), AttributeValue::B(header.to_vec())),
        (FOOTER_NAME.to_owned(), AttributeValue::B(footer.to_vec())),
        ("pk".to_owned(), text("item-1")),
        ("sk".to_owned(), text("a")),
        ("note".to_owned(), AttributeValue::B(note)),
    ]))
}

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Some((len, rest)) = bytes.split_first_chunk() else { return Corpus::Reject };
    let len = usize::from(u16::from_be_bytes(*len));
    let Some((header, footer)) = rest.split_at_checked(len) else { return Corpus::Reject };
    let Ok(parsed) = ParsedItem::parse(&SCHEMA, item(header, footer)) else {
        return Corpus::Keep;
    };
    let again = ParsedItem::parse(&SCHEMA, item(header, footer)).expect("it was read");
    assert_eq!(parsed.data_keys(), again.data_keys());
    assert_eq!(parsed.encryption_context(), again.encryption_context());
    assert!(!parsed.data_keys().is_empty());
    for at in 0..parsed.data_keys().len().min(3) {
        let parsed = ParsedItem::parse(&SCHEMA, item(header, footer)).expect("it was read");
        let wrong_key = SecretBytes::new(vec![3; 32]);
        assert!(parsed.finish(at, &wrong_key).is_err(), "decrypted without its key");
    }
    Corpus::Keep
});
