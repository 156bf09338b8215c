//! What a caller's own account says to the use of a key of another one, whatever
//! the other says.

use super::actions::Action;
use super::decision::{Denial, DenialKind};
use super::engine::{Engine, Trail};
use super::facts::Facts;
use super::grant::NoGrants;
use super::question::{Question, RequestFacts, Resource, Standing};
use super::stand_in::StandInKey;
use crate::base::arn::KeyArn;
use crate::base::caller::Caller;

impl Engine {
    /// The refusal of the caller's own side; `None` if it refuses nothing, or
    /// cannot be told. Nothing of the key is looked at but its name, so that the
    /// answer tells nothing about what the other account has.
    #[must_use]
    pub fn denial_at_home(
        &self,
        caller: &Caller,
        action: Action,
        key: &KeyArn,
        standing: &Standing,
        request: &RequestFacts<'_>,
    ) -> Option<Denial> {
        let stand_in = StandInKey::new(key.clone());
        // No policy of a resource is asked.
        let nothing = self.deny_all();
        let question = Question {
            caller,
            action,
            resource: Resource::Key(stand_in.with(&nothing)),
            standing,
            grants: &NoGrants,
            request,
        };
        let facts = Facts::new(&question, &self.compiler.vocabulary)?;
        let side = self.judge_caller(&question, &facts, &mut Trail::default());
        match side.and_then(|side| side.allows()) {
            Ok(()) | Err(DenialKind::FailedClosed) => None,
            Err(kind) => Some(Denial::new(kind, &question)),
        }
    }
}
