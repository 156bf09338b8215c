//! A server whose root key is kept by a remote key: it is sealed until that can be
//! asked, asks again and again, and opens by itself.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::error::Error;
use super::open::Closed;
use super::root_key::{OpenedBy, open as open_root_key};
use crate::base::limits::{UNSEAL_PAUSE_MS_MAX, UNSEAL_PAUSE_MS_MIN};
use crate::hsm::{self, EntropySource, OsEntropy, RootKey};
use crate::http::Door;
use crate::wire::error::chain;

/// How long a server was sealed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waited {
    /// Since when, epoch milliseconds.
    pub(super) from_ms: i64,
    /// How often it was tried in vain.
    pub(super) attempts: u32,
}

/// What health says before the first answer.
pub(super) const STARTING: &str = "starting";

/// Opens the root key, however long it takes; how long it did, if it was not open at
/// once. `None` if the server is to stop
/// first.
///
/// # Errors
/// What no waiting changes: no protector is of the kind, or its remote is not in
/// the settings.
pub(super) async fn unseal(
    closed: &Closed,
    door: &Door,
    mut stop: Pin<&mut impl Future<Output = ()>>,
    on_sealed: impl FnOnce(&'static str),
) -> Result<Option<(RootKey, OpenedBy, Option<Waited>)>, Error> {
    let mut on_sealed = Some(on_sealed);
    let from_ms = closed.now_ms();
    let mut failures: u32 = 0;
    loop {
        let place = closed.place();
        let opening = open_root_key(closed.source(), closed.protectors(), &place);
        let opened = tokio::select! {
            opened = opening => opened,
            () = &mut stop => return Ok(None),
        };
        let error = match opened {
            Ok((root, by)) => {
                let waited = (failures > 0).then_some(Waited { from_ms, attempts: failures });
                return Ok(Some((root, by, waited)));
            }
            Err(error) if is_for_good(&error) => return Err(error),
            Err(error) => error,
        };
        let reason = reason(&error);
        door.stays_sealed(reason);
        if let Some(tell) = on_sealed.take() {
            tell(reason);
        }
        let pause = Duration::from_millis(pause_ms(failures, chance()));
        let (error, pause_ms) = (chain(&error), pause.as_millis());
        tracing::warn!(reason, error, pause_ms, "the server is sealed");
        failures = failures.saturating_add(1);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = &mut stop => return Ok(None),
        }
    }
}

/// Whether only other settings or another folder can help.
fn is_for_good(error: &Error) -> bool {
    matches!(error, Error::NoSuchProtector(_) | Error::NoRemote(_))
}

/// Why the root key is not open, in one word.
fn reason(error: &Error) -> &'static str {
    match error {
        Error::RemoteKey { kind, .. } => kind.as_str(),
        Error::RootKey(hsm::Error::ForeignRemoteKey) => "wrongKey",
        Error::RootKey(_) => "damaged",
        _ => "failed",
    }
}

/// The pause after so many failures: twice the one before, up to a minute, of which
/// the second half is chance, so that many servers do not come back at once.
fn pause_ms(failures: u32, chance: u16) -> u64 {
    let longest = 2_u64.saturating_pow(failures).saturating_mul(UNSEAL_PAUSE_MS_MIN);
    let half = longest.min(UNSEAL_PAUSE_MS_MAX) >> 1;
    half.saturating_add(half.saturating_mul(u64::from(chance)) >> 16)
}

fn chance() -> u16 {
    let mut random = [0; 2];
    // Without it the pause is only less spread.
    OsEntropy.fill(&mut random).ok();
    u16::from_be_bytes(random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end_somewhere() {
        let shortest: Vec<u64> = (0..8).map(|failures| pause_ms(failures, 0)).collect();
        assert_eq!(shortest, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        for failures in [0, 1, 5, 6, 63, 64, u32::MAX] {
            let (least, most) = (pause_ms(failures, 0), pause_ms(failures, u16::MAX));
            assert!(least < most && most < least * 2 && most <= UNSEAL_PAUSE_MS_MAX);
        }
    }
}
