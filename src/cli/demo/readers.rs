//! Three people and one item: what each of them sees is said by policies, and who saw
//! what by the field-read book.

use serde_json::{Value, json};

use super::server::Server;
use super::story::Story;
use super::terminal::{Login, Terminal};
use super::tour::SSN;
use crate::cli::error::Error;

const SCHEMA: &str = r#"tableName = "customers"
partitionKeyName = "id"
keyId = "alias/customers"
allowedUnsignedAttributes = ["note"]

[attributeActionsOnEncrypt]
id = "SIGN_ONLY"
plan = "SIGN_ONLY"
ssn = "ENCRYPT_AND_SIGN"
note = "DO_NOTHING"

[attributes]
ssn = { labels = ["pii"], mask = { keepLast = 4 } }
"#;

/// The question on an item that both ask.
const DECRYPT: &str = "items decrypt --schema customers --format json customer-43.json";
const FIELD_READS: &str = "audit field-reads --table customers --key customer-43 --attribute ssn";

/// Shows what three users see; returns their secrets.
pub(super) fn walk(story: &mut Story<'_>, server: &Server) -> Result<Vec<String>, Error> {
    story.chapter("Support, billing and an auditor: who sees which attribute")?;
    let terminal = Terminal::new(server)?;
    let admin = terminal.administrator();
    terminal.write(story, "customers.toml", SCHEMA)?;
    terminal.run(story, &admin, "schema apply customers.toml", None)?.answer()?;
    let [support, billing, auditor] = users(story, server, &terminal, &admin)?;

    let item = json!({ "id": "customer-43", "plan": "gold", "ssn": SSN });
    let encrypt = "items encrypt --schema customers --format json > customer-43.json";
    terminal.run(story, &admin, encrypt, Some(&item.to_string()))?.answer()?;
    let seen = read(story, &terminal, &support, DECRYPT)?;
    let masked = json!({ "id": "customer-43", "plan": "gold", "ssn": "****1120" });
    story.check(seen == masked, "support sees the last four digits, to ask a caller for them")?;
    let seen = read(story, &terminal, &billing, &format!("{DECRYPT} --purpose invoice"))?;
    story.check(seen == item, "billing sees ssn whole")?;
    let ended = terminal.run(story, &auditor, DECRYPT, None)?;
    let is_denied = !ended.is_success && ended.stderr.contains("AccessDeniedException");
    story.tell(ended.stderr.trim_end())?;
    story.check(is_denied, "the auditor cannot decrypt anything")?;

    story.tell("who read ssn of customer-43, how, and what for?")?;
    let book = terminal.run(story, &auditor, FIELD_READS, None)?.answer()?;
    let lines: Vec<&str> = book.lines().collect();
    lines.iter().try_for_each(|line| story.tell(line))?;
    let tells = |line: &str, words: &[&str]| {
        let told: Vec<&str> = line.split_whitespace().collect();
        words.iter().all(|word| told.contains(word))
    };
    let is_told = matches!(lines.as_slice(), [_heads, last, first]
        if tells(last, &["user/billing", "ssn=plain", "invoice", "PiiWhole"])
            && tells(first, &["user/support", "ssn=masked", "PiiMasked"]));
    story.check(
        is_told,
        "the book tells the auditor of both, by which policies, and of nobody else",
    )?;
    Ok([support, billing, auditor].map(|login| login.secret).into())
}

/// The three, each with a policy of its own.
fn users(
    story: &mut Story<'_>,
    server: &Server,
    terminal: &Terminal<'_>,
    admin: &Login,
) -> Result<[Login; 3], Error> {
    let items = format!(
        "@sid(\"Items\")\npermit (principal, action == Action::\"items:DecryptItem\",\n  \
           resource == ItemSchema::\"{}/customers\");\n\
         @sid(\"TheirKey\")\npermit (principal, action == Action::\"kms:Decrypt\", resource)\n  \
           when {{ context has viaService && context.viaService == \"items.wardbook\" }};\n",
        server.account
    );
    let of_attributes = |sid: &str, action: &str| {
        format!(
            "{items}@sid(\"{sid}\")\npermit (principal, action == Action::\"items:{action}\", resource)\n  \
               when {{ resource.labels.contains(\"pii\") }};\n"
        )
    };
    let audit =
        "permit (principal, action == Action::\"audit:QueryFieldReads\", resource);\n".to_owned();
    let mut user = |name: &str, policy: &str| {
        let login = terminal.create_user(story, admin, name)?;
        terminal.write(story, &format!("{name}.cedar"), policy)?;
        let attach =
            format!("principal attach-policy --user-name {name} --policy-name {name} {name}.cedar");
        terminal.run(story, admin, &attach, None)?.answer()?;
        Ok::<_, Error>(login)
    };
    Ok([
        user("support", &of_attributes("PiiMasked", "DecryptAttributeMasked"))?,
        user("billing", &of_attributes("PiiWhole", "DecryptAttribute"))?,
        user("auditor", &audit)?,
    ])
}

/// What somebody sees of an item, which is told as well.
fn read(
    story: &mut Story<'_>,
    terminal: &Terminal<'_>,
    by: &Login,
    command: &str,
) -> Result<Value, Error> {
    let seen = terminal.run(story, by, command, None)?.answer()?;
    story.tell(seen.trim_end())?;
    Ok(serde_json::from_str(&seen).unwrap_or_default())
}
