//! A request that nobody made: everything that a decision reads beside action
//! and resource, said by the names of AWS's condition keys.

use std::collections::BTreeMap;

use super::condition_key::ConditionKey;
use super::fact::{Fact, Kind, Said, Value};
use super::question::{RequestFacts, Standing};
use crate::base::caller::{Caller, Principal};
use crate::base::context::EncryptionContext;
use crate::base::ids::RequestId;
use crate::base::spec::{KeySpec, KeyUsage, Origin};
use crate::base::timestamp;

/// Such a request.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub caller: Caller,
    pub standing: Standing,
    pub encryption_context: EncryptionContext,
    pub request_alias: Option<String>,
    pub said: Said,
    /// Epoch milliseconds.
    pub now_ms: i64,
}

/// Why something cannot be said of a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} {reason}")]
pub struct Unsayable {
    /// The condition key, as it was given.
    pub key: String,
    pub reason: &'static str,
}

impl Scenario {
    /// A request by `principal` of which nothing more is known.
    #[must_use]
    pub fn of(principal: Principal, standing: Standing, now_ms: i64) -> Self {
        let caller = Caller {
            principal,
            access_key_id: None,
            session: None,
            source_ip: None,
            user_agent: None,
            secure_transport: false,
            tls: None,
            request_id: RequestId::from_random([0; 16]),
            via_service: None,
        };
        Self {
            caller,
            standing,
            encryption_context: EncryptionContext::default(),
            request_alias: None,
            said: Said::new(),
            now_ms,
        }
    }

    /// The request in the terms of a question.
    #[must_use]
    pub fn request(&self) -> RequestFacts<'_> {
        let context = &self.encryption_context;
        RequestFacts {
            region: None,
            encryption_context: (!context.is_empty()).then_some(context),
            request_alias: self.request_alias.as_deref(),
            said: &self.said,
            now_ms: self.now_ms,
        }
    }

    /// Says one thing of the request.
    ///
    /// # Errors
    ///
    /// [`Unsayable`] for a key that nobody knows, one that the principal or the
    /// resource says by itself, or a value that is not of its type.
    pub fn say(&mut self, key: &str, value: &str) -> Result<(), Unsayable> {
        say(self, key, value)
    }

    /// Says of a request for a new key what `CreateKey` without parameters does.
    pub fn say_new_key(&mut self) {
        self.said.say(Fact::KeySpec, KeySpec::SymmetricDefault.as_str().into());
        self.said.say(Fact::KeyUsage, KeyUsage::EncryptDecrypt.as_str().into());
        self.said.say(Fact::KeyOrigin, Origin::AwsKms.as_str().into());
        self.said.say(Fact::MultiRegion, false.into());
    }

    /// Says one thing of a request for a new key, be it what the key is to be.
    ///
    /// # Errors
    ///
    /// As [`Self::say`].
    pub fn say_of_new_key(&mut self, key: &str, value: &str) -> Result<(), Unsayable> {
        match ConditionKey::parse(key) {
            Some(ConditionKey::One { fact, .. }) if is_of_new_key(fact) => {
                let value = read(key, fact, value)?;
                self.said.say(fact, value);
                Ok(())
            }
            _ => say(self, key, value),
        }
    }
}

/// Whether a call that makes a key says it of the key, which nothing else can.
pub(super) const fn is_of_new_key(fact: Fact) -> bool {
    matches!(
        fact,
        Fact::KeyOrigin
            | Fact::KeySpec
            | Fact::KeyUsage
            | Fact::MultiRegion
            | Fact::MultiRegionKeyType
    )
}

fn say(asked: &mut Scenario, key: &str, value: &str) -> Result<(), Unsayable> {
    let caller = &mut asked.caller;
    match ConditionKey::parse(key) {
        None => Err(refused(key, "is no condition key that is known here")),
        Some(ConditionKey::Absent { .. }) => {
            Err(refused(key, "is a condition key that no request has here"))
        }
        Some(ConditionKey::Member { fact, member, .. }) => match fact {
            Fact::PrincipalTags => {
                asked.standing.tags.insert(member, value.to_owned());
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
                caller.source_ip =
                    Some(value.parse().map_err(|_bad| refused(key, "wants an IP address"))?);
                Ok(())
            }
            Fact::SecureTransport => {
                caller.secure_transport = boolean(key, value)?;
                Ok(())
            }
            Fact::CurrentTime => {
                asked.now_ms = time(key, value)?;
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

/// Whether the operation says it of its input, for an action on a key, a role or an
/// attribute.
const fn is_said_by_the_call(fact: Fact) -> bool {
    matches!(
        fact,
        Fact::BypassPolicyLockoutSafetyCheck
            | Fact::DataKeyPairSpec
            | Fact::EncryptionAlgorithm
            | Fact::ExpirationModel
            | Fact::ExternalId
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
            | Fact::Purpose
            | Fact::ReEncryptOnSameKey
            | Fact::ReplicaRegion
            | Fact::RetiringPrincipal
            | Fact::RetiringServicePrincipal
            | Fact::RoleSessionName
            | Fact::RotationPeriodInDays
            | Fact::ScheduleKeyDeletionPendingWindowInDays
            | Fact::SigningAlgorithm
            | Fact::TagKeys
            | Fact::TrailingDaysWithoutKeyUsage
            | Fact::TransitiveTagKeys
            | Fact::ValidTo
            | Fact::WrappingAlgorithm
            | Fact::WrappingKeySpec
    )
}

fn read(key: &str, fact: Fact, text: &str) -> Result<Value<'static>, Unsayable> {
    Ok(match fact.kind() {
        Kind::Bool => boolean(key, text)?.into(),
        Kind::Number => {
            let number: i64 = text.parse().map_err(|_bad| refused(key, "wants a number"))?;
            number.into()
        }
        Kind::Date => Value::Date(time(key, text)?),
        // Of several, each after a comma.
        Kind::Texts => text.split(',').map(str::to_owned).collect::<Vec<_>>().into(),
        Kind::Ip | Kind::Text | Kind::Arn | Kind::Tags => text.to_owned().into(),
    })
}

fn boolean(key: &str, text: &str) -> Result<bool, Unsayable> {
    text.parse().map_err(|_bad| refused(key, "wants true or false"))
}

fn time(key: &str, text: &str) -> Result<i64, Unsayable> {
    // AWS takes seconds since 1970 as well.
    if let Ok(seconds) = text.parse::<i64>() {
        return Ok(seconds.saturating_mul(1_000));
    }
    let wanted = "wants a time such as 2026-11-02T10:00:00Z";
    timestamp::parse_rfc3339(text).ok_or_else(|| refused(key, wanted))
}

fn refused(key: &str, reason: &'static str) -> Unsayable {
    Unsayable { key: key.chars().take(128).collect(), reason }
}
