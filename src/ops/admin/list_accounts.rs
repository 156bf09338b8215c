//! ListAccounts: the accounts of this server. Its first account alone may ask.

use serde::{Deserialize, Serialize};

use super::subject;
use crate::base::timestamp;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape};

pub(super) struct ListAccounts;

#[derive(Deserialize)]
pub(super) struct Input {}

#[derive(Serialize)]
pub(super) struct Output {
    accounts: Vec<Account>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    account_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    account_name: String,
    /// RFC 3339.
    create_date: String,
}

impl Operation for ListAccounts {
    const DESCRIPTION: Description = Description {
        name: "ListAccounts",
        service: Service::Iam,
        read_only: true,
        input: &[],
        output: &[Member::optional(
            "accounts",
            Shape::List { of: &ACCOUNT, min: 0, max: usize::MAX },
        )],
        errors: &[],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        _input: Input,
    ) -> Result<Done<Output>, ApiError> {
        subject::ask_first_account(ctx, access, Action::LIST_ACCOUNTS)?;
        let accounts = ctx.directory.list_accounts();
        let accounts = accounts.iter().map(|account| Account {
            account_id: account.id.to_string(),
            account_name: account.name.clone(),
            create_date: timestamp::event_time(account.created_ms),
        });
        Ok(Done::read(Output { accounts: accounts.collect() }))
    }
}

const ACCOUNT: Shape =
    Shape::Structure(&[out_text("accountId"), out_text("accountName"), out_text("createDate")]);
