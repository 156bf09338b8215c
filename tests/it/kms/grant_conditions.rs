//! What policies may say of grants that are made and retired.

use serde_json::{Value, json};

use super::arn;
use crate::fixture::{ACCOUNT, Server};

const DENIED: &str = "AccessDeniedException";

fn user(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:user/{name}")
}

#[test]
fn a_policy_reads_what_is_to_be_granted() {
    let server = Server::start();
    let key = server.new_key();
    let grantee = user("admin");
    let ada = server.new_user(
        "ada",
        &format!(
            r#"permit (principal, action == Action::"kms:CreateGrant", resource) when {{
                context has grantOperations &&
                ["Decrypt", "DescribeKey"].containsAll(context.grantOperations) &&
                context has granteePrincipal && context.granteePrincipal == "{grantee}" &&
                context has retiringPrincipal && context.retiringPrincipal == "{grantee}" &&
                context has grantConstraintType &&
                context.grantConstraintType == "EncryptionContextSubset" &&
                context.encryptionContext.hasTag("tenant") &&
                context.encryptionContext.getTag("tenant") == "7" &&
                context has grantIsForAwsResource && !context.grantIsForAwsResource
            }};"#
        ),
    );
    let create = |more: Value| {
        let mut input = json!({
            "KeyId": key, "GranteePrincipal": grantee, "RetiringPrincipal": grantee,
            "Operations": ["Decrypt"],
            "Constraints": { "EncryptionContextSubset": { "tenant": "7", "a": "b" } },
        });
        for (name, value) in more.as_object().unwrap() {
            input[name] = value.clone();
        }
        server.call_as(&ada, "CreateGrant", &input).code()
    };
    assert_eq!(create(json!({})), "");
    let pairs = json!({ "tenant": "7" });
    for more in [
        json!({ "Operations": ["Decrypt", "Encrypt"] }),
        json!({ "GranteePrincipal": format!("arn:aws:iam::{ACCOUNT}:root") }),
        json!({ "RetiringPrincipal": null }),
        json!({ "Constraints": null }),
        json!({ "Constraints": { "EncryptionContextSubset": { "tenant": "8" } } }),
        json!({ "Constraints": { "EncryptionContextEquals": pairs } }),
    ] {
        assert_eq!(create(more.clone()), DENIED, "{more}");
    }
}

#[test]
fn a_policy_reads_which_services_are_named() {
    let server = Server::start();
    let key = server.new_key();
    let source = format!("arn:aws:rds:eu-central-1:{ACCOUNT}:db:x");
    let ada = server.new_user(
        "ada",
        &format!(
            r#"permit (principal, action == Action::"kms:CreateGrant", resource) when {{
                context has granteeServicePrincipal &&
                context.granteeServicePrincipal == "rds.amazonaws.com" &&
                context has retiringServicePrincipal &&
                context.retiringServicePrincipal == "ec2.amazonaws.com" &&
                context has grantConstraintType && context.grantConstraintType == "SourceArn" &&
                context has grantConstraintSourceArn &&
                context.grantConstraintSourceArn == "{source}"
            }};"#
        ),
    );
    let create = |grantee: &str| {
        let input = json!({
            "KeyId": key, "GranteeServicePrincipal": grantee, "Operations": ["Decrypt"],
            "RetiringServicePrincipal": "ec2.amazonaws.com",
            "Constraints": { "SourceArn": source },
        });
        server.call_as(&ada, "CreateGrant", &input).code()
    };
    assert_eq!(
        (create("rds.amazonaws.com"), create("ebs.amazonaws.com")),
        ("".into(), DENIED.into())
    );
}

#[test]
fn a_policy_reads_what_is_to_be_retired() {
    let server = Server::start();
    let key = server.new_key();
    let forbid = r#"forbid (principal, action == Action::"kms:RetireGrant", resource) when {
        context has grantConstraintType &&
        context.grantConstraintType == "EncryptionContextEquals" &&
        context.encryptionContext.hasTag("keep")
    };"#;
    let ada = server.new_user("ada", forbid);
    for (pairs, code) in [(json!({ "keep": "1" }), DENIED), (json!({ "a": "b" }), "")] {
        let input = json!({
            "KeyId": key, "GranteePrincipal": user("ada"), "RetiringPrincipal": user("ada"),
            "Operations": ["Decrypt"], "Constraints": { "EncryptionContextEquals": pairs },
        });
        let made = server.call("CreateGrant", &input).ok();
        let retire = json!({ "KeyId": arn(&key), "GrantId": made["GrantId"] });
        assert_eq!(server.call_as(&ada, "RetireGrant", &retire).code(), code);
    }
}
