//! Names of remote keys, as far as they must be compared.

use super::failure::Failure;
use crate::base::arn::Arn;

/// Whether `text` is the ARN of a key, in any partition.
pub(super) fn is_key_arn(text: &str) -> bool {
    Arn::parse(text).is_some_and(|arn| {
        arn.service == "kms" && arn.resource.strip_prefix("key/").is_some_and(|id| !id.is_empty())
    })
}

/// Refuses the answer of another key than the one that was asked for, where both
/// say which one they mean. An alias may stand for any.
pub(super) fn same_key(
    asked: &str,
    answered: Option<&str>,
    request_id: &Option<String>,
) -> Result<(), Failure> {
    let Some(answered) = answered else { return Ok(()) };
    let same = match (Name::of(asked), Name::of(answered)) {
        (Name::Alias, _) => true,
        (Name::Arn(asked), Name::Arn(answered)) => asked == answered,
        (Name::Arn(arn), Name::Id(id)) | (Name::Id(id), Name::Arn(arn)) => {
            arn.rsplit_once('/').is_some_and(|(_, last)| last == id)
        }
        (Name::Id(asked), Name::Id(answered)) => asked == answered,
        (_, Name::Alias) => false,
    };
    match same {
        true => Ok(()),
        false => Err(Failure::garbage(request_id.clone(), "the answer of another key")),
    }
}

/// The ways to name a key (AWS KMS API Reference, `KeyId`).
enum Name<'a> {
    Alias,
    Arn(&'a str),
    Id(&'a str),
}

impl<'a> Name<'a> {
    fn of(text: &'a str) -> Self {
        let resource = Arn::parse(text).map(|arn| arn.resource);
        match resource {
            Some(resource) if resource.starts_with("alias/") => Self::Alias,
            Some(_) => Self::Arn(text),
            None if text.starts_with("alias/") => Self::Alias,
            None => Self::Id(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:kms:eu-central-1:111122223333:key/a";

    #[track_caller]
    fn check(asked: &str, answered: Option<&str>, want: bool) {
        assert_eq!(same_key(asked, answered, &None).is_ok(), want, "{asked} {answered:?}");
    }

    #[test]
    fn another_key_is_noticed() {
        for asked in [ARN, "a", "alias/x", "arn:aws:kms:eu-central-1:111122223333:alias/x"] {
            check(asked, Some(ARN), true);
            check(asked, None, true);
        }
        check(ARN, Some("a"), true);
        check(ARN, Some("arn:aws:kms:eu-central-1:111122223333:key/b"), false);
        check(ARN, Some("arn:aws:kms:eu-west-1:111122223333:key/a"), false);
        check(ARN, Some("b"), false);
        check(ARN, Some(""), false);
        check(ARN, Some("alias/a"), false);
        check("a", Some("arn:aws:kms:eu-central-1:111122223333:key/ba"), false);
        check("a", Some("A"), false);
    }

    #[test]
    fn arns_of_keys() {
        assert!(is_key_arn(ARN) && is_key_arn("arn:aws-cn:kms:cn-north-1:1:key/mrk-1"));
        for other in
            ["", "a", "arn:aws:kms:x:1:key/", "arn:aws:kms:x:1:alias/a", "arn:aws:s3:::key/a"]
        {
            assert!(!is_key_arn(other), "{other}");
        }
    }
}
