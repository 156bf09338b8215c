//! `wardbook audit query --follow`.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use reqwest::Method;

use super::query::row;
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::output::Output;

/// From the end of a stream to the next call: each is a record of the book.
const PAUSE: Duration = Duration::from_secs(1);

/// Prints what comes, until there can be no more or the server says no. A stream
/// that ends is asked for again, from the last place on.
pub(super) fn follow(
    client: &Client,
    output: &mut Output,
    filters: &[(&'static str, String)],
    after: Option<u64>,
) -> Result<(), Error> {
    let mut place = after.map(|after| after.to_string());
    loop {
        let mut pairs: Vec<(&str, &str)> =
            filters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        pairs.extend(place.as_deref().map(|place| ("lastEventId", place)));
        let call = Call::new(Method::GET, &["v1", "audit", "events", "follow"]).asking(&pairs);
        let mut heard = Heard::default();
        let ended = heard.out(BufReader::new(client.open(call)?), output)?;
        if heard.is_over {
            return Ok(());
        }
        // The first place is where the stream begins. One that broke before it said
        // more would break there again, such as at a record that is damaged.
        if heard.places == 0 || ended.is_err() && heard.places == 1 {
            return ended;
        }
        place = heard.place;
        pause();
    }
}

/// What a stream has said.
#[derive(Default)]
struct Heard {
    /// The last place that it named.
    place: Option<String>,
    /// How many it named.
    places: u64,
    /// What has come of an event that is not whole.
    next: Event,
    /// Whether nothing more can come.
    is_over: bool,
}

/// An event of a stream, as far as it has come; an empty line ends it.
#[derive(Default)]
struct Event {
    id: Option<String>,
    /// What the data is, if not a record.
    kind: Option<String>,
    data: Option<String>,
}

impl Heard {
    /// Prints what the stream says to its end, and answers how it ended. Of an event
    /// that did not come whole nothing counts, and its place has not been reached.
    fn out(
        &mut self,
        stream: impl BufRead,
        output: &mut Output,
    ) -> Result<Result<(), Error>, Error> {
        for line in stream.lines() {
            match line {
                Ok(line) => self.line(&line, output)?,
                Err(cause) => return Ok(Err(Error::Lost(cause))),
            }
        }
        Ok(Ok(()))
    }

    fn line(&mut self, line: &str, output: &mut Output) -> Result<(), Error> {
        if line.is_empty() {
            return self.event(output);
        }
        let next = &mut self.next;
        for (name, member) in
            [("id: ", &mut next.id), ("event: ", &mut next.kind), ("data: ", &mut next.data)]
        {
            if let Some(value) = line.strip_prefix(name) {
                *member = Some(value.to_owned());
            }
        }
        Ok(())
    }

    /// Takes in an event that is whole.
    fn event(&mut self, output: &mut Output) -> Result<(), Error> {
        let Event { id, kind, data } = std::mem::take(&mut self.next);
        self.is_over |= kind.as_deref() == Some("end");
        if let (None, Some(record)) = (kind, data) {
            match output.is_json() {
                true => output.data(format_args!("{record}\n"))?,
                false => output.row(&row(&record))?,
            }
        }
        if id.is_some() {
            self.place = id;
            self.places = self.places.saturating_add(1);
        }
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "nothing is waited for but time")]
fn pause() {
    std::thread::sleep(PAUSE);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::tests::on_paper;

    /// Wherever a stream breaks, the one that goes on from its last place brings what is
    /// missing, and nothing twice.
    #[test]
    fn a_stream_can_break_anywhere() {
        let record = |seq: usize| format!("id: {seq}\ndata: {{\"n\":{seq}}}\n\n");
        let stream = format!(":\nid: 0\n\n{}{}{}", record(1), record(2), record(3));
        for cut in 0..=stream.len() {
            let (mut output, answers, _) = on_paper(true);
            let mut heard = Heard::default();
            heard.out(&stream.as_bytes()[..cut], &mut output).unwrap().unwrap();
            let after = heard.place.map_or(0, |place| place.parse().unwrap());
            assert_eq!(answers.text().lines().count(), after, "{cut}");
            let rest: String = (after + 1..=3).map(record).collect();
            Heard::default().out(rest.as_bytes(), &mut output).unwrap().unwrap();
            assert_eq!(answers.text(), "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n", "{cut}");
        }
    }

    #[test]
    fn what_is_no_record_is_not_printed() {
        let (mut output, answers, _) = on_paper(true);
        let mut heard = Heard::default();
        heard
            .out(&b"event: x\ndata: {}\n\nevent: end\ndata: {}\n\n"[..], &mut output)
            .unwrap()
            .unwrap();
        assert!(heard.is_over && answers.text().is_empty());
    }
}
