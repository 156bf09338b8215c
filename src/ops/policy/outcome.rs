//! What the book says became of a call, and whether the policies of now say the
//! same.

use serde::Deserialize;
use serde_json::Value;

use crate::base::timestamp;
use crate::policy::decision::DenialKind;
use crate::policy::explain::Story;

/// By which policies a recorded call is judged again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Now,
    /// The key policy that was in force.
    Then,
    /// A key policy that nobody put yet.
    Proposed,
}

/// What was decided on a call in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decided {
    Allowed,
    /// The kind is `None` where the record leaves it out.
    Denied(Option<DenialKind>),
    Nothing,
}

/// What became of a call.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    decided: Decided,
    /// The error of a call that was not denied.
    failed: Option<String>,
    time_ms: i64,
    /// What was decided on and is not known to the record.
    pub(super) missing: Vec<String>,
    /// Why no call of this caller can be called allowed.
    pub(super) untellable: Option<String>,
}

impl Outcome {
    /// Reads it from a record, by the decision that was made last: a call that is
    /// decided on several times ends with the first denial.
    pub(super) fn read(record: &Value, time_ms: i64) -> Self {
        let last = decisions(record).last();
        let code = record.pointer("/errorCode").and_then(Value::as_str);
        let kind = last.and_then(|last| DenialKind::deserialize(last.get("denied")?).ok());
        let decided = match (last, kind, code) {
            (_, Some(kind), _) => Decided::Denied(Some(kind)),
            (_, None, Some("AccessDenied")) => Decided::Denied(None),
            (Some(_), None, _) => Decided::Allowed,
            (None, None, _) => Decided::Nothing,
        };
        let failed = code.filter(|code| *code != "AccessDenied").map(str::to_owned);
        Self { decided, failed, time_ms, missing: Vec::new(), untellable: None }
    }

    /// What became of a decision before the last one. It let the call go on, if
    /// only without what it was about: an attribute that is masked or left out.
    pub(super) fn before(decision: &Value, time_ms: i64) -> Self {
        let kind = decision.get("denied").and_then(|kind| DenialKind::deserialize(kind).ok());
        let decided = kind.map_or(Decided::Allowed, |kind| Decided::Denied(Some(kind)));
        Self { decided, failed: None, time_ms, missing: Vec::new(), untellable: None }
    }

    /// Whether the call was denied.
    pub(super) const fn is_denied(&self) -> bool {
        matches!(self.decided, Decided::Denied(_))
    }

    /// What became of the call, in one sentence.
    pub(super) fn sentence(&self) -> String {
        let what = match self.decided {
            Decided::Allowed => "allowed".to_owned(),
            Decided::Denied(Some(kind)) => format!("denied ({})", name(kind)),
            Decided::Denied(None) => "denied".to_owned(),
            Decided::Nothing => "nothing was decided on".to_owned(),
        };
        let failed = self.failed.as_ref().map(|code| format!(", and failed with {code},"));
        let time = timestamp::event_time(self.time_ms);
        format!("Recorded: {what}{} at {time}.", failed.unwrap_or_default())
    }

    /// Why it cannot be told what the story says, if it cannot.
    pub(super) fn untellable(&self, story: &Story) -> Option<&str> {
        // What more a session is limited by cannot make a denial an allowance.
        self.untellable.as_deref().filter(|_| story.allowed)
    }

    /// Puts what the book says before the verdict, and says whether they agree.
    pub(super) fn tell(&self, story: &mut Story, by: By) {
        let head = self.sentence();
        let which = if story.action.starts_with("sts:") { "trust policy" } else { "key policy" };
        let by_which = match by {
            By::Now => "By the policies of now".to_owned(),
            By::Then => format!("By the {which} of then"),
            By::Proposed => format!("By the proposed {which}"),
        };
        if let Some(why) = self.untellable(story) {
            story.verdict = format!("{head} {by_which}: cannot tell: {why}.");
            story.allowed = false;
            return;
        }
        let mut verdict = format!("{head} {by_which}: {}", story.verdict);
        if by != By::Proposed && !self.agrees(story) {
            verdict.push_str(&format!(
                " This does not agree with the record: policies changed since, or the record does \
                 not hold everything that was decided on (not known: {}).",
                self.missing.join("; ")
            ));
        }
        story.verdict = verdict;
    }

    fn agrees(&self, story: &Story) -> bool {
        match self.decided {
            Decided::Allowed => story.allowed,
            Decided::Denied(Some(kind)) => story.denied == Some(kind),
            Decided::Denied(None) => !story.allowed,
            Decided::Nothing => true,
        }
    }
}

/// The decisions on a recorded call, in order.
pub(super) fn decisions(record: &Value) -> &[Value] {
    let decisions = record.pointer("/wardbook/decisions").and_then(Value::as_array);
    decisions.map_or(&[], Vec::as_slice)
}

/// The kind as the record has it.
fn name(kind: DenialKind) -> String {
    let name = serde_json::to_value(kind).ok();
    name.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn story(allowed: bool) -> Story {
        Story {
            verdict: "Verdict.".to_owned(),
            allowed,
            denied: (!allowed).then_some(DenialKind::ImplicitIdentity),
            principal: String::new(),
            action: String::new(),
            resource: String::new(),
            request: BTreeMap::new(),
            iam_allows: false,
            policies: Vec::new(),
            grants: Vec::new(),
            notes: Vec::new(),
            remedy: None,
        }
    }

    /// A caller of whom too little is known is never called allowed.
    #[test]
    fn what_cannot_be_told_is_no_verdict() {
        let record = json!({
            "errorCode": "AccessDenied",
            "wardbook": { "decisions": [{}, { "denied": "implicitSessionPolicy" }] },
        });
        let mut outcome = Outcome::read(&record, 0);
        outcome.missing.push("the session".to_owned());
        outcome.untellable = Some("nobody knows the session".to_owned());
        let recorded = "Recorded: denied (implicitSessionPolicy) at 1970-01-01T00:00:00Z.";
        let mut told = story(true);
        outcome.tell(&mut told, By::Now);
        assert!(!told.allowed);
        let want =
            format!("{recorded} By the policies of now: cannot tell: nobody knows the session.");
        assert_eq!(told.verdict, want);

        let mut told = story(false);
        outcome.tell(&mut told, By::Now);
        let want = format!(
            "{recorded} By the policies of now: Verdict. This does not agree with the record: \
             policies changed since, or the record does not hold everything that was decided on \
             (not known: the session)."
        );
        assert_eq!(told.verdict, want);
    }

    #[test]
    fn a_call_that_failed_for_another_reason() {
        let record = json!({
            "errorCode": "DisabledException", "wardbook": { "decisions": [{}] },
        });
        let outcome = Outcome::read(&record, 0);
        assert_eq!(
            outcome.sentence(),
            "Recorded: allowed, and failed with DisabledException, at 1970-01-01T00:00:00Z."
        );
        assert!(outcome.agrees(&story(true)) && !outcome.agrees(&story(false)));
    }
}
