//! Policies that come with the program, in `policies/builtin/`, and the key
//! policy that AWS gives a key created without one.

use crate::base::arn::PARTITION;
use crate::base::ids::AccountId;

/// What the account's root principal may do without any policy.
pub(super) const ROOT: &str = include_str!("../../policies/builtin/root.cedar");
/// What the server may do on its own timers.
pub(super) const SYSTEM: &str = include_str!("../../policies/builtin/system.cedar");

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
