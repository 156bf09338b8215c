//! PutItemSchema: a new version of a schema, in force at once. The old ones
//! are kept. The keys that `keyId` (that of DynamoDB, if it names none) and
//! `additionalKeyIds` name are looked up now: to change them, put a new version;
//! items of the old one still open.
//!
//! The same schema again makes no new version. One under which items of an
//! earlier version would no longer open is refused, unless the caller gives them
//! up: only he knows whether there are any.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, json};
use tokio::sync::Mutex;
use tracing::Span;

use super::{Ctx, NAME, flag, refusal};
use crate::base::arn::PARTITION;
use crate::base::caller::Principal;
use crate::base::limits;
use crate::base::timestamp;
use crate::items::error::{ItemError, ItemErrorCode};
use crate::items::schema::changes::{self, Change};
use crate::items::schema::lint::{self, Warning};
use crate::items::schema::table::Table;
use crate::items::schema::{self, Schema, SchemaDocument};
use crate::items::schemas::{PutSchema, SchemaVersion, StoredSchema};
use crate::ops::access::Access;
use crate::ops::call::Call;
use crate::ops::facts::Facts;
use crate::ops::operation::{Description, Done, Operation, ReadInput, Service};
use crate::ops::pipeline;
use crate::ops::resolve::Accepts;
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::policy::question::Resource;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape};

pub(super) struct PutItemSchema;

/// A flag of the query string: whether to answer as if, and store nothing.
const DRY_RUN: &str = "dryRun";
/// A flag of the query string: whether items of earlier versions are given up.
const ALLOW_BREAKING: &str = "allowBreaking";

pub(super) struct Input {
    name: String,
    document: SchemaDocument,
    /// What the document was read from: errors name its lines.
    text: String,
    dry_run: bool,
    allow_breaking: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    name: String,
    /// The version that is in force now; of a dry run, the one that would be.
    version: i64,
    schema_hash: String,
    /// RFC 3339.
    created_at: String,
    /// Whether it is a new version.
    changed: bool,
    /// What is different from the version that was in force.
    changes: Vec<Change>,
    warnings: Vec<Warning>,
}

impl Operation for PutItemSchema {
    const DESCRIPTION: Description = Description {
        name: "PutItemSchema",
        service: Service::Items,
        read_only: false,
        input: &[
            NAME,
            Member::optional(DRY_RUN, Shape::Enum(&["true", "false"])),
            Member::optional(ALLOW_BREAKING, Shape::Enum(&["true", "false"])),
            Member::required("tableName", Shape::Document),
            Member::optional("kind", Shape::Document),
            Member::optional("partitionKeyName", Shape::Document),
            Member::optional("sortKeyName", Shape::Document),
            Member::optional("keyId", Shape::Document),
            Member::optional("additionalKeyIds", Shape::Document),
            Member::optional("attributeActionsOnEncrypt", Shape::Document),
            Member::optional("allowedUnsignedAttributes", Shape::Document),
            Member::optional("allowedUnsignedAttributePrefix", Shape::Document),
            Member::optional("idPaths", Shape::Document),
            Member::optional("pathActionsOnEncrypt", Shape::Document),
            Member::optional("defaultAction", Shape::Document),
            Member::optional("algorithmSuite", Shape::Document),
            Member::optional("fieldReads", Shape::Document),
            Member::optional("attributes", Shape::Document),
            Member::optional("purposes", Shape::Document),
        ],
        output: &[
            out_text("name"),
            Member::required("version", Shape::Integer { min: 1, max: i64::MAX }),
            out_text("schemaHash"),
            out_text("createdAt"),
            Member::required("changed", Shape::Boolean),
            Member::required("changes", Shape::Document),
            Member::required("warnings", Shape::Document),
        ],
        errors: &[Code::ConflictException, Code::LimitExceededException, Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    fn turn(ctx: &Ctx) -> &Mutex<()> {
        &ctx.putting
    }

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let Input { name, document, text, dry_run, allow_breaking } = input;
        let realm = access.call().realm();
        let resource = Resource::ItemSchema { account: &realm.account, name: &name };
        access.resource(Action::PUT_ITEM_SCHEMA, resource)?;
        let schema = Schema::of_text(document, &text)
            .map_err(|error| refusal(Code::ValidationException, &error))?;
        let body = schema.canonical().map_err(ApiError::internal)?;
        let present = ctx.schemas.find(&realm, &name);
        let key_arn = find_key(access, schema.key_id())?;
        let additional = schema.additional_key_ids().iter().map(|name| find_key(access, name));
        let additional_key_arns = additional.collect::<Result<Vec<_>, _>>()?;
        check_different(&key_arn, &additional_key_arns)?;
        let warnings = lint::lint(schema.document(), &Table::default());
        let hash = schema::hash(&body);
        let keys = (&key_arn, &additional_key_arns);
        if let Some(present) = &present
            && present.hash == hash
            && (&present.key_arn, &present.additional_key_arns) == keys
        {
            let output = Output::of(present, false, Vec::new(), warnings);
            return Ok(Done::changed(output, Vec::new(), Some(recorded(present))));
        }
        check_table(ctx, access, &name, &schema.document().table_name)?;
        let number = present.as_ref().map_or(0, |present| present.version);
        check_room(ctx, access, number, body.len())?;
        let Compared { schema, changes, breaking } =
            Compared::off_the_worker(present.clone(), schema, allow_breaking).await?;
        let change = match &present {
            None => "first version".to_owned(),
            // The schema is the same, and an alias in it was moved meanwhile.
            Some(present) if changes.is_empty() => keys_moved(present, keys),
            Some(_) => changes::summary(&changes),
        };
        let version = Arc::new(SchemaVersion {
            version: number.saturating_add(1),
            realm,
            name,
            schema,
            hash,
            bytes: body.len(),
            key_arn,
            additional_key_arns,
            created_ms: ctx.common.clock.now_ms(),
            created_by: Some(creator(&access.call().caller.principal)),
            breaking,
            change,
        });
        let output = Output::of(&version, true, changes, warnings);
        let recorded = recorded(&version);
        if dry_run {
            return Ok(Done::read(output));
        }
        let change = PutSchema { schemas: Arc::clone(&ctx.schemas), version, body };
        Ok(Done::changed(output, vec![Box::new(change)], Some(recorded)))
    }
}

impl Output {
    fn of(
        stored: &SchemaVersion,
        changed: bool,
        changes: Vec<Change>,
        warnings: Vec<Warning>,
    ) -> Self {
        Self {
            name: stored.name.clone(),
            version: stored.version,
            schema_hash: stored.hash.clone(),
            created_at: timestamp::event_time(stored.created_ms),
            changed,
            changes,
            warnings,
        }
    }
}

fn find_key(access: &mut Access<'_>, name: &str) -> Result<String, ApiError> {
    Ok(access.find(name, Accepts::KeyOrAlias)?.key.arn.to_string())
}

/// Two names of one key would only look like a second way to an item.
fn check_different(key_arn: &str, additional: &[String]) -> Result<(), ApiError> {
    let mut seen = BTreeSet::from([key_arn]);
    match additional.iter().find(|arn| !seen.insert(arn)) {
        None => Ok(()),
        Some(arn) => {
            let text = format!("keyId and additionalKeyIds name the key {arn} twice.");
            Err(ApiError::validation(text))
        }
    }
}

fn recorded(stored: &SchemaVersion) -> serde_json::Value {
    json!({ "name": stored.name, "version": stored.version, "schemaHash": stored.hash })
}

/// Who stands in the history of a schema. A session's name can be personal, and
/// could not be erased from there.
fn creator(principal: &Principal) -> String {
    match principal {
        Principal::RoleSession { account, role_name, .. } => {
            format!("arn:{PARTITION}:iam::{account}:role/{role_name}")
        }
        other => other.to_string(),
    }
}

/// Refuses a version for which there is no room, after so many.
fn check_room(ctx: &Ctx, access: &Access<'_>, versions: i64, bytes: usize) -> Result<(), ApiError> {
    let realm = access.call().realm();
    let full = |text: String| Err(ApiError::new(Code::LimitExceededException, text));
    if versions == 0 && ctx.schemas.count(&realm) >= limits::ITEM_SCHEMAS {
        return full(format!("The account already has {} item schemas.", limits::ITEM_SCHEMAS));
    }
    if versions >= limits::ITEM_SCHEMA_VERSIONS {
        return full(format!("A schema has at most {} versions.", limits::ITEM_SCHEMA_VERSIONS));
    }
    if ctx.schemas.bytes(&realm).saturating_add(bytes) > limits::ITEM_SCHEMAS_BYTES {
        return full(format!(
            "All versions of the account's item schemas have at most {} bytes.",
            limits::ITEM_SCHEMAS_BYTES
        ));
    }
    Ok(())
}

/// Who puts a schema for a table says how the items of that table are read: under which
/// names the policy is asked about attributes, and with which labels. So a schema for a
/// table that another one is for already needs the right to put that one as well.
fn check_table(
    ctx: &Ctx,
    access: &mut Access<'_>,
    name: &str,
    table: &str,
) -> Result<(), ApiError> {
    let account = access.call().realm().account;
    let stored = ctx.schemas.of_table(&account, table);
    let others: BTreeSet<&str> = stored.iter().map(|other| other.name.as_str()).collect();
    for other in others.into_iter().filter(|other| *other != name) {
        let resource = Resource::ItemSchema { account: &account, name: other };
        access.resource(Action::PUT_ITEM_SCHEMA, resource).map_err(|denied| {
            let text = format!(
                "{}. That schema is for the table {table}, too: who puts one of them must be \
                 allowed to put both.",
                denied.message().unwrap_or_default()
            );
            ApiError::new(denied.code(), text)
        })?;
    }
    Ok(())
}

fn keys_moved(present: &SchemaVersion, (key_arn, _): (&String, &Vec<String>)) -> String {
    match present.key_arn == *key_arn {
        false => format!("key: {} -> {key_arn}", present.key_arn),
        true => "additionalKeyIds: other keys".to_owned(),
    }
}

/// A schema beside the versions of it that there are.
struct Compared {
    schema: Schema,
    /// What is different from the version in force, and from what is kept of those
    /// before it; the worst first.
    changes: Vec<Change>,
    /// Whether items of earlier versions are given up.
    breaking: bool,
}

impl Compared {
    /// Compares on a thread of its own: with many versions it may take a second, and
    /// the threads of calls have others to serve.
    async fn off_the_worker(
        present: Option<Arc<StoredSchema>>,
        schema: Schema,
        allow_breaking: bool,
    ) -> Result<Self, ApiError> {
        let span = Span::current();
        let compare = move || Self::with(present.as_deref(), schema, allow_breaking);
        let compared = tokio::task::spawn_blocking(move || span.in_scope(compare));
        compared.await.map_err(ApiError::internal)?
    }

    fn with(
        present: Option<&StoredSchema>,
        schema: Schema,
        allow_breaking: bool,
    ) -> Result<Self, ApiError> {
        check_encrypted(&[], &schema)?;
        let Some(present) = present else {
            return Ok(Self { schema, changes: Vec::new(), breaking: false });
        };
        check_labels(present, &schema)?;
        let mut changes = changes::between(present.schema.document(), schema.document());
        changes.extend(changes::forgotten(present.former_labels().iter(), schema.document()));
        changes.sort_by_key(|change| std::cmp::Reverse(change.class));
        let breaking = check_safe(present.versions(), &schema, allow_breaking)?;
        Ok(Self { schema, changes, breaking })
    }
}

/// Refuses a schema that has dropped more labels than are kept for items that there
/// may be.
fn check_labels(present: &StoredSchema, new: &Schema) -> Result<(), ApiError> {
    let kept = present.labels_kept(new);
    if kept <= limits::ITEM_SCHEMA_LABELS_KEPT {
        return Ok(());
    }
    let text = format!(
        "Attributes and paths that were taken out of the schema would keep {kept} labels for the \
         items that still have them, and a schema keeps at most {}: leave some of those attributes \
         in, or put the schema under another name and encrypt the items again under that.",
        limits::ITEM_SCHEMA_LABELS_KEPT
    );
    Err(ApiError::new(Code::LimitExceededException, text))
}

/// Refuses a schema under which items of an earlier version would not open.
/// Answers whether it is one and the caller gives such items up. Those before a
/// version that was itself put so are given up already.
fn check_safe(
    earlier: &[Arc<SchemaVersion>],
    new: &Schema,
    allow_breaking: bool,
) -> Result<bool, ApiError> {
    let since = earlier.iter().rposition(|stored| stored.breaking).unwrap_or(0);
    let readable = earlier.get(since..).unwrap_or_default();
    let documents = readable.iter().map(|stored| (stored.version, stored.schema.document()));
    let mut breaking = changes::breaking(documents, new.document());
    let Some((version, change)) = breaking.next() else {
        return match check_encrypted(readable, new) {
            Err(_) if allow_breaking => Ok(true),
            checked => checked.map(|()| false),
        };
    };
    if allow_breaking {
        return Ok(true);
    }
    // The one version is enough: comparing with all others would take long.
    let more = match breaking.take_while(|(of, _)| *of == version).count() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let text = format!(
        "against version {version}, {}: {}{more}. Put it under another name and encrypt the items \
         again under that; or, if there are no items of earlier versions, put it with \
         {ALLOW_BREAKING}=true",
        change.what, change.why
    );
    let error = ItemError::new(ItemErrorCode::UnsafeSchemaChange, text);
    Err(refusal(Code::ConflictException, &error))
}

/// Refuses a schema whose items, with those of `earlier` versions, have more encrypted
/// names than the policy is asked about in one call: a batch of them would not open.
/// Of documents only the paths of the present are asked about, which are fewer.
fn check_encrypted(earlier: &[Arc<SchemaVersion>], new: &Schema) -> Result<(), ApiError> {
    if new.documents().is_some() {
        return Ok(());
    }
    let names = earlier.iter().flat_map(|stored| stored.schema.encrypted_names());
    let names: BTreeSet<&str> = names.chain(new.encrypted_names()).collect();
    if names.len() <= limits::ATTRIBUTES_DECIDED {
        return Ok(());
    }
    let (whose, remedy) = match earlier {
        [] => ("it encrypts", String::new()),
        _ => (
            "with earlier versions, whose items are read as well, it encrypts",
            format!(
                ". Or put it under another name; or, if there are no items of earlier versions, \
                 put it with {ALLOW_BREAKING}=true"
            ),
        ),
    };
    let text = format!(
        "{whose} {} attributes of different names, and a call decides about at most {}: encrypt \
         attributes that belong together as one map{remedy}",
        names.len(),
        limits::ATTRIBUTES_DECIDED
    );
    let error = ItemError::new(ItemErrorCode::TooManyEncryptedAttributes, text);
    Err(refusal(Code::LimitExceededException, &error))
}

impl ReadInput for Input {
    /// The document is read from the text itself: only there does a name show
    /// that is given twice, and TOML is no JSON.
    fn read(_description: &Description, call: &Call, facts: &mut Facts) -> Result<Self, ApiError> {
        let beside = [NAME.name, DRY_RUN, ALLOW_BREAKING];
        if let Some((stray, _)) = call.members.iter().find(|(name, _)| !beside.contains(&&**name)) {
            let text = format!("'{stray}' stands in the body, as a member of the schema.");
            return Err(ApiError::validation(text));
        }
        let name = pipeline::path_member(call, &NAME)?;
        let (dry_run, allow_breaking) = (flag(call, DRY_RUN)?, flag(call, ALLOW_BREAKING)?);
        let text = str::from_utf8(&call.body)
            .map_err(|_bad| ApiError::validation("The item schema is not UTF-8."))?;
        let document = SchemaDocument::read(text)
            .map_err(|error| refusal(Code::ValidationException, &error))?;
        let flags = [(DRY_RUN, dry_run), (ALLOW_BREAKING, allow_breaking)];
        let mut parameters = Map::from_iter([
            ("name".to_owned(), json!(name)),
            ("schema".to_owned(), json!(document)),
        ]);
        let given = flags.into_iter().filter(|(_, is_set)| *is_set);
        parameters.extend(given.map(|(name, _)| (name.to_owned(), json!(true))));
        facts.request_parameters = Some(parameters.into());
        Ok(Self { name, document, text: text.to_owned(), dry_run, allow_breaking })
    }
}
