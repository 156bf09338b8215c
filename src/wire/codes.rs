//! The one table of error codes: name on the wire, HTTP status over the KMS
//! protocol (400 for all but faults, as AWS does), HTTP status over REST.

use std::fmt;

macro_rules! codes {
    ($($name:ident $kms:literal $rest:literal;)*) => {
        /// An error code, named as on the wire.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code { $($name,)* }

        impl Code {
            /// Every code, sorted by name.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// HTTP status over the KMS protocol.
            #[must_use]
            pub const fn kms_status(self) -> u16 {
                match self { $(Self::$name => $kms,)* }
            }

            /// HTTP status over the REST API.
            #[must_use]
            pub const fn rest_status(self) -> u16 {
                match self { $(Self::$name => $rest,)* }
            }
        }
    };
}

codes! {
    AccessDeniedException 400 403;
    AlreadyExistsException 400 409;
    CloudHsmClusterNotFoundException 400 404;
    CloudTrailARNInvalidException 400 400;
    ConflictException 400 409;
    CustomKeyStoreHasCMKsException 400 409;
    CustomKeyStoreInvalidStateException 400 409;
    CustomKeyStoreNameInUseException 400 409;
    CustomKeyStoreNotFoundException 400 404;
    DependencyTimeoutException 500 504;
    DisabledException 400 409;
    DryRunOperationException 400 400;
    ExpiredImportTokenException 400 400;
    ExpiredTokenException 400 403;
    IDPRejectedClaimException 400 403;
    IncompleteSignatureException 400 403;
    IncorrectKeyException 400 400;
    IncorrectKeyMaterialException 400 400;
    InvalidAliasNameException 400 400;
    InvalidArnException 400 400;
    InvalidCiphertextException 400 400;
    InvalidEventCategoryException 400 400;
    InvalidGrantIdException 400 400;
    InvalidGrantTokenException 400 400;
    InvalidIdentityTokenException 400 400;
    InvalidImportTokenException 400 400;
    InvalidKeyUsageException 400 400;
    InvalidLookupAttributesException 400 400;
    InvalidMarkerException 400 400;
    InvalidMaxResultsException 400 400;
    InvalidNextTokenException 400 400;
    InvalidSignatureException 400 403;
    InvalidTimeRangeException 400 400;
    InvalidTokenException 400 400;
    InvalidTrailNameException 400 400;
    KMSInternalException 500 500;
    KMSInvalidMacException 400 400;
    KMSInvalidSignatureException 400 400;
    KMSInvalidStateException 400 409;
    KeyUnavailableException 500 503;
    LimitExceededException 400 409;
    MalformedPolicyDocumentException 400 400;
    MissingAuthenticationTokenException 400 403;
    NotAuthorizedException 400 403;
    NotFoundException 400 404;
    PackedPolicyTooLargeException 400 400;
    RequestEntityTooLargeException 413 413;
    SerializationException 400 400;
    TagException 400 400;
    ThrottlingException 400 429;
    TrailNotFoundException 400 404;
    UnknownOperationException 400 404;
    UnrecognizedClientException 400 403;
    UnsupportedOperationException 400 400;
    ValidationException 400 400;
    XksKeyAlreadyInUseException 400 409;
    XksKeyInvalidConfigurationException 400 400;
    XksKeyNotFoundException 400 404;
    XksProxyUriInUseException 400 409;
    XksProxyUriUnreachableException 400 400;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn the_table_is_sorted_and_faults_are_500() {
        assert!(Code::ALL.is_sorted_by_key(|code| code.as_str()));
        for code in Code::ALL {
            let fault = matches!(
                code,
                Code::DependencyTimeoutException
                    | Code::KMSInternalException
                    | Code::KeyUnavailableException
            );
            assert_eq!(code.kms_status() == 500, fault, "{code}");
        }
    }
}
