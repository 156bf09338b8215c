//! Whether a store is connected, in AWS's words (AWS KMS API Reference,
//! CustomKeyStoresListEntry).

use crate::keys::backend::remote::FailureKind;

/// `ConnectionState`. A store is disconnected at once here, so `DISCONNECTING` is
/// never seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// It shall not be connected.
    Disconnected,
    /// It shall be, and nobody knows yet whether the remote answers.
    Connecting,
    /// The remote has answered. It may have gone since: the next call finds out.
    Connected,
    /// The remote could not be reached. It is tried again.
    Failed(ConnectionErrorCode),
}

impl Connection {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disconnected => "DISCONNECTED",
            Self::Connecting => "CONNECTING",
            Self::Connected => "CONNECTED",
            Self::Failed(_) => "FAILED",
        }
    }
}

/// `ConnectionErrorCode`: those that can be of a remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionErrorCode {
    /// There are no credentials, or none that the remote accepts.
    InvalidCredentials,
    /// The settings have no such remote, or not for this account, or it is no AWS KMS.
    XksProxyInvalidConfiguration,
    /// The remote answers something that makes no sense.
    XksProxyInvalidResponse,
    /// There is no connection, or the remote says that it cannot work.
    XksProxyNotReachable,
    /// The remote takes too long, or has no time for us.
    XksProxyTimedOut,
}

impl ConnectionErrorCode {
    /// Every code.
    pub const ALL: &'static [Self] = &[
        Self::InvalidCredentials,
        Self::XksProxyInvalidConfiguration,
        Self::XksProxyInvalidResponse,
        Self::XksProxyNotReachable,
        Self::XksProxyTimedOut,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidCredentials => "INVALID_CREDENTIALS",
            Self::XksProxyInvalidConfiguration => "XKS_PROXY_INVALID_CONFIGURATION",
            Self::XksProxyInvalidResponse => "XKS_PROXY_INVALID_RESPONSE",
            Self::XksProxyNotReachable => "XKS_PROXY_NOT_REACHABLE",
            Self::XksProxyTimedOut => "XKS_PROXY_TIMED_OUT",
        }
    }

    /// What a failed attempt to reach a remote says of the store; `None` if it says
    /// something of one key only, so that the remote was reached.
    #[must_use]
    pub const fn of(failure: FailureKind) -> Option<Self> {
        match failure {
            FailureKind::Credentials => Some(Self::InvalidCredentials),
            FailureKind::Unavailable => Some(Self::XksProxyNotReachable),
            FailureKind::TimedOut | FailureKind::Throttled => Some(Self::XksProxyTimedOut),
            FailureKind::Garbage => Some(Self::XksProxyInvalidResponse),
            FailureKind::Unsupported | FailureKind::Unknown | FailureKind::Validation => {
                Some(Self::XksProxyInvalidConfiguration)
            }
            FailureKind::Ciphertext
            | FailureKind::Signature
            | FailureKind::Mac
            | FailureKind::IncorrectKey
            | FailureKind::Denied
            | FailureKind::NotFound
            | FailureKind::KeyState
            | FailureKind::KeyUnavailable
            | FailureKind::Usage => None,
        }
    }
}
