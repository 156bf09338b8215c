//! The turn of a call that first does what takes long, for which others shall not wait.

use std::sync::Arc;

use super::Access;
use crate::keys::key::Key;
use crate::ops::resolve::Accepts;
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

    /// A key whose policy is to be changed, which was decided about before: as it is
    /// now that it is the call's turn. If what was decided on has changed it is as it was
    /// found, so that the commit meets that change and the call is run again.
    ///
    /// # Errors
    /// `NotFoundException`.
    pub async fn to_change(&mut self, found: &Arc<Key>) -> Result<Arc<Key>, ApiError> {
        self.takes_turn().await;
        let now = self.again(found)?;
        Ok(if now.is_judged_as(found) { now } else { Arc::clone(found) })
    }
}
