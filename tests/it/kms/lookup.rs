//! The forms of key identifiers, and the texts for those that name no key.

use super::{NO_KEY, alias_arn, arn};
use crate::fixture::{ACCOUNT, Server, refused};

#[tokio::test(flavor = "multi_thread")]
async fn four_forms_name_a_key_and_the_answer_is_its_arn() {
    let server = Server::start();
    let kms = server.kms();
    let id = server.new_key();
    kms.create_alias().alias_name("alias/app").target_key_id(&id).send().await.unwrap();
    for name in [id.clone(), arn(&id), "alias/app".to_owned(), alias_arn("alias/app")] {
        let made = kms.encrypt().key_id(&name).plaintext(b"x".as_slice().into()).send().await;
        assert_eq!(made.unwrap().key_id(), Some(arn(&id).as_str()), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_name_has_its_own_text() {
    let server = Server::start();
    let kms = server.kms();
    let not_found = "NotFoundException";
    let upper = NO_KEY.to_ascii_uppercase().replace('0', "A");
    for (name, text) in [
        (NO_KEY.to_owned(), format!("Key '{}' does not exist", arn(NO_KEY))),
        (arn(NO_KEY), format!("Key '{}' does not exist", arn(NO_KEY))),
        (upper.clone(), format!("Key '{}' does not exist", arn(&upper))),
        ("foo".to_owned(), "Invalid keyId 'foo'".to_owned()),
        (arn("foo"), "Invalid keyId foo".to_owned()),
        (NO_KEY.replace('-', ""), format!("Invalid keyId '{}'", NO_KEY.replace('-', ""))),
        ("mrk-1234".to_owned(), "Invalid keyId 'mrk-1234'".to_owned()),
        (
            format!("arn:aws:kms:us-west-2:{ACCOUNT}:key/{NO_KEY}"),
            "Invalid arn us-west-2".to_owned(),
        ),
        (format!("arn:aws:kms:us-west-2:{ACCOUNT}:alias/app"), "Invalid arn us-west-2".to_owned()),
        ("alias/app".to_owned(), format!("Alias {} is not found.", alias_arn("alias/app"))),
        (alias_arn("alias/app"), format!("Alias {} is not found.", alias_arn("alias/app"))),
        (
            "alias/aws/nonexistent".to_owned(),
            format!("Alias {} is not found.", alias_arn("alias/aws/nonexistent")),
        ),
    ] {
        refused(kms.describe_key().key_id(name).send().await, not_found, &text);
    }
    refused(
        kms.describe_key().key_id("").send().await,
        "ValidationException",
        "2 validation errors detected: Value '' at 'keyId' failed to satisfy constraint: Member \
         must have length greater than or equal to 1; Value '' at 'keyId' failed to satisfy \
         constraint: Member must satisfy regular expression pattern: ^\\p{ASCII}+$",
    );
}

/// Before the alias is looked up: there is none of this name.
#[tokio::test(flavor = "multi_thread")]
async fn operations_on_keys_alone_take_no_alias() {
    let server = Server::start();
    for alias in ["alias/app".to_owned(), alias_arn("alias/app")] {
        for (operation, more) in [
            ("CancelKeyDeletion", ""),
            ("CreateGrant", r#","GranteePrincipal":"x","Operations":["Encrypt"]"#),
            ("DisableKey", ""),
            ("DisableKeyRotation", ""),
            ("EnableKey", ""),
            ("EnableKeyRotation", ""),
            ("GetKeyLastUsage", ""),
            ("GetKeyPolicy", ""),
            ("GetKeyRotationStatus", ""),
            ("ListAliases", ""),
            ("ListGrants", ""),
            ("ListKeyPolicies", ""),
            ("ListKeyRotations", ""),
            ("ListResourceTags", ""),
            ("PutKeyPolicy", r#","Policy":"{}""#),
            ("RevokeGrant", r#","GrantId":"x""#),
            ("RotateKeyOnDemand", ""),
            ("ScheduleKeyDeletion", ""),
            ("TagResource", r#","Tags":[]"#),
            ("UntagResource", r#","TagKeys":[]"#),
            ("UpdateKeyDescription", r#","Description":"""#),
        ] {
            let input = format!(r#"{{"KeyId":"{alias}"{more}}}"#);
            let answer = server.call(operation, &serde_json::from_str(&input).unwrap());
            assert_eq!(answer.code(), "InvalidArnException", "{operation}");
            assert_eq!(answer.message(), "Key Aliases are not supported for this operation.");
        }
    }
}
