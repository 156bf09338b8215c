//! Trains a dictionary for record bodies and compares it with the present one.
//!
//! `cargo bench --bench dictionary -- [FILE]` prints bytes a record by level and
//! dictionary size, and writes the new dictionary to FILE. A dictionary that
//! was released is never replaced: a new one gets the next number in
//! `src/audit/body.rs`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a tool for developers may stop at the first surprise"
)]

mod records;

use records::{Dice, Sample};
use wardbook::audit;

const DICTIONARY_BYTES: usize = 16 * 1024;

/// The dictionary that records are compressed with now.
const PRESENT: &[u8] = include_bytes!("../src/audit/dictionaries/2.zdict");

/// What stored frames lack at their beginning.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

fn main() {
    let train = bodies(1, 20_000);
    let all: Vec<&[u8]> = train.iter().flatten().map(Vec::as_slice).collect();
    let judge = bodies(2, 4_000);
    let [skeletons, values]: [Vec<&[u8]>; 2] =
        std::array::from_fn(|part| judge.iter().map(|bodies| bodies[part].as_slice()).collect());
    let plain = |part: &[&[u8]]| part.iter().map(|bytes| bytes.len()).sum::<usize>() / part.len();
    println!("plain: {} + {} B a record", plain(&skeletons), plain(&values));
    let sizes = |name: &str, dictionary: &[u8], level| {
        let of = |part: &[&[u8]]| mean(part, dictionary, level);
        println!("{name}, level {level}: {} + {} B", of(&skeletons), of(&values));
    };
    let mut trained = Vec::new();
    for bytes in [DICTIONARY_BYTES / 4, DICTIONARY_BYTES / 2, DICTIONARY_BYTES] {
        trained = zstd::dict::from_samples(&all, bytes).unwrap();
        for level in [1, 2, 3] {
            sizes(&format!("new, {bytes} B"), &trained, level);
        }
    }
    for level in [-5, -3, -1, 1, 2, 3] {
        sizes("present", PRESENT, level);
    }
    if let Some(file) = std::env::args().skip(1).find(|arg| !arg.starts_with("--")) {
        std::fs::write(file, trained).unwrap();
    }
}

/// What is compressed of records: what stays, and the values that can be erased.
fn bodies(seed: u64, count: usize) -> Vec<[Vec<u8>; 2]> {
    let mut dice = Dice::new(seed);
    let mut opener = zstd::bulk::Decompressor::with_dictionary(PRESENT).unwrap();
    let mut open = |body: &[u8]| {
        let frame = [&MAGIC, body].concat();
        opener.decompress(&frame, audit::RECORD_BYTES).unwrap()
    };
    (0..count)
        .map(|number| {
            let sample = Sample::new(&mut dice, number);
            let event = sample.with_record(|record| audit::prepare(record).unwrap());
            [open(&event.body), open(&event.personal.body)]
        })
        .collect()
}

/// Bytes a record, as stored.
fn mean(records: &[&[u8]], dictionary: &[u8], level: i32) -> usize {
    let mut compressor = zstd::bulk::Compressor::with_dictionary(level, dictionary).unwrap();
    compressor.include_dictid(false).unwrap();
    let total: usize =
        records.iter().map(|record| compressor.compress(record).unwrap().len() - MAGIC.len()).sum();
    total / records.len()
}
