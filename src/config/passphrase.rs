//! Reading a passphrase. Never from the command line, which every user of the
//! machine can read, and never from the environment, which child processes and
//! crash reports inherit.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::Error;
use crate::base::secret::SecretBytes;

/// A passphrase has at most this many bytes.
const BYTES_MAX: u64 = 4_096;

/// The first line of a file, without its end.
pub(super) fn from_file(path: &Path) -> Result<SecretBytes, Error> {
    let failed = |cause| Error::Read { path: path.to_owned(), cause };
    let file = File::open(path).map_err(failed)?;
    first_line(file, failed)
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
    use super::*;

    #[track_caller]
    fn check(content: &[u8], want: Option<&[u8]>) {
        let read = first_line(content, Error::NoTerminal);
        assert_eq!(read.ok().as_ref().map(SecretBytes::expose), want);
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
