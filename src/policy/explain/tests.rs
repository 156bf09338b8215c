//! The story agrees with the decision: what it says of each document leads, by
//! AWS's evaluation logic, to what the engine decided.

use std::sync::Arc;

use proptest::prelude::*;

use super::{Access, Effect, Names, Outcome, Says, Story};
use crate::base::arn::KeyArn;
use crate::base::context::EncryptionContext;
use crate::policy::actions::Action;
use crate::policy::decision::{DenialKind, Source};
use crate::policy::document::{Document, Usage};
use crate::policy::fixture::*;
use crate::policy::grant::NoGrants;
use crate::policy::question::{Question, RequestFacts, Standing};
use crate::policy::slice_is_sound::{document, policy, principal};

/// What the policies of one source say together.
fn together(story: &Story, sources: &[Source]) -> Says {
    let all: Vec<Says> = story
        .policies
        .iter()
        .filter(|policy| sources.contains(&policy.source))
        .map(|policy| policy.says)
        .collect();
    [Says::Fails, Says::Denies, Says::Allows]
        .into_iter()
        .find(|says| all.contains(says))
        .unwrap_or(Says::Nothing)
}

/// The conclusion that the story itself leads to; `None` if it is allowed.
/// Which of two implicit denials it is, is not asked.
fn conclusion(story: &Story, question: &Question<'_>) -> Option<DenialKind> {
    use DenialKind as D;
    let steps = [
        (&[Source::Guardrail][..], D::ExplicitGuardrail),
        (&[Source::Builtin, Source::Identity], D::ExplicitIdentity),
        (&[Source::Boundary], D::ExplicitBoundary),
        (&[Source::SessionPolicy], D::ExplicitSessionPolicy),
        (&[Source::KeyPolicy], D::ExplicitResourcePolicy),
    ];
    for (sources, explicit) in steps {
        match together(story, sources) {
            Says::Fails => return Some(D::FailedClosed),
            Says::Denies => return Some(explicit),
            Says::Allows | Says::Nothing => {}
        }
    }
    let foreign = question.caller.principal.account() != question.resource.account();
    let system = story.principal == "AWS Internal";
    let allows = |source| together(story, &[source]) == Says::Allows;
    match (system, foreign) {
        (true, _) => (!story.iam_allows).then_some(D::ImplicitIdentity),
        (false, true) => {
            (!(allows(Source::KeyPolicy) && story.iam_allows)).then_some(D::ImplicitResourcePolicy)
        }
        (false, false) => (!allows(Source::KeyPolicy)).then_some(D::ImplicitResourcePolicy),
    }
}

fn is_implicit(kind: DenialKind) -> bool {
    !kind.is_explicit() && kind != DenialKind::FailedClosed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_story_leads_to_the_decision(
        key_policies in prop::collection::vec(policy(), 1..5),
        identity in prop::collection::vec(policy(), 0..4),
        principal in principal(),
        tag in prop::option::of("[12]"),
    ) {
        let key_policy = Arc::new(document(Usage::KeyPolicy, key_policies.join("\n")));
        let of_user = |text: &String| Arc::new(document(Usage::Identity, text.clone()));
        let standing = Standing::with_policies(identity.iter().map(of_user).collect());
        let (caller, arn) = (caller(principal), KeyArn::parse(KEY_ARN).unwrap());
        let pairs = tag.into_iter().map(|tag| ("a".to_owned(), tag)).collect();
        let context = EncryptionContext::new(pairs);
        let request = RequestFacts {
            encryption_context: Some(&context),
            now_ms: 1_000,
            ..RequestFacts::default()
        };
        for action in [Action::DECRYPT, Action::CREATE_GRANT, Action::SYSTEM_DELETE_KEY] {
            let question = Question {
                caller: &caller,
                action,
                resource: key(&arn, &key_policy),
                standing: &standing,
                grants: &NoGrants,
                request: &request,
            };
            let decision = ENGINE.decide(&question);
            let story = ENGINE.explain(&question, &Names::default());
            prop_assert_eq!(story.denied, decision.explanation.denied);
            // A foreign caller cannot do everything; nor does this test ask.
            let foreign = caller.principal.account() != question.resource.account();
            if foreign && !action.crosses_accounts() {
                continue;
            }
            let concluded = conclusion(&story, &question);
            match (concluded, story.denied) {
                (Some(one), Some(other)) if is_implicit(one) && is_implicit(other) => {}
                (one, other) => prop_assert_eq!(one, other, "{}", story),
            }
            applying_is_determining(&story, &decision.explanation.determining)?;
            let text = serde_json::to_string(&story).unwrap();
            prop_assert_eq!(serde_json::from_str::<Story>(&text).unwrap(), story);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is said for every request is so in any.
    #[test]
    fn what_is_certain_is_so_in_every_request(
        key_policies in prop::collection::vec(policy(), 1..5),
        identity in prop::collection::vec(policy(), 0..4),
        boundary in prop::option::of(policy()),
        principal in principal(),
        tag in prop::option::of("[12]"),
        alias in any::<bool>(),
        now_ms in prop::sample::select(vec![-5_000, 1_000]),
    ) {
        let key_policy = Arc::new(document(Usage::KeyPolicy, key_policies.join("\n")));
        let of_user = |text: &String| Arc::new(document(Usage::Identity, text.clone()));
        let standing = Standing {
            boundary: boundary.as_ref().map(of_user),
            ..Standing::with_policies(identity.iter().map(of_user).collect())
        };
        let (caller, arn) = (caller(principal), KeyArn::parse(KEY_ARN).unwrap());
        let pairs = tag.into_iter().map(|tag| ("a".to_owned(), tag)).collect();
        let context = EncryptionContext::new(pairs);
        let request = RequestFacts {
            encryption_context: Some(&context),
            request_alias: alias.then_some("alias/app"),
            now_ms,
            ..RequestFacts::default()
        };
        for action in [Action::DECRYPT, Action::CREATE_GRANT, Action::PUT_KEY_POLICY] {
            let question = Question {
                caller: &caller,
                action,
                resource: key(&arn, &key_policy),
                standing: &standing,
                grants: &NoGrants,
                request: &request,
            };
            let denied = ENGINE.decide(&question).explanation.denied;
            let reached = ENGINE.reach(&question, &Names::default());
            match reached.access {
                Access::Always => prop_assert!(
                    matches!(denied, None | Some(DenialKind::FailedClosed)), "{:?}", reached
                ),
                Access::Never | Access::Denied => prop_assert!(denied.is_some(), "{:?}", reached),
                Access::Conditional => {}
            }
        }
    }
}

/// Whatever decided applies in the story too.
fn applying_is_determining(
    story: &Story,
    determining: &[crate::policy::decision::Determining],
) -> Result<(), TestCaseError> {
    for decided in determining {
        let parts: Vec<&str> = decided.policy.split('/').collect();
        let applies = story.policies.iter().any(|policy| {
            policy.source == decided.source
                && policy.document == parts[0]
                && policy.statements.iter().any(|statement| {
                    statement.statement.to_string() == parts[1]
                        && statement.outcome == Outcome::Applies
                })
        });
        prop_assert!(applies, "{:?}\n{}", decided, story);
    }
    Ok(())
}

/// A `forbid` on what identity policies allow is a condition like others, and no
/// delegation that could be left out.
#[test]
fn what_forbids_does_not_delegate() {
    let allow = "permit (principal, action, resource);";
    let reach = |policy: &str| {
        let (policy, identity) = (key_policy(policy), identity_policy(allow));
        let (caller, arn) = (caller(user(HOME, "alice")), KeyArn::parse(KEY_ARN).unwrap());
        let question = Question {
            caller: &caller,
            action: Action::DECRYPT,
            resource: key(&arn, &policy),
            standing: &Standing::with_policies(vec![identity]),
            grants: &NoGrants,
            request: &RequestFacts::default(),
        };
        let denied = ENGINE.decide(&question).explanation.denied;
        (ENGINE.reach(&question, &Names::default()), denied)
    };
    let delegates = "permit (principal, action, resource) when { context.iamAllows };";
    let (reached, denied) = reach(delegates);
    assert_eq!((reached.access, denied), (Access::Always, None));
    let forbids = "forbid (principal, action, resource) when { context.iamAllows };";
    let (reached, denied) = reach(&format!("{allow} {forbids}"));
    assert_eq!((reached.access, reached.unless.len()), (Access::Conditional, 1), "{reached:?}");
    assert!(!reached.unless[0].conditions.is_empty(), "{reached:?}");
    assert_eq!(denied, Some(DenialKind::ExplicitResourcePolicy));
}

#[test]
fn a_statement_without_effect_is_shown() {
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": [
            {{"Sid": "Empty", "Effect": "Allow", "Principal": "*", "Action": "kms:*"}},
            {{"Effect": "Allow", "Principal": {{"AWS": "{HOME}"}}, "Action": "kms:*", "Resource": "*"}}
        ]}}"#
    );
    let policy: Arc<Document> = key_policy(&text);
    let (caller, arn) = (caller(root(HOME)), KeyArn::parse(KEY_ARN).unwrap());
    let question = Question {
        caller: &caller,
        action: Action::DECRYPT,
        resource: key(&arn, &policy),
        standing: &Standing::default(),
        grants: &NoGrants,
        request: &RequestFacts::default(),
    };
    let story = ENGINE.explain(&question, &Names::default());
    let of_key = story.policies.last().unwrap();
    assert_eq!(of_key.statements.len(), 2);
    assert!(matches!(&of_key.statements[0].outcome, Outcome::HasNoEffect { .. }));
    assert!(of_key.statements[1].applies(Effect::Allow));
}
