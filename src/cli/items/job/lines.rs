//! The lines of a file, as it is or compressed with gzip; one is held at a time.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

use crate::items::fill::LINE_BYTES;

/// The first bytes of every gzip file (RFC 1952).
const GZIP: &[u8] = &[0x1f, 0x8b];

/// What stands in one line.
pub(super) enum Text {
    Line(String),
    /// Longer than any item.
    TooLong,
    /// Not UTF-8.
    Binary,
}

/// A place between two lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Bytes before it, after decompression.
    pub(super) bytes: u64,
    /// Lines before it.
    pub(super) lines: u64,
}

/// The lines of one file.
pub(super) struct Lines {
    from: Box<dyn BufRead>,
    at: Place,
    /// Bytes read of the file, as they lie there.
    taken: Rc<Cell<u64>>,
}

impl Lines {
    /// Opens the file, and goes on from `place`. In a compressed file what is
    /// before that is read once more, and dropped.
    pub(super) fn open(path: &Path, place: Place) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut first = Vec::new();
        (&mut file).take(GZIP.len().try_into().unwrap_or(0)).read_to_end(&mut first)?;
        let is_gzip = first == GZIP;
        let start = if is_gzip { 0 } else { place.bytes };
        file.seek(SeekFrom::Start(start))?;
        let taken = Rc::new(Cell::new(start));
        let file = BufReader::with_capacity(256 * 1024, Counted { file, taken: Rc::clone(&taken) });
        let mut lines: Self = if is_gzip {
            let decoder = MultiGzDecoder::new(file);
            let from = Box::new(BufReader::with_capacity(256 * 1024, decoder));
            Self { from, at: place, taken }
        } else {
            Self { from: Box::new(file), at: place, taken }
        };
        if is_gzip {
            let passed = io::copy(&mut (&mut lines.from).take(place.bytes), &mut io::sink())?;
            if passed < place.bytes {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(lines)
    }

    /// Behind the last line that was read.
    pub(super) fn place(&self) -> Place {
        self.at
    }

    /// How much of the file was read.
    pub(super) fn taken(&self) -> u64 {
        self.taken.get()
    }

    /// The next line, without its end; `None` at the end of the file.
    pub(super) fn next(&mut self) -> io::Result<Option<Text>> {
        let most = LINE_BYTES.saturating_add(1);
        let mut line = Vec::new();
        let mut part = (&mut self.from).take(most.try_into().unwrap_or(u64::MAX));
        let read = part.read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(None);
        }
        self.pass(read);
        self.at.lines = self.at.lines.saturating_add(1);
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if read == most {
            self.pass_line()?;
            return Ok(Some(Text::TooLong));
        }
        Ok(Some(String::from_utf8(line).map_or(Text::Binary, Text::Line)))
    }

    fn pass(&mut self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.at.bytes = self.at.bytes.saturating_add(bytes);
    }

    /// Reads the rest of a line, and drops it.
    fn pass_line(&mut self) -> io::Result<()> {
        loop {
            let bytes = self.from.fill_buf()?;
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let passed = end.map_or(bytes.len(), |end| end.saturating_add(1));
            self.from.consume(passed);
            self.pass(passed);
            if end.is_some() || passed == 0 {
                return Ok(());
            }
        }
    }
}

/// A file that counts what is read of it.
struct Counted {
    file: File,
    taken: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        let more = u64::try_from(read).unwrap_or(u64::MAX);
        self.taken.set(self.taken.get().saturating_add(more));
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// The lines from `place` on, and the places behind them.
    fn read(bytes: &[u8], place: Place) -> Vec<(String, Place)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, bytes).unwrap();
        let mut lines = Lines::open(&path, place).unwrap();
        let mut read = Vec::new();
        while let Some(text) = lines.next().unwrap() {
            let text = match text {
                Text::Line(text) => text,
                Text::TooLong => "too long".to_owned(),
                Text::Binary => "binary".to_owned(),
            };
            read.push((text, lines.place()));
        }
        assert_eq!(usize::try_from(lines.taken()).unwrap(), bytes.len());
        read
    }

    #[test]
    fn goes_on_from_every_place() {
        let long = "x".repeat(LINE_BYTES + 5);
        let text = [b"{}\n\n\xff\n", long.as_bytes(), b"\nlast"].concat();
        let members = [gzip(&text[..5]), gzip(&text[5..])].concat();
        for bytes in [text.clone(), members] {
            let all = read(&bytes, Place::default());
            let texts: Vec<&str> = all.iter().map(|(text, _)| text.as_str()).collect();
            assert_eq!(texts, ["{}", "", "binary", "too long", "last"]);
            let end = Place { bytes: text.len().try_into().unwrap(), lines: 5 };
            assert_eq!(all[4].1, end);
            for (index, (_, place)) in all.iter().enumerate() {
                assert_eq!(read(&bytes, *place), all[index + 1..]);
            }
        }
    }

    #[test]
    fn a_file_that_is_cut_off_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let bytes = gzip(b"{}\n{}\n");
        std::fs::write(&path, &bytes[..bytes.len() - 4]).unwrap();
        let mut lines = Lines::open(&path, Place::default()).unwrap();
        let ended = std::iter::from_fn(|| lines.next().transpose()).find_map(Result::err);
        assert_eq!(ended.unwrap().kind(), io::ErrorKind::UnexpectedEof);
        assert!(Lines::open(&path, Place { bytes: 100, lines: 9 }).is_err());
    }
}
