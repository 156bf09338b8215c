//! What a policy may read of a request: one fact for each attribute of Cedar's
//! `context`. `policies/wardbook.cedarschema` says the same to Cedar; a test
//! holds them together.
//!
//! Deliberately absent: where the values come from (`facts`), and the names that
//! AWS has for them (`condition_key`).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The type of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bool,
    Number,
    /// A point in time.
    Date,
    Ip,
    Text,
    /// A set of texts.
    Texts,
    /// The parts of an ARN, `{partition, service, region, account, resource}`,
    /// so that a wildcard in one cannot reach into the next.
    Arn,
    /// Pairs: an entity with tags.
    Tags,
}

macro_rules! facts {
    ($($(#[$doc:meta])* $fact:ident = $attribute:literal: $kind:ident,)*) => {
        /// One attribute of the request's context.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fact { $($(#[$doc])* $fact,)* }

        impl Fact {
            /// All facts.
            pub const ALL: &'static [Self] = &[$(Self::$fact),*];

            /// The attribute's name in the schema.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$fact => $attribute),* }
            }

            /// The attribute's type.
            #[must_use]
            pub const fn kind(self) -> Kind {
                match self { $(Self::$fact => Kind::$kind),* }
            }
        }
    };
}

facts! {
    // What the engine itself says.
    IamAllows = "iamAllows": Bool,
    /// The tests that hold of those that Cedar cannot make.
    Atoms = "atoms": Texts,

    // Of the caller.
    CalledVia = "calledVia": Texts,
    CalledViaFirst = "calledViaFirst": Text,
    CalledViaLast = "calledViaLast": Text,
    FederatedProvider = "federatedProvider": Text,
    MultiFactorAuthPresent = "multiFactorAuthPresent": Bool,
    PrincipalAccount = "principalAccount": Text,
    PrincipalArn = "principalArn": Text,
    PrincipalArnParts = "principalArnParts": Arn,
    PrincipalIsAwsService = "principalIsAwsService": Bool,
    PrincipalTags = "principalTags": Tags,
    PrincipalType = "principalType": Text,
    SecureTransport = "secureTransport": Bool,
    SourceIp = "sourceIp": Ip,
    TokenIssueTime = "tokenIssueTime": Date,
    /// Seconds since 1970, as all facts of this ending.
    TokenIssueEpoch = "tokenIssueEpoch": Number,
    UserAgent = "userAgent": Text,
    UserId = "userId": Text,
    UserName = "userName": Text,
    ViaAwsService = "viaAwsService": Bool,
    ViaService = "viaService": Text,

    // Of the resource; of a new key, what it is to be.
    AttributeLabels = "attributeLabels": Texts,
    KeyOrigin = "keyOrigin": Text,
    KeySpec = "keySpec": Text,
    KeyUsage = "keyUsage": Text,
    MultiRegion = "multiRegion": Bool,
    MultiRegionKeyType = "multiRegionKeyType": Text,
    ResourceAccount = "resourceAccount": Text,
    ResourceAliases = "resourceAliases": Texts,
    ResourceTags = "resourceTags": Tags,

    // Of the call.
    BypassPolicyLockoutSafetyCheck = "bypassPolicyLockoutSafetyCheck": Bool,
    CurrentTime = "currentTime": Date,
    EpochTime = "epochTime": Number,
    DataKeyPairSpec = "dataKeyPairSpec": Text,
    EncryptionAlgorithm = "encryptionAlgorithm": Text,
    EncryptionContext = "encryptionContext": Tags,
    /// With keys in lower case: AWS does not tell their cases apart.
    FoldedEncryptionContext = "foldedEncryptionContext": Tags,
    EncryptionContextKeys = "encryptionContextKeys": Texts,
    ExpirationModel = "expirationModel": Text,
    ExternalId = "externalId": Text,
    GrantConstraintSourceArn = "grantConstraintSourceArn": Text,
    GrantConstraintSourceArnParts = "grantConstraintSourceArnParts": Arn,
    GrantConstraintType = "grantConstraintType": Text,
    GrantIsForAwsResource = "grantIsForAwsResource": Bool,
    GrantOperations = "grantOperations": Texts,
    GranteePrincipal = "granteePrincipal": Text,
    GranteePrincipalParts = "granteePrincipalParts": Arn,
    GranteeServicePrincipal = "granteeServicePrincipal": Text,
    KeyAgreementAlgorithm = "keyAgreementAlgorithm": Text,
    MacAlgorithm = "macAlgorithm": Text,
    MessageType = "messageType": Text,
    PolicyName = "policyName": Text,
    PrimaryRegion = "primaryRegion": Text,
    Purpose = "purpose": Text,
    ReEncryptOnSameKey = "reEncryptOnSameKey": Bool,
    ReplicaRegion = "replicaRegion": Text,
    RequestAlias = "requestAlias": Text,
    RequestTags = "requestTags": Tags,
    RequestedRegion = "requestedRegion": Text,
    RetiringPrincipal = "retiringPrincipal": Text,
    RetiringPrincipalParts = "retiringPrincipalParts": Arn,
    RetiringServicePrincipal = "retiringServicePrincipal": Text,
    RoleSessionName = "roleSessionName": Text,
    RotationPeriodInDays = "rotationPeriodInDays": Number,
    ScheduleKeyDeletionPendingWindowInDays = "scheduleKeyDeletionPendingWindowInDays": Number,
    SigningAlgorithm = "signingAlgorithm": Text,
    TagKeys = "tagKeys": Texts,
    TrailingDaysWithoutKeyUsage = "trailingDaysWithoutKeyUsage": Number,
    TransitiveTagKeys = "transitiveTagKeys": Texts,
    ValidTo = "validTo": Date,
    ValidToEpoch = "validToEpoch": Number,
    WrappingAlgorithm = "wrappingAlgorithm": Text,
    WrappingKeySpec = "wrappingKeySpec": Text,
}

impl Fact {
    /// Whether every request has it.
    #[must_use]
    pub const fn is_always_there(self) -> bool {
        matches!(self, Self::SecureTransport | Self::CurrentTime | Self::EpochTime)
    }

    /// Whether its pairs have their keys in lower case.
    #[must_use]
    pub const fn is_folded(self) -> bool {
        matches!(
            self,
            Self::FoldedEncryptionContext
                | Self::PrincipalTags
                | Self::RequestTags
                | Self::ResourceTags
        )
    }

    /// The same fact in another form: the parts of an ARN, a date in seconds
    /// since 1970.
    #[must_use]
    pub const fn twin(self) -> Option<Self> {
        Some(match self {
            Self::PrincipalArn => Self::PrincipalArnParts,
            Self::GrantConstraintSourceArn => Self::GrantConstraintSourceArnParts,
            Self::GranteePrincipal => Self::GranteePrincipalParts,
            Self::RetiringPrincipal => Self::RetiringPrincipalParts,
            Self::CurrentTime => Self::EpochTime,
            Self::TokenIssueTime => Self::TokenIssueEpoch,
            Self::ValidTo => Self::ValidToEpoch,
            _ => return None,
        })
    }
}

/// The value of a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    Bool(bool),
    Number(i64),
    /// Epoch milliseconds.
    Date(i64),
    Ip(IpAddr),
    Text(Cow<'a, str>),
    Texts(Vec<Cow<'a, str>>),
    Tags(Cow<'a, BTreeMap<String, String>>),
}

impl Value<'_> {
    /// Whether there is nothing in it: a list without entries is no fact.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Texts(list) if list.is_empty())
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Number(value)
    }
}

impl From<Vec<String>> for Value<'_> {
    fn from(list: Vec<String>) -> Self {
        Self::Texts(list.into_iter().map(Cow::Owned).collect())
    }
}

impl From<BTreeMap<String, String>> for Value<'_> {
    fn from(tags: BTreeMap<String, String>) -> Self {
        Self::Tags(Cow::Owned(tags))
    }
}

/// What an operation says of its own input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said(BTreeMap<Fact, Value<'static>>);

impl Said {
    /// Nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Says one thing, in place of what was said of it before.
    pub fn say(&mut self, fact: Fact, value: Value<'static>) {
        self.0.insert(fact, value);
    }

    /// Takes one thing back.
    pub fn unsay(&mut self, fact: Fact) {
        self.0.remove(&fact);
    }

    /// What was said of `fact`.
    #[must_use]
    pub fn find(&self, fact: Fact) -> Option<&Value<'static>> {
        self.0.get(&fact)
    }
}

impl Default for &Said {
    fn default() -> Self {
        static NOTHING: Said = Said::new();
        &NOTHING
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::vocabulary::SCHEMA;

    /// The attributes of `type Request` in the schema are these facts, with
    /// these types, and as optional as [`Fact::is_always_there`] says.
    #[test]
    fn the_schema_says_the_same() {
        let request = SCHEMA.split_once("type Request = {").unwrap().1;
        let request = request.split_once("};").unwrap().0;
        let lines = request.lines().map(str::trim);
        let attributes: BTreeMap<_, _> = lines
            .filter(|line| !line.is_empty() && !line.starts_with("//"))
            .map(|line| line.trim_end_matches(',').split_once(": ").unwrap())
            .collect();
        let want = Fact::ALL.iter().map(|fact| {
            let kind = match fact.kind() {
                Kind::Bool => "Bool",
                Kind::Number => "Long",
                Kind::Date => "datetime",
                Kind::Ip => "ipaddr",
                Kind::Text => "String",
                Kind::Texts => "Set<String>",
                Kind::Arn => "Arn",
                Kind::Tags if fact.as_str().ends_with("ncryptionContext") => "EncryptionContext",
                Kind::Tags => "Tags",
            };
            let always = fact.is_always_there()
                || fact.kind() == Kind::Tags
                || matches!(fact, Fact::IamAllows | Fact::Atoms);
            (format!("{}{}", fact.as_str(), if always { "" } else { "?" }), kind)
        });
        let want: BTreeMap<_, _> = want.collect();
        let got = attributes.iter().map(|(name, kind)| ((*name).to_owned(), *kind));
        assert_eq!(got.collect::<BTreeMap<_, _>>(), want);
    }
}
