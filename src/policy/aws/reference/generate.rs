//! Random policies, from the elements that people use.

use serde_json::{Map, Value, json};

use crate::policy::fixture::{ABROAD, HOME, KEY_ARN};

/// A small generator of its own: what a seed gives is the same on every
/// machine, and a million policies take no time to draw.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(end).unwrap()).unwrap()
    }

    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(super) fn pick<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }

    /// One of them or, one time in two, nothing.
    pub(super) fn maybe<T: Clone>(&mut self, list: &[T]) -> Option<T> {
        (!self.one_in(2)).then(|| self.pick(list))
    }

    /// One value alone, or a list of one to three.
    fn some(&mut self, list: &[&str]) -> Value {
        if self.one_in(2) {
            return json!(self.pick(list));
        }
        (0..=self.below(3)).map(|_| json!(self.pick(list))).collect()
    }
}

const PRINCIPALS: &[&str] = &[
    "*",
    HOME,
    ABROAD,
    "arn:aws:iam::111122223333:root",
    "arn:aws:iam::111122223333:user/alice",
    "arn:aws:iam::111122223333:user/bob",
    "arn:aws:iam::111122223333:role/Admin",
    "arn:aws:iam::444455556666:role/Admin",
    "arn:aws:iam::444455556666:user/alice",
    "arn:aws:sts::111122223333:assumed-role/Admin/a",
];
/// With everything that each is part of, as a policy must name them.
const SPARED: &[&[&str]] = &[
    &[HOME],
    &["arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:user/alice"],
    &[HOME, "arn:aws:iam::111122223333:user/alice", "arn:aws:iam::111122223333:user/bob"],
    &[
        ABROAD,
        HOME,
        "arn:aws:iam::111122223333:role/Admin",
        "arn:aws:sts::111122223333:assumed-role/Admin/a",
    ],
];
const ACTIONS: &[&str] = &[
    "*",
    "kms:*",
    "kms:Decrypt",
    "KMS:de*",
    "kms:*crypt",
    "kms:?ncrypt",
    "kms:ListKeys",
    "kms:CreateGrant",
    "kms:*Alias",
    "kms:ReEncrypt*",
];
const RESOURCES: &[&str] = &[
    "*",
    "*",
    "*",
    KEY_ARN,
    "arn:aws:kms:*:111122223333:key/*",
    "arn:aws:kms:eu-*:*:key/*ab",
    "arn:aws:kms:us-east-1:111122223333:key/*",
    "arn:aws:kms:*:444455556666:*",
    "arn:aws:kms:*:*:*",
    "arn:aws:kms:eu-central-?:111122223333:key/*",
    "arn:aws:kms:*:1111*:key/1234abcd*",
    "arn:aws:*:*:*:key/*",
    "arn:aws:kms:*:${aws:PrincipalAccount}:key/*",
    "arn:aws:kms:*:*:key/*${aws:PrincipalTag/Suffix}",
    "arn:aws:kms:eu-central-1:111122223333:alias/x",
    "arn:aws:s3:::bucket",
];

/// What a key holds, and so which operators go with it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Text,
    Arn,
    Texts,
    Bool,
    Number,
    Date,
    Ip,
}

const NAMES: &[&str] = &[
    "acme",
    "ACME",
    "acme-*",
    "a?me",
    "*",
    "",
    "${aws:username}",
    "${aws:PrincipalTag/Team}",
    "${aws:PrincipalTag/team, 'acme'}",
    "x-${aws:PrincipalTag/team}",
    "a${*}",
    "${$}{x}",
    "${aws:SourceVpce}",
    "${aws:SourceVpce, 'acme'}",
    "items",
    "i*s",
    "alias/app",
    "alias/?pp",
    "alias/*",
    "red",
    "RED",
    "alice",
    "a*",
    "111122223333",
    "SYMMETRIC_DEFAULT",
    "eu-central-1",
];
const ARNS: &[&str] = &[
    "arn:aws:iam::111122223333:user/alice",
    "arn:aws:iam::111122223333:role/Admin",
    "arn:aws:iam::*:user/*",
    "arn:aws:iam::111122223333:*",
    "arn:*:iam:*:*:root",
    "arn:aws:iam::111122223333:user/?lice",
    "arn:aws:iam::${aws:PrincipalAccount}:user/${aws:username}",
    "arn:aws:iam::444455556666:role/A*n",
];
const OPERATIONS: &[&str] =
    &["Decrypt", "Encrypt", "GenerateDataKey", "*Data*", "decrypt", "De?rypt", "tenant", "Team"];
const NUMBERS: &[&str] =
    &["7", "30", "30.0", "29.5", "-1", "365", "1700000000", "1700000000.5", "0"];
const DATES: &[&str] = &[
    "2023-11-14T22:13:20Z",
    "2023-11-14T22:13:20.5Z",
    "2023-11-14",
    "1700000000",
    "2099-01-01T00:00:00Z",
    "1970-01-01",
];
const RANGES: &[&str] = &[
    "192.0.2.0/24",
    "192.0.2.7",
    "192.0.2.7/32",
    "0.0.0.0/0",
    "10.0.0.0/8",
    "2001:db8::/32",
    "::/0",
    "192.0.2.9/25",
];

const KEYS: &[(&str, Class)] = &[
    ("aws:CalledVia", Class::Texts),
    ("aws:CalledViaFirst", Class::Text),
    ("aws:CurrentTime", Class::Date),
    ("aws:EpochTime", Class::Date),
    ("aws:MultiFactorAuthPresent", Class::Bool),
    ("aws:PrincipalAccount", Class::Text),
    ("aws:PrincipalArn", Class::Arn),
    ("aws:PrincipalIsAWSService", Class::Bool),
    ("AWS:PrincipalTag/Team", Class::Text),
    ("aws:PrincipalTag/suffix", Class::Text),
    ("aws:PrincipalType", Class::Text),
    ("aws:RequestTag/Team", Class::Text),
    ("aws:RequestedRegion", Class::Text),
    ("aws:ResourceAccount", Class::Text),
    ("aws:ResourceTag/Team", Class::Text),
    ("aws:SecureTransport", Class::Bool),
    ("aws:SourceIp", Class::Ip),
    ("aws:SourceVpce", Class::Text),
    ("aws:TagKeys", Class::Texts),
    ("aws:TokenIssueTime", Class::Date),
    ("aws:UserAgent", Class::Text),
    ("aws:ViaAWSService", Class::Bool),
    ("aws:userid", Class::Text),
    ("aws:username", Class::Text),
    ("kms:BypassPolicyLockoutSafetyCheck", Class::Bool),
    ("kms:CallerAccount", Class::Text),
    ("kms:EncryptionAlgorithm", Class::Text),
    ("kms:EncryptionContext:TENANT", Class::Text),
    ("kms:EncryptionContext:tenant", Class::Text),
    ("kms:EncryptionContext:dept", Class::Text),
    ("kms:EncryptionContextKeys", Class::Texts),
    ("kms:GrantConstraintSourceArn", Class::Arn),
    ("kms:GrantIsForAWSResource", Class::Bool),
    ("kms:GrantOperations", Class::Texts),
    ("kms:GranteePrincipal", Class::Arn),
    ("kms:KeySpec", Class::Text),
    ("kms:MultiRegion", Class::Bool),
    ("kms:MultiRegionKeyType", Class::Text),
    ("kms:RequestAlias", Class::Text),
    ("kms:ResourceAliases", Class::Texts),
    ("kms:RotationPeriodInDays", Class::Number),
    ("kms:ScheduleKeyDeletionPendingWindowInDays", Class::Number),
    ("kms:ValidTo", Class::Date),
    ("kms:ViaService", Class::Text),
];

const ON_TEXT: &[&str] = &[
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
];
const ON_ARN: &[&str] = &["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"];
const ON_NUMBER: &[&str] = &[
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
];
const ON_DATE: &[&str] = &[
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
];

/// An operator for the key, and values for it.
fn condition(dice: &mut Dice, key: &str, class: Class) -> (String, Value) {
    if dice.one_in(8) {
        return ("Null".to_owned(), dice.some(&["true", "false"]));
    }
    let is_pair = key.contains("Tag/") || key.contains("Context:");
    let arn = class == Class::Arn || (is_pair && dice.one_in(10));
    let (operator, values) = match class {
        Class::Arn | Class::Text if arn && !dice.one_in(3) => (dice.pick(ON_ARN), ARNS),
        Class::Arn => (dice.pick(ON_TEXT), ARNS),
        Class::Text => (dice.pick(ON_TEXT), NAMES),
        Class::Texts => (dice.pick(ON_TEXT), if dice.one_in(2) { OPERATIONS } else { NAMES }),
        Class::Bool => (dice.pick(&["Bool", "Bool", "StringEquals"]), &["true", "false"][..]),
        Class::Number => (dice.pick(ON_NUMBER), NUMBERS),
        Class::Date if dice.one_in(3) => (dice.pick(ON_NUMBER), NUMBERS),
        Class::Date => (dice.pick(ON_DATE), DATES),
        Class::Ip => (dice.pick(&["IpAddress", "NotIpAddress"]), RANGES),
    };
    let refused = key.contains("EncryptionContext:") || key.contains("RequestTag/");
    let prefix = match (class, dice.below(12)) {
        (Class::Texts, 0..6) => "ForAnyValue:",
        (Class::Texts, _) => "ForAllValues:",
        (_, 0) => "ForAnyValue:",
        (_, 1) if !refused => "ForAllValues:",
        _ => "",
    };
    let suffix = if dice.one_in(6) { "IfExists" } else { "" };
    (format!("{prefix}{operator}{suffix}"), dice.some(values))
}

/// A condition: operator, key and values.
pub(super) fn condition_alone(dice: &mut Dice) -> (String, String, Value) {
    let (key, class) = dice.pick(KEYS);
    let (operator, values) = condition(dice, key, class);
    (operator, key.to_owned(), values)
}

fn conditions(dice: &mut Dice) -> Map<String, Value> {
    let mut operators = Map::new();
    for _ in 0..dice.pick(&[0, 0, 1, 1, 1, 2, 3]) {
        let (key, class) = dice.pick(KEYS);
        let (operator, values) = condition(dice, key, class);
        let keys = operators.entry(operator).or_insert_with(|| json!({}));
        keys[key] = values;
    }
    operators
}

fn statement(dice: &mut Dice, of_key: bool) -> Value {
    let deny = dice.one_in(4);
    let mut statement = json!({"Effect": if deny { "Deny" } else { "Allow" }});
    if of_key {
        if deny && dice.one_in(4) {
            statement["NotPrincipal"] = json!({"AWS": dice.pick(SPARED)});
        } else if dice.one_in(5) {
            statement["Principal"] = json!("*");
        } else {
            statement["Principal"] = json!({"AWS": dice.some(PRINCIPALS)});
        }
    }
    if dice.one_in(8) {
        statement["NotAction"] = dice.some(&ACTIONS[1..]);
    } else if !dice.one_in(12) {
        statement["Action"] = dice.some(ACTIONS);
    }
    if !dice.one_in(12) {
        statement["Resource"] = dice.some(RESOURCES);
    }
    let conditions = conditions(dice);
    if !conditions.is_empty() || dice.one_in(4) {
        statement["Condition"] = conditions.into();
    }
    statement
}

/// A key policy, or an identity policy.
pub(super) fn policy(dice: &mut Dice, of_key: bool) -> Value {
    let statements: Vec<_> = (0..=dice.below(3)).map(|_| statement(dice, of_key)).collect();
    let version = if dice.one_in(10) { "2008-10-17" } else { "2012-10-17" };
    json!({"Version": version, "Statement": statements})
}
