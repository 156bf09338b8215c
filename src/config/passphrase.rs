//! Reading a passphrase. Never from the command line, which every user of the
//! machine can read, and never from the environment, which child processes and
//! crash reports inherit.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::Error;
use crate::app::is_private;
use crate::base::secret::SecretBytes;

/// A passphrase has at most this many bytes.
const BYTES_MAX: u64 = 4_096;

/// The first line of a file that nobody else can read, without its end.
pub(super) fn from_file(path: &Path) -> Result<SecretBytes, Error> {
    let failed = |cause| Error::Read { path: path.to_owned(), cause };
    let file = File::open(path).map_err(failed)?;
    if !is_private(&file).map_err(failed)? {
        return Err(Error::PassphraseFileMode(path.to_owned()));
    }
    first_line(file, failed)
}

/// The first line of an open descriptor. Whoever opened it knows who can read what is
/// behind it.
pub(super) fn from_descriptor(number: u32) -> Result<SecretBytes, Error> {
    // Opening it by its name needs no unsafe code.
    let path = PathBuf::from(format!("/dev/fd/{number}"));
    let failed = |cause| Error::Read { path: path.clone(), cause };
    first_line(File::open(&path).map_err(failed)?, failed)
}

fn first_line(
    from: impl Read,
    failed: impl Fn(std::io::Error) -> Error,
) -> Result<SecretBytes, Error> {
    // With room for everything that is read, the buffer never moves and so
    // leaves no copy behind.
    let limit = BYTES_MAX.saturating_add(2);
    let mut text = Vec::with_capacity(usize::try_from(limit).unwrap_or_default());
    from.take(limit).read_to_end(&mut text).map_err(failed)?;
    let whole = SecretBytes::new(text);
    let line = whole.expose().split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if u64::try_from(line.len()).unwrap_or(u64::MAX) > BYTES_MAX {
        return Err(Error::LongPassphrase(BYTES_MAX));
    }
    not_empty(SecretBytes::new(line.to_vec()))
}

/// Asks on the terminal, twice for a new passphrase.
pub(super) fn from_terminal(is_new: bool) -> Result<SecretBytes, Error> {
    let ask = |prompt| {
        let text = rpassword::prompt_password(prompt).map_err(Error::NoTerminal)?;
        not_empty(SecretBytes::new(text.into_bytes()))
    };
    if !is_new {
        return ask("Passphrase of the root key: ");
    }
    let passphrase = ask("New passphrase of the root key: ")?;
    let again = ask("Once more: ")?;
    if passphrase.ct_eq(again.expose()) { Ok(passphrase) } else { Err(Error::PassphrasesDiffer) }
}

fn not_empty(passphrase: SecretBytes) -> Result<SecretBytes, Error> {
    if passphrase.is_empty() { Err(Error::EmptyPassphrase) } else { Ok(passphrase) }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[track_caller]
    fn check(content: &[u8], want: Option<&[u8]>) {
        let read = first_line(content, Error::NoTerminal);
        assert_eq!(read.ok().as_ref().map(SecretBytes::expose), want);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "correct horse\n").unwrap();
        assert_eq!(from_file(file.path()).unwrap().expose(), b"correct horse");
        std::fs::set_permissions(file.path(), Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(from_file(file.path()), Err(Error::PassphraseFileMode(_))));
        let by_descriptor = from_descriptor(file.as_file().as_raw_fd().unsigned_abs());
        assert_eq!(by_descriptor.unwrap().expose(), b"correct horse");
    }

    #[test]
    fn takes_the_first_line() {
        check(b"correct horse", Some(b"correct horse"));
        check(b"correct horse\n", Some(b"correct horse"));
        check(b"correct horse\r\nbattery", Some(b"correct horse"));
        check(b" blanks count \n", Some(b" blanks count "));
        check(b"", None);
        check(b"\nsecond line", None);
        check(&[b'x'; 4_096], Some(&[b'x'; 4_096]));
        check(&[b'x'; 4_097], None);
    }
}
