//! A random request, in the engine's terms and in AWS's.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::evaluator::{Context, Request};
use super::generate::Dice;
use crate::base::arn::KeyArn;
use crate::base::caller::{Caller, Principal, SessionFacts};
use crate::base::context::EncryptionContext;
use crate::base::spec::{KeySpec, KeyUsage, MultiRegionRole, Origin};
use crate::policy::actions::{Action, ResourceKind};
use crate::policy::decision::Decision;
use crate::policy::document::Document;
use crate::policy::fact::{Fact, Said, Value};
use crate::policy::fixture::{ABROAD, ENGINE, HOME, KEY_ARN, caller, root, session, user};
use crate::policy::grant::NoGrants;
use crate::policy::question::{Aliases, KeyResource, Question, RequestFacts, Resource, Standing};

pub(super) struct World {
    caller: Caller,
    action: Action,
    tags: BTreeMap<String, String>,
    key_tags: BTreeMap<String, String>,
    multi_region: Option<MultiRegionRole>,
    aliases: Vec<String>,
    encryption_context: EncryptionContext,
    request_alias: Option<String>,
    said: Said,
    now_ms: i64,
    context: Context,
}

struct Known<'a>(&'a [String]);

impl Aliases for Known<'_> {
    fn aliases_of(&self, _key: &KeyArn, limit: usize) -> Vec<String> {
        self.0.iter().take(limit).cloned().collect()
    }
}

const NOW_S: i64 = 1_700_000_000;

fn pairs(pairs: Vec<(&str, &str)>) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn key_action(dice: &mut Dice) -> Action {
    let often = [Action::DECRYPT, Action::ENCRYPT, Action::CREATE_GRANT, Action::CREATE_ALIAS];
    if dice.one_in(2) {
        return dice.pick(&often);
    }
    let of_key =
        |action: &Action| action.applies_to(ResourceKind::Key) && action.service() == "kms";
    let actions: Vec<_> = Action::ALL.into_iter().filter(of_key).collect();
    dice.pick(&actions)
}

impl World {
    pub(super) fn draw(dice: &mut Dice) -> Self {
        let principal = dice.pick(&[
            root(HOME),
            root(ABROAD),
            user(HOME, "alice"),
            user(HOME, "bob"),
            user(ABROAD, "alice"),
            session(HOME, "a"),
            session(HOME, "b"),
            session(ABROAD, "a"),
        ]);
        let mut world = Self {
            caller: caller(principal),
            action: key_action(dice),
            tags: BTreeMap::new(),
            key_tags: BTreeMap::new(),
            multi_region: None,
            aliases: Vec::new(),
            encryption_context: EncryptionContext::default(),
            request_alias: None,
            said: Said::new(),
            now_ms: NOW_S * 1_000 + dice.pick(&[-1, 0, 1, 500, 1_000]),
            context: Context::new(),
        };
        world.draw_caller(dice);
        world.draw_key(dice);
        world.draw_call(dice);
        world.draw_said(dice);
        world
    }

    fn know(&mut self, key: &str, value: &dyn ToString) {
        self.context.insert(key.to_lowercase(), vec![value.to_string()]);
    }

    fn know_all(&mut self, key: &str, values: &[String]) {
        self.context.insert(key.to_lowercase(), values.to_vec());
    }

    /// A date, in its three spellings.
    fn know_time(&mut self, key: &str, ms: i64) {
        self.know(key, &crate::base::timestamp::iso_8601(ms));
    }

    fn draw_caller(&mut self, dice: &mut Dice) {
        let principal = self.caller.principal.clone();
        let account = principal.account().clone();
        self.know("aws:PrincipalAccount", &account);
        self.know("kms:CallerAccount", &account);
        self.know("aws:PrincipalIsAWSService", &false);
        let (kind, arn) = match &principal {
            Principal::Root { .. } => ("Account", principal.to_string()),
            Principal::User { name, .. } => {
                self.know("aws:username", &name);
                ("User", principal.to_string())
            }
            _ => ("AssumedRole", format!("arn:aws:iam::{account}:role/Admin")),
        };
        self.know("aws:PrincipalType", &kind);
        self.know("aws:PrincipalArn", &arn);
        self.know("aws:userid", &principal.principal_id());
        if kind == "AssumedRole" {
            let created_ms = (NOW_S - dice.pick(&[0, 1, 3_600])) * 1_000;
            self.caller.session =
                Some(Arc::new(SessionFacts { created_ms, ..SessionFacts::default() }));
            self.know("aws:MultiFactorAuthPresent", &false);
            self.know_time("aws:TokenIssueTime", created_ms);
        }
        let ip = dice.maybe(&["192.0.2.7", "192.0.2.200", "10.1.2.3", "2001:db8::1"]);
        self.caller.source_ip = ip.map(|ip| ip.parse::<IpAddr>().unwrap());
        if let Some(ip) = ip {
            self.know("aws:SourceIp", &ip);
        }
        let secure = !dice.one_in(3);
        self.caller.secure_transport = secure;
        self.know("aws:SecureTransport", &secure);
        let agent = dice.maybe(&["acme", "aws-cli/2", ""]);
        self.caller.user_agent = agent.map(str::to_owned);
        if let Some(agent) = agent {
            self.know("aws:UserAgent", &agent);
        }
        self.caller.via_service = dice.one_in(3).then(|| "items".into());
        self.know("aws:ViaAWSService", &self.caller.via_service.is_some());
        if let Some(via) = self.caller.via_service.clone() {
            for key in ["kms:ViaService", "aws:CalledVia", "aws:CalledViaFirst"] {
                self.know(key, &via.as_ref());
            }
        }
        for (name, values) in [("Team", &["acme", "red", "*"]), ("suffix", &["ab", "cd", "?"])] {
            if let Some(value) = dice.maybe(values) {
                self.tags.insert(name.to_owned(), value.to_owned());
                self.know(&format!("aws:PrincipalTag/{name}"), &value);
            }
        }
    }

    fn draw_key(&mut self, dice: &mut Dice) {
        self.know("aws:ResourceAccount", &HOME);
        self.know("aws:RequestedRegion", &"eu-central-1");
        self.know("kms:KeySpec", &"SYMMETRIC_DEFAULT");
        self.multi_region = dice.maybe(&[MultiRegionRole::Primary, MultiRegionRole::Replica]);
        self.know("kms:MultiRegion", &self.multi_region.is_some());
        if let Some(role) = self.multi_region {
            self.know("kms:MultiRegionKeyType", &role);
        }
        if let Some(value) = dice.maybe(&["acme", "red", "RED"]) {
            self.key_tags = pairs(vec![("team", value)]);
            self.know("aws:ResourceTag/Team", &value);
        }
        let names = ["alias/app", "alias/xpp", "alias/Test"];
        self.aliases = (0..dice.below(3)).map(|at| names[at].to_owned()).collect();
        if dice.one_in(20) {
            // More than policies see.
            self.aliases = (0..51).map(|n| format!("alias/{n}")).collect();
        } else {
            let aliases = self.aliases.clone();
            self.know_all("kms:ResourceAliases", &aliases);
        }
    }

    fn draw_call(&mut self, dice: &mut Dice) {
        self.know_time("aws:CurrentTime", self.now_ms);
        self.know_time("aws:EpochTime", self.now_ms);
        let mut context = Vec::new();
        for (name, values) in [
            (dice.pick(&["tenant", "Tenant"]), &["acme", "ACME", "acme-1", "x-acme", "alice"][..]),
            ("dept", &["", "a*", "${x}", "arn:aws:iam::111122223333:user/alice"]),
        ] {
            if let Some(value) = dice.maybe(values) {
                context.push((name, value));
                self.know(&format!("kms:EncryptionContext:{name}"), &value);
            }
        }
        let context = pairs(context);
        self.know_all("kms:EncryptionContextKeys", &context.keys().cloned().collect::<Vec<_>>());
        self.encryption_context = EncryptionContext::new(context);
        self.request_alias = dice.maybe(&["alias/app", "alias/xpp"]).map(str::to_owned);
        if let Some(alias) = self.request_alias.clone() {
            self.know("kms:RequestAlias", &alias);
        }
    }

    fn draw_said(&mut self, dice: &mut Dice) {
        let say = |world: &mut Self, fact, key: &str, value: Option<Value<'static>>| {
            let Some(value) = value else { return };
            match &value {
                Value::Bool(value) => world.know(key, &value),
                Value::Number(value) => world.know(key, &value),
                Value::Date(ms) => world.know_time(key, *ms),
                Value::Text(text) => world.know(key, &text),
                Value::Texts(list) => {
                    world.know_all(key, &list.iter().map(ToString::to_string).collect::<Vec<_>>());
                }
                Value::Ip(_) | Value::Tags(_) => panic!("{key}"),
            }
            world.said.say(fact, value);
        };
        let text = |text: Option<&'static str>| text.map(Value::from);
        let flag = |flag: Option<bool>| flag.map(Value::from);
        let days = |days: Option<i64>| days.map(Value::from);
        let bypass = flag(dice.maybe(&[true, false]));
        say(
            self,
            Fact::BypassPolicyLockoutSafetyCheck,
            "kms:BypassPolicyLockoutSafetyCheck",
            bypass,
        );
        let algorithm = text(dice.maybe(&["SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_1"]));
        say(self, Fact::EncryptionAlgorithm, "kms:EncryptionAlgorithm", algorithm);
        let service = flag(dice.maybe(&[true, false]));
        say(self, Fact::GrantIsForAwsResource, "kms:GrantIsForAWSResource", service);
        let arns = ["arn:aws:iam::111122223333:user/alice", "arn:aws:iam::444455556666:role/Admin"];
        let grantee = text(dice.maybe(&[arns[0], arns[1], "not an arn"]));
        say(self, Fact::GranteePrincipal, "kms:GranteePrincipal", grantee);
        let source = text(dice.maybe(&arns));
        say(self, Fact::GrantConstraintSourceArn, "kms:GrantConstraintSourceArn", source);
        let operations = ["Decrypt", "Encrypt", "GenerateDataKey"];
        let operations: Vec<_> =
            operations.iter().filter(|_| dice.one_in(2)).map(|name| (*name).to_owned()).collect();
        say(self, Fact::GrantOperations, "kms:GrantOperations", Some(operations.into()));
        let period = days(dice.maybe(&[30, 365, 29]));
        say(self, Fact::RotationPeriodInDays, "kms:RotationPeriodInDays", period);
        let window = days(dice.maybe(&[7, 30]));
        let fact = Fact::ScheduleKeyDeletionPendingWindowInDays;
        say(self, fact, "kms:ScheduleKeyDeletionPendingWindowInDays", window);
        let valid_to = dice.maybe(&[NOW_S * 1_000, NOW_S * 1_000 + 500, 0]).map(Value::Date);
        say(self, Fact::ValidTo, "kms:ValidTo", valid_to);
        if let Some(value) = dice.maybe(&["acme", "red"]) {
            self.said.say(Fact::RequestTags, pairs(vec![("Team", value)]).into());
            self.know("aws:RequestTag/team", &value);
            say(self, Fact::TagKeys, "aws:TagKeys", Some(vec!["Team".to_owned()].into()));
        }
    }

    /// What the engine says.
    pub(super) fn ask(&self, policy: &Arc<Document>, identity: &[Arc<Document>]) -> Decision {
        let arn = KeyArn::parse(KEY_ARN).unwrap();
        let standing = Standing {
            policies: identity.to_vec(),
            tags: self.tags.clone(),
            ..Standing::default()
        };
        let request = RequestFacts {
            region: None,
            encryption_context: Some(&self.encryption_context),
            request_alias: self.request_alias.as_deref(),
            said: &self.said,
            now_ms: self.now_ms,
        };
        ENGINE.decide(&Question {
            caller: &self.caller,
            action: self.action,
            resource: Resource::Key(KeyResource {
                arn: &arn,
                spec: KeySpec::SymmetricDefault,
                usage: KeyUsage::EncryptDecrypt,
                origin: Origin::AwsKms,
                multi_region: self.multi_region,
                tags: &self.key_tags,
                aliases: &Known(&self.aliases),
                policy,
            }),
            standing: &standing,
            grants: &NoGrants,
            request: &request,
        })
    }

    /// Whether nothing but an identity policy lets the caller do it, given a key
    /// policy that trusts its account.
    pub(super) fn needs_identity_policy(&self) -> bool {
        let abroad = self.caller.principal.account().as_str() == ABROAD;
        let root = matches!(self.caller.principal, Principal::Root { .. });
        let passes = !abroad || self.action.crosses_accounts();
        !root && passes && self.action != Action::RETIRE_GRANT
    }

    /// The same request in AWS's terms.
    pub(super) fn request(&self) -> Request {
        let principal = &self.caller.principal;
        let mut itself = vec![principal.to_string()];
        let is_root = matches!(principal, Principal::Root { .. });
        if is_root {
            itself.clear();
        }
        if let Principal::RoleSession { account, role_name, .. } = principal {
            itself.push(format!("arn:aws:iam::{account}:role/{role_name}"));
        }
        Request {
            itself,
            account: principal.account().to_string(),
            is_root,
            action: self.action.as_str(),
            resource: KEY_ARN.to_owned(),
            context: self.context.clone(),
        }
    }
}
