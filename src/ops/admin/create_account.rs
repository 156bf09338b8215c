//! CreateAccount: one more account in this server, with an administrator whose
//! secret is shown once, as `wardbook init` does it for the first one. That
//! first account alone may do it.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::subject;
use crate::base::ids::AccountId;
use crate::base::limits;
use crate::identity::account;
use crate::identity::directory::Account;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Pattern, matching};
use crate::wire::text::SecretText;

pub(super) struct CreateAccount;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    account_id: Option<String>,
    #[serde(default)]
    account_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    account_id: String,
    arn: String,
    user_name: String,
    user_id: String,
    access_key_id: String,
    secret_access_key: SecretText,
}

const ACCOUNT_ID: Pattern =
    Pattern { text: r"^\d{12}$", matches: |text| AccountId::parse(text).is_some() };
/// As AWS Organizations has it.
const ACCOUNT_NAME: Pattern = Pattern { text: r"[\u0020-\u007E]+", matches: account::is_name };

impl Operation for CreateAccount {
    const DESCRIPTION: Description = Description {
        name: "CreateAccount",
        service: Service::Iam,
        read_only: false,
        input: &[
            Member::optional("accountId", matching(12, 12, ACCOUNT_ID)),
            Member::optional("accountName", matching(1, 50, ACCOUNT_NAME)),
        ],
        output: &[
            out_text("accountId"),
            out_text("arn"),
            out_text("userName"),
            out_text("userId"),
            out_text("accessKeyId"),
            out_text("secretAccessKey"),
        ],
        errors: &[Code::AlreadyExistsException, Code::LimitExceededException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        subject::ask_first_account(ctx, access, Action::CREATE_ACCOUNT)?;
        let id = match input.account_id.as_deref().and_then(AccountId::parse) {
            Some(id) => id,
            None => account::random_id(&ctx.hsm)?,
        };
        if ctx.directory.find_account(&id).is_some() {
            let text = format!("The account {id} already exists.");
            return Err(ApiError::new(Code::AlreadyExistsException, text));
        }
        if ctx.directory.list_accounts().len() >= limits::ACCOUNTS {
            let text = format!("The server already has {} accounts.", limits::ACCOUNTS);
            return Err(ApiError::new(Code::LimitExceededException, text));
        }
        let new = Account { id, name: input.account_name, created_ms: ctx.clock.now_ms() };
        let account_id = new.id.to_string();
        let made = account::create(&ctx.hsm, &ctx.engine, &ctx.directory, new)?;
        let output = Output {
            account_id,
            arn: made.administrator.arn(),
            user_name: made.administrator.name.clone(),
            user_id: made.administrator.unique_id.clone(),
            access_key_id: made.credentials.access_key_id,
            secret_access_key: SecretText(made.credentials.secret),
        };
        let recorded = json!({
            "accountId": output.account_id,
            "arn": output.arn,
            "userName": output.user_name,
            "userId": output.user_id,
            "accessKeyId": output.access_key_id,
        });
        Ok(Done::changed(output, made.changes, Some(recorded)))
    }
}
