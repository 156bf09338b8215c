//! `wardbook policy explain`.

use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::request::{Request, in_flags};
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::output::Output;
use crate::policy::explain::Story;

#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    story: Story,
    /// The other questions of the call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<Story>,
}

#[derive(Deserialize)]
struct Told {
    story: Story,
    #[serde(default)]
    also: Vec<Story>,
}

pub(super) fn run(client: &Client, output: &mut Output, request: &Request) -> Result<(), Error> {
    let call = Call::new(Method::POST, &["v1", "policy", "explain"]).with(&request.members())?;
    let Told { story, also } = client.call(call).map_err(in_flags)?;
    if output.is_json() {
        output.json(&Answer { story, also })?;
        return Ok(());
    }
    output.text(&story)?;
    tell_also(output, &also)
}

/// The other questions of a call.
pub(super) fn tell_also(output: &mut Output, also: &[Story]) -> Result<(), Error> {
    for story in also {
        output.line(format_args!("\nAlso needed\n-----------"))?;
        output.text(story)?;
    }
    Ok(())
}
