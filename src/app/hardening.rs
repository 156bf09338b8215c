//! What the operating system can do to keep keys in memory from leaking: no
//! core dumps, no reading by other processes of the same user, no swapping.
//! Best effort: where it is not permitted, the server says so and goes on.

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};

/// Hardens this process: the first thing to do, before any secret is read.
pub fn harden() {
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "cannot make the process undumpable");
    }
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "cannot switch off core dumps");
    }
    // Under a finite limit later allocations would fail: a server that dies of
    // its own caution protects nobody.
    if getrlimit(Resource::Memlock).current.is_some() {
        tracing::debug!("memory is not locked: the limit on locked memory is finite");
        return;
    }
    if let Err(error) =
        mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT)
    {
        tracing::warn!(%error, "cannot lock memory");
    }
}
