//! CreateGrant: by who may so by policy, or by a grant that covers the new one.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html>

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::access::Access;
use super::ctx::Ctx;
use super::grants::{
    self, CONSTRAINTS, Constraints, GRANT_NAME, OPERATIONS, PRINCIPAL, SERVICE_PRINCIPAL,
};
use super::operation::{Description, Done, Operation, Service};
use super::resolve::{self, Accepts};
use super::shapes::{DRY_RUN, GRANT_TOKENS, KEY_ID, check_context, out_text};
use crate::base::grant::{GrantId, GrantOperation, GrantTerms};
use crate::base::ids::{AccountId, Realm};
use crate::base::limits;
use crate::base::spec::KeySpec;
use crate::keys::grants::sources::Parents;
use crate::keys::grants::{Grant, changes, token};
use crate::keys::key::Key;
use crate::keys::state::StateRule;
use crate::policy::actions::Action;
use crate::policy::fact::Fact;
use crate::store::Change;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::Member;
use crate::wire::validate;

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
    name: Option<String>,
    grantee_service_principal: Option<String>,
    retiring_service_principal: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    grant_token: String,
    grant_id: String,
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
        ],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        check_members(&input)?;
        let terms = terms(ctx, &input)?;
        // By which grant the caller may, if by none of the policies.
        access.use_grants(Parents { grants: Arc::clone(&ctx.grants), new: terms.clone() });
        says(access, &input, &terms);
        let context = grants::constraint(&terms);
        let action = Action::CREATE_GRANT;
        let key = access.key(action, &input.key_id, Accepts::Key, Some(&context))?.key;
        let issuer = access.call().caller.principal.account();
        let grant = new_grant(ctx, &key, issuer, terms, input)?;
        StateRule::CreateGrant.check(key.state, &key.arn)?;
        make(ctx, grant)
    }
}

/// The grant that a call with this input would make, for somebody who needs no
/// permission.
///
/// # Errors
/// As CreateGrant, but for who calls and for the state of the key.
pub fn given_grant(
    ctx: &Ctx,
    owner: &Realm,
    mut input: Map<String, Value>,
) -> Result<Grant, ApiError> {
    validate::check(&mut input, CreateGrant::DESCRIPTION.input)?;
    let input: Input = serde_json::from_value(Value::Object(input))
        .map_err(|_mismatch| ApiError::bare(Code::SerializationException))?;
    check_members(&input)?;
    let key = resolve::own_key(&ctx.keys, owner, &input.key_id)?;
    new_grant(ctx, &key, &owner.account, terms(ctx, &input)?, input)
}

fn new_grant(
    ctx: &Ctx,
    key: &Key,
    issuer: &AccountId,
    terms: GrantTerms,
    input: Input,
) -> Result<Grant, ApiError> {
    let named = |arn: &Option<String>, service: &Option<String>| match (arn, service) {
        (Some(arn), _) => grants::principal(ctx, arn).map(Some),
        (None, service) => Ok(service.as_deref().map(grants::service)),
    };
    let grantee = named(&input.grantee_principal, &input.grantee_service_principal)?;
    let retiring = named(&input.retiring_principal, &input.retiring_service_principal)?;
    check_fit(key, &terms)?;
    Ok(Grant {
        terms,
        key: key.arn.clone(),
        name: input.name,
        grantee: grantee.ok_or_else(no_grantee)?,
        retiring,
        issuing_account: issuer.clone(),
        created_ms: ctx.clock.now_ms(),
    })
}

/// What policies may read of the new grant.
fn says(access: &mut Access<'_>, input: &Input, terms: &GrantTerms) {
    grants::says_constraints(access, terms);
    grants::says_direct(access);
    let operations = terms.operations.iter().map(|operation| operation.to_string());
    access.says(Fact::GrantOperations, operations.collect::<Vec<_>>());
    for (fact, text) in [
        (Fact::GranteePrincipal, &input.grantee_principal),
        (Fact::RetiringPrincipal, &input.retiring_principal),
        (Fact::GranteeServicePrincipal, &input.grantee_service_principal),
        (Fact::RetiringServicePrincipal, &input.retiring_service_principal),
        (Fact::GrantConstraintSourceArn, &terms.source_arn),
    ] {
        if let Some(text) = text {
            access.says(fact, text.clone());
        }
    }
}

/// What the new grant says, under an id of its own.
fn terms(ctx: &Ctx, input: &Input) -> Result<GrantTerms, ApiError> {
    let mut random = [0; 32];
    ctx.hsm.fill_random(&mut random)?;
    Ok(GrantTerms {
        id: GrantId::from_random(random),
        operations: input.operations.iter().copied().collect(),
        subset: input.constraints.encryption_context_subset.clone(),
        equals: input.constraints.encryption_context_equals.clone(),
        source_arn: input.constraints.source_arn.clone(),
    })
}

/// Makes the grant, unless it has a name and is there already: that is how a
/// caller repeats a call of which the answer was lost.
fn make(ctx: &Ctx, grant: Grant) -> Result<Done<Output>, ApiError> {
    let held = grant.name.as_ref().and_then(|_| ctx.grants.find_same(&grant));
    let (key, id) = (grant.key.clone(), held.as_ref().map_or(grant.terms.id, |held| held.terms.id));
    let mut made: Vec<Box<dyn Change>> = Vec::new();
    if held.is_none() {
        check_room(ctx, &grant)?;
        made.push(Box::new(changes::CreateGrant { grants: Arc::clone(&ctx.grants), grant }));
    }
    let output =
        Output { grant_token: token::seal(&ctx.hsm, &key, &id)?, grant_id: id.to_string() };
    let recorded = json!({ "grantId": output.grant_id, "keyId": key.to_string() });
    Ok(Done::changed(output, made, Some(recorded)))
}

/// Checks that a key may have one more grant.
fn check_room(ctx: &Ctx, grant: &Grant) -> Result<(), ApiError> {
    let quota = ctx.quotas.grants_per_key;
    if ctx.grants.count(&grant.key) < quota {
        return Ok(());
    }
    let text = format!("The key already has {quota} grants.");
    Err(ApiError::new(Code::LimitExceededException, text))
}

fn no_grantee() -> ApiError {
    ApiError::validation("You must specify either GranteePrincipal or GranteeServicePrincipal.")
}

/// What can be said of the input without a look at the key.
fn check_members(input: &Input) -> Result<(), ApiError> {
    check_principals(input)?;
    check_operations(&input.operations)?;
    check_constraints(&input.constraints, &input.operations)
}

fn check_principals(input: &Input) -> Result<(), ApiError> {
    if input.grantee_principal.is_some() == input.grantee_service_principal.is_some() {
        return Err(no_grantee());
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

fn check_constraints(
    constraints: &Constraints,
    operations: &[GrantOperation],
) -> Result<(), ApiError> {
    let Constraints { encryption_context_subset, encryption_context_equals, .. } = constraints;
    // Policies ask for the type of a constraint, which must be one.
    if !encryption_context_subset.is_empty() && !encryption_context_equals.is_empty() {
        return Err(ApiError::validation(
            "A grant has one encryption context constraint: either EncryptionContextSubset or \
             EncryptionContextEquals.",
        ));
    }
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
        None => Ok(()),
        Some(operation) => Err(ApiError::validation(format!(
            "Grant operation {operation} does not support encryption context constraints."
        ))),
    }
}

/// Refuses a grant of what the key cannot do.
fn check_fit(key: &Key, terms: &GrantTerms) -> Result<(), ApiError> {
    let constrained = !terms.subset.is_empty() || !terms.equals.is_empty();
    if constrained && key.spec != KeySpec::SymmetricDefault {
        return Err(ApiError::validation(
            "Encryption context constraints are supported for symmetric encryption KMS keys only.",
        ));
    }
    match terms.operations.iter().find(|operation| !operation.fits(key.spec, key.usage)) {
        None => Ok(()),
        Some(operation) => Err(ApiError::validation(format!(
            "Grant operation {operation} is not valid for a KMS key with key spec {} and key \
             usage {}.",
            key.spec, key.usage
        ))),
    }
}
