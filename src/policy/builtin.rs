//! Policies that come with the program, in `policies/builtin/`, and the key
//! policy that AWS gives a key created without one.

use crate::base::arn::PARTITION;
use crate::base::ids::{AccountId, Region};
use crate::base::managed::ManagedService;

/// The policy of an administrator, who may do everything.
pub const ADMINISTRATOR: &str = include_str!("../../policies/builtin/administrator.cedar");
/// What the account's root principal may do without any policy.
pub(super) const ROOT: &str = include_str!("../../policies/builtin/root.cedar");
/// What the server may do on its own timers.
pub(super) const SYSTEM: &str = include_str!("../../policies/builtin/system.cedar");
/// What stands in the place of a policy that is not known.
pub(super) const DENY_ALL: &str = include_str!("../../policies/builtin/deny_all.cedar");

/// What may be done with the key of a service; `{via}` stands for the service.
const MANAGED_KEY: &str = include_str!("../../policies/builtin/managed_key.cedar");

/// The default key policy of `account`, in the bytes in which GetKeyPolicy
/// returns it (AWS KMS Developer Guide, "Default key policy").
#[must_use]
pub fn default_key_policy(account: &AccountId) -> String {
    format!(
        r#"{{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {{
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "arn:{PARTITION}:iam::{account}:root"
    }},
    "Action" : "kms:*",
    "Resource" : "*"
  }} ]
}}"#
    )
}

/// The trust policy of a role of `account` that was made without one: whom the
/// account's own policies allow it may assume the role.
#[must_use]
pub fn default_trust_policy(account: &AccountId) -> String {
    format!(
        concat!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","#,
            r#""Principal":{{"AWS":"arn:{partition}:iam::{account}:root"}},"#,
            r#""Action":["sts:AssumeRole","sts:TagSession"]}}]}}"#,
        ),
        partition = PARTITION,
        account = account,
    )
}

/// The policy of a service's AWS managed key, in the bytes in which GetKeyPolicy
/// returns it (AWS KMS Developer Guide, "Viewing the key policy of an AWS
/// managed key").
#[must_use]
pub fn managed_key_policy(service: ManagedService, account: &AccountId, region: &Region) -> String {
    let endpoint = service.endpoint();
    format!(
        r#"{{
  "Version" : "2012-10-17",
  "Id" : "auto-{service}-1",
  "Statement" : [ {{
    "Sid" : "Allow access through {service} for all principals in the account that are authorized to use {service}",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "*"
    }},
    "Action" : [ "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey" ],
    "Resource" : "*",
    "Condition" : {{
      "StringEquals" : {{
        "kms:CallerAccount" : "{account}",
        "kms:ViaService" : "{endpoint}.{region}.amazonaws.com"
      }}
    }}
  }}, {{
    "Sid" : "Allow direct access to key metadata to the account",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "arn:{PARTITION}:iam::{account}:root"
    }},
    "Action" : [ "kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant" ],
    "Resource" : "*"
  }} ]
}}"#
    )
}

/// What [`managed_key_policy`] means here, in Cedar; `None` if `text` is not
/// such a policy. The service is in its `Id`.
pub(super) fn managed_key_cedar(text: &str) -> Option<String> {
    let policy: serde_json::Value = serde_json::from_str(text).ok()?;
    let id = policy.get("Id")?.as_str()?.strip_prefix("auto-")?.strip_suffix("-1")?;
    let via = match ManagedService::parse(id)? {
        // Item encryption stands here for DynamoDB's own encryption.
        ManagedService::DynamoDb => "items.wardbook",
        // Nobody here calls for the others.
        other => other.as_str(),
    };
    Some(MANAGED_KEY.replace("{via}", via))
}
