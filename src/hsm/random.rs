//! Randomness: one entropy source, health-tested, feeding one CTR_DRBG.
//!
//! Deliberately absent: a second source of random bytes. Keys, nonces, IVs and
//! GenerateRandom all draw from here.

use zeroize::Zeroizing;

use super::hazmat::drbg::{CtrDrbg, REQUEST_LEN_MAX, SEED_LEN};
use super::hazmat::{entropy, hash};
use super::labels::Label;

/// A source of full-entropy bytes, as NIST SP 800-90A section 10.2.1 asks for
/// when there is no derivation function.
pub trait EntropySource: Send {
    /// Fills all of `seed` with fresh bytes.
    ///
    /// # Errors
    /// [`EntropyError::Unavailable`] if it cannot.
    fn fill(&mut self, seed: &mut [u8]) -> Result<(), EntropyError>;
}

impl<S: EntropySource + ?Sized> EntropySource for &mut S {
    fn fill(&mut self, seed: &mut [u8]) -> Result<(), EntropyError> {
        (**self).fill(seed)
    }
}

/// Why there is no entropy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntropyError {
    /// The source did not answer. The next call may succeed.
    #[error("entropy source is not available")]
    Unavailable,
    /// The source repeats itself. The generator refuses from then on.
    #[error("entropy source repeats itself")]
    Stuck,
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl EntropySource for OsEntropy {
    fn fill(&mut self, seed: &mut [u8]) -> Result<(), EntropyError> {
        entropy::fill_from_system(seed).ok_or(EntropyError::Unavailable)
    }
}

/// The generator: a CTR_DRBG that is reseeded before every single request
/// (prediction resistance, SP 800-90A section 9.3.2, as AWS KMS does it).
///
/// The standard would allow 2^48 requests between reseeds. A copy of this
/// process's memory, a restored machine snapshot for instance, would repeat
/// every output until the next one, and a repeated nonce breaks AES-GCM; a
/// reseed costs less than a microsecond.
pub(super) struct Random<'s> {
    source: SeedSource<'s>,
    drbg: Box<CtrDrbg>,
}

impl<'s> Random<'s> {
    /// Instantiates from one seed and reseeds from a second, so that a source
    /// that is stuck from the start is found at the start.
    pub(super) fn new(source: impl EntropySource + 's) -> Result<Self, EntropyError> {
        let mut source = SeedSource { source: Box::new(source), last: None, stuck: false };
        let mut personalization = [0; SEED_LEN];
        for (to, from) in personalization.iter_mut().zip(Label::DRBG.as_bytes()) {
            *to = *from;
        }
        let drbg = Box::new(CtrDrbg::instantiate(&*source.draw()?, &personalization));
        let mut random = Self { source, drbg };
        random.reseed()?;
        Ok(random)
    }

    /// Fills `out`. On an error its content is worthless and must not be used.
    pub(super) fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyError> {
        for request in out.chunks_mut(REQUEST_LEN_MAX) {
            self.reseed()?;
            self.drbg.generate(request);
        }
        Ok(())
    }

    fn reseed(&mut self) -> Result<(), EntropyError> {
        self.drbg.reseed(&*self.source.draw()?, &[0; SEED_LEN]);
        Ok(())
    }
}

/// The source behind its continuous health test: the repetition count test of
/// SP 800-90B section 4.4.1. With full entropy one repeated 128-bit sample is
/// already below the false alarm rate of 2^-30 that the standard suggests, so
/// the cutoff is 2: samples of one seed are compared with each other, and whole
/// seeds with the one before.
struct SeedSource<'s> {
    source: Box<dyn EntropySource + 's>,
    /// Digest of the last seed; the seed itself would be worth stealing.
    last: Option<[u8; 32]>,
    stuck: bool,
}

impl SeedSource<'_> {
    fn draw(&mut self) -> Result<Zeroizing<[u8; SEED_LEN]>, EntropyError> {
        if self.stuck {
            return Err(EntropyError::Stuck);
        }
        let mut seed = Zeroizing::new([0; SEED_LEN]);
        self.source.fill(&mut *seed)?;
        let digest = hash::sha256(&[&*seed]);
        self.stuck = has_repeated_sample(&seed) || self.last == Some(digest);
        self.last = Some(digest);
        if self.stuck { Err(EntropyError::Stuck) } else { Ok(seed) }
    }
}

fn has_repeated_sample(seed: &[u8; SEED_LEN]) -> bool {
    match seed.as_chunks::<16>() {
        ([a, b, c], []) => a == b || b == c || a == c,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hsm::testing::CountingEntropy;

    /// Answers from a script, one seed an entry, `None` being a failure.
    struct Script(Vec<Option<[u8; SEED_LEN]>>);

    impl EntropySource for Script {
        fn fill(&mut self, seed: &mut [u8]) -> Result<(), EntropyError> {
            let next = self.0.remove(0).ok_or(EntropyError::Unavailable)?;
            seed.copy_from_slice(&next);
            Ok(())
        }
    }

    /// A seed without repeated samples.
    fn seed(n: u8) -> [u8; SEED_LEN] {
        let mut seed = [n; SEED_LEN];
        seed[16] = 100;
        seed[32] = 200;
        seed
    }

    #[test]
    fn a_stuck_source_is_refused_for_good() {
        let mut random =
            Random::new(Script(vec![Some(seed(1)), Some(seed(2)), Some(seed(2)), Some(seed(3))]))
                .unwrap();
        let mut out = [0; 8];
        assert_eq!(random.fill(&mut out), Err(EntropyError::Stuck));
        assert_eq!(random.fill(&mut out), Err(EntropyError::Stuck));
        assert_eq!(out, [0; 8]);
    }

    #[test]
    fn a_source_stuck_from_the_start_never_starts() {
        let start = |seeds| Random::new(Script(seeds)).err();
        assert_eq!(start(vec![Some(seed(1)), Some(seed(1))]), Some(EntropyError::Stuck));
        assert_eq!(start(vec![Some([0; SEED_LEN])]), Some(EntropyError::Stuck));
        let mut twice = seed(1);
        twice.copy_within(0..16, 32);
        assert_eq!(start(vec![Some(twice)]), Some(EntropyError::Stuck));
    }

    #[test]
    fn a_silent_source_may_come_back() {
        let script = vec![Some(seed(1)), Some(seed(2)), None, Some(seed(3))];
        let mut random = Random::new(Script(script)).unwrap();
        let mut out = [0; 8];
        assert_eq!(random.fill(&mut out), Err(EntropyError::Unavailable));
        assert_eq!(random.fill(&mut out), Ok(()));
        assert_ne!(out, [0; 8]);
    }

    #[test]
    fn long_requests_are_cut_and_each_part_is_reseeded() {
        let mut random = Random::new(CountingEntropy::default()).unwrap();
        let mut out = vec![0; REQUEST_LEN_MAX * 2 + 1];
        random.fill(&mut out).unwrap();
        let mut again = Random::new(CountingEntropy::default()).unwrap();
        for part in out.chunks(REQUEST_LEN_MAX) {
            let mut want = vec![0; part.len()];
            again.fill(&mut want).unwrap();
            assert!(part == want);
        }
    }

    #[test]
    fn the_system_answers() {
        let mut random = Random::new(OsEntropy).unwrap();
        let (mut one, mut two) = ([0; 32], [0; 32]);
        random.fill(&mut one).unwrap();
        random.fill(&mut two).unwrap();
        assert_ne!(one, two);
    }
}
