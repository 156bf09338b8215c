//! Keys that stay at a remote, which here is a thread that makes ciphertexts as another
//! wardbook would, and can refuse.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Barrier, Mutex};

use serde_json::{Value, json};

use super::custom_key_stores::{create as create_store, store, wait_for};
use super::{blob, bytes};
use crate::fixture::door::Door;
use crate::fixture::program::{Home, Program};
use crate::fixture::raw::{Request, Response};
use crate::fixture::{ACCOUNT, Credentials, OTHER_REGION};

const OTHER: &str = "444455556666";
/// How the remote's ciphertexts begin: a header of the same form as ours.
const THEIRS: &[u8] = b"wb\x02\x00its own key idremote:";

#[derive(Clone, Copy)]
enum Trouble {
    Denies,
    MakesTooMuch,
    /// Describes a key to two at a time only.
    WaitsForTwo,
}

/// A remote with every key that anybody asks for.
struct Elsewhere {
    trouble: Mutex<Option<Trouble>>,
    asked: Mutex<Vec<String>>,
    two: Barrier,
}

impl Elsewhere {
    fn start() -> (Arc<Self>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (trouble, asked) = (Mutex::default(), Mutex::default());
        let this = Arc::new(Self { trouble, asked, two: Barrier::new(2) });
        let serves = Arc::clone(&this);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, serves) = (stream.unwrap(), Arc::clone(&serves));
                std::thread::spawn(move || serves.serve(stream));
            }
        });
        (this, address)
    }

    /// How often it was asked to do this with a key.
    fn count(&self, operation: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| *asked == operation).count()
    }

    fn set(&self, trouble: Option<Trouble>) {
        *self.trouble.lock().unwrap() = trouble;
    }

    /// Answers one request.
    fn serve(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut operation, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let (name, value) = line.split_once(':').unwrap_or_default();
            match name.to_ascii_lowercase().as_str() {
                "x-amz-target" => operation = value.trim().replace("TrentService.", ""),
                "content-length" => length = value.trim().parse().unwrap(),
                _ if line == "\r\n" => break,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let input: Value = serde_json::from_slice(&body).unwrap();
        let (status, answer) = match self.answer(&operation, &input) {
            Ok(answer) => (200, answer),
            Err(code) => (400, json!({ "__type": code, "message": "says the remote" })),
        };
        self.asked.lock().unwrap().push(operation);
        let answer = answer.to_string();
        let length = answer.len();
        let answer = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/x-amz-json-1.1\r\n\
             x-amzn-RequestId: remote-request\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{answer}"
        );
        stream.write_all(answer.as_bytes()).unwrap();
    }

    fn answer(&self, operation: &str, input: &Value) -> Result<Value, &'static str> {
        let trouble = *self.trouble.lock().unwrap();
        let key = &input["KeyId"];
        if operation == "DescribeKey" && matches!(trouble, Some(Trouble::WaitsForTwo)) {
            self.two.wait();
        }
        match operation {
            "ListKeys" => Ok(json!({ "Keys": [], "Truncated": false })),
            "DescribeKey" => Ok(json!({ "KeyMetadata": {
                "KeyId": key.as_str().unwrap().rsplit('/').next(), "Arn": key,
                "KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT",
                "KeyState": "Enabled",
            } })),
            _ if matches!(trouble, Some(Trouble::Denies)) => Err("AccessDeniedException"),
            "Encrypt" => {
                let mut made = [THEIRS, &bytes(input, "Plaintext")].concat();
                if matches!(trouble, Some(Trouble::MakesTooMuch)) {
                    made.resize(6_144 - 20 + 1, 0);
                }
                Ok(json!({ "CiphertextBlob": blob(made), "KeyId": key }))
            }
            "Decrypt" => match bytes(input, "CiphertextBlob").strip_prefix(THEIRS) {
                Some(plaintext) => Ok(json!({ "Plaintext": blob(plaintext), "KeyId": key })),
                None => Err("InvalidCiphertextException"),
            },
            _ => Err("UnsupportedOperationException"),
        }
    }
}

/// A server with a remote in each mode. `HTTP_PROXY` leads nowhere.
fn start(home: &Home) -> (Arc<Elsewhere>, Program) {
    let (remote, address) = Elsewhere::start();
    let table = |(name, mode): (&str, &str)| {
        format!(
            "[remotes.{name}]\nregion = 'us-west-2'\nendpoint = 'http://{address}'\n\
             mode = '{mode}'\noperation-timeout-ms = 30000\n"
        )
    };
    let modes = [("far", "pass-through"), ("bare", "raw"), ("sealed", "double")];
    let settings: String = modes.into_iter().map(table).collect();
    let seed = format!(
        "[[users]]\naccount = '{OTHER}'\nname = 'b'\n\
         policies = {{ Admin = 'permit (principal, action, resource);' }}\n\
         access-keys = [{{ id = 'AKIAOFTHEOTHERONE', secret = 'secret-of-b' }}]\n"
    );
    let path = home.data().with_file_name("seed.toml");
    std::fs::write(&path, seed).unwrap();
    let environment = [
        ("AWS_ACCESS_KEY_ID", "AKIAREMOTE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("HTTP_PROXY", "http://127.0.0.1:9"),
        ("WARDBOOK_SEED", path.to_str().unwrap()),
    ];
    let program = home.serve_with(&settings, &environment);
    for (name, _) in modes {
        wait_for(&program, name, "CONNECTED", None);
    }
    (remote, program)
}

/// Somebody of the other account.
fn stranger() -> Credentials {
    Credentials {
        access_key_id: "AKIAOFTHEOTHERONE".to_owned(),
        secret: "secret-of-b".to_owned(),
        session_token: None,
    }
}

fn there(region: &str, id: &str) -> String {
    format!("arn:aws:kms:{region}:999988887777:key/{id}")
}

fn create(door: &Door, store_name: &str, xks_key_id: &str) -> Response {
    let input = json!({
        "Origin": "EXTERNAL_KEY_STORE", "XksKeyId": xks_key_id,
        "CustomKeyStoreId": store(door, store_name)["CustomKeyStoreId"],
    });
    door.call("CreateKey", &input)
}

/// The ARN of a new key here, for this one there.
#[track_caller]
fn made(door: &Door, store_name: &str, xks_key_id: &str) -> String {
    let made = create(door, store_name, xks_key_id).ok();
    made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
}

#[test]
fn related_multi_region_keys_stand_for_one_key_only() {
    let home = Home::new();
    let (_remote, program) = start(&home);
    made(&program, "far", &there("us-west-2", "mrk-1"));
    let taken = create(&program, "bare", &there("eu-west-1", "mrk-1"));
    assert_eq!(taken.code(), "XksKeyAlreadyInUseException");
    made(&program, "bare", &there("eu-west-1", "mrk-12"));
    // Without that name two Regions have nothing in common.
    made(&program, "far", &there("us-west-2", "k1"));
    made(&program, "far", &there("eu-west-1", "k1"));
}

#[test]
fn a_remote_says_whose_its_ciphertexts_are() {
    let home = Home::new();
    let (_remote, program) = start(&home);
    let decrypt = |key: &str, blob: &str| {
        program.call("Decrypt", &json!({ "KeyId": key, "CiphertextBlob": blob }))
    };
    let theirs = blob([THEIRS, b"theirs"].concat());
    for (name, at) in [("far", "k1"), ("bare", "k2")] {
        let key = made(&program, name, &there("us-west-2", at));
        let input = json!({ "KeyId": key, "Plaintext": blob("ours") });
        let ours = program.call("Encrypt", &input).ok()["CiphertextBlob"].clone();
        let ours = ours.as_str().unwrap();
        assert_eq!(ours == blob([THEIRS, b"ours"].concat()), name == "bare");
        assert_eq!(bytes(&decrypt(&key, ours).ok(), "Plaintext"), b"ours");
        assert_eq!(bytes(&decrypt(&key, &theirs).ok(), "Plaintext"), b"theirs");
        let other = decrypt(&key, &blob("wb other"));
        assert_eq!(other.code(), "InvalidCiphertextException");
    }
    let key = made(&program, "sealed", &there("us-west-2", "k3"));
    assert_eq!(decrypt(&key, &theirs).code(), "IncorrectKeyException");
}

/// A backup shows how a remote key has wrapped its root key.
#[test]
fn no_key_opens_what_protects_a_root_key() {
    let home = Home::new();
    let (remote, program) = start(&home);
    let wrapped = blob([THEIRS, b"key of a root key"].concat());
    let mut context = json!({
        "wardbook:purpose": "root-key", "wardbook:account": ACCOUNT, "wardbook:log": "1",
    });
    let call = |operation: &str, key: &str, context: &Value| {
        let input = json!({
            "KeyId": key, "CiphertextBlob": wrapped, "EncryptionContext": context,
            "Plaintext": blob("x"), "NumberOfBytes": 32, "SourceEncryptionContext": context,
            "DestinationKeyId": key,
        });
        let asked: &[&str] = match operation {
            "Decrypt" => &["KeyId", "CiphertextBlob", "EncryptionContext"],
            "Encrypt" => &["KeyId", "Plaintext", "EncryptionContext"],
            "GenerateDataKey" => &["KeyId", "NumberOfBytes", "EncryptionContext"],
            _ => &["CiphertextBlob", "SourceEncryptionContext", "DestinationKeyId"],
        };
        let asked = asked.iter().map(|name| ((*name).to_owned(), input[*name].clone()));
        let mut asked: serde_json::Map<String, Value> = asked.collect();
        if operation == "ReEncrypt" {
            asked.insert("SourceKeyId".to_owned(), json!(key));
        }
        program.call(operation, &Value::Object(asked))
    };
    // A key that is sealed twice takes no such ciphertext at all.
    for (name, at) in [("far", "k1"), ("bare", "k2")] {
        let key = made(&program, name, &there("us-west-2", at));
        let asked = (remote.count("Decrypt"), remote.count("Encrypt"));
        for operation in ["Decrypt", "Encrypt", "GenerateDataKey", "ReEncrypt"] {
            let refused = call(operation, &key, &context);
            assert_eq!(refused.code(), "ValidationException", "{operation}");
            assert!(refused.message().contains("is reserved for the root keys"), "{operation}");
        }
        assert_eq!((remote.count("Decrypt"), remote.count("Encrypt")), asked);
    }
    // Whose purpose is another one is no concern of ours.
    context["wardbook:purpose"] = json!("root-keys");
    let key = made(&program, "far", &there("us-west-2", "k4"));
    call("Decrypt", &key, &context).ok();
}

#[test]
fn only_the_owner_reads_what_the_remote_said() {
    let home = Home::new();
    let (remote, program) = start(&home);
    let far = there("us-west-2", "k1");
    let key = made(&program, "far", &far);
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": [ACCOUNT, OTHER] }, "Action": "kms:*",
        "Resource": "*",
    }] });
    let put = json!({ "KeyId": key, "Policy": policy.to_string() });
    program.call("PutKeyPolicy", &put).ok();
    let b = stranger();
    let encrypt = || {
        let input = json!({ "KeyId": key, "Plaintext": blob("x") });
        program.call_as(&b, "Encrypt", &input)
    };
    let records = |answer: &Response| {
        let path = format!("/v1/audit/events?requestId={}", answer.request_id());
        let asked = Request::new("GET", &path, "");
        let own = program.send_as(&b, "wardbook", &asked).ok()["events"].clone();
        (own, Value::from(program.records_of(answer.request_id())))
    };
    let store_id = store(&program, "far")["CustomKeyStoreId"].clone();
    let call = json!({
        "remote": "far", "operation": "Encrypt", "xksKeyId": far, "requestId": "remote-request",
    });

    let answer = encrypt();
    answer.ok();
    let (own, owners) = records(&answer);
    assert_eq!(own[0]["additionalEventData"], Value::Null, "{own:#}");
    let data = json!({ "customKeyStoreId": store_id, "xksKeyId": far, "remoteCalls": [call] });
    assert_eq!(owners[0]["additionalEventData"], data, "{owners:#}");

    // What a policy here allows and the remote does not is in both books, too.
    remote.set(Some(Trouble::Denies));
    let answer = encrypt();
    assert_eq!(answer.code(), "AccessDeniedException");
    let (own, owners) = records(&answer);
    assert_eq!(own[0]["errorCode"], "AccessDenied");
    assert!(!own.to_string().contains("remote"), "{own:#}");
    let [call] = owners[0]["additionalEventData"]["remoteCalls"].as_array().unwrap().as_slice()
    else {
        panic!("{owners:#}")
    };
    assert_eq!(call["failure"], "denied");
    assert_eq!(call["cause"], "AccessDeniedException: says the remote");

    // What a policy denies is the caller's affair alone.
    let put = json!({ "KeyId": key, "Policy": policy.to_string().replace(OTHER, ACCOUNT) });
    program.call("PutKeyPolicy", &put).ok();
    let answer = encrypt();
    assert_eq!(answer.code(), "AccessDeniedException");
    assert_eq!(records(&answer).1, json!([]));
}

#[test]
fn no_remote_is_asked_before_everything_is_decided() {
    let home = Home::new();
    let (remote, program) = start(&home);
    let key = made(&program, "far", &there("us-west-2", "k1"));
    let input = json!({ "KeyId": key, "Plaintext": blob("x") });
    let blob = program.call("Encrypt", &input).ok()["CiphertextBlob"].clone();
    let to = |destination: &str| {
        let input = json!({ "CiphertextBlob": blob, "DestinationKeyId": destination });
        program.call("ReEncrypt", &input)
    };
    assert_eq!(to(super::NO_KEY).code(), "NotFoundException");
    let disabled = program.new_key();
    program.call("DisableKey", &json!({ "KeyId": disabled })).ok();
    assert_eq!(to(&disabled).code(), "DisabledException");
    assert_eq!(remote.count("Decrypt"), 0);
    to(&program.new_key()).ok();
    assert_eq!(remote.count("Decrypt"), 1);
    let asked = remote.count("DescribeKey");
    let sm2 = program.call(
        "CreateKey",
        &json!({
            "Origin": "EXTERNAL_KEY_STORE", "XksKeyId": there("cn-north-1", "k2"),
            "CustomKeyStoreId": store(&program, "far")["CustomKeyStoreId"],
            "KeySpec": "SM2", "KeyUsage": "ENCRYPT_DECRYPT",
        }),
    );
    assert_eq!(sm2.code(), "UnsupportedOperationException");
    assert_eq!(remote.count("DescribeKey"), asked);
}

/// Two want the same key at once: the second finds out when it commits, and its record
/// says all the same that it asked the remote.
#[test]
fn a_call_that_is_run_again_says_what_it_asked_before() {
    let home = Home::new();
    let (remote, program) = start(&home);
    remote.set(Some(Trouble::WaitsForTwo));
    let (door, key) = (program.door(), there("us-west-2", "k1"));
    let answers = std::thread::scope(|scope| {
        let two = [(); 2].map(|()| scope.spawn(|| create(door, "far", &key)));
        two.map(|one| one.join().unwrap())
    });
    let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    let ([_made], [refused]) = (&made[..], &refused[..]) else { panic!("{answers:?}") };
    assert_eq!(refused.code(), "XksKeyAlreadyInUseException");
    let record = &program.records_of(refused.request_id())[0];
    let calls = record["additionalEventData"]["remoteCalls"].as_array().unwrap();
    assert_eq!((calls.len(), &calls[0]["operation"]), (1, &json!("DescribeKey")), "{record:#}");
}

#[test]
fn a_ciphertext_that_nobody_could_send_back_is_not_handed_out() {
    let home = Home::new();
    let (remote, program) = start(&home);
    remote.set(Some(Trouble::MakesTooMuch));
    for (name, at) in [("far", "k1"), ("bare", "k2"), ("sealed", "k3")] {
        let key = made(&program, name, &there("us-west-2", at));
        let input = json!({ "KeyId": key, "Plaintext": blob("x") });
        let answer = program.call("Encrypt", &input);
        assert_eq!(answer.code(), "KeyUnavailableException");
        let record = &program.records_of(answer.request_id())[0];
        let call = &record["additionalEventData"]["remoteCalls"][0];
        assert_eq!(call["failure"], "garbage", "{record:#}");
        assert_eq!(call["cause"], "a ciphertext of 6125 bytes");
    }
}

#[test]
fn a_store_with_keys_stays_with_its_remote() {
    let home = Home::new();
    let (_remote, program) = start(&home);
    let door = program.in_region(OTHER_REGION);
    let id = create_store(&door, "mine", "far").ok()["CustomKeyStoreId"].clone();
    let this = json!({ "CustomKeyStoreId": id });
    let update = |member: &str, value: &str| {
        let mut input = this.clone();
        input[member] = json!(value);
        door.call("UpdateCustomKeyStore", &input)
    };
    update("XksProxyUriEndpoint", "https://bare").ok();
    update("XksProxyUriEndpoint", "https://far").ok();
    door.call("ConnectCustomKeyStore", &this).ok();
    wait_for(&door, "mine", "CONNECTED", None);
    let key = made(&door, "mine", &there("us-west-2", "k1"));
    door.call("DisconnectCustomKeyStore", &this).ok();
    let refused = update("XksProxyUriEndpoint", "https://sealed");
    assert_eq!(refused.code(), "CustomKeyStoreInvalidStateException");
    assert!(refused.message().contains("contains KMS keys"), "{}", refused.message());
    update("XksProxyUriEndpoint", "https://far").ok();
    update("NewCustomKeyStoreName", "renamed").ok();
    // A key on its way out may come back.
    door.call("ScheduleKeyDeletion", &json!({ "KeyId": key })).ok();
    assert_eq!(update("XksProxyUriEndpoint", "https://sealed").code(), refused.code());
}
