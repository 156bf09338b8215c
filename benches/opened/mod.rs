//! A server without its doors, whose operations are called in this process by its first
//! administrator.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use wardbook::app::{self, InitOptions, OpenOptions, Opened, RootKeySource};
use wardbook::base::caller::{Caller, Principal};
use wardbook::base::clock::SystemClock;
use wardbook::base::ids::{Region, RequestId};
use wardbook::http::server;
use wardbook::keys::backend::remote::Remotes;
use wardbook::ops::call::Call;
use wardbook::ops::ctx::{Ended, Observer};

/// The allocator of the program, so that what is measured is what it does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Nobody;

impl Observer for Nobody {
    fn call_ended(&self, _: &Ended<'_>) {}
}

pub(crate) struct Server {
    pub(crate) opened: Opened,
    pub(crate) region: Region,
    caller: Caller,
}

impl Server {
    /// Opens a new data folder. Outside of every runtime.
    pub(crate) fn open(folder: &Path, remotes: Arc<Remotes>) -> Self {
        let region = Region::parse("eu-central-1").unwrap();
        let key_file = || RootKeySource::KeyFile(folder.join("root.key"));
        let init = InitOptions {
            data: folder.to_owned(),
            account: None,
            region: region.clone(),
            root_key: key_file(),
            log_origin: None,
        };
        let made = app::init(&init, &SystemClock::new()).unwrap();
        let opened = server::block_on(app::open(OpenOptions {
            oidc: Vec::new(),
            remotes,
            data: folder.to_owned(),
            root_key: key_file(),
            account: None,
            region: None,
            log_origin: None,
            witness: Default::default(),
            regions: Vec::new(),
            quotas: Default::default(),
            store: Default::default(),
            trail: None,
            clock: Arc::new(SystemClock::new()),
            observer: Box::new(Nobody),
        }))
        .unwrap();
        let caller = caller_of(&opened, &made.access_key_id);
        Self { opened, region, caller }
    }

    pub(crate) fn call(&self, input: &Value) -> Call {
        Call {
            caller: self.caller.clone(),
            region: self.region.clone(),
            body: input.to_string().into_bytes(),
            members: Vec::new(),
            decided: Vec::new(),
        }
    }

    /// The answer of an operation of KMS; `None` for an error.
    pub(crate) async fn try_ask(&self, name: &str, input: &Value) -> Option<Value> {
        let entry = wardbook::ops::TABLE.iter().find(|entry| entry.description.name == name);
        let operation = entry.unwrap().bind(Arc::clone(&self.opened.ctx));
        let answer = operation.call(self.call(input)).await;
        answer.result().ok().map(|bytes| serde_json::from_slice(bytes).unwrap())
    }

    pub(crate) async fn ask(&self, name: &str, input: &Value) -> Value {
        self.try_ask(name, input).await.unwrap()
    }
}

/// Whoever has this access key.
pub(crate) fn caller_of(opened: &Opened, access_key_id: &str) -> Caller {
    let key = opened.ctx.directory.find_access_key(access_key_id).unwrap();
    let user = opened.ctx.directory.find(&key.user_id).unwrap();
    Caller {
        principal: Principal::User {
            account: user.account.clone(),
            unique_id: user.unique_id.clone(),
            name: user.name.clone(),
        },
        access_key_id: Some(access_key_id.to_owned()),
        session: None,
        source_ip: Some([127, 0, 0, 1].into()),
        user_agent: Some("bench".to_owned()),
        secure_transport: false,
        tls: None,
        request_id: RequestId::from_random([7; 16]),
        via_service: None,
    }
}
