//! Encryption and decryption of one item of ten attributes, about 1.2 KB: five
//! encrypted (four strings of 150 bytes and a map), five signed only. The key
//! service is replaced by a fixed intermediate key, so this is the cost of the
//! format alone. Target on one core: 40,000 items a second in suite 0x6700, 4,000
//! in 0x6701, where a P-384 key pair and its signatures are nearly all of it.
//!
//! Rounds of everything in turn, so that a busy machine falls on all; what counts
//! is the time that the thread was on a CPU. Printed are the medians, and for suite
//! 0x6701 the ratio to what it must do with P-384, by the bare library: a key pair
//! and signatures until one has 103 bytes, or one verification.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a benchmark measures time, and may stop at the first surprise"
)]

use std::fs;
use std::hint::black_box;
use std::time::Duration;

use aws_lc_rs::encoding::{AsBigEndian, EcPublicKeyCompressedBin};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair,
    UnparsedPublicKey,
};
use serde_json::json;
use wardbook::base::secret::SecretBytes;
use wardbook::items::attribute::Item;
use wardbook::items::decrypt::ParsedItem;
use wardbook::items::dynamodb_json::{self, DynamoDbJson};
use wardbook::items::encrypt::{PreparedItem, WrappedKey};
use wardbook::items::error::ItemError;
use wardbook::items::header::KMS_PROVIDER_ID;
use wardbook::items::rewrap::RewrappedItem;
use wardbook::items::schema::Schema;

/// Odd, so that there is one in the middle.
const ROUNDS: usize = 101;
/// Items in one measurement.
const ITEMS: u8 = 50;
/// What writing and reading an item of suite 0x6701 is compared with.
const BARE: [&str; 2] = ["P-384 key pair and signature", "P-384 verification"];

fn schema(suite: &str, version: u8) -> Schema {
    let mut document = json!({
        "tableName": "Customers", "partitionKeyName": "pk", "sortKeyName": "sk",
        "keyId": "alias/items", "algorithmSuite": suite,
        "attributeActionsOnEncrypt": {
            "pk": "SIGN_ONLY", "sk": "SIGN_ONLY", "city": "SIGN_ONLY", "since": "SIGN_ONLY",
            "active": "SIGN_ONLY", "name": "ENCRYPT_AND_SIGN", "email": "ENCRYPT_AND_SIGN",
            "phone": "ENCRYPT_AND_SIGN", "note": "ENCRYPT_AND_SIGN", "address": "ENCRYPT_AND_SIGN",
        },
    });
    if version == 2 {
        for name in ["pk", "sk", "city"] {
            let actions = &mut document["attributeActionsOnEncrypt"];
            actions[name] = json!("SIGN_AND_INCLUDE_IN_ENCRYPTION_CONTEXT");
        }
    }
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

/// The P-384 work of writing an item.
fn bare_sign() -> usize {
    let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).unwrap();
    let point: EcPublicKeyCompressedBin<'_> = pair.public_key().as_be_bytes().unwrap();
    let random = SystemRandom::new();
    let signatures = std::iter::repeat_with(|| pair.sign(&random, &[7; 48]).unwrap());
    signatures.take_while(|signature| signature.as_ref().len() != 103).count()
        + point.as_ref().len()
}

/// The P-384 work of reading one.
fn bare_verify() -> impl FnMut() {
    let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).unwrap();
    let point: EcPublicKeyCompressedBin<'_> = pair.public_key().as_be_bytes().unwrap();
    let key = UnparsedPublicKey::new(&ECDSA_P384_SHA384_ASN1, point.as_ref().to_vec());
    let signature = pair.sign(&SystemRandom::new(), &[7; 48]).unwrap();
    move || key.verify(black_box(&[7; 48]), signature.as_ref()).unwrap()
}

/// A measured call: its name, the name of what it is compared with, and what
/// makes [`ITEMS`] of its inputs and answers how long they took.
struct Line<'a> {
    name: String,
    against: Option<&'static str>,
    round: Box<dyn FnMut() -> Duration + 'a>,
}

impl<'a> Line<'a> {
    fn new<I, O>(
        name: impl Into<String>,
        mut input: impl FnMut() -> I + 'a,
        mut call: impl FnMut(I) -> O + 'a,
    ) -> Self {
        let round = move || {
            let inputs: Vec<I> = (0..ITEMS).map(|_| input()).collect();
            let mut outputs = Vec::with_capacity(usize::from(ITEMS));
            let before = cpu();
            outputs.extend(inputs.into_iter().map(&mut call));
            let took = cpu().saturating_sub(before);
            black_box(outputs);
            took
        };
        Self { name: name.into(), against: None, round: Box::new(round) }
    }
}

fn main() {
    let recipients = [recipient()];
    let text = text();
    let plain = dynamodb_json::parse(&text).unwrap();
    let forms: Vec<(String, Schema)> = [("0x6700", 1), ("0x6700", 2), ("0x6701", 1)]
        .map(|(suite, version)| (format!("{suite} version {version}"), schema(suite, version)))
        .into();
    let mut verify = bare_verify();
    let mut lines = vec![
        Line::new(BARE[0], || (), |()| bare_sign()),
        Line::new(BARE[1], || (), move |()| verify()),
    ];
    for (name, schema) in &forms {
        let encrypted = encrypt(schema, plain.clone(), &recipients);
        let (plain, recipients) = (&plain, &recipients);
        let open = |item| ParsedItem::parse(schema, item).unwrap();
        let stored = encrypted.clone();
        let mut three = vec![
            Line::new(
                format!("encrypt {name}"),
                || plain.clone(),
                |item| encrypt(schema, item, recipients),
            ),
            Line::new(
                format!("decrypt {name}"),
                move || encrypted.clone(),
                move |item| open(item).finish(0, &recipients[0].intermediate_key).unwrap(),
            ),
            Line::new(
                format!("rewrap {name}"),
                move || stored.clone(),
                move |item| {
                    let verified = open(item).verify(0, &recipients[0].intermediate_key).unwrap();
                    RewrappedItem::prepare(verified).unwrap().finish(recipients).unwrap()
                },
            ),
        ];
        if name.starts_with("0x6701") {
            for (line, other) in three.iter_mut().zip(BARE) {
                line.against = Some(other);
            }
        }
        lines.append(&mut three);
    }
    lines.push(Line::new("read DynamoDB JSON", || (), |()| dynamodb_json::parse(&text).unwrap()));
    let print = |()| serde_json::to_string(&DynamoDbJson(black_box(&plain))).unwrap();
    lines.push(Line::new("write DynamoDB JSON", || (), print));
    report(&mut lines);
}

/// Measures the lines in turn, round by round, and prints them.
fn report(lines: &mut [Line<'_>]) {
    let mut rounds: Vec<Vec<f64>> = Vec::with_capacity(ROUNDS);
    for round in 0..=ROUNDS {
        let took: Vec<f64> =
            lines.iter_mut().map(|line| (line.round)().as_secs_f64() / f64::from(ITEMS)).collect();
        // The first warms up.
        if round > 0 {
            rounds.push(took);
        }
    }
    println!("| what | CPU us | a second and core | ratio to P-384 |");
    println!("|---|---|---|---|");
    for (at, line) in lines.iter().enumerate() {
        let seconds = median(rounds.iter().map(|round| round[at]).collect());
        let ratio = line.against.map_or_else(String::new, |other| {
            let other = lines.iter().position(|line| line.name == other).unwrap();
            let ratios = rounds.iter().map(|round| round[at] / round[other]).collect();
            format!("{:.2}", median(ratios))
        });
        println!("| {} | {:.1} | {:.0} | {ratio} |", line.name, seconds * 1e6, 1.0 / seconds);
    }
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// How long this thread has been on a CPU, by the scheduler's count, which it
/// brings up to date when asked to yield.
fn cpu() -> Duration {
    std::thread::yield_now();
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split_whitespace().next().unwrap().parse().unwrap())
}
