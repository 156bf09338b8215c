//! CreateGrant: checked to the end, and then refused, until there are grants.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html>

use serde::Deserialize;

use super::access::Access;
use super::ctx::Ctx;
use super::grants::{
    CONSTRAINTS, GRANT_NAME, OPERATIONS, PRINCIPAL, SERVICE_PRINCIPAL, check_principal,
};
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{DRY_RUN, GRANT_TOKENS, KEY_ID, Nothing, check_context, out_text};
use crate::base::context::EncryptionContext;
use crate::base::grant::GrantOperation;
use crate::base::limits;
use crate::base::spec::KeySpec;
use crate::keys::key::Key;
use crate::keys::state::StateRule;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::Member;

pub(super) struct CreateGrant;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
    grantee_principal: Option<String>,
    retiring_principal: Option<String>,
    operations: Vec<GrantOperation>,
    #[serde(default)]
    constraints: Constraints,
    grantee_service_principal: Option<String>,
    retiring_service_principal: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Constraints {
    #[serde(default)]
    encryption_context_subset: EncryptionContext,
    #[serde(default)]
    encryption_context_equals: EncryptionContext,
    source_arn: Option<String>,
}

impl Operation for CreateGrant {
    const DESCRIPTION: Description = Description {
        name: "CreateGrant",
        service: Service::Kms,
        read_only: false,
        input: &[
            KEY_ID,
            Member::optional("GranteePrincipal", PRINCIPAL),
            Member::optional("RetiringPrincipal", PRINCIPAL),
            Member::required("Operations", OPERATIONS),
            CONSTRAINTS,
            GRANT_TOKENS,
            Member::optional("Name", GRANT_NAME),
            DRY_RUN,
            Member::optional("GranteeServicePrincipal", SERVICE_PRINCIPAL),
            Member::optional("RetiringServicePrincipal", SERVICE_PRINCIPAL),
        ],
        output: &[out_text("GrantToken"), out_text("GrantId")],
        errors: &[
            Code::DisabledException,
            Code::DryRunOperationException,
            Code::InvalidArnException,
            Code::InvalidGrantTokenException,
            Code::KMSInvalidStateException,
            Code::LimitExceededException,
            Code::NotFoundException,
            Code::UnsupportedOperationException,
        ],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Nothing;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Nothing>, ApiError> {
        check_principals(&input)?;
        check_operations(&input.operations)?;
        let constrained = check_constraints(&input.constraints, &input.operations)?;
        let key = access.key(Action::CREATE_GRANT, &input.key_id, Accepts::Key, None)?.key;
        for principal in [&input.grantee_principal, &input.retiring_principal] {
            check_principal(ctx, &key.arn.account, principal.as_deref())?;
        }
        check_fit(&key, &input.operations, constrained)?;
        StateRule::CreateGrant.check(key.state, &key.arn)?;
        let text = "Grants are not yet supported by this server.";
        Err(ApiError::new(Code::UnsupportedOperationException, text))
    }
}

fn check_principals(input: &Input) -> Result<(), ApiError> {
    if input.grantee_principal.is_some() == input.grantee_service_principal.is_some() {
        return Err(ApiError::validation(
            "You must specify either GranteePrincipal or GranteeServicePrincipal.",
        ));
    }
    if input.retiring_principal.is_some() && input.retiring_service_principal.is_some() {
        return Err(ApiError::validation(
            "You can specify RetiringPrincipal or RetiringServicePrincipal, but not both.",
        ));
    }
    let retiring = input.retiring_principal.is_some() || input.retiring_service_principal.is_some();
    let complete = retiring && input.constraints.source_arn.is_some();
    if input.grantee_service_principal.is_some() && !complete {
        return Err(ApiError::validation(
            "A grant to a service must have a SourceArn constraint and a retiring principal.",
        ));
    }
    Ok(())
}

fn check_operations(operations: &[GrantOperation]) -> Result<(), ApiError> {
    if operations.is_empty() {
        return Err(ApiError::validation("Grants must contain at least one operation."));
    }
    if operations.iter().all(|operation| *operation == GrantOperation::CreateGrant) {
        let text = "Grants must not contain only the CreateGrant operation.";
        return Err(ApiError::validation(text));
    }
    Ok(())
}

/// Answers whether the grant is bound to an encryption context.
fn check_constraints(
    constraints: &Constraints,
    operations: &[GrantOperation],
) -> Result<bool, ApiError> {
    let Constraints { encryption_context_subset, encryption_context_equals, .. } = constraints;
    for context in [encryption_context_subset, encryption_context_equals] {
        check_context(context)?;
        let long = |value: &str| value.chars().count() > limits::GRANT_CONSTRAINT_CHARS;
        if context.iter().count() > limits::GRANT_CONSTRAINT_PAIRS
            || context.iter().any(|(_, value)| long(value))
        {
            return Err(ApiError::validation(format!(
                "A grant constraint has at most {} encryption context pairs, and values of at \
                 most {} characters.",
                limits::GRANT_CONSTRAINT_PAIRS,
                limits::GRANT_CONSTRAINT_CHARS
            )));
        }
    }
    let constrained =
        !encryption_context_subset.is_empty() || !encryption_context_equals.is_empty();
    match operations.iter().find(|operation| constrained && !operation.bears_context()) {
        None => Ok(constrained),
        Some(operation) => Err(ApiError::validation(format!(
            "Grant operation {operation} does not support encryption context constraints."
        ))),
    }
}

/// Refuses a grant of what the key cannot do.
fn check_fit(key: &Key, operations: &[GrantOperation], constrained: bool) -> Result<(), ApiError> {
    if constrained && key.spec != KeySpec::SymmetricDefault {
        return Err(ApiError::validation(
            "Encryption context constraints are supported for symmetric encryption KMS keys only.",
        ));
    }
    match operations.iter().find(|operation| !operation.fits(key.spec, key.usage)) {
        None => Ok(()),
        Some(operation) => Err(ApiError::validation(format!(
            "Grant operation {operation} is not valid for a KMS key with key spec {} and key \
             usage {}.",
            key.spec, key.usage
        ))),
    }
}
