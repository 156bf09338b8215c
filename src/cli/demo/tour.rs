//! The story itself, told to whoever sees wardbook for the first time.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::kms::Kms;
use super::readers;
use super::server::Server;
use super::story::Story;
use crate::cli::audit;
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::principal::users;

const ALIAS: &str = "alias/customers";
const LETTER: &str = "Dear Ada, the vault opens at noon.";
const RIGHT: (&str, &str) = ("recipient", "ada");
const WRONG: (&str, &str) = ("recipient", "eve");
pub(super) const SSN: &str = "078-05-1120";

/// The administrator, with both kinds of client.
struct Administrator {
    kms: Kms,
    rest: Client,
}

/// A second user.
struct User {
    kms: Kms,
    arn: String,
    secret: String,
}

/// Walks through everything; returns what no file of the server may hold.
pub(super) fn walk(story: &mut Story<'_>, server: &Server) -> Result<Vec<String>, Error> {
    let (id, secret) = (&server.access_key_id, &server.secret_access_key);
    let admin =
        Administrator { kms: Kms::new(server, id, secret)?, rest: server.client(id, secret)? };
    let (key, ciphertext) = encrypt(story, &admin)?;
    let user = deny_and_allow(story, server, &admin, &key, &ciphertext)?;
    encrypt_item(story, &admin)?;
    let readers = readers::walk(story, server)?;
    look_back(story, &admin, &key, &user)?;
    let secrets = [LETTER.to_owned(), SSN.to_owned(), secret.clone(), user.secret];
    Ok(secrets.into_iter().chain(readers).collect())
}

fn encrypt(story: &mut Story<'_>, admin: &Administrator) -> Result<(String, Vec<u8>), Error> {
    story.chapter("An application encrypts over the AWS KMS protocol, with the AWS SDK")?;
    let key = admin.kms.create_key("Customer data")?;
    admin.kms.create_alias(ALIAS, &key)?;
    story.tell(&format!("{ALIAS} is {key}"))?;
    let ciphertext = admin.kms.encrypt(ALIAS, LETTER, RIGHT)?;
    let hidden = !contains(&ciphertext, LETTER);
    story.check(hidden, &format!("a letter is {} bytes of ciphertext", ciphertext.len()))?;
    let opened = admin.kms.decrypt(&ciphertext, RIGHT)?;
    story.check(opened == LETTER.as_bytes(), "with its encryption context it opens again")?;
    let refused = admin.kms.decrypt(&ciphertext, WRONG).err().map(|refusal| refusal.code);
    story.check(
        refused.as_deref() == Some("InvalidCiphertextException"),
        "with another context it does not: InvalidCiphertextException",
    )?;
    Ok((key, ciphertext))
}

fn deny_and_allow(
    story: &mut Story<'_>,
    server: &Server,
    admin: &Administrator,
    key: &str,
    ciphertext: &[u8],
) -> Result<User, Error> {
    story.chapter("A second user, denied and then allowed by the key's policy")?;
    let made = users::request(&admin.rest, "bob")?;
    let secret = String::from_utf8_lossy(made.secret_access_key.0.expose()).into_owned();
    let kms = Kms::new(server, &made.access_key_id, &secret)?;
    let user = User { kms, arn: made.arn, secret };
    story.tell(&format!("{} has an access key and no permission", user.arn))?;
    let refusal = user.kms.decrypt(ciphertext, RIGHT).err();
    let denied = refusal.as_ref().is_some_and(|refusal| refusal.code == "AccessDeniedException");
    story.check(denied, "bob's Decrypt is denied:")?;
    story.tell(&refusal.map(|refusal| refusal.message).unwrap_or_default())?;
    let root = format!("arn:aws:iam::{}:root", server.account);
    let statement = |sid: &str, principal: &str, action: &str| {
        json!({ "Sid": sid, "Effect": "Allow", "Principal": { "AWS": principal },
                "Action": action, "Resource": "*" })
    };
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [statement("Account", &root, "kms:*"), statement("Bob", &user.arn, "kms:Decrypt")],
    });
    admin.kms.put_key_policy(key, &policy.to_string())?;
    story.tell("the key's policy now allows kms:Decrypt to bob")?;
    let opened = user.kms.decrypt(ciphertext, RIGHT)?;
    story.check(opened == LETTER.as_bytes(), "bob reads the letter")?;
    let refused = user.kms.encrypt(key, LETTER, RIGHT).err().map(|refusal| refusal.code);
    let denied = refused.as_deref() == Some("AccessDeniedException");
    story.check(denied, "bob still cannot encrypt: nobody said he may")?;
    Ok(user)
}

/// One item of an answer.
#[derive(Deserialize)]
struct Outcome {
    item: Option<Value>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Outcomes {
    items: Vec<Outcome>,
}

fn encrypt_item(story: &mut Story<'_>, admin: &Administrator) -> Result<(), Error> {
    story.chapter("A database engineer encrypts attributes of an item over REST")?;
    let schema = json!({
        "tableName": "customers",
        "partitionKeyName": "id",
        "keyId": ALIAS,
        "attributeActionsOnEncrypt": {
            "id": "SIGN_ONLY", "plan": "SIGN_ONLY", "ssn": "ENCRYPT_AND_SIGN", "note": "DO_NOTHING",
        },
        "allowedUnsignedAttributes": ["note"],
    });
    let path = ["v1", "item-schemas", "customers"];
    admin.rest.call_silent(Call::new(Method::PUT, &path).with(&schema)?)?;
    let item = json!({ "id": "customer-42", "plan": "gold", "ssn": SSN, "note": "calls back" });
    story.tell(&format!("before: {item}"))?;
    let encrypted = convert(admin, "encrypt", &item)?.item.unwrap_or_default();
    story.tell(&format!("after:  {}", shortened(&encrypted)))?;
    let readable = encrypted.get("plan") == item.get("plan");
    let hidden = readable && !encrypted.to_string().contains(SSN);
    story.check(hidden, "ssn is encrypted; plan and id stay readable, but are signed")?;
    let opened = convert(admin, "decrypt", &encrypted)?.item;
    story.check(opened == Some(item), "decrypted, the item is what it was")?;
    let mut forged = encrypted;
    if let Some(members) = forged.as_object_mut() {
        members.insert("plan".to_owned(), json!("platinum"));
    }
    let refused = convert(admin, "decrypt", &forged)?.error.is_some();
    story.check(refused, "with a forged plan it is refused")
}

fn convert(admin: &Administrator, verb: &str, item: &Value) -> Result<Outcome, Error> {
    let path = ["v1", "item-schemas", "customers", verb];
    let body = json!({ "format": "json", "items": [item] });
    let answer: Outcomes = admin.rest.call(Call::new(Method::POST, &path).with(&body)?)?;
    answer.items.into_iter().next().ok_or_else(|| Error::Demo("the answer is empty".to_owned()))
}

/// Long texts cut, so that an item fits a line.
fn shortened(item: &Value) -> Value {
    let cut = |value: &Value| match value.as_str() {
        Some(text) if text.len() > 24 => {
            json!(text.chars().take(20).chain("...".chars()).collect::<String>())
        }
        _ => value.clone(),
    };
    let members = item.as_object().into_iter().flatten();
    members.map(|(name, value)| (name.clone(), cut(value))).collect()
}

fn look_back(
    story: &mut Story<'_>,
    admin: &Administrator,
    key: &str,
    user: &User,
) -> Result<(), Error> {
    story.chapter("An auditor asks the book what happened")?;
    let all = audit::page(&admin.rest, &[("limit", "1000")])?;
    let rows: Vec<_> = all.events.iter().map(|event| audit::row(event.get())).collect();
    story.table(audit::HEADS, &rows)?;
    let asked = [("principal", user.arn.as_str()), ("keyId", key)];
    let of_user = audit::page(&admin.rest, &asked)?;
    let results: Vec<(Option<String>, Option<String>)> = of_user
        .events
        .iter()
        .map(|event| {
            let event: Value = serde_json::from_str(event.get()).unwrap_or_default();
            let text = |name: &str| event.get(name).and_then(Value::as_str).map(str::to_owned);
            (text("eventName"), text("errorCode"))
        })
        .collect();
    let denied = Some("AccessDenied");
    let expected = [("Encrypt", denied), ("Decrypt", None), ("Decrypt", denied)];
    let expected = expected.map(|(name, error)| (Some(name), error));
    let as_expected = results.iter().map(|(name, error)| (name.as_deref(), error.as_deref()));
    story.check(as_expected.eq(expected), "bob used this key three times, denied twice")?;
    let clean = !all
        .events
        .iter()
        .any(|event| [LETTER, SSN, &user.secret].iter().any(|secret| event.get().contains(secret)));
    story.check(clean, "the book holds contexts, names and times, and no secret")
}

/// Stops the server and looks into what it left.
pub(super) fn check_stop(
    story: &mut Story<'_>,
    server: Server,
    secrets: &[String],
) -> Result<(), Error> {
    story.chapter("The server stops in good order")?;
    let (status, files) = server.stop().map_err(|error| Error::Demo(error.to_string()))?;
    story.check(status.success(), "told to stop, it finishes its calls and ends with code 0")?;
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    story.tell(&format!("it leaves {}", names.join(", ")))?;
    let is_there = names.contains(&"wardbook.db");
    let found =
        files.iter().any(|(_, content)| secrets.iter().any(|secret| contains(content, secret)));
    story.check(is_there && !found, "no plaintext and no secret access key is in any of them")
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
