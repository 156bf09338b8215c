//! Records as a server makes them, from a seed: shared by the benchmarks and
//! by the training of the body dictionary.

use std::sync::Arc;

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use wardbook::audit::{EventType, Failure, Own, Record, Resource, Tls};
use wardbook::base::caller::{Caller, Principal, SessionFacts};
use wardbook::base::hex;
use wardbook::base::ids::{AccountId, Region, RequestId};

/// The allocator of the program, so that what is measured is what it does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A small generator (xorshift64*); the same seed gives the same records.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next().to_le_bytes()[3])
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    fn id(&mut self) -> String {
        RequestId::from_random(self.bytes()).to_string()
    }
}

/// Everything a [`Record`] borrows.
pub(crate) struct Sample {
    caller: Caller,
    account: AccountId,
    region: Region,
    event_id: [u8; 16],
    time_ms: i64,
    event_name: &'static str,
    read_only: bool,
    failure: Option<(&'static str, String)>,
    request: Box<RawValue>,
    response: Option<Box<RawValue>>,
    additional: Option<Box<RawValue>>,
    material: Option<String>,
    salt: [u8; 16],
    key: String,
    host: String,
    explanation: Box<RawValue>,
}

const ACCOUNTS: &[&str] = &["111122223333", "444455556666", "987654321098", "123412341234"];
const REGIONS: &[&str] = &["eu-central-1", "us-east-1", "eu-west-1", "ap-southeast-2"];
const NAMES: &[&str] = &["ada", "billing", "orders-api", "etl", "backup", "ci", "grace", "search"];
const AGENTS: &[&str] = &[
    "aws-cli/2.31.4 md/awscrt#0.28.2 ua/2.1 os/linux#6.8.0 md/arch#x86_64 lang/python#3.13.7",
    "Boto3/1.43.11 md/Botocore#1.43.11 ua/2.1 os/linux#6.1.0 md/arch#x86_64 lang/python#3.12.3",
    "aws-sdk-java/2.34.0 ua/2.1 os/Linux#5.15 lang/java#21.0.4 md/OpenJDK_64-Bit_Server_VM",
    "aws-sdk-rust/1.3.8 os/linux lang/rust/1.95.0",
    "aws-sdk-go-v2/1.38.1 ua/2.1 os/linux lang/go#1.25.1 md/GOARCH#amd64 api/kms#1.45.0",
    "aws-sdk-js/3.900.0 ua/2.1 os/linux#6.1 lang/js md/nodejs#22.18.0 api/kms#3.900.0",
];

impl Sample {
    pub(crate) fn new(dice: &mut Dice, number: usize) -> Self {
        // A server uses few keys often: a thousand, the low ones more. Each is
        // in one account and Region.
        let key_number = dice.below(1_000).min(dice.below(1_000));
        let mut of_key = Dice::new(key_number + 7);
        let account = AccountId::parse(of_key.pick(ACCOUNTS)).unwrap();
        let region = Region::parse(of_key.pick(REGIONS)).unwrap();
        let key_id = of_key.id();
        let key = format!("arn:aws:kms:{region}:{account}:key/{key_id}");
        // A hundred a second, in order: what a store keeps once a second, or finds
        // by time, is as in a server.
        let time_ms = 1_793_614_272_000 + 10 * i64::try_from(number).unwrap();
        let operation = operation(dice, &key, &key_id);
        let failed = dice.below(20) == 0;
        let caller = caller(dice, &account, time_ms);
        let failure = failed.then(|| {
            let who = &caller.principal;
            let action = operation.name;
            let choices = [
                ("AccessDenied", format!("User: {who} is not authorized to perform: kms:{action} on resource: {key} because no identity-based policy allows the kms:{action} action")),
                ("AccessDenied", format!("User: {who} is not authorized to perform: kms:{action} on resource: {key} with an explicit deny in a resource-based policy")),
                ("AccessDenied", format!("User: {who} is not authorized to perform: kms:{action} on resource: {key} because no resource-based policy allows the kms:{action} action")),
                ("AccessDenied", format!("User: {who} is not authorized to perform: kms:{action} on the resource associated with this ciphertext because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access")),
                ("InvalidCiphertextException", String::new()),
                ("IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation.".to_owned()),
                ("DisabledException", format!("{key} is disabled.")),
                ("NotFoundException", format!("Key '{key}' does not exist")),
            ];
            dice.pick(&choices.each_ref()).clone()
        });
        let material = (operation.material && !failed)
            .then(|| hex::encode(&Dice::new(key_number + 9).bytes::<32>()));
        let additional =
            material.as_ref().map(|id| to_raw_value(&json!({ "keyMaterialId": id })).unwrap());
        let explanation = explanation(dice, key_number, failed);
        Self {
            host: format!("kms.{region}.amazonaws.com"),
            event_id: *caller.request_id.as_bytes(),
            salt: dice.bytes(),
            event_name: operation.name,
            read_only: operation.read_only,
            request: to_raw_value(&operation.request).unwrap(),
            response: operation
                .response
                .filter(|_| !failed)
                .map(|json| to_raw_value(&json).unwrap()),
            explanation: to_raw_value(&explanation).unwrap(),
            caller,
            account,
            region,
            time_ms,
            failure,
            additional,
            material,
            key,
        }
    }

    /// Lets `f` have the record. The list of resources lives only for the call.
    pub(crate) fn with_record<T>(&self, f: impl FnOnce(&Record<'_>) -> T) -> T {
        let resources =
            [Resource { account: self.account.as_str(), kind: "AWS::KMS::Key", arn: &self.key }];
        f(&Record {
            event_id: self.event_id,
            time_ms: self.time_ms,
            caller: &self.caller,
            account: &self.account,
            region: &self.region,
            event_source: "kms.amazonaws.com",
            event_name: self.event_name,
            error: self.failure.as_ref().map(|(code, message)| Failure { code, message }),
            request_parameters: Some(&self.request),
            response_elements: self.response.as_deref(),
            additional_event_data: self.additional.as_deref(),
            service_event_details: None,
            read_only: self.read_only,
            resources: &resources,
            event_type: EventType::AwsApiCall,
            shared_event_id: None,
            tls: self.caller.secure_transport.then_some(Tls {
                version: "TLSv1.3",
                cipher_suite: "TLS_AES_256_GCM_SHA384",
                key_exchange: Some("X25519MLKEM768"),
                host: Some(&self.host),
            }),
            own: Own { decisions: Some(&self.explanation), ..Own::default() },
            key_material: self.material.as_deref(),
            salt: self.salt,
        })
    }
}

/// The `wardbook` member, as the pipeline writes it.
fn explanation(dice: &mut Dice, key_number: u64, failed: bool) -> Value {
    let document = |number| hex::encode(&Dice::new(number).bytes::<6>());
    let (of_key, of_caller) = (document(key_number / 3 + 5_000), document(dice.below(40) + 9_000));
    let sid = dice.pick(&["Enable IAM User Permissions", "AllowUseOfTheKey", "AllowApp", "Admins"]);
    let by_key = json!({"source": "keyPolicy", "policy": format!("{of_key}/{}/0", dice.below(3)), "sid": sid});
    let by_identity = json!({"source": "identity", "policy": format!("{of_caller}/0/0"), "sid": "AdministratorAccess"});
    let documents = json!([of_caller, of_key]);
    let decision = match (failed, dice.below(3)) {
        (true, 0) => {
            json!({"denied": "explicitResourcePolicy", "determining": [by_key], "documents": documents})
        }
        (true, 1) => json!({"denied": "implicitResourcePolicy", "documents": documents}),
        (true, _) => json!({"denied": "implicitIdentity", "documents": documents}),
        (false, 0) => json!({"determining": [by_key], "documents": [of_key]}),
        (false, _) => json!({"determining": [by_identity, by_key], "documents": documents}),
    };
    json!([decision])
}

fn caller(dice: &mut Dice, account: &AccountId, time_ms: i64) -> Caller {
    let name = dice.pick(NAMES);
    let unique: String = hex::encode(&Dice::new(name.len() as u64).bytes::<9>()).to_uppercase();
    let account = account.clone();
    let principal = match dice.below(10) {
        0 => Principal::Root { account },
        1..4 => {
            Principal::User { account, unique_id: format!("AIDA{unique}"), name: name.to_owned() }
        }
        _ => Principal::RoleSession {
            account,
            role_id: format!("AROA{unique}"),
            role_name: format!("{name}-role"),
            name: format!("i-{}", hex::encode(&Dice::new(dice.below(50)).bytes::<8>())),
        },
    };
    let session = matches!(principal, Principal::RoleSession { .. });
    let prefix = if session { "ASIA" } else { "AKIA" };
    Caller {
        principal,
        access_key_id: Some(format!(
            "{prefix}{}",
            hex::encode(&Dice::new(dice.below(400)).bytes::<8>()).to_uppercase()
        )),
        session: session.then(|| {
            Arc::new(SessionFacts { created_ms: time_ms - 1_000_000, ..SessionFacts::default() })
        }),
        source_ip: Some([10, 0, 3, dice.bytes::<1>()[0]].into()),
        user_agent: Some(dice.pick(AGENTS).to_owned()),
        secure_transport: dice.below(3) > 0,
        tls: None,
        request_id: RequestId::from_random(dice.bytes()),
        via_service: None,
    }
}

struct Operation {
    name: &'static str,
    read_only: bool,
    material: bool,
    request: Value,
    response: Option<Value>,
}

const ALGORITHM: &str = "SYMMETRIC_DEFAULT";

fn operation(dice: &mut Dice, key: &str, key_id: &str) -> Operation {
    let contexts = [
        json!({"tenant": dice.below(500).to_string()}),
        json!({"purpose": "orders", "customer": dice.id()}),
        json!({"aws-crypto-public-key": hex::encode(&dice.bytes::<33>()), "tablename": "customers"}),
        json!({"PARAMETER_ARN": format!("arn:aws:ssm:eu-central-1:111122223333:parameter/app/{}", dice.below(90))}),
    ];
    let context = dice.pick(&contexts.each_ref());
    if dice.below(100) < 91 {
        use_of_key(dice, key, key_id, context)
    } else {
        change_of_key(dice, key, key_id, context)
    }
}

fn use_of_key(dice: &mut Dice, key: &str, key_id: &str, context: &Value) -> Operation {
    let named = dice.pick(&[key, key_id, "alias/app", "alias/orders"]);
    let (name, material, request) = match dice.below(91) {
        0..40 => (
            "Decrypt",
            true,
            json!({"encryptionAlgorithm": ALGORITHM, "keyId": key, "encryptionContext": context}),
        ),
        40..60 => (
            "GenerateDataKey",
            true,
            json!({"keyId": named, "keySpec": "AES_256", "encryptionContext": context}),
        ),
        60..75 => (
            "Encrypt",
            true,
            json!({"keyId": named, "encryptionAlgorithm": ALGORITHM, "encryptionContext": context}),
        ),
        75..80 => (
            "Sign",
            false,
            json!({"keyId": named, "messageType": "DIGEST", "signingAlgorithm": "ECDSA_SHA_256"}),
        ),
        80..84 => ("DescribeKey", false, json!({"keyId": named})),
        84..86 => ("GenerateMac", false, json!({"keyId": named, "macAlgorithm": "HMAC_SHA_256"})),
        86..89 => ("ListKeys", false, json!({"limit": 100})),
        _ => (
            "ReEncrypt",
            false,
            json!({"sourceEncryptionAlgorithm": ALGORITHM, "sourceEncryptionContext": context, "destinationKeyId": named, "destinationEncryptionAlgorithm": ALGORITHM, "destinationEncryptionContext": context}),
        ),
    };
    Operation { name, read_only: true, material, request, response: None }
}

fn change_of_key(dice: &mut Dice, key: &str, key_id: &str, context: &Value) -> Operation {
    let (name, request, response) = match dice.below(7) {
        0 => (
            "CreateKey",
            json!({"description": "", "origin": "AWS_KMS", "bypassPolicyLockoutSafetyCheck": false, "customerMasterKeySpec": ALGORITHM, "keySpec": ALGORITHM, "keyUsage": "ENCRYPT_DECRYPT"}),
            json!({"keyMetadata": {"aWSAccountId": "111122223333", "keyId": key_id, "arn": key, "creationDate": "Nov 2, 2026, 10:11:12 AM", "enabled": true, "description": "", "keyUsage": "ENCRYPT_DECRYPT", "keyState": "Enabled", "origin": "AWS_KMS", "keyManager": "CUSTOMER", "customerMasterKeySpec": ALGORITHM, "keySpec": ALGORITHM, "encryptionAlgorithms": [ALGORITHM], "multiRegion": false}}),
        ),
        1 | 2 => (
            "CreateGrant",
            json!({"keyId": key, "constraints": {"encryptionContextSubset": context}, "operations": ["Decrypt", "RetireGrant"], "granteePrincipal": "arn:aws:iam::111122223333:role/app"}),
            json!({"grantId": hex::encode(&dice.bytes::<32>()), "keyId": key}),
        ),
        3 => (
            "ScheduleKeyDeletion",
            json!({"keyId": key_id, "pendingWindowInDays": 7}),
            json!({"keyId": key, "keyState": "PendingDeletion", "deletionDate": "Nov 9, 2026, 10:11:12 AM", "pendingWindowInDays": 7}),
        ),
        4 => (
            "PutKeyPolicy",
            json!({"keyId": key_id, "policyName": "default", "policy": POLICY, "bypassPolicyLockoutSafetyCheck": false}),
            json!({"keyId": key}),
        ),
        5 => (
            "TagResource",
            json!({"keyId": key_id, "tags": [{"tagKey": "team", "tagValue": "orders"}]}),
            json!({"keyId": key}),
        ),
        _ => (
            "EnableKeyRotation",
            json!({"keyId": key_id, "rotationPeriodInDays": 365}),
            json!({"keyId": key}),
        ),
    };
    Operation { name, read_only: false, material: false, request, response: Some(response) }
}

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"}]}"#;
