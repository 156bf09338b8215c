//! A request as the book recorded it, asked again.

use std::sync::Arc;

use serde_json::Value;

use super::hypothesis::{self, Hypothesis, Words};
use super::subject::Subject;
use crate::audit::{self, Recorded};
use crate::base::arn::KeyArn;
use crate::base::context::EncryptionContext;
use crate::base::ids::{Region, RequestId};
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::policy::actions::{Action, ResourceKind};
use crate::store::Position;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

/// A recorded call.
pub(super) struct Asked {
    pub(super) hypothesis: Hypothesis,
    /// Where its record stands.
    pub(super) position: Position,
}

/// Finds the record and reads the request in it. What a record does not say is
/// said in the notes.
pub(super) async fn read(
    ctx: &Ctx,
    access: &mut Access<'_>,
    words: Words,
) -> Result<Asked, ApiError> {
    let id = hypothesis::request_id(words.request_id.as_deref().unwrap_or_default())?;
    if words.principal.is_some() || words.action.is_some() || words.key_id.is_some() {
        return Err(ApiError::validation(
            "Specify either requestId or principal, action and keyId.",
        ));
    }
    let account = access.call().caller.principal.account().to_string();
    let store = Arc::clone(&ctx.store);
    let found = ctx.policy_searches.make(move || audit::find_call(&store, &account, id)).await??;
    let Recorded { record, position } = found.ok_or_else(|| unknown(id))?;
    let record: Value = serde_json::from_str(&record).map_err(ApiError::internal)?;
    let hypothesis = Reader { ctx, record: &record }.hypothesis(access, position)?;
    Ok(Asked { hypothesis, position })
}

fn unknown(id: RequestId) -> ApiError {
    ApiError::new(Code::NotFoundException, format!("There is no recorded call {id}."))
}

struct Reader<'a> {
    ctx: &'a Ctx,
    record: &'a Value,
}

impl Reader<'_> {
    fn hypothesis(
        &self,
        access: &mut Access<'_>,
        position: Position,
    ) -> Result<Hypothesis, ApiError> {
        let ctx = self.ctx;
        let call = access.call();
        let account = call.caller.principal.account().clone();
        let mut notes = vec!["the policies are those of now".to_owned()];
        let arn = self.text("/userIdentity/arn").ok_or_else(|| {
            ApiError::validation("The record does not say who called: it was not authenticated.")
        })?;
        let source_ip = self.text("/sourceIPAddress").and_then(|text| text.parse().ok());
        let secure = call.caller.secure_transport;
        let mut subject = Subject::find(ctx, &account, arn)?.calling(source_ip, secure);
        notes.push("a record does not say whether the call came over TLS: as this one".to_owned());
        let id = self.text("/userIdentity/principalId");
        if id.is_some_and(|id| id != subject.principal().principal_id()) {
            notes.push(format!("{arn} is not who it was then: it was deleted and made again"));
        }
        if self.text("/userIdentity/sessionContext/sessionIssuer/arn").is_some() {
            notes
                .push("a record does not say which tags and policy a session had: none".to_owned());
        }
        let action = self.action()?;
        let key = match self.text("/resources/0/ARN").and_then(KeyArn::parse) {
            Some(arn) => Some(ctx.keys.find(&arn.region, arn.id).ok_or_else(|| {
                let text = format!("The key {arn} does not exist any more.");
                ApiError::new(Code::NotFoundException, text)
            })?),
            None => None,
        };
        let key = key.filter(|key| key.arn.account == account);
        if let Some(key) = &key {
            access.record_resource(&key.arn);
        } else if !action.applies_to(ResourceKind::Account) {
            let text =
                format!("The record does not say which key {action} was about, or none was found.");
            return Err(ApiError::validation(text));
        }
        let region = self.text("/awsRegion").and_then(Region::parse);
        let named = self.text("/requestParameters/keyId").filter(|name| name.contains("alias/"));
        let alias = named.map(|name| name.rsplit_once(':').map_or(name, |(_, name)| name));
        let region = region.unwrap_or_else(|| access.call().region.clone());
        let scenario = &mut subject.scenario;
        scenario.encryption_context = self.encryption_context();
        scenario.request_alias = alias.map(str::to_owned);
        scenario.now_ms = position.time_ms;
        let via = self.text("/userIdentity/invokedBy");
        scenario.caller.via_service = via.map(|service| service.to_owned().into());
        Ok(Hypothesis { notes, ..Hypothesis::about(ctx, subject, action, key, &region) })
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.record.pointer(pointer)?.as_str()
    }

    /// The action that was denied, which the message names; of any other call,
    /// the one of the operation's name.
    fn action(&self) -> Result<Action, ApiError> {
        let message = self.text("/errorMessage").unwrap_or_default();
        let denied = message.split_once("not authorized to perform: ");
        let denied = denied.and_then(|(_, rest)| rest.split(' ').next());
        let source = self.text("/eventSource").unwrap_or_default();
        let service = source.split('.').next().unwrap_or_default();
        let name = self.text("/eventName").unwrap_or_default();
        let name = denied.map_or_else(|| format!("{service}:{name}"), str::to_owned);
        Action::find(&name).ok_or_else(|| {
            ApiError::validation(format!("{name} is more than one action: explain each by itself."))
        })
    }

    fn encryption_context(&self) -> EncryptionContext {
        let pairs = self.record.pointer("/requestParameters/encryptionContext");
        pairs.and_then(|pairs| serde_json::from_value(pairs.clone()).ok()).unwrap_or_default()
    }
}
