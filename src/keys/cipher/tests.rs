//! A permit is the only road to a key: every use of one, with every permit
//! there is.

use std::collections::BTreeMap;

use super::*;
use crate::base::caller::{Caller, Principal};
use crate::base::context::EncryptionContext;
use crate::base::ids::{AccountId, Region, RequestId};
use crate::base::spec::{KeyManager, Origin};
use crate::hsm::{Hsm, OsEntropy, RootKey};
use crate::keys::create::{self, NewKey};
use crate::policy::actions::ResourceKind;
use crate::policy::builtin::default_key_policy;
use crate::policy::engine::Engine;
use crate::policy::grant::NoGrants;
use crate::policy::principal::PrincipalId;
use crate::policy::question::{NoAliases, Question, RequestFacts, Resource, Standing};

/// An account whose root may do everything, and an HSM.
struct Bench {
    hsm: Hsm,
    engine: Engine,
    account: AccountId,
    region: Region,
}

impl Bench {
    fn new() -> Self {
        let root = RootKey::generate(&mut OsEntropy).unwrap();
        Self {
            hsm: Hsm::initialize(root, OsEntropy).unwrap().0,
            engine: Engine::new().unwrap(),
            account: AccountId::parse("111122223333").unwrap(),
            region: Region::parse("eu-central-1").unwrap(),
        }
    }

    fn permit(&self, action: Action, resource: Resource<'_>) -> Permit {
        let caller = Caller {
            principal: Principal::Root { account: self.account.clone() },
            access_key_id: None,
            session: None,
            source_ip: None,
            user_agent: None,
            secure_transport: true,
            tls: None,
            request_id: RequestId::from_random([0; 16]),
            via_service: None,
        };
        let request = RequestFacts::default();
        let question = Question {
            caller: &caller,
            action,
            resource,
            standing: &Standing::default(),
            grants: &NoGrants,
            request: &request,
        };
        self.engine.decide(&question).outcome.unwrap()
    }

    fn permit_key(&self, action: Action, key: &Key) -> Permit {
        self.permit(action, Resource::Key(key.as_resource(&NoAliases)))
    }

    fn key(&self, spec: KeySpec, usage: KeyUsage) -> Key {
        let id = create::generate_id(&self.hsm, false).unwrap();
        let arn = KeyArn { region: self.region.clone(), account: self.account.clone(), id };
        let nobody = BTreeMap::<String, PrincipalId>::new();
        let policy = default_key_policy(&self.account);
        let policy = self.engine.compile_key_policy(&policy, &nobody).unwrap();
        let permit = self.permit(
            Action::CREATE_KEY,
            Resource::Account { account: &self.account, region: &self.region },
        );
        let new = NewKey {
            arn,
            spec,
            usage,
            origin: Origin::AwsKms,
            manager: KeyManager::Customer,
            description: String::new(),
            tags: BTreeMap::new(),
            policy,
            created_ms: 0,
            remote: None,
        };
        create::create(&self.hsm, &permit, new).unwrap()
    }
}

/// One way to use a key of this kind, and the actions that it takes.
struct Use {
    spec: KeySpec,
    usage: KeyUsage,
    actions: &'static [Action],
    /// Ends well, or in a fault of its input.
    run: fn(&Hsm, &Permit, &Key) -> Result<(), Error>,
}

const USES: &[Use] = &[
    Use {
        spec: KeySpec::SymmetricDefault,
        usage: KeyUsage::EncryptDecrypt,
        actions: &[
            Action::ENCRYPT,
            Action::RE_ENCRYPT_TO,
            Action::GENERATE_DATA_KEY,
            Action::GENERATE_DATA_KEY_PAIR,
            Action::GENERATE_DATA_KEY_PAIR_WITHOUT_PLAINTEXT,
            Action::GENERATE_DATA_KEY_WITHOUT_PLAINTEXT,
        ],
        run: |hsm, permit, key| {
            let algorithm = EncryptionAlgorithm::SymmetricDefault;
            encrypt(hsm, permit, key, algorithm, b"x", &EncryptionContext::default()).map(drop)
        },
    },
    Use {
        spec: KeySpec::SymmetricDefault,
        usage: KeyUsage::EncryptDecrypt,
        actions: &[Action::DECRYPT, Action::RE_ENCRYPT_FROM],
        run: |hsm, permit, key| {
            let algorithm = EncryptionAlgorithm::SymmetricDefault;
            decrypt(hsm, permit, key, algorithm, b"x", &EncryptionContext::default()).map(drop)
        },
    },
    Use {
        spec: KeySpec::Rsa2048,
        usage: KeyUsage::EncryptDecrypt,
        actions: &[Action::DECRYPT, Action::RE_ENCRYPT_FROM],
        run: |hsm, permit, key| {
            let algorithm = EncryptionAlgorithm::RsaesOaepSha256;
            decrypt(hsm, permit, key, algorithm, b"x", &EncryptionContext::default()).map(drop)
        },
    },
    Use {
        spec: KeySpec::EccNistP256,
        usage: KeyUsage::SignVerify,
        actions: &[Action::SIGN],
        run: |hsm, permit, key| sign(hsm, permit, key, MESSAGE).map(drop),
    },
    Use {
        spec: KeySpec::EccNistP256,
        usage: KeyUsage::SignVerify,
        actions: &[Action::VERIFY],
        run: |hsm, permit, key| verify(hsm, permit, key, MESSAGE, b"x"),
    },
    Use {
        spec: KeySpec::EccNistP256,
        usage: KeyUsage::SignVerify,
        actions: &[Action::GET_PUBLIC_KEY],
        run: |hsm, permit, key| public_key(hsm, permit, key).map(drop),
    },
    Use {
        spec: KeySpec::Hmac256,
        usage: KeyUsage::GenerateVerifyMac,
        actions: &[Action::GENERATE_MAC],
        run: |hsm, permit, key| {
            generate_mac(hsm, permit, key, MacAlgorithm::HmacSha256, b"x").map(drop)
        },
    },
    Use {
        spec: KeySpec::Hmac256,
        usage: KeyUsage::GenerateVerifyMac,
        actions: &[Action::VERIFY_MAC],
        run: |hsm, permit, key| verify_mac(hsm, permit, key, MacAlgorithm::HmacSha256, b"x", b"x"),
    },
    Use {
        spec: KeySpec::EccNistP384,
        usage: KeyUsage::KeyAgreement,
        actions: &[Action::DERIVE_SHARED_SECRET],
        run: |hsm, permit, key| derive_shared_secret(hsm, permit, key, b"x").map(drop),
    },
    Use {
        spec: KeySpec::MlKem512,
        usage: KeyUsage::EncapsulateDecapsulate,
        actions: &[Action::ENCAPSULATE],
        run: |hsm, permit, key| encapsulate(hsm, permit, key).map(drop),
    },
    Use {
        spec: KeySpec::MlKem512,
        usage: KeyUsage::EncapsulateDecapsulate,
        actions: &[Action::DECAPSULATE],
        run: |hsm, permit, key| decapsulate(hsm, permit, key, b"x").map(drop),
    },
];

const MESSAGE: Message<'_> =
    Message { algorithm: SigningAlgorithm::EcdsaSha256, kind: MessageType::Raw, bytes: b"x" };

#[test]
fn a_permit_is_for_one_key_and_one_use() {
    let bench = Bench::new();
    let other = bench.key(KeySpec::SymmetricDefault, KeyUsage::EncryptDecrypt);
    let mut of_keys = Action::ALL.to_vec();
    of_keys.retain(|action| action.applies_to(ResourceKind::Key) && action.service() == "kms");
    // Only a grant lets anybody retire it.
    of_keys.retain(|action| *action != Action::RETIRE_GRANT);
    for (at, used) in USES.iter().enumerate() {
        let key = bench.key(used.spec, used.usage);
        for action in of_keys.iter().copied() {
            let refused = |permit: &Permit| {
                matches!((used.run)(&bench.hsm, permit, &key), Err(Error::Permit))
            };
            let fits = used.actions.contains(&action);
            assert_eq!(refused(&bench.permit_key(action, &key)), !fits, "{at} {action}");
            assert!(refused(&bench.permit_key(action, &other)), "{at} {action}");
        }
    }
}

/// The texts are AWS's own, measured.
#[test]
fn texts() {
    let arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let spec = KeySpec::MlDsa44;
    let algorithm = SigningAlgorithm::EcdsaSha256;
    for (error, text) in [
        (
            Error::Usage {
                arn: KeyArn::parse(arn).unwrap(),
                usage: KeyUsage::SignVerify,
                operation: "Encrypt",
            },
            format!("{arn} key usage is SIGN_VERIFY which is not valid for Encrypt."),
        ),
        (
            Error::Algorithm { algorithm: "HMAC_SHA_256".to_owned(), spec: KeySpec::Hmac224 },
            "Algorithm HMAC_SHA_256 is incompatible with key spec HMAC_224.".to_owned(),
        ),
        (
            Error::MessageTypeOfSpec { message_type: MessageType::Digest, spec },
            "Message type DIGEST is incompatible with key spec ML_DSA_44.".to_owned(),
        ),
        (
            Error::DigestLength(algorithm),
            "Digest is invalid length for algorithm ECDSA_SHA_256.".to_owned(),
        ),
    ] {
        assert_eq!(error.to_string(), text);
    }
}
