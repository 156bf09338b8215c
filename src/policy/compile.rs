//! From text to documents: limits, parsing, strict validation, sharing.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use cedar_policy::pst::{self, EntityType, EntityUID, Name, SmolStr, StaticPolicy};
use cedar_policy::{
    ActionConstraint, Effect, EntityUid, Policy, PolicyId, PolicySet, Schema, ValidationMode,
    Validator,
};

use super::actions::Action;
use super::document::{Document, Draft, Form, Rule, SourceText, Usage, Warning};
use super::error::{CompileError, Error};
use super::fact::Fact;
use super::principal::PrincipalDirectory;
use super::vocabulary::{SCHEMA, Vocabulary};
use super::{aws, builtin, cedar, scan};
use crate::base::limits::POLICY_BYTES;

/// Makes documents, and knows those that are in use.
pub(super) struct Compiler {
    pub(super) vocabulary: Vocabulary,
    validator: Validator,
    documents: Mutex<InUse>,
}

/// Documents in use, by hash, so that equal ones are compiled once.
#[derive(Default)]
struct InUse {
    documents: BTreeMap<[u8; 32], Weak<Document>>,
    /// How many entries there were after the last clearing away.
    kept: usize,
}

/// What a document's text means.
pub(super) struct Compiled {
    pub(super) drafts: Vec<Draft>,
    pub(super) warnings: Vec<Warning>,
}

impl Compiler {
    pub(super) fn new() -> Result<Self, Error> {
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).map_err(Box::new)?;
        let vocabulary = Vocabulary::new(&schema)?;
        let validator = Validator::new(schema);
        Ok(Self { vocabulary, validator, documents: Mutex::default() })
    }

    /// Compiles AWS JSON if the first character that is not blank is `{`, and
    /// Cedar otherwise.
    pub(super) fn compile(
        &self,
        usage: Usage,
        text: &str,
        directory: &dyn PrincipalDirectory,
    ) -> Result<Arc<Document>, CompileError> {
        if text.len() > POLICY_BYTES {
            return Err(CompileError::TooLarge { limit: POLICY_BYTES, unit: "bytes" });
        }
        if text.trim_start().starts_with('{') {
            if usage == Usage::Guardrail {
                return Err(CompileError::Malformed("a guardrail is written in Cedar".to_owned()));
            }
            scan::check_json(text)?;
            let policy = aws::policy::parse(text, usage)?;
            let resolved = policy.resolve(directory)?;
            let source = SourceText { usage, form: Form::Json, text: text.to_owned(), resolved };
            self.share(source, |source| policy.compile(&source.resolved))
        } else {
            let resolved = BTreeMap::new();
            let source = SourceText { usage, form: Form::Cedar, text: text.to_owned(), resolved };
            self.share(source, |source| {
                Ok(Compiled { drafts: cedar::parse(&source.text)?, warnings: Vec::new() })
            })
        }
    }

    /// The policy of an AWS managed key: `text` is what is shown of it.
    pub(super) fn managed(&self, text: &str) -> Result<Arc<Document>, CompileError> {
        let unknown = || CompileError::Malformed("no policy of an AWS managed key".to_owned());
        let cedar = builtin::managed_key_cedar(text).ok_or_else(unknown)?;
        let source = SourceText {
            usage: Usage::KeyPolicy,
            form: Form::Managed,
            text: text.to_owned(),
            resolved: BTreeMap::new(),
        };
        self.share(source, |_| Ok(Compiled { drafts: cedar::parse(&cedar)?, warnings: Vec::new() }))
    }

    /// The document in use that has this source, or a new one.
    fn share(
        &self,
        source: SourceText,
        compile: impl FnOnce(&SourceText) -> Result<Compiled, CompileError>,
    ) -> Result<Arc<Document>, CompileError> {
        let hash = source.hash();
        if let Some(document) = self.in_use().documents.get(&hash).and_then(Weak::upgrade) {
            return Ok(document);
        }
        let compiled = compile(&source)?;
        let document = Document::new(source, hash, compiled, &self.vocabulary)
            .map_err(|error| CompileError::Malformed(error.to_string()))?;
        self.validate(&document)?;
        let document = Arc::new(document);
        self.in_use().insert(hash, &document);
        Ok(document)
    }

    fn in_use(&self) -> MutexGuard<'_, InUse> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Strict validation; a warning refuses as an error does, for several real
    /// mistakes only warn (a condition that can never hold, a role as caller).
    fn validate(&self, document: &Document) -> Result<(), CompileError> {
        let set = PolicySet::from_policies(self.samples(document.rules()))
            .map_err(|error| CompileError::Malformed(error.to_string()))?;
        let result = self.validator.validate(&set, ValidationMode::Strict);
        let errors = result.validation_errors().map(|e| finding(document, e.policy_id(), &e));
        let warnings = result.validation_warnings().map(|w| finding(document, w.policy_id(), &w));
        // The validator's order is not stable; the first statement's is.
        if let Some((_, refusal)) = errors.min().or_else(|| warnings.min()) {
            return Err(CompileError::Malformed(refusal));
        }
        if !result.validation_passed_without_warnings() {
            // The validator gave up without saying why.
            return Err(CompileError::Malformed("the policy is too complex".to_owned()));
        }
        let wrong = |rule: &&Rule| rule.reads.context.contains(&Fact::IamAllows);
        let delegates = matches!(document.usage(), Usage::KeyPolicy | Usage::Trust);
        if let Some(rule) = document.rules().iter().find(wrong)
            && !delegates
        {
            let refusal = rule.refusal("only the policy of a resource can read context.iamAllows");
            return Err(CompileError::Malformed(refusal));
        }
        let permits = |rule: &&Rule| rule.policy.effect() == Effect::Permit;
        match document.rules().iter().find(permits) {
            Some(rule) if document.usage() == Usage::Guardrail => {
                Err(CompileError::Malformed(rule.refusal("a guardrail can only forbid")))
            }
            _ => Ok(()),
        }
    }
}

impl Compiler {
    /// What the validator is to see of the rules: of those of one statement that
    /// differ only in whom and what they name, the first. It looks at types.
    fn samples(&self, rules: &[Rule]) -> Vec<Policy> {
        let mut seen: Vec<(usize, pst::Template)> = Vec::new();
        let mut samples = Vec::new();
        for rule in rules {
            let Some(narrowed) = self.narrowed(rule) else {
                samples.push(rule.policy.clone());
                continue;
            };
            let kind = without_names(narrowed.clone());
            let mut others = seen.iter().rev().take_while(|(of, _)| *of == rule.statement);
            if others.any(|(_, other)| *other == kind) {
                continue;
            }
            seen.push((rule.statement, kind));
            samples.push(policy_of(narrowed).unwrap_or_else(|| rule.policy.clone()));
        }
        samples
    }

    /// `rule` with fewer actions in its scope, which the validator would type
    /// one by one though most of them differ in nothing. A rule that asks about
    /// its action stays whole, and so does one that names actions there are not.
    fn narrowed(&self, rule: &Rule) -> Option<pst::Template> {
        let pst::Policy::Static(policy) = rule.policy.to_pst().ok()? else { return None };
        let mut template = policy.body().clone();
        let named = match rule.policy.action_constraint() {
            ActionConstraint::Any => Vec::new(),
            ActionConstraint::Eq(uid) => vec![uid],
            ActionConstraint::In(uids) => uids,
        };
        let is_known = |uid: &EntityUid| self.vocabulary.actions_in(uid).next().is_some();
        if !rule.reads.action && named.iter().all(is_known) {
            let ty = EntityType::from_name(Name::unqualified("Action").ok()?);
            let uid =
                |action: Action| EntityUID { ty: ty.clone(), eid: SmolStr::from(action.as_str()) };
            let actions = self.vocabulary.representatives(&rule.scope.actions);
            template.action = pst::ActionConstraint::In(actions.into_iter().map(uid).collect());
        }
        Some(template)
    }
}

fn policy_of(template: pst::Template) -> Option<Policy> {
    Policy::from_pst(StaticPolicy::try_from(template).ok()?.into()).ok()
}

/// The rule without its own id and those of the principal and the resource that
/// its scope names. Letters beyond ASCII stay: the validator looks at them.
fn without_names(mut template: pst::Template) -> pst::Template {
    use pst::{EntityOrSlot, PrincipalConstraint as P, ResourceConstraint as R};
    template.id = pst::PolicyID(SmolStr::default());
    template.annotations.clear();
    let principal = match &mut template.principal {
        P::Eq(named) | P::In(named) | P::IsIn(_, named) => Some(named),
        P::Any | P::Is(_) => None,
    };
    let resource = match &mut template.resource {
        R::Eq(named) | R::In(named) | R::IsIn(_, named) => Some(named),
        R::Any | R::Is(_) => None,
    };
    for named in [principal, resource].into_iter().flatten() {
        if let EntityOrSlot::Entity(uid) = named
            && uid.eid.is_ascii()
        {
            uid.eid = SmolStr::default();
        }
    }
    template
}

impl InUse {
    fn insert(&mut self, hash: [u8; 32], document: &Arc<Document>) {
        // Clearing away at every doubling keeps an insertion cheap.
        if self.documents.len() > self.kept.saturating_mul(2).max(64) {
            self.documents.retain(|_, document| document.strong_count() > 0);
            self.kept = self.documents.len();
        }
        self.documents.insert(hash, Arc::downgrade(document));
    }
}

impl Rule {
    fn refusal(&self, reason: &str) -> String {
        format!("{}: {reason}", place(self.statement, self.sid.as_deref()))
    }
}

/// A statement as error texts name it; positions are counted from 0.
pub(super) fn place(statement: usize, sid: Option<&str>) -> String {
    match sid {
        Some(sid) => format!("Statement[{statement}] (Sid \"{sid}\")"),
        None => format!("Statement[{statement}]"),
    }
}

/// What the validator found, with the position of the policy.
fn finding(document: &Document, id: &PolicyId, found: &dyn Display) -> (Option<usize>, String) {
    let text = found.to_string();
    // Cedar names the policy by its id; people know it by its position.
    let reason = text.split_once("`, ").map_or(text.as_str(), |(_, reason)| reason);
    let mut rules = document.rules().iter().enumerate();
    match rules.find(|(_, rule)| rule.id == id.as_ref()) {
        Some((at, rule)) => (Some(at), rule.refusal(reason)),
        None => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::stand_in::AnyPrincipal;

    /// What the validator sees of a policy for these principals.
    fn samples(statements: &[&[&str]]) -> Vec<usize> {
        let statements: Vec<_> = statements
            .iter()
            .map(|principals| {
                serde_json::json!({
                    "Effect": "Allow", "Principal": { "AWS": principals },
                    "Action": "kms:Decrypt", "Resource": "*",
                })
            })
            .collect();
        let text = serde_json::json!({ "Version": "2012-10-17", "Statement": statements });
        let compiler = Compiler::new().unwrap();
        let text = text.to_string();
        let document = compiler.compile(Usage::KeyPolicy, &text, &AnyPrincipal).unwrap();
        let statement = |policy: &Policy| {
            let rule = document.rules().iter().find(|rule| rule.id == policy.id().as_ref());
            rule.unwrap().statement
        };
        compiler.samples(document.rules()).iter().map(statement).collect()
    }

    #[test]
    fn the_validator_sees_one_of_each_kind() {
        let user = |name: &str| format!("arn:aws:iam::111122223333:user/{name}");
        let role = |name: &str| format!("arn:aws:iam::111122223333:role/{name}");
        let (a, b, c, d) = (user("a"), user("b"), role("c"), role("d"));
        assert_eq!(samples(&[&[&a, &b]]), [0]);
        assert_eq!(samples(&[&[&a, &c, &b, &d]]), [0, 0]);
        // A refusal names its own statement.
        assert_eq!(samples(&[&[&a, &b], &[&a, &b, &c]]), [0, 1, 1]);
    }

    #[test]
    fn documents_are_forgotten_with_their_last_user() {
        let compiler = Compiler::new().unwrap();
        let nobody = BTreeMap::new();
        let compile = |n: usize| {
            let text = format!("// {n}\npermit (principal, action, resource is AuditLog);");
            compiler.compile(Usage::Identity, &text, &nobody).unwrap()
        };
        let kept = compile(0);
        for n in 1..150 {
            compile(n);
        }
        assert!(compiler.in_use().documents.len() < 80);
        assert!(Arc::ptr_eq(&kept, &compile(0)));
    }
}
