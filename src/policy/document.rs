//! A compiled policy document: the text as it was given and the Cedar policies
//! it means. Immutable, and shared by everybody who has the same document.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cedar_policy::pst::{
    ActionConstraint, PolicyID, PrincipalConstraint, PstConstructionError, ResourceConstraint,
    SmolStr, StaticPolicy, Template,
};
use cedar_policy::{Policy, PolicySet, PolicySetError};
use sha2::{Digest, Sha256};

use super::actions::Action;
use super::aws::atom::Atom;
use super::compile::Compiled;
use super::fact::Fact;
use super::label::Label;
use super::principal::PrincipalId;
use super::reads::Reads;
use super::scope::{Chain, Scope};
use super::slice::{Slice, SliceCache};
use super::vocabulary::Vocabulary;
use crate::base::hex;

/// A compiled policy document.
#[derive(Debug)]
pub struct Document {
    source: SourceText,
    hash: [u8; 32],
    id: String,
    warnings: Vec<Warning>,
    rules: Vec<Rule>,
    /// Positions in `rules`.
    by_action: BTreeMap<Action, Vec<usize>>,
    slices: SliceCache,
}

/// What a document is compiled from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SourceText {
    pub(super) usage: Usage,
    pub(super) form: Form,
    pub(super) text: String,
    pub(super) resolved: BTreeMap<String, PrincipalId>,
}

/// The language of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// AWS's JSON policy language.
    Json,
    Cedar,
    /// The policy of an AWS managed key: shown as JSON, and decided by Cedar
    /// that comes with the program.
    Managed,
}

/// What a document is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Usage {
    KeyPolicy,
    /// A user, role or group; a permissions boundary or a session policy too.
    Identity,
    /// A role: who may assume it.
    Trust,
    /// The whole server, as a guardrail of its operator: it only forbids.
    Guardrail,
}

/// Something that is accepted, as AWS accepts it, but has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Position of the statement, counted from 0.
    pub statement: usize,
    pub sid: Option<String>,
    pub text: String,
}

/// A policy on its way into a document.
pub(super) struct Draft {
    pub(super) statement: usize,
    pub(super) part: usize,
    pub(super) sid: Option<String>,
    /// Its id is replaced by the document's.
    pub(super) template: Template,
    /// What each clause of the template says, in the words of the document;
    /// none of a document in Cedar.
    pub(super) labels: Vec<Label>,
    /// The tests that its conditions ask for by name.
    pub(super) atoms: Vec<Arc<Atom>>,
}

/// One Cedar policy of a document.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) sid: Option<String>,
    pub(super) statement: usize,
    /// The policy as people see it.
    pub(super) policy: Policy,
    pub(super) scope: Scope,
    /// The same without its scope, for slices.
    conditions: Policy,
    /// What each clause says, such as `StringEquals kms:ViaService`; none of a
    /// document in Cedar.
    pub(super) labels: Vec<Label>,
    pub(super) reads: Reads,
}

impl Document {
    pub(super) fn new(
        source: SourceText,
        hash: [u8; 32],
        compiled: Compiled,
        vocabulary: &Vocabulary,
    ) -> Result<Self, PstConstructionError> {
        let Compiled { drafts, warnings } = compiled;
        let id = hex::encode(hash.first_chunk::<6>().unwrap_or(&[0; 6]));
        let mut rules = Vec::with_capacity(drafts.len());
        let mut by_action: BTreeMap<Action, Vec<usize>> = BTreeMap::new();
        for draft in drafts {
            let rule = Rule::new(&id, draft, vocabulary)?;
            for action in &rule.scope.actions {
                by_action.entry(*action).or_default().push(rules.len());
            }
            rules.push(rule);
        }
        Ok(Self { source, hash, id, warnings, rules, by_action, slices: SliceCache::default() })
    }

    /// The document exactly as it was given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.source.text
    }

    /// The language it was given in.
    #[must_use]
    pub fn form(&self) -> Form {
        self.source.form
    }

    /// What it can be attached to.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.source.usage
    }

    /// SHA-256 over usage, form, text and resolved principals: documents with
    /// equal hashes mean the same.
    #[must_use]
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// The first 12 hex digits of the hash; the start of every policy id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The users and roles that the document names, by ARN. Store them beside
    /// the text and compile with them when the document is loaded again.
    #[must_use]
    pub fn resolved(&self) -> &BTreeMap<String, PrincipalId> {
        &self.source.resolved
    }

    /// What the document says without effect.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The document in Cedar: the text itself, or what the JSON means.
    #[must_use]
    pub fn to_cedar(&self) -> String {
        match self.source.form {
            Form::Cedar => self.source.text.clone(),
            Form::Json | Form::Managed => {
                let policies = self.rules.iter().filter_map(|rule| rule.policy.to_cedar());
                let mut text = policies.collect::<Vec<_>>().join("\n\n");
                text.push('\n');
                text
            }
        }
    }

    /// The tests of its conditions that Cedar cannot make and Rust does, each by
    /// the name under which its Cedar form asks for it.
    #[must_use]
    pub fn atoms(&self) -> BTreeSet<&str> {
        self.rules.iter().flat_map(|rule| &rule.reads.atoms).map(|atom| atom.name()).collect()
    }

    /// What the clauses of its Cedar policies say, by policy id, in the words of
    /// the document: `StringEquals kms:ViaService`. None of a document in Cedar.
    pub fn clauses(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        self.rules
            .iter()
            .map(|rule| (rule.id.as_str(), rule.labels.iter().map(|label| &*label.text).collect()))
    }

    /// Whether one of its conditions reads `fact`.
    #[must_use]
    pub fn reads(&self, fact: Fact) -> bool {
        self.rules.iter().any(|rule| rule.reads.context.contains(&fact))
    }

    /// How many Cedar policies it has: what a look at it costs.
    #[must_use]
    pub fn size(&self) -> usize {
        self.rules.len()
    }

    pub(super) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The policies that may be satisfied by this request; `None` if there is
    /// no such policy.
    pub(super) fn slice(
        &self,
        action: Action,
        principal: &Chain,
        resource: &Chain,
    ) -> Result<Option<Arc<Slice>>, Box<PolicySetError>> {
        let candidates = self.by_action.get(&action).map_or(&[][..], Vec::as_slice);
        let fits = |at: &usize| {
            self.rules.get(*at).is_some_and(|rule| rule.scope.fits(principal, resource))
        };
        let members: Vec<usize> = candidates.iter().copied().filter(fits).collect();
        if members.is_empty() {
            return Ok(None);
        }
        self.slices.find_or_make(&members, || self.make_slice(&members)).map(Some)
    }

    fn make_slice(&self, members: &[usize]) -> Result<Slice, Box<PolicySetError>> {
        let mut reads = Reads::default();
        let mut policies = PolicySet::new();
        let mut sids = BTreeMap::new();
        let mut by_name = BTreeSet::new();
        for rule in members.iter().filter_map(|at| self.rules.get(*at)) {
            reads.merge(&rule.reads);
            policies.add(rule.conditions.clone())?;
            sids.extend(rule.sid.iter().map(|sid| (rule.id.clone(), sid.clone())));
            by_name.extend(rule.scope.names_principal().then(|| rule.id.clone()));
        }
        // The same test is made once, however many rules ask for it.
        reads.atoms.sort_by(|one, other| one.name().cmp(other.name()));
        reads.atoms.dedup_by(|one, other| one.name() == other.name());
        Ok(Slice { policies, reads, sids, by_name })
    }
}

impl SourceText {
    /// Every part is preceded by its length, so that no two sources run into
    /// the same bytes.
    pub(super) fn hash(&self) -> [u8; 32] {
        let usage = match self.usage {
            Usage::KeyPolicy => "key",
            Usage::Identity => "identity",
            Usage::Trust => "trust",
            Usage::Guardrail => "guardrail",
        };
        let form = match self.form {
            Form::Json => "json",
            Form::Cedar => "cedar",
            Form::Managed => "managed",
        };
        let resolved = self.resolved.iter().flat_map(|(arn, id)| {
            let kind = match id {
                PrincipalId::User(_) => "user",
                PrincipalId::Role(_) => "role",
            };
            [arn.as_str(), kind, id.as_str()]
        });
        let mut hasher = Sha256::new();
        for part in [usage, form, &self.text].into_iter().chain(resolved) {
            hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.finalize().into()
    }
}

impl Rule {
    /// What a clause says in the words of the document; none of Cedar's.
    pub(super) fn label(&self, clause: usize) -> Option<&Label> {
        self.labels.get(clause)
    }

    fn new(
        document: &str,
        draft: Draft,
        vocabulary: &Vocabulary,
    ) -> Result<Self, PstConstructionError> {
        let Draft { statement, part, sid, mut template, labels, atoms } = draft;
        let id = format!("{document}/{statement}/{part}");
        template.id = PolicyID::from(id.as_str());
        template.annotations.insert("stmt".to_owned(), SmolStr::from(statement.to_string()));
        if let Some(sid) = &sid {
            template.annotations.insert("sid".to_owned(), SmolStr::from(sid.as_str()));
        }
        let reads = Reads { atoms, ..Reads::of(&template) };
        let conditions = Template::new(
            template.id.clone(),
            template.effect,
            PrincipalConstraint::Any,
            ActionConstraint::Any,
            ResourceConstraint::Any,
        )
        .try_with_clauses(template.clauses().iter().cloned())?;
        let policy = build(template)?;
        let scope = Scope::of(&policy, vocabulary);
        let conditions = build(conditions)?;
        Ok(Self { id, sid, statement, policy, scope, conditions, labels, reads })
    }
}

fn build(template: Template) -> Result<Policy, PstConstructionError> {
    Policy::from_pst(StaticPolicy::try_from(template)?.into())
}
