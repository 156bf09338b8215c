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
use super::principal::{PrincipalDirectory, PrincipalId};
use super::question::{Question, Resource};
use super::self_check;
use crate::base::arn::KeyArn;
use crate::base::caller::Principal;

/// Compiles policy documents and decides questions. One for the whole server,
/// shared by all threads.
pub struct Engine {
    compiler: Compiler,
    authorizer: Authorizer,
    root: Arc<Document>,
    system: Arc<Document>,
}

/// What one or more documents say to one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stance {
    Allow,
    Forbid,
    Silent,
    Failed,
}

/// What is learned on the way to a decision.
#[derive(Default)]
struct Trail {
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
        let engine = Self { compiler, authorizer: Authorizer::new(), root, system };
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

    /// Decides one question.
    #[must_use]
    pub fn decide(&self, question: &Question<'_>) -> Decision {
        let mut trail = Trail::default();
        let denied = self.judge(question, &mut trail).err();
        let explanation = trail.explain(denied);
        let outcome = match denied {
            Some(kind) => Err(Denial::new(kind, question)),
            None => Ok(Permit::new(question.action, key_arn(question))),
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
        match self.decide(&question).outcome {
            Ok(_) => Ok(()),
            Err(_) => Err(CompileError::Lockout),
        }
    }

    /// AWS's evaluation logic.
    fn judge(&self, question: &Question<'_>, trail: &mut Trail) -> Result<(), DenialKind> {
        if !question.action.applies_to(question.resource.kind()) {
            let kind = question.resource.kind().as_str();
            trail.errors.push(format!("{} does not apply to {kind}", question.action));
            return Err(DenialKind::FailedClosed);
        }
        let Some(facts) = Facts::new(question, &self.compiler.vocabulary) else {
            return Err(DenialKind::ImplicitIdentity);
        };
        let iam_allows = match self.ask_identity(question, &facts, trail) {
            Stance::Failed => return Err(DenialKind::FailedClosed),
            Stance::Forbid => return Err(DenialKind::ExplicitIdentity),
            Stance::Allow => true,
            Stance::Silent => false,
        };
        let principal = &question.caller.principal;
        let foreign = principal.account() != question.resource.account();
        let server = matches!(principal, Principal::System { .. });
        let Resource::Key { policy, .. } = question.resource else {
            // Only keys have a policy that could let another account in.
            return if iam_allows && !foreign { Ok(()) } else { Err(DenialKind::ImplicitIdentity) };
        };
        if server {
            // No key policy can stop the timers.
            return if iam_allows && !foreign { Ok(()) } else { Err(DenialKind::ImplicitIdentity) };
        }
        match self.ask(Source::KeyPolicy, policy, &facts, iam_allows, trail) {
            Stance::Failed => Err(DenialKind::FailedClosed),
            Stance::Forbid => Err(DenialKind::ExplicitKeyPolicy),
            // Some things are nobody's but the owner's, whatever the policies say.
            Stance::Allow if foreign && !question.action.crosses_accounts() => {
                Err(DenialKind::ImplicitKeyPolicy)
            }
            // A foreign caller needs the consent of both accounts.
            Stance::Allow if iam_allows || !foreign => Ok(()),
            Stance::Allow => Err(DenialKind::ImplicitIdentity),
            Stance::Silent if !iam_allows && self.delegates(policy, &facts) => {
                Err(DenialKind::ImplicitIdentity)
            }
            Stance::Silent => Err(DenialKind::ImplicitKeyPolicy),
        }
    }

    /// Whether it is the caller's identity policies that are missing: the key
    /// policy would allow the call if they did.
    fn delegates(&self, policy: &Document, facts: &Facts<'_>) -> bool {
        let mut aside = Trail::default();
        self.ask(Source::KeyPolicy, policy, facts, true, &mut aside) == Stance::Allow
    }

    /// Asks the caller's policies and the built-in ones as if they were one.
    fn ask_identity(
        &self,
        question: &Question<'_>,
        facts: &Facts<'_>,
        trail: &mut Trail,
    ) -> Stance {
        let builtin = match question.caller.principal {
            Principal::System { .. } => {
                return self.ask(Source::Builtin, &self.system, facts, false, trail);
            }
            Principal::Root { .. } => self.ask(Source::Builtin, &self.root, facts, false, trail),
            Principal::User { .. }
            | Principal::RoleSession { .. }
            | Principal::Anonymous { .. } => Stance::Silent,
        };
        question.identity_policies.iter().fold(builtin, |stance, policy| {
            stance.and(self.ask(Source::Identity, policy, facts, false, trail))
        })
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
            Stance::Allow
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
            (Self::Allow, _) | (_, Self::Allow) => Self::Allow,
            (Self::Silent, Self::Silent) => Self::Silent,
        }
    }
}

impl Trail {
    fn fail(&mut self, document: &Document, reason: &str) -> Stance {
        self.errors.push(format!("document `{}`: {reason}", document.id()));
        Stance::Failed
    }

    fn explain(self, denied: Option<DenialKind>) -> Explanation {
        let mut determining = match denied {
            None => self.permits,
            Some(DenialKind::ExplicitIdentity | DenialKind::ExplicitKeyPolicy) => self.forbids,
            Some(_) => Vec::new(),
        };
        // Cedar keeps them in a hash set.
        determining.sort_unstable();
        Explanation { denied, determining, documents: self.documents, errors: self.errors }
    }
}

fn key_arn(question: &Question<'_>) -> Option<KeyArn> {
    match question.resource {
        Resource::Key { arn, .. } => Some(arn.clone()),
        _ => None,
    }
}
