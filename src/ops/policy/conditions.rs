//! What a request says, by the names of AWS's condition keys.

use std::collections::BTreeMap;

use super::hypothesis::{self, Hypothesis};
use crate::base::context::EncryptionContext;
use crate::policy::condition_key::ConditionKey;
use crate::policy::fact::{Fact, Kind, Value};
use crate::wire::error::ApiError;

/// Says one thing of a request.
///
/// # Errors
/// `ValidationException` for a key that nobody knows, one that the principal or
/// the resource says by itself, or a value that is not of its type.
pub(super) fn say(asked: &mut Hypothesis, key: &str, value: &str) -> Result<(), ApiError> {
    let caller = &mut asked.subject.caller;
    match ConditionKey::parse(key) {
        None => Err(refused(key, "is no condition key that is known here")),
        Some(ConditionKey::Absent { .. }) => {
            Err(refused(key, "is a condition key that no request has here"))
        }
        Some(ConditionKey::Member { fact, member, .. }) => match fact {
            Fact::PrincipalTags => {
                asked.subject.standing.tags.insert(member, value.to_owned());
                Ok(())
            }
            Fact::FoldedEncryptionContext => {
                let mut pairs: BTreeMap<String, String> = asked
                    .encryption_context
                    .iter()
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .collect();
                pairs.insert(member, value.to_owned());
                asked.encryption_context = EncryptionContext::new(pairs);
                Ok(())
            }
            Fact::RequestTags => {
                let mut tags = match asked.said.find(fact) {
                    Some(Value::Tags(tags)) => tags.clone().into_owned(),
                    _ => BTreeMap::new(),
                };
                tags.insert(member, value.to_owned());
                asked.said.say(fact, tags.into());
                Ok(())
            }
            _ => Err(refused(key, "is what the resource itself says")),
        },
        Some(ConditionKey::One { fact, .. }) => match fact {
            Fact::ViaService => {
                caller.via_service = Some(value.to_owned().into());
                Ok(())
            }
            Fact::UserAgent => {
                caller.user_agent = Some(value.to_owned());
                Ok(())
            }
            Fact::SourceIp => {
                caller.source_ip = Some(hypothesis::address(value)?);
                Ok(())
            }
            Fact::SecureTransport => {
                caller.secure_transport = boolean(key, value)?;
                Ok(())
            }
            Fact::CurrentTime => {
                asked.now_ms = hypothesis::time(value)?;
                Ok(())
            }
            Fact::RequestAlias => {
                asked.request_alias = Some(value.to_owned());
                Ok(())
            }
            other if is_said_by_the_call(other) => {
                let value = read(key, other, value)?;
                asked.said.say(other, value);
                Ok(())
            }
            _ => Err(refused(key, "is what the principal or the resource itself says")),
        },
    }
}

/// Whether the operation says it of its input, for an action on a key.
const fn is_said_by_the_call(fact: Fact) -> bool {
    matches!(
        fact,
        Fact::BypassPolicyLockoutSafetyCheck
            | Fact::DataKeyPairSpec
            | Fact::EncryptionAlgorithm
            | Fact::ExpirationModel
            | Fact::GrantConstraintSourceArn
            | Fact::GrantConstraintType
            | Fact::GrantIsForAwsResource
            | Fact::GrantOperations
            | Fact::GranteePrincipal
            | Fact::GranteeServicePrincipal
            | Fact::KeyAgreementAlgorithm
            | Fact::MacAlgorithm
            | Fact::MessageType
            | Fact::PolicyName
            | Fact::PrimaryRegion
            | Fact::ReEncryptOnSameKey
            | Fact::ReplicaRegion
            | Fact::RetiringPrincipal
            | Fact::RetiringServicePrincipal
            | Fact::RotationPeriodInDays
            | Fact::ScheduleKeyDeletionPendingWindowInDays
            | Fact::SigningAlgorithm
            | Fact::TagKeys
            | Fact::TrailingDaysWithoutKeyUsage
            | Fact::ValidTo
            | Fact::WrappingAlgorithm
            | Fact::WrappingKeySpec
    )
}

fn read(key: &str, fact: Fact, text: &str) -> Result<Value<'static>, ApiError> {
    Ok(match fact.kind() {
        Kind::Bool => boolean(key, text)?.into(),
        Kind::Number => {
            let number: i64 = text.parse().map_err(|_bad| refused(key, "wants a number"))?;
            number.into()
        }
        Kind::Date => Value::Date(hypothesis::time(text)?),
        // Of several, each after a comma.
        Kind::Texts => text.split(',').map(str::to_owned).collect::<Vec<_>>().into(),
        Kind::Ip | Kind::Text | Kind::Arn | Kind::Tags => text.to_owned().into(),
    })
}

fn boolean(key: &str, text: &str) -> Result<bool, ApiError> {
    text.parse().map_err(|_bad| refused(key, "wants true or false"))
}

fn refused(key: &str, reason: &str) -> ApiError {
    let shown: String = key.chars().take(128).collect();
    ApiError::validation(format!("{shown} {reason}."))
}
