//! The questions that one call puts to the policies: most put one, some more.

use std::sync::Arc;

use serde::Serialize;

use super::hypothesis::Hypothesis;
use super::outcome::{By, Outcome};
use super::target::Target;
use crate::policy::document::Document;
use crate::policy::explain::Story;
use crate::store::Position;

/// The questions of one call, in the order in which they are asked.
pub(super) struct Asked {
    pub(super) questions: Vec<Hypothesis>,
    /// Where the record of the call stands, if it was really made.
    pub(super) position: Option<Position>,
}

/// The answers to them.
#[derive(Serialize)]
pub(super) struct Told {
    /// The one that decides: the first that is denied. Of a recorded call, the
    /// one that was decided on last.
    pub(super) story: Story,
    /// The others. The call is allowed only if all are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) also: Vec<Story>,
}

impl Asked {
    /// What has the policy that another one could take the place of: the first
    /// key or role, or of a recorded call the last.
    pub(super) fn policy_holder(&self) -> Option<&Target> {
        let mut holders = self.questions.iter().filter(|question| question.holder().is_some());
        let holder = match self.position {
            None => holders.next(),
            Some(_) => holders.next_back(),
        };
        holder.map(|question| &question.target)
    }

    /// The story of each question, with `policy` in the place of the holder's own.
    pub(super) fn explain(&mut self, policy: Option<&Arc<Document>>) -> Vec<Story> {
        let holder = self.policy_holder().and_then(Target::arn);
        let explain = |question: &mut Hypothesis| {
            let is_holder = question.holder().is_some_and(|own| Some(own) == holder);
            question.explain(policy.filter(|_| is_holder))
        };
        self.questions.iter_mut().map(explain).collect()
    }

    /// What the book says became of the call.
    pub(super) fn outcome(&self) -> Option<&Outcome> {
        self.questions.last()?.recorded.as_ref()
    }

    /// Puts what the book says beside the stories, and the one that decides before
    /// the others. `None` without any story.
    pub(super) fn tell(&self, mut stories: Vec<Story>, by: By) -> Option<Told> {
        let last = stories.len().checked_sub(1)?;
        let denied = stories.iter().position(|story| !story.allowed);
        let deciding = match self.position {
            Some(_) => last,
            None => denied.unwrap_or(last),
        };
        for (question, story) in self.questions.iter().zip(&mut stories) {
            question.tell_recorded(story, by);
        }
        let mut story = stories.remove(deciding);
        if let Some(other) = stories.iter().find(|other| !other.allowed).filter(|_| story.allowed) {
            story.notes.push(format!(
                "the call needs {} on {} as well, which is denied",
                other.action, other.resource
            ));
        } else if !stories.is_empty() {
            let also = stories.iter().map(|also| format!("{} on {}", also.action, also.resource));
            let also = also.collect::<Vec<_>>().join(", and ");
            story.notes.push(format!("the call needs {also} as well"));
        }
        Some(Told { story, also: stories })
    }
}

impl Told {
    /// Whether the call as a whole is allowed.
    pub(super) fn is_allowed(&self) -> bool {
        self.story.allowed && self.also.iter().all(|story| story.allowed)
    }
}
