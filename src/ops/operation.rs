//! What an operation is, and how it becomes a row of a table.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;

use super::access::Access;
use super::call::{Answer, Call};
use super::ctx::Ctx;
use super::facts::Facts;
use super::feed::Feed;
use super::pipeline;
use crate::base::arn::KeyArn;
use crate::base::ids::Region;
use crate::store::Change;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::Member;

/// The service an operation belongs to: who is named in a record's
/// `eventSource`, and which credential scope a signature must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    Audit,
    Backup,
    Cloudtrail,
    Iam,
    Items,
    Kms,
    Policy,
    Sts,
    /// What the server does on its own timers; never reached from outside.
    System,
}

impl Service {
    /// CloudTrail's `eventSource`.
    #[must_use]
    pub const fn event_source(self) -> &'static str {
        match self {
            Self::Audit => "audit.wardbook",
            Self::Backup => "backup.wardbook",
            Self::Cloudtrail => "cloudtrail.amazonaws.com",
            Self::Iam => "iam.wardbook",
            Self::Items => "items.wardbook",
            // What the server does by itself, it does to KMS keys.
            Self::Kms | Self::System => "kms.amazonaws.com",
            Self::Policy => "policy.wardbook",
            Self::Sts => "sts.amazonaws.com",
        }
    }

    /// The service's name in metrics, traces and `describe-ops`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Backup => "backup",
            Self::Cloudtrail => "cloudtrail",
            Self::Iam => "iam",
            Self::Items => "items",
            Self::Kms => "kms",
            Self::Policy => "policy",
            Self::Sts => "sts",
            Self::System => "system",
        }
    }
}

/// What everybody may know about an operation.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// The name on the wire, in policies and in records.
    pub name: &'static str,
    pub service: Service,
    /// CloudTrail's `readOnly`.
    pub read_only: bool,
    pub input: &'static [Member],
    pub output: &'static [Member],
    /// The errors that this operation can answer beside those that all can.
    pub errors: &'static [Code],
}

/// One operation of the API. Its file holds everything that is special to it;
/// the pipeline does everything else.
pub trait Operation: 'static {
    const DESCRIPTION: Description;
    /// Whether success without a decision of the policy would be a fault. True
    /// for all operations but those that tell callers who they are.
    const NEEDS_PERMIT: bool = true;

    /// Whether no other change may be made meanwhile, so that what the operation
    /// looked at is still so when it commits. True for all that change anything,
    /// but for those that take long: they look at nothing, or first do what takes long
    /// and then wait for their turn ([`Access::takes_turn`]).
    const TAKES_TURN: bool = !Self::DESCRIPTION.read_only;

    /// Whose turn that is. Changes that only ever meet those of their own kind, and take
    /// long, need not keep all others waiting.
    fn turn(ctx: &Self::Context) -> &Mutex<()> {
        &ctx.as_ref().changing
    }

    /// What the operation works with: the common context, or one that adds to it.
    type Context: AsRef<Ctx> + Send + Sync + 'static;
    type Input: ReadInput;
    type Output: Serialize + Send;

    /// Does the work without a lasting effect: decides through `access`, and
    /// hands up the changes for the pipeline to commit with the record. May be
    /// called again when a change met another one.
    fn run(
        ctx: &Self::Context,
        access: &mut Access<'_>,
        input: Self::Input,
    ) -> impl Future<Output = Result<Done<Self::Output>, ApiError>> + Send;
}

/// An input that can be read from a call.
pub trait ReadInput: Sized + Send {
    /// Reads the input, and notes in `facts` what the record keeps of it.
    ///
    /// # Errors
    /// `SerializationException` or `ValidationException`.
    fn read(description: &Description, call: &Call, facts: &mut Facts) -> Result<Self, ApiError>;
}

/// Nearly all inputs are members that the operation's own table describes.
impl<T: DeserializeOwned + Send> ReadInput for T {
    fn read(description: &Description, call: &Call, facts: &mut Facts) -> Result<Self, ApiError> {
        pipeline::read_members(description, call, facts)
    }
}

/// What an operation did.
pub struct Done<T> {
    pub output: T,
    pub changes: Vec<Box<dyn Change>>,
    /// CloudTrail's `responseElements`; null where AWS records none.
    pub response_elements: Option<Value>,
    /// What the call set off in other Regions, nearly always nothing.
    pub further: Vec<Further>,
    /// The answer itself, if it comes in pieces; `output` is not sent then.
    pub feed: Option<Feed>,
}

/// What a call set off in another Region. It has a record of its own there, as
/// a call that KMS itself made for the caller.
pub struct Further {
    /// CloudTrail's `eventName`.
    pub name: &'static str,
    pub region: Region,
    pub request_parameters: Option<Value>,
    pub response_elements: Option<Value>,
    pub resources: Vec<KeyArn>,
}

impl<T> Done<T> {
    /// An answer that changes nothing and of which AWS records nothing.
    #[must_use]
    pub fn read(output: T) -> Self {
        let (changes, further) = (Vec::new(), Vec::new());
        Self { output, changes, response_elements: None, further, feed: None }
    }

    /// An answer that goes with a change, and what AWS records of it.
    #[must_use]
    pub fn changed(
        output: T,
        changes: Vec<Box<dyn Change>>,
        response_elements: Option<Value>,
    ) -> Self {
        Self { output, changes, response_elements, further: Vec::new(), feed: None }
    }

    /// An answer that comes in pieces.
    #[must_use]
    pub fn feed(output: T, feed: Feed) -> Self {
        Self { feed: Some(feed), ..Self::read(output) }
    }

    /// The same, with what it set off elsewhere.
    #[must_use]
    pub fn with_further(self, further: Vec<Further>) -> Self {
        Self { further, ..self }
    }
}

/// The future of one call.
pub type Running = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A row of an operation table.
#[derive(Debug)]
pub struct Entry<C: 'static> {
    pub description: Description,
    invoke: fn(Arc<C>, Call) -> Running,
}

impl<C: Send + Sync + 'static> Entry<C> {
    /// The row of `O`.
    #[must_use]
    pub const fn of<O: Operation<Context = C>>() -> Self {
        Self {
            description: O::DESCRIPTION,
            invoke: |ctx, call| Box::pin(pipeline::call::<O>(ctx, call)),
        }
    }

    /// The operation, ready to be called.
    #[must_use]
    pub fn bind(&'static self, ctx: Arc<C>) -> BoundOperation {
        BoundOperation {
            description: self.description,
            invoke: Box::new(move |call| (self.invoke)(Arc::clone(&ctx), call)),
        }
    }
}

/// An operation with the context it works with.
pub struct BoundOperation {
    pub description: Description,
    invoke: Box<dyn Fn(Call) -> Running + Send + Sync>,
}

impl BoundOperation {
    /// Starts a call. The future must be driven to its end, whatever becomes
    /// of the client: half a call would be a key use without a record.
    #[must_use]
    pub fn call(&self, call: Call) -> Running {
        (self.invoke)(call)
    }
}
