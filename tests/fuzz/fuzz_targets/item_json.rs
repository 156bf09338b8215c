//! Items and schemas as callers write them. An item that can be read is printed
//! so that it reads the same, and one that can be encrypted can be decrypted.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use wardbook::base::secret::SecretBytes;
use wardbook::items::attribute::Item;
use wardbook::items::decrypt::ParsedItem;
use wardbook::items::dynamodb_json::{self, DynamoDbJson};
use wardbook::items::encrypt::{PreparedItem, WrappedKey};
use wardbook::items::header::KMS_PROVIDER_ID;
use wardbook::items::plain_json::{self, PlainJson};
use wardbook::items::rewrap::RewrappedItem;
use wardbook::items::schema::lint::lint;
use wardbook::items::schema::table::Table;
use wardbook::items::schema::{Schema, SchemaDocument, changes};
use wardbook_fuzz::{WORKER_STACK_BYTES, on_stack};

/// One of each format version.
static SCHEMAS: LazyLock<[Schema; 2]> = LazyLock::new(|| {
    let text = r#"{"tableName": "orders", "partitionKeyName": "pk", "keyId": "alias/items",
        "algorithmSuite": "0x6700",
        "attributeActionsOnEncrypt":
            {"pk": "KEY", "a": "ENCRYPT_AND_SIGN", "b": "ENCRYPT_AND_SIGN",
             "s": "SIGN_ONLY", ":u": "DO_NOTHING"},
        "allowedUnsignedAttributePrefix": ":"}"#;
    ["SIGN_ONLY", "SIGN_AND_INCLUDE_IN_ENCRYPTION_CONTEXT"].map(|key| {
        let document = serde_json::from_str(&text.replace("KEY", key)).expect("a document");
        Schema::new(document).expect("a schema")
    })
});

const INTERMEDIATE_KEY: [u8; 32] = [5; 32];

fn recipient() -> WrappedKey {
    WrappedKey {
        provider_id: KMS_PROVIDER_ID.to_owned(),
        provider_info: b"arn".to_vec(),
        intermediate_key: SecretBytes::new(INTERMEDIATE_KEY.to_vec()),
        ciphertext: b"wrapped".to_vec(),
    }
}

fn encrypt(schema: &Schema, item: Item) -> Option<Item> {
    let mut random = |bytes: &mut [u8]| {
        bytes.fill(1);
        Ok(())
    };
    PreparedItem::prepare(schema, item).ok()?.finish(&[recipient()], &mut random).ok()
}

/// What is encrypted is decrypted, and the same after rewrapping.
fn check(item: &Item) {
    for schema in &*SCHEMAS {
        let Some(encrypted) = encrypt(schema, item.clone()) else { continue };
        let key = SecretBytes::new(INTERMEDIATE_KEY.to_vec());
        let verified = |item| {
            let parsed = ParsedItem::parse(schema, item).expect("it was encrypted");
            parsed.verify(0, &key).expect("it was encrypted")
        };
        let open = |item| verified(item).decrypt(|_| true).expect("it was encrypted");
        let rewrapped = RewrappedItem::prepare(verified(encrypted.clone())).expect("a key pair");
        let rewrapped = rewrapped.finish(&[recipient()]).expect("a key");
        assert_eq!(open(encrypted), open(rewrapped));
    }
}

fuzz_target!(|text: &str| {
    on_stack(WORKER_STACK_BYTES, || {
        if let Ok(item) = dynamodb_json::parse(text) {
            let printed = serde_json::to_string(&DynamoDbJson(&item)).expect("text");
            assert_eq!(dynamodb_json::parse(&printed).ok().as_ref(), Some(&item), "{printed}");
            check(&item);
        }
        if let Ok(item) = plain_json::parse(text) {
            let printed = serde_json::to_string(&PlainJson(&item)).expect("text");
            assert_eq!(plain_json::parse(&printed).ok().as_ref(), Some(&item), "{printed}");
            check(&item);
        }
        drop(plain_json::parse_encrypted(text, &SCHEMAS[0]));
        if let Ok(document) = SchemaDocument::read(text) {
            let printed = serde_json::to_string(&document).expect("text");
            assert_eq!(SchemaDocument::read(&printed).ok().as_ref(), Some(&document), "{printed}");
            assert_eq!(changes::between(&document, &document), []);
            drop(changes::between(SCHEMAS[0].document(), &document));
            drop(lint(&document, &Table::default()));
            if let Ok(schema) = Schema::of_text(document, text) {
                let canonical = schema.canonical().expect("text");
                let again = Schema::read(&canonical).expect("it keeps the rules");
                assert_eq!(again.canonical().as_ref(), Ok(&canonical));
            }
        }
    });
});
