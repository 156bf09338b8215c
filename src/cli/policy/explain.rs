//! `wardbook policy explain`.

use reqwest::Method;
use serde::Deserialize;

use super::request::{Request, in_flags};
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::output::Output;
use crate::policy::explain::Story;

#[derive(Deserialize)]
struct Answer {
    story: Story,
}

pub(super) fn run(client: &Client, output: &mut Output, request: &Request) -> Result<(), Error> {
    let call = Call::new(Method::POST, &["v1", "policy", "explain"]).with(&request.members())?;
    let Answer { story } = client.call(call).map_err(in_flags)?;
    match output.is_json() {
        true => output.json(&story)?,
        false => output.text(&story)?,
    }
    Ok(())
}
