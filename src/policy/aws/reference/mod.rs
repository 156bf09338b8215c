//! A second evaluator of JSON policies: slow, obvious, without Cedar, straight
//! from the text of AWS's documentation. Random policies and requests have to
//! come out as they do in the engine. It shares no code with the compiler.

mod attributes;
mod evaluator;
mod generate;
mod third;
mod world;

use std::ops::RangeFrom;
use std::sync::Arc;

use generate::{Dice, policy};
use world::World;

use crate::policy::decision::DenialKind;
use crate::policy::document::Document;
use crate::policy::fixture::{ENGINE, denied, directory};

/// Requests that each policy is asked about.
const REQUESTS: u64 = 100;

/// Draws policies from `seeds` until `wanted` of them could be compiled, asks each
/// of these about [`REQUESTS`] requests, and counts those that could not.
fn compare(seeds: RangeFrom<u64>, wanted: u64) -> u64 {
    let (mut compared, mut refused) = (0, 0);
    for seed in seeds {
        if compared == wanted {
            break;
        }
        let dice = &mut Dice(seed);
        let key = policy(dice, true);
        let identity: Vec<_> = (0..dice.below(3)).map(|_| policy(dice, false)).collect();
        let compiled = ENGINE.compile_key_policy(&key.to_string(), &directory());
        let documents: Result<Vec<Arc<Document>>, _> =
            identity.iter().map(|p| ENGINE.compile_identity_policy(&p.to_string())).collect();
        let (Ok(compiled), Ok(documents)) = (compiled, documents) else {
            refused += 1;
            continue;
        };
        compared += 1;
        for _ in 0..REQUESTS {
            let world = World::draw(dice);
            let request = world.request();
            let want = request.decide(&key, &identity);
            let decision = world.ask(&compiled, &documents);
            let got = match denied(&decision) {
                None => Ok(true),
                Some(
                    kind @ (DenialKind::ExplicitIdentity | DenialKind::ExplicitResourcePolicy),
                ) => Err(kind),
                Some(DenialKind::FailedClosed) => panic!("{seed}: {:?}", decision.explanation),
                Some(_) => Ok(false),
            };
            assert_eq!(
                got,
                want,
                "seed {seed}\n{key:#}\n{identity:#?}\n{}\n{:#?} {:?} {}\n{:#?}",
                compiled.to_cedar(),
                request.context,
                request.itself,
                request.action,
                decision.explanation,
            );
        }
    }
    refused
}

/// Policies to compare in a run: 200, unless the program was built with another number
/// (CONTRIBUTING.md).
fn policies() -> u64 {
    option_env!("POLICY_SEEDS").and_then(|text| text.parse().ok()).unwrap_or(200)
}

/// One of four shares, so that they run beside each other.
#[track_caller]
fn check(share: u64) {
    let wanted = policies() / 4;
    // Far enough apart that no share comes to the seeds of the next.
    let refused = compare(share * policies().., wanted);
    assert!(refused * 10 < wanted, "{refused} policies were refused beside {wanted}");
}

#[test]
fn cedar_and_the_obvious_evaluator_agree_1() {
    check(0);
}

#[test]
fn cedar_and_the_obvious_evaluator_agree_2() {
    check(1);
}

#[test]
fn cedar_and_the_obvious_evaluator_agree_3() {
    check(2);
}

#[test]
fn cedar_and_the_obvious_evaluator_agree_4() {
    check(3);
}
