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

fn main() {
    let train = canonical(1, 20_000);
    let judge = canonical(2, 4_000);
    let plain: usize = judge.iter().map(Vec::len).sum();
    println!("plain: {} B a record", plain / judge.len());
    let present = include_bytes!("../src/audit/dictionaries/1.zdict").as_slice();
    let mut trained = Vec::new();
    for bytes in [DICTIONARY_BYTES / 4, DICTIONARY_BYTES / 2, DICTIONARY_BYTES] {
        trained = zstd::dict::from_samples(&train, bytes).unwrap();
        for level in [1, 2, 3] {
            println!("new, {bytes} B, level {level}: {} B", mean(&judge, &trained, level));
        }
    }
    for level in [-5, -3, -1, 1, 2, 3] {
        println!("present, level {level}: {} B", mean(&judge, present, level));
    }
    if let Some(file) = std::env::args().skip(1).find(|arg| !arg.starts_with("--")) {
        std::fs::write(file, trained).unwrap();
    }
}

fn canonical(seed: u64, count: usize) -> Vec<Vec<u8>> {
    let mut dice = Dice::new(seed);
    (0..count)
        .map(|_| Sample::new(&mut dice).with_record(|record| audit::canonical(record).unwrap()))
        .collect()
}

fn mean(records: &[Vec<u8>], dictionary: &[u8], level: i32) -> usize {
    let mut compressor = zstd::bulk::Compressor::with_dictionary(level, dictionary).unwrap();
    compressor.include_dictid(false).unwrap();
    let total: usize =
        records.iter().map(|record| compressor.compress(record).unwrap().len()).sum();
    total / records.len()
}
