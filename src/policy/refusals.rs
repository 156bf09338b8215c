//! Documents that are refused, and in which words.

use super::error::CompileError;
use super::fixture::{ENGINE, HOME, directory};
use crate::base::limits::{POLICY_BYTES, POLICY_DEPTH, POLICY_STATEMENTS};

#[track_caller]
fn check_key(text: &str, want: &str) {
    let error = ENGINE.compile_key_policy(text, &directory()).unwrap_err();
    assert!(matches!(error, CompileError::Malformed(_)), "{error:?}");
    assert_eq!(error.to_string(), want);
}

#[track_caller]
fn check_identity(text: &str, want: &str) {
    let error = ENGINE.compile_identity_policy(text).unwrap_err();
    assert_eq!(error, CompileError::Malformed(want.to_owned()));
}

/// A key policy of one statement, whose members are `members`.
fn one(members: &str) -> String {
    format!(r#"{{"Version": "2012-10-17", "Statement": [{{{members}}}]}}"#)
}

#[test]
fn json_documents() {
    check_key("{", "the policy is not valid JSON: EOF while parsing an object at line 1 column 1");
    check_key(
        r#"{"Statement": [], "Statement": []}"#,
        "the policy is not valid JSON: \"Statement\" appears twice at line 1 column 34",
    );
    check_key("{}", "Statement: there must be at least one");
    check_key(r#"{"Statement": []}"#, "Statement: there must be at least one");
    check_key(r#"{"Statement": "x"}"#, "Statement: must be an object or a list");
    check_key(r#"{"Statement": ["x"]}"#, "Statement[0]: must be an object");
    check_key(r#"{"Version": "2012-10-18"}"#, "Version: must be \"2012-10-17\" or \"2008-10-17\"");
    check_key(r#"{"Id": 1}"#, "Id: must be a string");
    check_key(r#"{"version": "2012-10-17"}"#, "\"version\": no such element");
}

#[test]
fn json_statements() {
    let allow = r#""Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*""#;
    let members = format!(r#""Sid": "a b", {allow}"#).replace("Resource", "NotResource");
    check_key(&one(&members), "Statement[0] (Sid \"a b\"): NotResource: is not supported");
    for element in ["Action", "Principal", "Resource"] {
        let members = format!(r#"{allow}, "Not{element}": "*""#);
        let want = format!("Statement[0]: Not{element}: cannot stand beside {element}");
        check_key(&one(&members), &want);
    }
    let second = format!(r#"{{"Statement": [{{{allow}}}, {{{allow}, "Actoin": "x"}}]}}"#);
    check_key(&second, "Statement[1]: \"Actoin\": no such element");
    let at = |members: &str, want: &str| check_key(&one(members), &format!("Statement[0]: {want}"));
    at(r#""Sid": 1"#, "Sid: must be a string");
    at(r#""Effect": "allow""#, "Effect: must be \"Allow\" or \"Deny\"");
    at(r#""Principal": "*""#, "Effect: is missing");
    at(r#""Effect": "Allow", "Action": "kms:*""#, "Principal: is missing");
    at(r#""Principal": "x""#, "Principal: must be \"*\" or an object");
    at(r#""Principal": {}"#, "Principal: names nobody");
    at(r#""Principal": {"AWS": []}"#, "Principal: names nobody");
    at(r#""Principal": {"AWS": 1}"#, "Principal.AWS: must be a string or a list of strings");
    at(r#""Principal": {"Federated": "x"}"#, "Principal.Federated: is not supported");
    at(r#""Principal": {"aws": "*"}"#, "Principal.aws: no such kind of principal");
    at(r#""Action": {}"#, "Action: must be a string or a list of strings");
    let action = |action: &str, want: &str| {
        at(&allow.replace("kms:*", action), &format!("Action: {action:?} {want}"));
    };
    action("Encrypt", "is not of the form service:Action");
    action("kms:Encrpyt", "matches no action");
    action("kms:ReEncrypt", "matches no action");
    action("k*:Encrypt", "has a wildcard in the name of the service");
    action("s3:GetObject", "is of a service that is not here");
    action("system:DeleteKey", "is of a service that is not here");
    let resource = |resource: &str, want: &str| {
        let members = allow.replace(r#""Resource": "*""#, &format!(r#""Resource": "{resource}""#));
        at(&members, &format!("Resource: {resource:?} {want}"));
    };
    resource("arn:aws:kms:*:*:key/${x", "has an open `${`");
    resource("arn:aws:kms:*:1:key/x", "has neither an account id nor `*` as its account");
    resource("arn:aws:kms:*:*:keys/x", "names neither a key nor an alias");
}

#[track_caller]
fn at(condition: &str, want: &str) {
    let allow = r#""Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*""#;
    let members = format!(r#"{allow}, "Condition": {condition}"#);
    check_key(&one(&members), &format!("Statement[0]: Condition{want}"));
}

#[test]
fn operators_and_keys_of_conditions() {
    at("[]", ": must be an object");
    at(r#"{"Bool": []}"#, ".Bool: must be an object");
    at(r#"{"Equals": {}}"#, ": \"Equals\" is no condition operator");
    at(r#"{"stringEquals": {}}"#, ": \"stringEquals\" is no condition operator");
    at(
        r#"{"ForAll:StringEquals": {}}"#,
        ": \"ForAll:StringEquals\" has a prefix that is neither ForAllValues nor ForAnyValue",
    );
    at(
        r#"{"BinaryEquals": {}}"#,
        ": \"BinaryEquals\" is not supported: no condition key here holds bytes",
    );
    at(
        r#"{"NullIfExists": {}}"#,
        ": \"NullIfExists\" is no condition operator: Null takes no prefix and no IfExists",
    );
    let key = "is no condition key that is known here";
    at(r#"{"Bool": {"kms:Encrypted": true}}"#, &format!(".Bool.kms:Encrypted: {key}"));
    at(r#"{"Bool": {"aws:PrincipalTag": true}}"#, &format!(".Bool.aws:PrincipalTag: {key}"));
    at(
        r#"{"StringEquals": {"id.example.com:sub": "x"}}"#,
        ".StringEquals.id.example.com:sub: is a key of trust policies only",
    );
}

#[test]
fn values_of_conditions() {
    let values = |values: &str, want: &str| {
        let condition = format!(r#"{{"StringEquals": {{"kms:ViaService": {values}}}}}"#);
        at(&condition, want);
    };
    values("[]", ".StringEquals.kms:ViaService: there must be a value");
    for bad in ["{}", "null", "[[]]"] {
        values(
            bad,
            ".StringEquals.kms:ViaService: a value must be a string, a number or a boolean",
        );
    }
    let label = ": StringEquals kms:ViaService";
    values(r#""${x""#, &format!("{label}: \"${{x\" has an open `${{`"));
    values(r#""${x}""#, &format!("{label}: there is no policy variable ${{x}}"));
    values(
        r#""${aws:SourceIp}""#,
        &format!("{label}: ${{aws:SourceIp}} cannot be a policy variable: it is not one text"),
    );
    values(
        r#""${aws:username, x}""#,
        &format!(
            "{label}: the default of the policy variable ${{aws:username, x}} does not stand in quotes"
        ),
    );
}

#[test]
fn operators_go_with_types() {
    let typed = |operator: &str, key: &str, holds: &str| {
        let want = format!("the operator does not go with a key that holds {holds}");
        let condition = format!(r#"{{"{operator}": {{"{key}": "1"}}}}"#);
        at(&condition, &format!(".{operator}.{key}: {want}"));
    };
    typed("Bool", "kms:ViaService", "a text");
    typed("StringLike", "kms:MultiRegion", "a boolean");
    typed("StringEquals", "aws:SourceIp", "an IP address");
    typed("DateEquals", "kms:RotationPeriodInDays", "a number");
    typed("StringEquals", "aws:CurrentTime", "a date");
    typed("ArnLike", "kms:ViaService", "a text");
    typed("NumericEquals", "aws:PrincipalTag/x", "a text");
    typed("Bool", "aws:TagKeys", "a list of texts");
    at(
        r#"{"StringEquals": {"aws:TagKeys": "x"}}"#,
        ".StringEquals.aws:TagKeys: holds several values: write ForAnyValue: or ForAllValues: \
         before the operator",
    );
    let value = |operator: &str, key: &str, value: &str, want: &str| {
        let condition = format!(r#"{{"{operator}": {{"{key}": "{value}"}}}}"#);
        at(&condition, &format!(": {operator} {key}: {value:?}{want}"));
    };
    value("Bool", "kms:MultiRegion", "yes", " is not true or false");
    value("StringEquals", "kms:MultiRegion", "x", " is not true or false");
    value("NumericLessThan", "kms:RotationPeriodInDays", "1e3", " is not a number");
    value("DateLessThan", "aws:CurrentTime", "soon", " is not a date as ISO 8601 has them");
    value("IpAddress", "aws:SourceIp", "1.2.3", " is not an IP address or a range of them");
    value("ArnLike", "aws:PrincipalArn", "arn:aws:*", " is not an ARN of six parts");
    value(
        "NumericLessThan",
        "kms:RotationPeriodInDays",
        "${aws:username}",
        ": a policy variable stands in texts and ARNs only",
    );
    for key in ["kms:EncryptionContext:tenant", "aws:RequestTag/tenant"] {
        let condition = format!(r#"{{"ForAllValues:StringLike": {{"{key}": "*"}}}}"#);
        at(
            &condition,
            &format!(
                ".ForAllValues:StringLike.{key}: OverlyPermissiveCondition: Using the ForAllValues \
                 set operator with a single-valued condition key matches requests without the \
                 specified [encryption context or tag] or with an unspecified [encryption context \
                 or tag]. To fix, remove ForAllValues."
            ),
        );
    }
}

#[test]
fn not_principal() {
    let at = |effect: &str, named: &str, want: &str| {
        let members = format!(
            r#""Effect": "{effect}", "NotPrincipal": {{"AWS": {named}}}, "Action": "*", "Resource": "*""#
        );
        check_key(&one(&members), &format!("Statement[0]: NotPrincipal: {want}"));
    };
    at("Allow", "\"111122223333\"", "cannot allow: it would allow all others, of every account");
    let advice =
        "use \"Principal\": \"*\" with the condition ArnNotEquals aws:PrincipalArn instead";
    let deny = |named: &str, want: &str| at("Deny", named, &format!("{want}: {advice}"));
    deny("\"*\"", "names more than single principals");
    let (user, role) =
        ("arn:aws:iam::111122223333:user/alice", "arn:aws:iam::111122223333:role/Admin");
    let session = "arn:aws:sts::111122223333:assumed-role/Admin/a";
    deny(&format!("{user:?}"), "names a user or role without its account");
    deny(&format!("[{role:?}, {HOME:?}]"), "names a role without a session of it");
    let chain = "names a session without its role and its account";
    deny(&format!("[{session:?}, {HOME:?}]"), chain);
}

#[test]
fn trust_policies() {
    #[track_caller]
    fn check(members: &str, want: &str) {
        let text = one(&format!(r#""Effect": "Allow", {members}"#));
        let error = ENGINE.compile_trust_policy(&text, &directory()).unwrap_err();
        assert_eq!(error.to_string(), format!("Statement[0]: {want}"));
    }
    let sts = "is no action of STS, and the policy of a role knows no others";
    for action in ["*", "kms:Decrypt", "iam:*"] {
        let members = format!(r#""Principal": "*", "Action": "{action}""#);
        check(&members, &format!("Action: {action:?} {sts}"));
    }
    for provider in ["*", "arn:aws:iam::111122223333:saml-provider/x", "accounts.google.com"] {
        let members =
            format!(r#""Principal": {{"Federated": "{provider}"}}, "Action": "sts:AssumeRole""#);
        let text = one(&format!(r#""Effect": "Allow", {members}"#));
        let error = ENGINE.compile_trust_policy(&text, &directory()).unwrap_err();
        assert_eq!(error, CompileError::InvalidPrincipal { principal: provider.to_owned() });
    }
}

#[test]
fn what_cedar_of_people_cannot_ask_for() {
    let at = |condition: &str, want: &str| {
        let text = format!("permit (principal, action, resource) when {{ {condition} }};");
        check_key(&text, &format!("Statement[0]: {want}"));
    };
    at(r#"context.atoms.contains("x")"#, "context.atoms is not for policies written in Cedar");
    at(
        r#"context.principalTags.hasTag("Team")"#,
        "a tag's name has capitals, and those of the request have none",
    );
    let literal = "tags in lower case can only be asked for by a name that is written out";
    at(r#"context has viaService && context.resourceTags.hasTag(context.viaService)"#, literal);
    at(r#"[context.principalTags].contains(context.resourceTags)"#, literal);
}

#[test]
fn identity_policies() {
    check_identity(
        &one(r#""Effect": "Allow", "Principal": "*""#),
        "Statement[0]: Principal: a policy of a user or role cannot name one",
    );
    let on = |resource: &str| {
        one(&format!(r#""Effect": "Deny", "Action": "*", "Resource": "{resource}""#))
    };
    check_identity(&on("x"), "Statement[0]: Resource: \"x\" is neither \"*\" nor an ARN");
    for (arn, reason) in [
        ("arn:aws:iam::111122223333:policy/x", "names neither a user nor a role nor a group"),
        (
            "arn:aws:iam:us-east-1:111122223333:role/x",
            "names neither a user nor a role nor a group",
        ),
        ("arn:aws:items::111122223333:table/x", "names neither a schema nor an attribute of one"),
        ("arn:aws:audit::111122223333:logs", "does not name the log"),
    ] {
        check_identity(&on(arn), &format!("Statement[0]: Resource: {arn:?} {reason}"));
    }
    check_identity(
        "@sid(\"x\") permit (principal, action, resource) when { context.iamAllows };",
        "Statement[0] (Sid \"x\"): only the policy of a resource can read context.iamAllows",
    );
}

#[test]
fn principals() {
    #[track_caller]
    fn check(principal: &str) {
        let text = one(&format!(
            r#""Effect": "Allow", "Principal": {{"AWS": "{principal}"}}, "Action": "*", "Resource": "*""#
        ));
        let error = ENGINE.compile_key_policy(&text, &directory()).unwrap_err();
        let name = match principal.split_once("assumed-role/") {
            Some((_, rest)) if rest.matches('/').count() == 1 => {
                format!("arn:aws:iam::111122223333:role/{}", rest.split('/').next().unwrap())
            }
            _ => principal.to_owned(),
        };
        assert_eq!(error, CompileError::InvalidPrincipal { principal: name });
        assert_eq!(
            error.to_string(),
            "Policy contains a statement with one or more invalid principals."
        );
    }
    check("alice");
    check("11112222333");
    check("AIDAEXAMPLE");
    check("arn:aws:iam::111122223333:user/carol");
    check("arn:aws:iam::111122223333:user/*");
    check("arn:aws:iam::111122223333:group/admins");
    check("arn:aws:iam::1111:root");
    check("arn:aws-cn:iam::111122223333:root");
    check("arn:aws:iam:eu-central-1:111122223333:root");
    check("arn:aws:sts::111122223333:assumed-role/Admin");
    check("arn:aws:sts::111122223333:assumed-role/Admin/a/b");
    check("arn:aws:sts::111122223333:assumed-role/Nobody/a");
    check("arn:aws:sts::111122223333:federated-user/x");
    let service =
        one(r#""Effect": "Allow", "Principal": {"Service": "*"}, "Action": "*", "Resource": "*""#);
    let error = ENGINE.compile_key_policy(&service, &directory()).unwrap_err();
    assert_eq!(error, CompileError::InvalidPrincipal { principal: "*".to_owned() });
}

#[test]
fn cedar_documents() {
    check_key("", "the document holds no policy");
    check_key("// nothing\n", "the document holds no policy");
    check_key("permit", "unexpected end of input");
    check_key("permit (principal == ?principal, action, resource);", "templates are not supported");
    check_key(
        "permit (principal, action == Action::\"kms:Encrpyt\", resource);",
        "Statement[0]: unrecognized action `Action::\"kms:Encrpyt\"`",
    );
    check_key(
        "permit (principal, action, resource); permit (principal, action, resource) when { context.x };",
        "Statement[1]: attribute `x` in context for Action::\"audit:CountEvents\" not found",
    );
    for literal in [
        "User::\"A\".name == \"x\"",
        "User::\"A\" has name",
        "EncryptionContext::\"x\".hasTag(\"a\")",
        "[true].contains(User::\"A\" in Account::\"1\")",
    ] {
        check_key(
            &format!("permit (principal, action, resource) when {{ {literal} }};"),
            "Statement[0]: a condition asks about an entity that is not part of the request",
        );
    }
    // Only warnings of the validator, and refused all the same.
    check_key(
        "permit (principal == Role::\"AROA\", action, resource);",
        "Statement[0]: policy is impossible: the policy expression evaluates to false for all \
         valid requests",
    );
    check_key(
        "permit (principal, action, resource) when { context has encryptionContexts };",
        "Statement[0]: policy is impossible: the policy expression evaluates to false for all \
         valid requests",
    );
}

#[test]
fn limits() {
    #[track_caller]
    fn check(text: &str, want: &str) {
        let error = ENGINE.compile_key_policy(text, &directory()).unwrap_err();
        assert!(matches!(error, CompileError::TooLarge { .. }), "{error:?}");
        assert_eq!(error.to_string(), want);
    }
    let cedar = "permit (principal, action, resource);";
    check(&" ".repeat(POLICY_BYTES + 1), "the policy exceeds the limit of 32768 bytes");
    check(&cedar.repeat(POLICY_STATEMENTS + 1), "the policy exceeds the limit of 100 statements");
    assert!(ENGINE.compile_key_policy(&cedar.repeat(POLICY_STATEMENTS), &directory()).is_ok());
    let list = vec!["{}"; POLICY_STATEMENTS + 1].join(",");
    check(
        &format!(r#"{{"Statement": [{list}]}}"#),
        "the policy exceeds the limit of 100 statements",
    );
    check(
        &format!(r#"{{"Statement": {}"#, "[".repeat(POLICY_DEPTH)),
        "the policy exceeds the limit of 32 levels of nesting",
    );
    check(
        &format!("permit (principal, action, resource) when {{ {}true }};", "1 + ".repeat(30)),
        "the policy exceeds the limit of 24 levels of nesting",
    );
    let accounts: Vec<_> = (0..400).map(|n| format!("\"{:012}\"", n)).collect();
    let keys: Vec<_> = (0..20).map(|n| format!("\"arn:aws:kms:*:*:key/{n}\"")).collect();
    check(
        &one(&format!(
            r#""Effect": "Deny", "Principal": {{"AWS": [{}]}}, "Action": "*", "Resource": [{}]"#,
            accounts.join(","),
            keys.join(",")
        )),
        "the policy exceeds the limit of 1000 pairs of principals and resources",
    );
}
