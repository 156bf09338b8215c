//! Why a policy document is refused, and why the engine does not start.

/// Why a policy document is refused. The texts name the place in the document
/// and the reason, for the person who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// The document is not a policy that can be honoured exactly as written.
    /// On the wire: `MalformedPolicyDocumentException`.
    #[error("{0}")]
    Malformed(String),
    /// A principal does not exist or cannot be one. On the wire:
    /// `MalformedPolicyDocumentException`, with AWS's own text.
    #[error("Policy contains a statement with one or more invalid principals.")]
    InvalidPrincipal {
        /// The principal as the document has it, for logs: AWS does not say.
        principal: String,
    },
    /// The caller could never change the policy again. On the wire:
    /// `MalformedPolicyDocumentException`, with AWS's own text.
    #[error("The new key policy will not allow you to update the key policy in the future.")]
    Lockout,
    /// The document exceeds a limit. On the wire: `LimitExceededException`.
    #[error("the policy exceeds the limit of {limit} {unit}")]
    TooLarge {
        limit: usize,
        /// What is limited, in the plural.
        unit: &'static str,
    },
}

/// Why the engine does not start: something in `policies/` is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the policy schema is not valid")]
    Schema(#[from] Box<cedar_policy::CedarSchemaError>),
    #[error("the policy schema does not know {0}")]
    Unknown(String),
    #[error("the built-in policy {name} is not valid")]
    Builtin {
        name: &'static str,
        #[source]
        cause: CompileError,
    },
    #[error("the self check failed: {0}")]
    SelfCheck(&'static str),
}
