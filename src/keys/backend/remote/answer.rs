//! What a remote answers.

use crate::base::spec::{KeySpec, KeyUsage};

/// An answer, and the id under which the remote's own log has the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    pub value: T,
    /// `x-amzn-RequestId`.
    pub request_id: Option<String>,
}

impl<T> Answer<T> {
    /// The same answer with another value.
    pub fn map<U>(self, to: impl FnOnce(T) -> U) -> Answer<U> {
        Answer { value: to(self.value), request_id: self.request_id }
    }
}

/// A remote key (AWS KMS API Reference, KeyMetadata).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Of the key, also where it was asked for by an alias.
    pub arn: String,
    pub spec: KeySpec,
    pub usage: KeyUsage,
    /// Whether it can be used for cryptography now.
    pub enabled: bool,
}
