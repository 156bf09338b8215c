//! What a connection over TLS agreed on, in the words of CloudTrail's
//! `tlsDetails`.

use std::any::Any;

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use rustls::{CipherSuite, NamedGroup, ProtocolVersion};

use crate::base::caller::Tls;

/// Notes what a new connection agreed on, for the calls that come over it.
/// Plain HTTP has nothing to note.
pub(super) fn note(connection: &dyn Any, notes: &mut Extensions) {
    if let Some(agreed) = connection.downcast_ref::<TlsStream<TcpStream>>().and_then(agreed) {
        notes.insert(agreed);
    }
}

/// `None` before the handshake is done, and for what rustls does not offer today.
fn agreed(stream: &TlsStream<TcpStream>) -> Option<Tls> {
    let (_, session) = stream.get_ref();
    let group = session.negotiated_key_exchange_group();
    Some(Tls {
        version: version(session.protocol_version()?)?,
        cipher_suite: cipher_suite(session.negotiated_cipher_suite()?.suite())?,
        key_exchange: group.and_then(|group| key_exchange(group.name())),
        host: None,
    })
}

fn version(version: ProtocolVersion) -> Option<&'static str> {
    match version {
        ProtocolVersion::TLSv1_2 => Some("TLSv1.2"),
        ProtocolVersion::TLSv1_3 => Some("TLSv1.3"),
        _ => None,
    }
}

/// Suites of TLS 1.3 have the names of RFC 8446; those of 1.2 the names that
/// CloudTrail has from OpenSSL.
fn cipher_suite(suite: CipherSuite) -> Option<&'static str> {
    Some(match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => {
            "ECDHE-ECDSA-CHACHA20-POLY1305"
        }
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-RSA-CHACHA20-POLY1305",
        _ => return None,
    })
}

fn key_exchange(group: NamedGroup) -> Option<&'static str> {
    Some(match group {
        NamedGroup::X25519 => "x25519",
        NamedGroup::secp256r1 => "secp256r1",
        NamedGroup::secp384r1 => "secp384r1",
        NamedGroup::X25519MLKEM768 => "X25519MLKEM768",
        NamedGroup::secp256r1MLKEM768 => "SecP256r1MLKEM768",
        NamedGroup::MLKEM768 => "MLKEM768",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the server offers has a name here, so that no record lacks it.
    #[test]
    fn everything_that_is_offered_has_a_name() {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        for suite in provider.cipher_suites {
            assert!(cipher_suite(suite.suite()).is_some(), "{suite:?}");
        }
        for group in provider.kx_groups {
            assert!(key_exchange(group.name()).is_some(), "{group:?}");
        }
        for offered in rustls::ALL_VERSIONS {
            assert!(version(offered.version).is_some(), "{offered:?}");
        }
    }
}
