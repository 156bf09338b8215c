//! From an HTTP request to a verified signature or token.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;

use super::request::Incoming;
use super::state::State;
use crate::base::arn::RoleArn;
use crate::base::caller::Caller;
use crate::base::ids::{Realm, Region};
use crate::base::rates::RateGroup;
use crate::identity::authenticate::{Authenticated, Error};
use crate::identity::oidc::WebIdentity;
use crate::ops::operation::Description;
use crate::ops::pipeline::Refusal;
use crate::ops::sts::bearer;
use crate::policy::decision::Explanation;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::sigv4::Request;

/// The header that names the role of a call by bearer token.
const ROLE: &str = "x-wardbook-role";

/// Checks that the request is signed for `service` by somebody known.
///
/// # Errors
/// AWS's errors and texts.
pub(super) fn authenticate(
    state: &State,
    request: &HttpRequest,
    incoming: &Incoming,
    service: &str,
) -> Result<Authenticated, ApiError> {
    let headers = headers(request);
    let signed = signed(request, &headers, &incoming.body);
    let now_ms = state.ctx.clock.now_ms();
    state
        .authenticator
        .authenticate(&signed, service, incoming.payload, now_ms)
        .map_err(to_api_error)
}

/// Checks, before there is a body, what needs none: that there is a credential as the
/// request has it, signed for `service`.
///
/// # Errors
/// Those that the call would have with any body.
pub(super) fn check_claim(
    state: &State,
    request: &HttpRequest,
    incoming: &Incoming,
    service: &str,
) -> Result<(), ApiError> {
    if let Some(token) = bearer(request) {
        return web_identity(state, token, named_role(request)?.as_ref()).map(drop);
    }
    let headers = headers(request);
    let signed = signed(request, &headers, &[]);
    let now_ms = state.ctx.clock.now_ms();
    state
        .authenticator
        .check_claim(&signed, service, incoming.payload, now_ms)
        .map_err(to_api_error)
}

fn headers(request: &HttpRequest) -> Vec<(&str, &[u8])> {
    request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
}

fn signed<'a>(
    request: &'a HttpRequest,
    headers: &'a [(&str, &[u8])],
    body: &'a [u8],
) -> Request<'a> {
    Request {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        headers,
        body,
    }
}

/// Counts a call by the token of a web identity, before it is known who that is,
/// and says for which Region it is: nothing of it is signed.
///
/// # Errors
/// `ThrottlingException`.
pub(super) fn count_web_identity(state: &State) -> Result<Region, ApiError> {
    let region = state.ctx.regions.first().cloned();
    let region = region.ok_or_else(|| ApiError::internal("the server has no Region"))?;
    let realm = Realm { account: state.ctx.account.clone(), region: region.clone() };
    state.ctx.rates.count_at(realm, RateGroup::WebIdentity)?;
    Ok(region)
}

/// Verifies the token of a web identity that wants to be `role`.
///
/// # Errors
/// AWS's errors and texts.
pub(super) fn web_identity(
    state: &State,
    token: &str,
    role: Option<&RoleArn>,
) -> Result<WebIdentity, ApiError> {
    Ok(state.authenticator.web_identity(token, role, state.ctx.clock.now_ms())?)
}

/// The bearer token of a request, which says nothing else of who sends it.
pub(super) fn bearer(request: &HttpRequest) -> Option<&str> {
    let mut values = request.headers().get_all(AUTHORIZATION);
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let value = value.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Who makes a call, and where.
pub(super) struct Known {
    pub(super) caller: Caller,
    pub(super) region: Region,
    /// What was decided to know it.
    pub(super) decided: Vec<Explanation>,
}

/// A call that is refused before it runs, and who makes it as far as is known.
pub(super) struct Refused {
    pub(super) caller: Option<Box<Caller>>,
    pub(super) refusal: Refusal,
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self { caller: None, refusal: error.into() }
    }
}

/// The caller of a request with a bearer token: a session of the role that its
/// header names, or of its issuer's default role.
///
/// # Errors
/// The call's refusal, and who is refused as far as that is known.
pub(super) fn assume(
    state: &State,
    request: &HttpRequest,
    incoming: &Incoming,
    operation: &Description,
    token: &str,
) -> Result<Known, Refused> {
    let region = count_web_identity(state)?;
    let named = named_role(request)?;
    let who = web_identity(state, token, named.as_ref())?;
    let caller = state.caller_as(incoming, who.principal());
    let Some(role) = named.or_else(|| who.default_role.clone()) else {
        let text = format!("Name a role in {ROLE}: the issuer of the token has no default role.");
        let refusal = ApiError::validation(text).into();
        return Err(Refused { caller: Some(Box::new(caller)), refusal });
    };
    match bearer::assume(&state.ctx, operation, &caller, &region, &who, role) {
        Ok((caller, decided)) => Ok(Known { caller, region, decided }),
        Err(refusal) => Err(Refused { caller: Some(Box::new(caller)), refusal }),
    }
}

/// The role that the header names, if there is one.
fn named_role(request: &HttpRequest) -> Result<Option<RoleArn>, ApiError> {
    let mut values = request.headers().get_all(ROLE);
    let named = match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().and_then(RoleArn::parse),
        _ => None,
    };
    match named.is_none() && request.headers().contains_key(ROLE) {
        true => Err(ApiError::validation(format!("{ROLE} is not the ARN of one role."))),
        false => Ok(named),
    }
}

fn to_api_error(error: Error) -> ApiError {
    let code = match &error {
        Error::Signature(signature) => match signature.code() {
            "IncompleteSignatureException" => Code::IncompleteSignatureException,
            "MissingAuthenticationTokenException" => Code::MissingAuthenticationTokenException,
            _ => Code::InvalidSignatureException,
        },
        Error::InvalidToken => Code::UnrecognizedClientException,
        Error::ExpiredToken => Code::ExpiredTokenException,
        Error::Hsm(_) => return ApiError::internal(error),
    };
    ApiError::new(code, error.to_string())
}
