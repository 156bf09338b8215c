//! The turn of a call that first does what takes long, for which others shall not wait.

use std::sync::Arc;

use super::Access;
use crate::keys::key::Key;
use crate::ops::facts::Mark;
use crate::ops::resolve::Accepts;
use crate::policy::actions::Action;
use crate::wire::error::ApiError;

impl Access<'_> {
    /// Waits until no other change is made, and keeps it so until this one is durable.
    /// For operations that first do what takes long, for which others shall not wait:
    /// all that has to be so when they commit, they look at after this.
    pub async fn takes_turn(&mut self) {
        if self.turn.is_none() {
            self.turn = Some(Arc::clone(&self.ctx.changing).lock_owned().await);
        }
    }

    /// A key that was found before, as it is now that it is the call's turn.
    ///
    /// # Errors
    /// `NotFoundException`.
    pub fn again(&self, key: &Key) -> Result<Arc<Key>, ApiError> {
        let found = self.look_up(&key.arn.to_string(), Accepts::Key)?;
        Ok(self.as_of_now(&found.key))
    }

    /// A key that was found, and asked for `action` on, since `before`: as it is now that
    /// it is the call's turn. It is asked for anew, since policies may have changed
    /// meanwhile, and the record tells of that decision in the place of the first.
    ///
    /// # Errors
    /// As [`Self::key`].
    pub(in crate::ops) async fn key_in_turn(
        &mut self,
        action: Action,
        found: &Key,
        before: Mark,
    ) -> Result<Arc<Key>, ApiError> {
        self.takes_turn().await;
        self.standing = self.ctx.directory.standing_of(&self.call.caller, &self.ctx.engine);
        self.facts.forget_since(before);
        Ok(self.key(action, &found.arn.to_string(), Accepts::Key, None)?.key)
    }
}
