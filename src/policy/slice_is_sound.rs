//! A slice decides as the whole document does: same decision, same reasons,
//! same errors, though it has fewer policies, no scopes, and fewer facts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use cedar_policy::{Authorizer, PolicySet, Response, Schema};
use proptest::prelude::*;

use super::actions::{Action, ResourceKind};
use super::cedar;
use super::compile::Compiled;
use super::document::{Document, Form, SourceText, Usage};
use super::fact::{Fact, Said};
use super::facts::Facts;
use super::fixture::*;
use super::grant::NoGrants;
use super::question::{Question, RequestFacts, Standing};
use super::reads::Reads;
use super::vocabulary::{SCHEMA, Vocabulary};
use crate::base::arn::KeyArn;
use crate::base::caller::Principal;
use crate::base::context::EncryptionContext;

static VOCABULARY: LazyLock<Vocabulary> =
    LazyLock::new(|| Vocabulary::new(&Schema::from_cedarschema_str(SCHEMA).unwrap().0).unwrap());

const PRINCIPALS: &[&str] = &[
    "principal",
    "principal == Root::\"111122223333\"",
    "principal == User::\"AIDA111122223333alice\"",
    "principal in User::\"AIDA111122223333alice\"",
    "principal in Role::\"AROA111122223333\"",
    "principal == Role::\"AROA111122223333\"",
    "principal == RoleSession::\"AROA111122223333:a\"",
    "principal in Account::\"111122223333\"",
    "principal is User",
    "principal is RoleSession in Role::\"AROA444455556666\"",
    "principal is User in Account::\"111122223333\"",
];
const ACTIONS: &[&str] = &[
    "action",
    "action == Action::\"kms:Decrypt\"",
    "action == Action::\"kms:*\"",
    "action in Action::\"kms:*\"",
    "action in Action::\"kms:crypto\"",
    "action in Action::\"kms:Decrypt\"",
    "action in [Action::\"kms:grants\", Action::\"kms:Encrypt\"]",
    "action in Action::\"items:*\"",
];
const RESOURCES: &[&str] = &[
    "resource",
    "resource is Key",
    "resource is Alias",
    "resource in Account::\"111122223333\"",
    "resource is Key in Account::\"444455556666\"",
    "resource == Key::\"arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab\"",
];
/// Some fail to evaluate, always or sometimes.
const CONDITIONS: &[&str] = &[
    "",
    "when { context.iamAllows }",
    "unless { context.iamAllows }",
    "when { context.encryptionContext.hasTag(\"a\") }",
    "when { context.encryptionContext.getTag(\"a\") == \"1\" }",
    "when { [context.encryptionContext].contains(context.encryptionContext) }",
    "when { principal in Account::\"111122223333\" }",
    "when { principal has name && principal.name == \"alice\" }",
    "when { resource.account == principal.account }",
    "when { action in Action::\"kms:crypto\" }",
    "when { context.requestAlias == \"alias/app\" }",
    "when { context has viaService }",
    "when { context == {a: 1} }",
    "when { (if context.iamAllows then context else {}) has sourceIp }",
    "when { {a: context}.a.secureTransport } unless { context.sourceIp.isIpv6() }",
    "when { context.epochTime + 9223372036854775807 > 0 }",
    "when { context.principalTags.hasTag(\"team\") && context.principalTags.getTag(\"team\") == \"red\" }",
    "when { context.foldedEncryptionContext.hasTag(\"a\") } unless { context has keySpec }",
    "when { context.principalArnParts.resource like \"user/*\" }",
    "when { context has tagKeys && context.tagKeys.contains(\"Team\") }",
    "when { 1 + true == 2 }",
];

pub(super) fn policy() -> impl Strategy<Value = String> {
    let select = |texts: &'static [&str]| prop::sample::select(texts);
    let effect = prop::sample::select(&["permit", "permit", "forbid"][..]);
    (effect, select(PRINCIPALS), select(ACTIONS), select(RESOURCES), select(CONDITIONS)).prop_map(
        |(effect, principal, action, resource, condition)| {
            format!("{effect} ({principal}, {action}, {resource}) {condition};")
        },
    )
}

/// Not validated: what strict validation refuses has to be sliced soundly too.
pub(super) fn document(usage: Usage, text: String) -> Document {
    let compiled = Compiled { drafts: cedar::parse(&text).unwrap(), warnings: Vec::new() };
    let (form, resolved) = (Form::Cedar, BTreeMap::new());
    let source = SourceText { usage, form, text, resolved };
    let hash = source.hash();
    Document::new(source, hash, compiled, &VOCABULARY).unwrap()
}

type Outcome = (bool, BTreeSet<String>, BTreeSet<String>);

fn outcome(response: &Response) -> Outcome {
    (
        response.decision() == cedar_policy::Decision::Allow,
        response.diagnostics().reason().map(ToString::to_string).collect(),
        response.diagnostics().errors().map(ToString::to_string).collect(),
    )
}

fn whole(document: &Document, facts: &Facts<'_>, iam_allows: bool) -> Outcome {
    let context = Fact::ALL.iter().copied().collect();
    let everything =
        Reads { principal: true, resource: true, action: true, context, atoms: Vec::new() };
    let set = PolicySet::from_policies(document.rules().iter().map(|rule| rule.policy.clone()));
    let request = facts.request(&everything, iam_allows).unwrap();
    let entities = facts.entities(&everything).unwrap();
    outcome(&Authorizer::new().is_authorized(&request, &set.unwrap(), &entities))
}

fn sliced(document: &Document, facts: &Facts<'_>, iam_allows: bool) -> Outcome {
    let slice = document.slice(facts.action(), &facts.principal, &facts.resource).unwrap();
    let Some(slice) = slice else { return (false, BTreeSet::new(), BTreeSet::new()) };
    let request = facts.request(&slice.reads, iam_allows).unwrap();
    let entities = facts.entities(&slice.reads).unwrap();
    outcome(&Authorizer::new().is_authorized(&request, &slice.policies, &entities))
}

pub(super) fn principal() -> impl Strategy<Value = Principal> {
    prop::sample::select(vec![
        root(HOME),
        user(HOME, "alice"),
        user(ABROAD, "alice"),
        session(HOME, "a"),
        session(ABROAD, "a"),
        Principal::System { account: account(HOME) },
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_slice_decides_as_the_whole_does(
        policies in prop::collection::vec(policy(), 1..6),
        principal in principal(),
        tag in prop::option::of("[12]"),
        alias in any::<bool>(),
        iam_allows in any::<bool>(),
    ) {
        let document = document(Usage::KeyPolicy, policies.join("\n"));
        let (caller, arn) = (caller(principal), KeyArn::parse(KEY_ARN).unwrap());
        let pairs = tag.into_iter().map(|tag| ("a".to_owned(), tag)).collect();
        let context = EncryptionContext::new(pairs);
        let said = Said::new();
        let request = RequestFacts {
            region: None,
            encryption_context: Some(&context),
            request_alias: alias.then_some("alias/app"),
            said: &said,
            now_ms: 1_000,
        };
        let policy = key_policy("permit (principal, action, resource);");
        let standing = Standing::default();
        for action in [Action::DECRYPT, Action::ENCRYPT, Action::CREATE_GRANT, Action::SYSTEM_DELETE_KEY] {
            prop_assert!(action.applies_to(ResourceKind::Key));
            let resource = key(&arn, &policy);
            let question = Question { caller: &caller, action, resource, standing: &standing, grants: &NoGrants, request: &request };
            let facts = Facts::new(&question, &VOCABULARY).unwrap();
            for _ in ["made", "kept"] {
                prop_assert_eq!(
                    sliced(&document, &facts, iam_allows),
                    whole(&document, &facts, iam_allows),
                    "{}", document.text()
                );
            }
        }
    }
}
