//! AWS's condition keys: what each is called, and the fact behind it (AWS
//! Service Authorization Reference, "Condition keys for AWS Key Management
//! Service"; IAM User Guide, "AWS global condition context keys" and "IAM and
//! AWS STS condition context keys"), and those of wardbook's own items.
//!
//! Names are compared without regard to case, as AWS does.

use super::fact::Fact;

/// A condition key that a policy names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConditionKey {
    /// A key of one fact.
    One { name: &'static str, fact: Fact },
    /// A member of a family, such as `aws:PrincipalTag/team`.
    Member {
        /// The family's name up to the member's.
        family: &'static str,
        fact: Fact,
        /// In lower case.
        member: String,
    },
    /// A key that AWS has, and that no request has here.
    Absent { name: String },
}

impl ConditionKey {
    /// The key of this name; `None` if nobody knows it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let equal = |name: &&(&'static str, Fact)| name.0.eq_ignore_ascii_case(text);
        if let Some(&(name, fact)) = KEYS.iter().find(equal) {
            return Some(Self::One { name, fact });
        }
        for (family, fact) in FAMILIES {
            if let Some(member) = strip_prefix(text, family).filter(|member| !member.is_empty()) {
                return Some(Self::Member { family, fact: *fact, member: member.to_lowercase() });
            }
        }
        let absent = NEVER_PRESENT.iter().any(|name| match name.strip_suffix('*') {
            Some(prefix) => strip_prefix(text, prefix).is_some(),
            None => name.eq_ignore_ascii_case(text),
        });
        absent.then(|| Self::Absent { name: text.to_owned() })
    }

    /// The name as AWS spells it; of a member, in lower case.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::One { name, .. } => (*name).to_owned(),
            Self::Member { family, member, .. } => format!("{family}{member}"),
            Self::Absent { name } => name.clone(),
        }
    }
}

/// `text` after `prefix`, whatever its case.
fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Keys of one fact. Those that AWS calls ARNs or dates have a
/// [twin](Fact::twin).
pub const KEYS: &[(&str, Fact)] = &[
    ("aws:CalledVia", Fact::CalledVia),
    ("aws:CalledViaFirst", Fact::CalledViaFirst),
    ("aws:CalledViaLast", Fact::CalledViaLast),
    ("aws:CurrentTime", Fact::CurrentTime),
    ("aws:EpochTime", Fact::CurrentTime),
    ("aws:FederatedProvider", Fact::FederatedProvider),
    ("aws:MultiFactorAuthPresent", Fact::MultiFactorAuthPresent),
    ("aws:PrincipalAccount", Fact::PrincipalAccount),
    ("aws:PrincipalArn", Fact::PrincipalArn),
    ("aws:PrincipalIsAWSService", Fact::PrincipalIsAwsService),
    ("aws:PrincipalType", Fact::PrincipalType),
    ("aws:RequestedRegion", Fact::RequestedRegion),
    ("aws:ResourceAccount", Fact::ResourceAccount),
    ("aws:SecureTransport", Fact::SecureTransport),
    ("aws:SourceIp", Fact::SourceIp),
    ("aws:TagKeys", Fact::TagKeys),
    ("aws:TokenIssueTime", Fact::TokenIssueTime),
    ("aws:UserAgent", Fact::UserAgent),
    ("aws:ViaAWSService", Fact::ViaAwsService),
    ("aws:userid", Fact::UserId),
    ("aws:username", Fact::UserName),
    ("items:AttributeLabels", Fact::AttributeLabels),
    ("items:Purpose", Fact::Purpose),
    ("kms:BypassPolicyLockoutSafetyCheck", Fact::BypassPolicyLockoutSafetyCheck),
    ("kms:CallerAccount", Fact::PrincipalAccount),
    ("kms:CustomerMasterKeySpec", Fact::KeySpec),
    ("kms:CustomerMasterKeyUsage", Fact::KeyUsage),
    ("kms:DataKeyPairSpec", Fact::DataKeyPairSpec),
    ("kms:EncryptionAlgorithm", Fact::EncryptionAlgorithm),
    ("kms:EncryptionContextKeys", Fact::EncryptionContextKeys),
    ("kms:ExpirationModel", Fact::ExpirationModel),
    ("kms:GrantConstraintSourceArn", Fact::GrantConstraintSourceArn),
    ("kms:GrantConstraintType", Fact::GrantConstraintType),
    ("kms:GrantIsForAWSResource", Fact::GrantIsForAwsResource),
    ("kms:GrantOperations", Fact::GrantOperations),
    ("kms:GranteePrincipal", Fact::GranteePrincipal),
    ("kms:GranteeServicePrincipal", Fact::GranteeServicePrincipal),
    ("kms:KeyAgreementAlgorithm", Fact::KeyAgreementAlgorithm),
    ("kms:KeyOrigin", Fact::KeyOrigin),
    ("kms:KeySpec", Fact::KeySpec),
    ("kms:KeyUsage", Fact::KeyUsage),
    ("kms:MacAlgorithm", Fact::MacAlgorithm),
    ("kms:MessageType", Fact::MessageType),
    ("kms:MultiRegion", Fact::MultiRegion),
    ("kms:MultiRegionKeyType", Fact::MultiRegionKeyType),
    ("kms:PolicyName", Fact::PolicyName),
    ("kms:PrimaryRegion", Fact::PrimaryRegion),
    ("kms:ReEncryptOnSameKey", Fact::ReEncryptOnSameKey),
    ("kms:ReplicaRegion", Fact::ReplicaRegion),
    ("kms:RequestAlias", Fact::RequestAlias),
    ("kms:ResourceAliases", Fact::ResourceAliases),
    ("kms:RetiringPrincipal", Fact::RetiringPrincipal),
    ("kms:RetiringServicePrincipal", Fact::RetiringServicePrincipal),
    ("kms:RotationPeriodInDays", Fact::RotationPeriodInDays),
    ("kms:ScheduleKeyDeletionPendingWindowInDays", Fact::ScheduleKeyDeletionPendingWindowInDays),
    ("kms:SigningAlgorithm", Fact::SigningAlgorithm),
    ("kms:TrailingDaysWithoutKeyUsage", Fact::TrailingDaysWithoutKeyUsage),
    ("kms:ValidTo", Fact::ValidTo),
    ("kms:ViaService", Fact::ViaService),
    ("kms:WrappingAlgorithm", Fact::WrappingAlgorithm),
    ("kms:WrappingKeySpec", Fact::WrappingKeySpec),
    ("sts:ExternalId", Fact::ExternalId),
    ("sts:RoleSessionName", Fact::RoleSessionName),
    ("sts:TransitiveTagKeys", Fact::TransitiveTagKeys),
];

/// Families of keys, whose members are told apart without regard to case.
pub const FAMILIES: &[(&str, Fact)] = &[
    ("aws:PrincipalTag/", Fact::PrincipalTags),
    ("aws:RequestTag/", Fact::RequestTags),
    ("aws:ResourceTag/", Fact::ResourceTags),
    ("kms:EncryptionContext:", Fact::FoldedEncryptionContext),
];

/// Keys that AWS has and that can have no value here: there are no VPCs,
/// organizations, enclaves, directories, and no AWS service that calls. A `*`
/// at the end stands for anything.
const NEVER_PRESENT: &[&str] = &[
    "aws:AssumedRoot",
    "aws:ChatbotSourceArn",
    "aws:Ec2InstanceSourcePrivateIPv4",
    "aws:Ec2InstanceSourceVpc",
    "aws:MultiFactorAuthAge",
    "aws:PrincipalOrg*",
    "aws:PrincipalServiceName",
    "aws:PrincipalServiceNamesList",
    "aws:Referer",
    "aws:ResourceOrg*",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceIdentity",
    "aws:SourceOrg*",
    "aws:SourceOwner",
    "aws:SourceVpc",
    "aws:SourceVpcArn",
    "aws:SourceVpce",
    "aws:VpcSourceIp",
    "aws:Vpce*",
    "kms:RecipientAttestation:*",
    "sts:SourceIdentity",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_case_and_members_are_lower() {
        let name = |text: &str| ConditionKey::parse(text).map(|key| key.name());
        assert_eq!(name("KMS:viaservice").as_deref(), Some("kms:ViaService"));
        assert_eq!(name("AWS:principaltag/Team").as_deref(), Some("aws:PrincipalTag/team"));
        assert_eq!(name("aws:PrincipalTag/"), None);
        assert_eq!(name("aws:PrincipalTag"), None);
        assert_eq!(name("kms:EncryptionContext:a:B").as_deref(), Some("kms:EncryptionContext:a:b"));
        assert_eq!(name("AWS:SourceVpce").as_deref(), Some("AWS:SourceVpce"));
        assert_eq!(
            name("kms:RecipientAttestation:PCR0"),
            Some("kms:RecipientAttestation:PCR0".into())
        );
        assert_eq!(name("kms:ViaServic"), None);
        assert_eq!(name("äws:x"), None);
        assert!(KEYS.is_sorted_by_key(|key| key.0) && FAMILIES.is_sorted_by_key(|key| key.0));
        assert!(NEVER_PRESENT.is_sorted());
    }
}
