//! Which operation a key's state allows: the table of the AWS KMS Developer
//! Guide ("Key states of AWS KMS keys"), as measured where the two differ.

use crate::base::arn::KeyArn;
use crate::base::spec::KeyState;

/// The rows of the table: operations that answer alike in every state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateRule {
    /// Use of the key material: Encrypt, Decrypt, Sign, GenerateMac...
    Use,
    /// GetPublicKey, which a disabled key answers too.
    PublicKey,
    /// CreateGrant.
    CreateGrant,
    /// Reading: DescribeKey, GetKeyPolicy, ListResourceTags..., and
    /// PutKeyPolicy and the other grant operations, which work in every state.
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
    /// EnableKeyRotation and DisableKeyRotation.
    Rotation,
    /// RotateKeyOnDemand.
    RotateOnDemand,
    /// GetParametersForImport.
    ImportParameters,
    /// ImportKeyMaterial.
    Import,
    /// DeleteImportedKeyMaterial.
    DeleteMaterial,
    /// ReplicateKey.
    Replicate,
    /// UpdatePrimaryRegion.
    UpdatePrimary,
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
    pub const ALL: [Self; 15] = [
        Self::Use,
        Self::PublicKey,
        Self::CreateGrant,
        Self::Always,
        Self::Toggle,
        Self::Edit,
        Self::ScheduleDeletion,
        Self::CancelDeletion,
        Self::Rotation,
        Self::RotateOnDemand,
        Self::ImportParameters,
        Self::Import,
        Self::DeleteMaterial,
        Self::Replicate,
        Self::UpdatePrimary,
    ];

    /// Checks one cell of the table for the key `arn`. Where AWS refuses by the
    /// key's origin instead, the cell is open and the operation refuses.
    ///
    /// # Errors
    /// The state that forbids the operation.
    pub fn check(self, state: KeyState, arn: &KeyArn) -> Result<(), StateError> {
        let invalid = |state| Err(StateError::Invalid { arn: arn.clone(), state });
        match (self, state) {
            (
                Self::CancelDeletion,
                KeyState::PendingDeletion | KeyState::PendingReplicaDeletion,
            ) => Ok(()),
            (Self::CancelDeletion, _) => invalid("not pending deletion"),
            _ if !self.forbids(state) => Ok(()),
            (_, KeyState::Disabled) => Err(StateError::Disabled(arn.clone())),
            (_, KeyState::PendingDeletion) => invalid("pending deletion"),
            (_, KeyState::PendingReplicaDeletion) => invalid("pending replica deletion"),
            (_, KeyState::PendingImport) => invalid("pending import"),
            (_, KeyState::Unavailable) => invalid("unavailable"),
            (_, KeyState::Creating) => invalid("creating"),
            (_, KeyState::Updating) => invalid("updating"),
            (_, KeyState::Enabled) => Ok(()),
        }
    }

    /// The table itself, one line a state.
    fn forbids(self, state: KeyState) -> bool {
        let rules: &[Self] = match state {
            KeyState::Enabled => &[],
            KeyState::Disabled => &[
                Self::Use,
                Self::CreateGrant,
                Self::Rotation,
                Self::RotateOnDemand,
                Self::Replicate,
                Self::UpdatePrimary,
            ],
            KeyState::PendingDeletion | KeyState::PendingReplicaDeletion => {
                return !matches!(self, Self::Always | Self::DeleteMaterial);
            }
            KeyState::PendingImport => &[
                Self::Use,
                Self::PublicKey,
                Self::CreateGrant,
                Self::Toggle,
                Self::RotateOnDemand,
                Self::Replicate,
                Self::UpdatePrimary,
            ],
            KeyState::Unavailable => &[
                Self::Use,
                Self::PublicKey,
                Self::DeleteMaterial,
                Self::Replicate,
                Self::UpdatePrimary,
            ],
            KeyState::Creating => {
                return !matches!(self, Self::Always | Self::Edit | Self::ScheduleDeletion);
            }
            KeyState::Updating => &[
                Self::Toggle,
                Self::ScheduleDeletion,
                Self::ImportParameters,
                Self::DeleteMaterial,
                Self::Replicate,
            ],
        };
        rules.contains(&self)
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
