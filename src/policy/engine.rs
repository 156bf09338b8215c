//! The engine: one question in, one decision out.

use std::collections::BTreeMap;
use std::sync::Arc;

use cedar_policy::{Authorizer, Decision as Verdict};

use super::actions::Action;
use super::builtin;
use super::compile::Compiler;
use super::decision::{Decision, Denial, DenialKind, Determining, Explanation, Permit, Source};
use super::document::{Document, Usage};
use super::error::{CompileError, Error};
use super::facts::Facts;
use super::grant::{GrantPolicy, GrantQuery, Reach};
use super::guardrails::Guardrails;
use super::principal::{PrincipalDirectory, PrincipalId};
use super::question::{Question, Resource, Standing};
use super::self_check;
use crate::base::caller::Principal;

/// Compiles policy documents and decides questions. One for the whole server,
/// shared by all threads.
pub struct Engine {
    pub(super) compiler: Compiler,
    pub(super) authorizer: Authorizer,
    pub(super) grant_policy: GrantPolicy,
    pub(super) root: Arc<Document>,
    pub(super) system: Arc<Document>,
    deny_all: Arc<Document>,
    pub(super) guardrails: Guardrails,
}

/// What one or more documents say to one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stance {
    Allow {
        /// Whether a policy that allows names the very principal.
        by_name: bool,
    },
    Forbid,
    Silent,
    Failed,
}

/// What the caller's side says; nothing on it forbids.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallerSide {
    /// Whether a policy attached to the caller allows the call.
    identity: bool,
    /// Whether the permissions boundary, if there is one, allows it.
    boundary: bool,
    /// Whether the session policy, if there is one, allows it.
    session_policy: bool,
}

/// What is learned on the way to a decision.
#[derive(Default)]
pub(super) struct Trail {
    permits: Vec<Determining>,
    forbids: Vec<Determining>,
    documents: Vec<String>,
    errors: Vec<String>,
}

impl Engine {
    /// The engine with the schema and the built-in policies of this program.
    ///
    /// # Errors
    ///
    /// [`Error`] if they are not valid, or if a trivial decision comes out
    /// wrong on this machine.
    pub fn new() -> Result<Self, Error> {
        let compiler = Compiler::new()?;
        let builtin = |name, text| {
            let nobody = BTreeMap::<String, PrincipalId>::new();
            compiler
                .compile(Usage::Identity, text, &nobody)
                .map_err(|cause| Error::Builtin { name, cause })
        };
        let root = builtin("root", builtin::ROOT)?;
        let system = builtin("system", builtin::SYSTEM)?;
        let deny_all = builtin("deny all", builtin::DENY_ALL)?;
        let engine = Self {
            compiler,
            authorizer: Authorizer::new(),
            grant_policy: GrantPolicy::new()?,
            root,
            system,
            deny_all,
            guardrails: Guardrails::default(),
        };
        self_check::run(&engine)?;
        Ok(engine)
    }

    /// Compiles a key policy: AWS JSON if the first character that is not blank
    /// is `{`, Cedar otherwise. The `directory` turns principal ARNs into
    /// unique ids.
    ///
    /// # Errors
    ///
    /// [`CompileError`] if the document cannot be honoured exactly.
    pub fn compile_key_policy(
        &self,
        text: &str,
        directory: &dyn PrincipalDirectory,
    ) -> Result<Arc<Document>, CompileError> {
        self.compiler.compile(Usage::KeyPolicy, text, directory)
    }

    /// The policy of an AWS managed key, whose text is
    /// [`builtin::managed_key_policy`]: it is not read as other policies are,
    /// but decided by a form of it that comes with the program.
    ///
    /// # Errors
    ///
    /// [`CompileError`] if it is not such a policy.
    pub fn managed_key_policy(&self, text: &str) -> Result<Arc<Document>, CompileError> {
        self.compiler.managed(text)
    }

    /// Compiles a policy for users and roles, in the same two languages. AWS
    /// JSON statements have no `Principal` here.
    ///
    /// # Errors
    ///
    /// [`CompileError`] if the document cannot be honoured exactly.
    pub fn compile_identity_policy(&self, text: &str) -> Result<Arc<Document>, CompileError> {
        self.compiler.compile(Usage::Identity, text, &BTreeMap::new())
    }

    /// Compiles a trust policy, which says who may assume a role: the same two
    /// languages and principals as in a key policy.
    ///
    /// # Errors
    ///
    /// [`CompileError`] if the document cannot be honoured exactly.
    pub fn compile_trust_policy(
        &self,
        text: &str,
        directory: &dyn PrincipalDirectory,
    ) -> Result<Arc<Document>, CompileError> {
        self.compiler.compile(Usage::Trust, text, directory)
    }

    /// An identity policy that forbids everything, to stand in the place of one
    /// that is not known.
    #[must_use]
    pub fn deny_all(&self) -> Arc<Document> {
        Arc::clone(&self.deny_all)
    }

    /// Compiles a guardrail: Cedar that only forbids.
    ///
    /// # Errors
    ///
    /// [`CompileError`] if it is not Cedar, or allows something.
    pub fn compile_guardrail(&self, text: &str) -> Result<Arc<Document>, CompileError> {
        self.compiler.compile(Usage::Guardrail, text, &BTreeMap::new())
    }

    /// Puts these guardrails in force, each with the name that its operator has
    /// for it, in place of those before.
    pub fn set_guardrails(&self, guardrails: Vec<(String, Arc<Document>)>) {
        self.guardrails.set(guardrails);
    }

    pub(crate) fn guardrails(&self) -> Arc<[Arc<Document>]> {
        self.guardrails.documents()
    }

    /// Decides one question.
    #[must_use]
    pub fn decide(&self, question: &Question<'_>) -> Decision {
        let mut trail = Trail::default();
        let denied = self.judge(question, &mut trail).err();
        let explanation = trail.explain(question, denied);
        let outcome = match denied {
            Some(kind) => Err(Denial::new(kind, question)),
            None => Ok(Permit::new(question.action, question.resource.key_arn())),
        };
        Decision { outcome, explanation }
    }

    /// Checks that the caller of `question` could still change the key policy
    /// if the one in `question.resource` were attached; its action does not
    /// matter (AWS KMS API Reference, `BypassPolicyLockoutSafetyCheck`).
    ///
    /// # Errors
    ///
    /// [`CompileError::Lockout`] if the caller could not.
    pub fn check_lockout(&self, question: &Question<'_>) -> Result<(), CompileError> {
        let question = Question { action: Action::PUT_KEY_POLICY, ..*question };
        self.decide(&question).outcome.map(drop).map_err(|_denial| CompileError::Lockout)
    }

    /// AWS's evaluation logic (IAM User Guide, "Policy evaluation logic"; AWS KMS
    /// Developer Guide, "Determining access to AWS KMS keys"): whatever forbids
    /// wins; then the resource's own policy, the caller's policies and, for a
    /// key, its grants are looked at for what allows.
    fn judge(&self, question: &Question<'_>, trail: &mut Trail) -> Result<(), DenialKind> {
        if !question.action.applies_to(question.resource.kind()) {
            let kind = question.resource.kind().as_str();
            trail.errors.push(format!("{} does not apply to {kind}", question.action));
            return Err(DenialKind::FailedClosed);
        }
        let Some(facts) = Facts::new(question, &self.compiler.vocabulary) else {
            return Err(DenialKind::ImplicitIdentity);
        };
        let side = self.judge_caller(question, &facts, trail)?;
        let principal = &question.caller.principal;
        let foreign = principal.account() != question.resource.account();
        let Some((source, policy)) = resource_policy(question) else {
            // Nothing could let another account in; and no key policy can stop
            // the timers.
            return if foreign { Err(DenialKind::ImplicitIdentity) } else { side.allows() };
        };
        let stance = self.ask(source, policy, &facts, side.allows().is_ok(), trail);
        let denied = match stance {
            Stance::Failed => return Err(DenialKind::FailedClosed),
            Stance::Forbid => return Err(DenialKind::ExplicitResourcePolicy),
            // Some things are nobody's but the owner's, whatever the policies say.
            Stance::Allow { .. } if foreign && !question.action.crosses_accounts() => {
                Some(DenialKind::ImplicitResourcePolicy)
            }
            // Who may retire a grant is said by the grant.
            Stance::Allow { .. } if question.action == Action::RETIRE_GRANT => {
                Some(DenialKind::ImplicitResourcePolicy)
            }
            Stance::Allow { by_name } => match side.consents(foreign, by_name) {
                Ok(()) => return Ok(()),
                Err(denied) => Some(denied),
            },
            Stance::Silent => None,
        };
        if self.ask_grants(question, side, trail)? {
            return Ok(());
        }
        // Which side it is that is silent costs one more look at the policy.
        Err(denied.unwrap_or_else(|| match side.allows() {
            Err(denied) if self.delegates(source, policy, &facts) => denied,
            _ => DenialKind::ImplicitResourcePolicy,
        }))
    }

    /// The caller's side: guardrails, boundary, session policy, and the policies
    /// attached to it.
    pub(super) fn judge_caller(
        &self,
        question: &Question<'_>,
        facts: &Facts<'_>,
        trail: &mut Trail,
    ) -> Result<CallerSide, DenialKind> {
        let identity = if let Principal::System { .. } = question.caller.principal {
            self.ask(Source::Builtin, &self.system, facts, false, trail)
        } else {
            let guardrails = self.guardrails();
            let guarded =
                self.ask_all(Source::Guardrail, guardrails.iter(), facts, Stance::Silent, trail);
            guarded.unless_forbidden(DenialKind::ExplicitGuardrail)?;
            self.ask_identity(question, facts, trail)
        };
        let identity = identity.unless_forbidden(DenialKind::ExplicitIdentity)?;
        let Standing { boundary, session_policy, .. } = question.standing;
        let mut limit = |source, policy: &Option<Arc<Document>>, forbidden| match policy {
            None => Ok(true),
            Some(policy) => {
                self.ask(source, policy, facts, false, trail).unless_forbidden(forbidden)
            }
        };
        let boundary = limit(Source::Boundary, boundary, DenialKind::ExplicitBoundary)?;
        let session_policy =
            limit(Source::SessionPolicy, session_policy, DenialKind::ExplicitSessionPolicy)?;
        Ok(CallerSide { identity, boundary, session_policy })
    }

    /// Whether it is the caller's identity policies that are missing: the
    /// resource's policy would allow the call if they did.
    fn delegates(&self, source: Source, policy: &Document, facts: &Facts<'_>) -> bool {
        let stance = self.ask(source, policy, facts, true, &mut Trail::default());
        matches!(stance, Stance::Allow { .. })
    }

    /// Whether a grant allows the call.
    fn ask_grants(
        &self,
        question: &Question<'_>,
        side: CallerSide,
        trail: &mut Trail,
    ) -> Result<bool, DenialKind> {
        let (Resource::Key(key), Some(operation)) =
            (question.resource, question.action.grant_operation())
        else {
            return Ok(false);
        };
        let query = GrantQuery {
            key: key.arn,
            principal: &question.caller.principal,
            operation,
            context: question.request.encryption_context,
        };
        for candidate in question.grants.candidates(&query) {
            let reached = match candidate.reach {
                Reach::Itself => true,
                Reach::Role => side.is_within_limits().is_ok(),
                Reach::Account => side.allows().is_ok(),
            };
            if !reached {
                continue;
            }
            match self.grant_policy.allows(&self.authorizer, &query, &candidate) {
                Ok(false) => {}
                Ok(true) => {
                    let policy = candidate.terms.id.to_string();
                    let grant = Determining { source: Source::Grant, policy, sid: None };
                    trail.permits = vec![grant];
                    return Ok(true);
                }
                Err(error) => {
                    trail.errors.push(format!("grant {}: {error}", candidate.terms.id));
                    return Err(DenialKind::FailedClosed);
                }
            }
        }
        Ok(false)
    }

    /// Asks the caller's policies and the built-in ones as if they were one.
    fn ask_identity(
        &self,
        question: &Question<'_>,
        facts: &Facts<'_>,
        trail: &mut Trail,
    ) -> Stance {
        let builtin = match question.caller.principal {
            Principal::Root { .. } => self.ask(Source::Builtin, &self.root, facts, false, trail),
            _ => Stance::Silent,
        };
        self.ask_all(Source::Identity, question.standing.policies.iter(), facts, builtin, trail)
    }

    /// Asks several documents as if they were one, beside one that was asked.
    fn ask_all<'a>(
        &self,
        source: Source,
        documents: impl Iterator<Item = &'a Arc<Document>>,
        facts: &Facts<'_>,
        asked: Stance,
        trail: &mut Trail,
    ) -> Stance {
        documents
            .fold(asked, |stance, policy| stance.and(self.ask(source, policy, facts, false, trail)))
    }

    /// Asks one document.
    fn ask(
        &self,
        source: Source,
        document: &Document,
        facts: &Facts<'_>,
        iam_allows: bool,
        trail: &mut Trail,
    ) -> Stance {
        trail.documents.push(document.id().to_owned());
        let slice = match document.slice(facts.action(), &facts.principal, &facts.resource) {
            Ok(Some(slice)) => slice,
            Ok(None) => return Stance::Silent,
            Err(error) => return trail.fail(document, &error.to_string()),
        };
        let request = match facts.request(&slice.reads, iam_allows) {
            Ok(request) => request,
            Err(error) => return trail.fail(document, &error),
        };
        let entities = match facts.entities(&slice.reads) {
            Ok(entities) => entities,
            Err(error) => return trail.fail(document, &error),
        };
        let response = self.authorizer.is_authorized(&request, &slice.policies, &entities);
        let diagnostics = response.diagnostics();
        let by_name = diagnostics.reason().any(|id| {
            let id: &str = id.as_ref();
            slice.by_name.contains(id)
        });
        let reasons = diagnostics.reason().map(|id| Determining {
            source,
            policy: AsRef::<str>::as_ref(id).to_owned(),
            sid: slice.sids.get(AsRef::<str>::as_ref(id)).cloned(),
        });
        let errors = trail.errors.len();
        trail.errors.extend(diagnostics.errors().map(ToString::to_string));
        let before = (trail.permits.len(), trail.forbids.len());
        match response.decision() {
            Verdict::Allow => trail.permits.extend(reasons),
            Verdict::Deny => trail.forbids.extend(reasons),
        }
        // Cedar skips a policy that it cannot evaluate; a forbid may be among
        // them.
        if trail.errors.len() > errors {
            Stance::Failed
        } else if trail.forbids.len() > before.1 {
            Stance::Forbid
        } else if trail.permits.len() > before.0 {
            Stance::Allow { by_name }
        } else {
            Stance::Silent
        }
    }
}

impl Stance {
    /// The stance of two documents together.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Failed, _) | (_, Self::Failed) => Self::Failed,
            (Self::Forbid, _) | (_, Self::Forbid) => Self::Forbid,
            (Self::Allow { by_name: one }, Self::Allow { by_name: other }) => {
                Self::Allow { by_name: one || other }
            }
            (allow @ Self::Allow { .. }, _) | (_, allow @ Self::Allow { .. }) => allow,
            (Self::Silent, Self::Silent) => Self::Silent,
        }
    }

    /// Whether it allows; a denial of the kind `forbidden` if it forbids.
    fn unless_forbidden(self, forbidden: DenialKind) -> Result<bool, DenialKind> {
        match self {
            Self::Failed => Err(DenialKind::FailedClosed),
            Self::Forbid => Err(forbidden),
            Self::Allow { .. } => Ok(true),
            Self::Silent => Ok(false),
        }
    }
}

impl CallerSide {
    /// Whether the caller's own policies allow the call, within their limits.
    pub(super) fn allows(self) -> Result<(), DenialKind> {
        if self.identity { self.is_within_limits() } else { Err(DenialKind::ImplicitIdentity) }
    }

    /// Whether boundary and session policy let the call pass.
    pub(super) fn is_within_limits(self) -> Result<(), DenialKind> {
        match self {
            Self { boundary: false, .. } => Err(DenialKind::ImplicitBoundary),
            Self { session_policy: false, .. } => Err(DenialKind::ImplicitSessionPolicy),
            _ => Ok(()),
        }
    }

    /// Whether the caller's side stands in the way of what the resource's own
    /// policy allows. A foreign caller needs the consent of both accounts. At
    /// home the limits hold unless the policy names the very user or session
    /// (IAM User Guide, "Evaluating effective permissions with boundaries").
    fn consents(self, foreign: bool, by_name: bool) -> Result<(), DenialKind> {
        match (foreign, by_name) {
            (true, _) => self.allows(),
            (false, true) => Ok(()),
            (false, false) => self.is_within_limits(),
        }
    }
}

impl Trail {
    fn fail(&mut self, document: &Document, reason: &str) -> Stance {
        self.errors.push(format!("document `{}`: {reason}", document.id()));
        Stance::Failed
    }

    fn explain(self, question: &Question<'_>, denied: Option<DenialKind>) -> Explanation {
        let mut determining = match denied {
            None => self.permits,
            Some(kind) if kind.is_explicit() => self.forbids,
            Some(_) => Vec::new(),
        };
        // Cedar keeps them in a hash set.
        determining.sort_unstable();
        let (action, resource) = (question.action, question.resource.label());
        let (documents, errors) = (self.documents, self.errors);
        let owner = question.resource.account();
        let foreign_owner = (owner != question.caller.principal.account()).then(|| owner.clone());
        Explanation { action, resource, denied, determining, documents, errors, foreign_owner }
    }
}

/// The policy that the resource itself has, if it bears on the question.
pub(super) fn resource_policy<'a>(question: &Question<'a>) -> Option<(Source, &'a Arc<Document>)> {
    if let Principal::System { .. } = question.caller.principal {
        return None;
    }
    match question.resource {
        Resource::Key(key) => Some((Source::KeyPolicy, key.policy)),
        Resource::Role { trust: Some(trust), .. } if question.action.service() == "sts" => {
            Some((Source::TrustPolicy, trust))
        }
        _ => None,
    }
}
