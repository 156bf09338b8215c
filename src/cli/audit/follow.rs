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
    /// What the next data is, if not a record.
    event: Option<String>,
    /// Whether nothing more can come.
    is_over: bool,
}

impl Heard {
    /// Prints what the stream says to its end, and answers how it ended.
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
        if let Some(id) = line.strip_prefix("id: ") {
            self.place = Some(id.to_owned());
            self.places = self.places.saturating_add(1);
        } else if let Some(event) = line.strip_prefix("event: ") {
            self.is_over |= event == "end";
            self.event = Some(event.to_owned());
        } else if let Some(record) = line.strip_prefix("data: ") {
            if self.event.take().is_some() {
                return Ok(());
            }
            match output.is_json() {
                true => output.data(format_args!("{record}\n"))?,
                false => output.row(&row(record))?,
            }
        }
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "nothing is waited for but time")]
fn pause() {
    std::thread::sleep(PAUSE);
}
