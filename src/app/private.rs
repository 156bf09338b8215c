//! Files that hold a secret, refused where somebody else could have read it.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;

use rustix::process::geteuid;

/// The bits of a mode that let the group or others in.
const OTHERS: u32 = 0o077;

/// Whether nobody but its owner can read an open file, and nobody but root and who
/// runs this program owns it. Root looks after its own: containers run as root over
/// files of whoever started them. Pipes and terminals are nobody's files.
///
/// # Errors
/// If the operating system does not tell.
pub fn is_private(file: &File) -> io::Result<bool> {
    let found = file.metadata()?;
    Ok(!found.is_file() || is_private_to(geteuid().as_raw(), &Seen::of(&found)))
}

struct Seen {
    mode: u32,
    owner: u32,
}

impl Seen {
    fn of(found: &Metadata) -> Self {
        Self { mode: found.mode(), owner: found.uid() }
    }
}

fn is_private_to(user: u32, file: &Seen) -> bool {
    file.mode & OTHERS == 0 && (user == 0 || file.owner == user || file.owner == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_its_owners_alone() {
        let check =
            |user, mode: u32, owner| is_private_to(user, &Seen { mode: 0o100_000 | mode, owner });
        assert!(check(1000, 0o600, 1000) && check(1000, 0o400, 1000));
        assert!(check(1000, 0o600, 0));
        assert!(check(0, 0o600, 0) && check(0, 0o600, 1000));
        assert!(!check(1000, 0o600, 1001));
        for mode in [0o640, 0o604, 0o620, 0o601] {
            assert!(!check(1000, mode, 1000) && !check(0, mode, 0), "{mode:o}");
        }
    }

    #[test]
    fn a_pipe_is_nobodys_file() {
        let (reader, _writer) = io::pipe().unwrap();
        assert!(is_private(&File::from(std::os::fd::OwnedFd::from(reader))).unwrap());
    }
}
