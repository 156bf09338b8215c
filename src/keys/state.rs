//! Which operation a key's state allows: the table of the AWS KMS Developer
//! Guide ("Key states of AWS KMS keys"), as measured where the two differ.

use crate::base::arn::KeyArn;
use crate::base::spec::KeyState;

/// The rows of the table: operations that answer alike in every state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateRule {
    /// Use of the key material: Encrypt, Decrypt, GenerateDataKey...
    Use,
    /// Reading: DescribeKey, GetKeyPolicy, ListResourceTags..., and
    /// PutKeyPolicy, which works in every state too.
    Always,
    /// EnableKey and DisableKey.
    Toggle,
    /// UpdateKeyDescription, TagResource, UntagResource, CreateAlias, and the
    /// new target of UpdateAlias.
    Edit,
    /// ScheduleKeyDeletion.
    ScheduleDeletion,
    /// CancelKeyDeletion.
    CancelDeletion,
}

/// A state that forbids the operation. The text is AWS's own.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// `DisabledException`.
    #[error("{0} is disabled.")]
    Disabled(KeyArn),
    /// `KMSInvalidStateException`.
    #[error("{arn} is {state}.")]
    Invalid { arn: KeyArn, state: &'static str },
}

impl StateRule {
    /// Every rule, in the order of the table.
    pub const ALL: [Self; 6] = [
        Self::Use,
        Self::Always,
        Self::Toggle,
        Self::Edit,
        Self::ScheduleDeletion,
        Self::CancelDeletion,
    ];

    /// Checks one cell of the table for the key `arn`.
    ///
    /// # Errors
    /// The state that forbids the operation.
    pub fn check(self, state: KeyState, arn: &KeyArn) -> Result<(), StateError> {
        let invalid = |state| Err(StateError::Invalid { arn: arn.clone(), state });
        match (self, state) {
            (Self::Always, _)
            | (
                Self::CancelDeletion,
                KeyState::PendingDeletion | KeyState::PendingReplicaDeletion,
            ) => Ok(()),
            (Self::CancelDeletion, _) => invalid("not pending deletion"),
            (_, KeyState::PendingDeletion) => invalid("pending deletion"),
            (_, KeyState::PendingReplicaDeletion) => invalid("pending replica deletion"),
            (Self::Use, KeyState::Disabled) => Err(StateError::Disabled(arn.clone())),
            (Self::Use | Self::Toggle, KeyState::PendingImport) => invalid("pending import"),
            (Self::Use, KeyState::Unavailable) => invalid("unavailable"),
            (Self::Use | Self::Toggle, KeyState::Creating) => invalid("creating"),
            (Self::Toggle | Self::ScheduleDeletion, KeyState::Updating) => invalid("updating"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{AccountId, KeyId, Region};

    /// The whole table as text, compared with a golden file, so that a changed
    /// cell is seen as one changed word.
    #[test]
    fn the_table_is_as_written() {
        let arn = KeyArn {
            region: Region::parse("eu-central-1").unwrap(),
            account: AccountId::parse("111122223333").unwrap(),
            id: KeyId::from_bytes([0; 16], false),
        };
        let mut table = String::new();
        for rule in StateRule::ALL {
            for state in KeyState::ALL.iter().copied() {
                let cell = match rule.check(state, &arn) {
                    Ok(()) => "ok".to_owned(),
                    Err(error) => error.to_string().replace(&arn.to_string(), "<arn>"),
                };
                table.push_str(&format!(
                    "{:<17}{:<23}{cell}\n",
                    format!("{rule:?}"),
                    state.as_str()
                ));
            }
        }
        assert_eq!(table, include_str!("../../tests/golden/states.txt"), "\n{table}");
    }
}
