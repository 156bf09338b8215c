//! `wardbook audit query --follow`.

use std::io::{BufRead, BufReader};

use reqwest::Method;

use super::query::row;
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::output::Output;

/// Prints what comes, until the server says no. A stream that ends is asked for
/// again, from the last place on.
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
        let stream = BufReader::new(client.open(call)?);
        let (mut ended, mut lines) = (Ok(()), 0_u64);
        let mut last = place.clone();
        for line in stream.lines() {
            match line {
                Ok(line) => read(output, &line, &mut last)?,
                Err(cause) => {
                    ended = Err(Error::Lost(cause));
                    break;
                }
            }
            lines = lines.saturating_add(1);
        }
        place = last;
        // A server that ends every stream at once is not asked for ever.
        if lines == 0 {
            return ended;
        }
    }
}

/// One line of the stream.
fn read(output: &mut Output, line: &str, place: &mut Option<String>) -> Result<(), Error> {
    if let Some(id) = line.strip_prefix("id: ") {
        *place = Some(id.to_owned());
    } else if let Some(record) = line.strip_prefix("data: ") {
        match output.is_json() {
            true => output.line(record)?,
            false => output.line(row(record).join("  "))?,
        }
    }
    Ok(())
}
