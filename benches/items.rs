//! Encryption and decryption of one item of ten attributes, about 1.2 KB: five
//! encrypted (four strings of 150 bytes and a map), five signed only. The key
//! service is replaced by a fixed intermediate key, so this is the cost of the
//! format alone. Target: 20,000 items a second on one core in suite 0x6700.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up should stop")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::json;
use wardbook::base::secret::SecretBytes;
use wardbook::items::attribute::Item;
use wardbook::items::decrypt::ParsedItem;
use wardbook::items::dynamodb_json::{self, DynamoDbJson};
use wardbook::items::encrypt::{PreparedItem, WrappedKey};
use wardbook::items::error::ItemError;
use wardbook::items::header::KMS_PROVIDER_ID;
use wardbook::items::schema::Schema;

fn schema(suite: &str) -> Schema {
    let document = json!({
        "tableName": "Customers", "partitionKeyName": "pk", "sortKeyName": "sk",
        "keyId": "alias/items", "algorithmSuite": suite,
        "attributeActionsOnEncrypt": {
            "pk": "SIGN_ONLY", "sk": "SIGN_ONLY", "city": "SIGN_ONLY", "since": "SIGN_ONLY",
            "active": "SIGN_ONLY", "name": "ENCRYPT_AND_SIGN", "email": "ENCRYPT_AND_SIGN",
            "phone": "ENCRYPT_AND_SIGN", "note": "ENCRYPT_AND_SIGN", "address": "ENCRYPT_AND_SIGN",
        },
    });
    Schema::new(serde_json::from_value(document).unwrap()).unwrap()
}

fn text() -> String {
    let long = "x".repeat(150);
    json!({
        "pk": {"S": "customer-000042"}, "sk": {"N": "1700000000"}, "city": {"S": "Utrecht"},
        "since": {"N": "2019.5"}, "active": {"BOOL": true}, "name": {"S": long},
        "email": {"S": long}, "phone": {"S": long}, "note": {"S": long},
        "address": {"M": {
            "street": {"S": "Oudegracht 1"}, "zip": {"S": "3511 AA"}, "floor": {"N": "2"},
            "tags": {"SS": ["home", "billing"]},
        }},
    })
    .to_string()
}

fn recipient() -> WrappedKey {
    WrappedKey {
        provider_id: KMS_PROVIDER_ID.to_owned(),
        provider_info:
            b"arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab".to_vec(),
        intermediate_key: SecretBytes::new(vec![7; 32]),
        ciphertext: vec![1; 184],
    }
}

fn fill(bytes: &mut [u8]) -> Result<(), ItemError> {
    bytes.fill(0x5a);
    Ok(())
}

fn encrypt(schema: &Schema, item: Item, recipients: &[WrappedKey]) -> Item {
    PreparedItem::prepare(schema, item).unwrap().finish(recipients, &mut fill).unwrap()
}

fn items(criterion: &mut Criterion) {
    let recipients = [recipient()];
    let mut group = criterion.benchmark_group("items");
    group.throughput(Throughput::Elements(1));
    for suite in ["0x6700", "0x6701"] {
        let schema = schema(suite);
        let plain = dynamodb_json::parse(&text()).unwrap();
        let encrypted = encrypt(&schema, plain.clone(), &recipients);
        group.bench_function(format!("encrypt/{suite}"), |bencher| {
            bencher.iter_batched(
                || plain.clone(),
                |item| encrypt(&schema, item, &recipients),
                BatchSize::SmallInput,
            );
        });
        group.bench_function(format!("decrypt/{suite}"), |bencher| {
            bencher.iter_batched(
                || encrypted.clone(),
                |item| {
                    let parsed = ParsedItem::parse(&schema, item).unwrap();
                    parsed.finish(0, &recipients[0].intermediate_key).unwrap()
                },
                BatchSize::SmallInput,
            );
        });
    }
    let text = text();
    let item = dynamodb_json::parse(&text).unwrap();
    group.bench_function("json/parse", |bencher| {
        bencher.iter(|| dynamodb_json::parse(black_box(&text)).unwrap());
    });
    group.bench_function("json/print", |bencher| {
        bencher.iter(|| serde_json::to_string(&DynamoDbJson(black_box(&item))).unwrap());
    });
    group.finish();
}

criterion_group!(benches, items);
criterion_main!(benches);
