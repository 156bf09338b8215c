//! Who may call what: every operation, called by each kind of caller.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use serde_json::{Value, json};
use wardbook::base::caller::{Caller, Principal};
use wardbook::base::grant::GrantOperation;
use wardbook::base::ids::{AccountId, Region, RequestId};
use wardbook::base::spec::{KeySpec, KeyUsage};
use wardbook::ops;
use wardbook::ops::call::Call;
use wardbook::ops::operation::Service;

use crate::calls::{ALLOW, Scene, operations, refusal};
use crate::fixture::{ACCOUNT, Credentials, OTHER_REGION, REGION, Server, golden};

/// Allowed everything, and forbidden everything: the forbidding wins.
const FORBIDDEN: &str = "forbid (principal, action, resource);";
/// Allowed what there is to do with keys, where a key policy delegates it.
const KEYS_ONLY: &str = r#"permit (principal, action in Action::"kms:*", resource);"#;
const OTHER_ACCOUNT: &str = "444455556666";

/// Who calls; the order is that of the columns.
enum Who {
    /// Nobody signs in as the account itself, so it is put in behind the door.
    Root(&'static str),
    User(Credentials),
    Anonymous,
}

#[test]
fn operations_by_caller() {
    let server = Server::start();
    let user = |name: &str, policy: &str| Who::User(server.new_user(name, policy));
    let callers = [
        ("account root", Who::Root(ACCOUNT)),
        ("administrator", Who::User(server.admin.clone())),
        ("by key policy", user("key-policy", "")),
        ("by delegation", user("delegation", KEYS_ONLY)),
        ("grantee", user("grantee", "")),
        ("retiring", user("retiring", "")),
        ("foreign account", Who::Root(OTHER_ACCOUNT)),
        ("no policy", user("nothing", "")),
        ("denied", user("denied", &format!("{ALLOW}\n{FORBIDDEN}"))),
        ("anonymous", Who::Anonymous),
    ];
    let mut table = format!("{:<36}", "");
    callers.iter().for_each(|(name, _)| write!(table, "{name:<17}").unwrap());
    for operation in operations() {
        write!(table, "\n{:<36}", operation.name).unwrap();
        let mut scene = None;
        for (at, (column, who)) in callers.iter().enumerate() {
            let name = format!("{}-{at}", operation.name);
            let set = scene.get_or_insert_with(|| set(&server, operation.name, &name));
            let cell = call(&server, set, operation.name, operation.service, who);
            write!(table, "{cell:<17}").unwrap();
            assert!(!cell.is_empty(), "{column}");
            // Whoever is refused changes nothing.
            if cell == "ok" && !operation.read_only {
                scene = None;
            }
        }
    }
    let lines: Vec<&str> = table.lines().map(str::trim_end).collect();
    golden::check("authz_matrix.txt", &format!("{}\n", lines.join("\n")));
}

/// A scene in which key policies and grants name the callers that are to have them.
fn set(server: &Server, operation: &str, name: &str) -> Scene {
    let scene = Scene::set(server, name);
    let policy = key_policy();
    let mut keys = BTreeSet::from([scene.key.as_str(), scene.key_of(operation)]);
    match operation {
        "ReEncrypt" | "UpdateAlias" => drop(keys.insert(&scene.other)),
        "ReplicateKey" | "UpdatePrimaryRegion" => drop(keys.insert(&scene.primary)),
        _ => {}
    }
    for key in keys {
        server.call("PutKeyPolicy", &json!({ "KeyId": key, "Policy": policy })).ok();
        let metadata = &server.call("DescribeKey", &json!({ "KeyId": key })).ok()["KeyMetadata"];
        let text = |member: &str| metadata[member].as_str().unwrap();
        let spec = KeySpec::parse(text("KeySpec")).unwrap();
        let usage = KeyUsage::parse(text("KeyUsage")).unwrap();
        let fitting = GrantOperation::ALL.iter().filter(|operation| operation.fits(spec, usage));
        let grant = json!({
            "KeyId": key, "GranteePrincipal": user("grantee"),
            "RetiringPrincipal": user("retiring"), "Operations": fitting.collect::<Vec<_>>(),
        });
        let made = server.call("CreateGrant", &grant).ok();
        if key == scene.key {
            scene.use_grant(made["GrantId"].as_str().unwrap());
        }
    }
    let replica = json!({ "KeyId": scene.primary, "Policy": policy });
    server.in_region(OTHER_REGION).call("PutKeyPolicy", &replica).ok();
    if operation == "CancelKeyDeletion" {
        scene.call(server, "ScheduleKeyDeletion").ok();
    }
    scene
}

fn user(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:user/{name}")
}

/// The default key policy, and a user whom it lets do everything.
fn key_policy() -> String {
    let allow = |who: String| json!({ "Effect": "Allow", "Principal": { "AWS": who }, "Action": "kms:*", "Resource": "*" });
    let statements = [allow(ACCOUNT.to_owned()), allow(user("key-policy"))];
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// Makes the call; what became of it, in a word.
fn call(
    server: &Server,
    scene: &Scene,
    operation: &'static str,
    service: Service,
    who: &Who,
) -> &'static str {
    let answer = match who {
        Who::User(credentials) => scene.call_as(server, credentials, operation),
        Who::Anonymous => server.send(&scene.request(operation).1),
        Who::Root(account) if service == Service::Kms => {
            let input = scene.kms_input(operation);
            let input = if *account == ACCOUNT { input } else { by_arn(input) };
            return cell(operation, &call_behind_the_door(server, account, operation, &input));
        }
        Who::Root(_) => return "-",
    };
    cell(operation, &(answer.status == 200, answer.code(), answer.message()))
}

/// The input with keys and aliases by their ARNs, as somebody abroad has to.
fn by_arn(mut input: Value) -> Value {
    for member in ["KeyId", "TargetKeyId", "DestinationKeyId"] {
        if let Some(id) = input[member].as_str().filter(|id| !id.starts_with("arn:")) {
            input[member] = json!(format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{id}"));
        }
    }
    input.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    input
}

/// Whether it succeeded; else code and text.
type Outcome = (bool, String, String);

fn call_behind_the_door(server: &Server, account: &str, name: &str, input: &Value) -> Outcome {
    let entry = ops::TABLE.iter().find(|entry| entry.description.name == name).unwrap();
    let call = Call {
        caller: Caller {
            principal: Principal::Root { account: AccountId::parse(account).unwrap() },
            access_key_id: None,
            session: None,
            source_ip: None,
            user_agent: None,
            secure_transport: false,
            tls: None,
            request_id: RequestId::from_random([7; 16]),
            via_service: None,
        },
        region: Region::parse(REGION).unwrap(),
        body: input.to_string().into_bytes(),
        members: Vec::new(),
        decided: Vec::new(),
    };
    let running = entry.bind(Arc::clone(server.ctx())).call(call);
    let answer = tokio::runtime::Runtime::new().unwrap().block_on(running);
    match answer.result() {
        Ok(_) => (true, String::new(), String::new()),
        Err(error) => {
            let text = error.message().unwrap_or_default().to_owned();
            (false, error.code().as_str().to_owned(), text)
        }
    }
}

fn cell(operation: &str, (succeeded, code, message): &Outcome) -> &'static str {
    let says = |text: &str| message.contains(text);
    match code.as_str() {
        _ if *succeeded => "ok",
        "AccessDeniedException" if says("with an explicit deny") => "explicit deny",
        "AccessDeniedException" if says("associated with this ciphertext") => "hidden",
        "AccessDeniedException" if says("no identity-based policy") => "identity",
        "AccessDeniedException" if says("no resource-based policy") => "resource",
        // STS gives no reason.
        "AccessDenied" | "AccessDeniedException" if says("sts:AssumeRole") => "denied",
        "MissingAuthenticationToken" | "MissingAuthenticationTokenException" => "unsigned",
        // Names are looked up in the caller's own account.
        "NotFoundException" => "not found",
        // The new policy would not let the caller put the next one.
        "MalformedPolicyDocumentException" if says("in the future") => "lockout",
        "InvalidArnException" if says("valid principal") => "not his",
        // There is nothing yet that it could be done to.
        code if refusal(operation) == Some(code) => "nothing there",
        _ => panic!("{operation}: {code}: {message}"),
    }
}
