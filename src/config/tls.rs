//! From PEM files to what the server needs for TLS.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::Error;

/// The server's side of TLS 1.2 and 1.3, or `None` for plain HTTP.
pub(super) fn server(
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
) -> Result<Option<ServerConfig>, Error> {
    match (cert, key) {
        (None, None) => Ok(None),
        (Some(cert), Some(key)) => load(&cert, &key).map(Some),
        (Some(_), None) => Err(Error::Half { set: "tls-cert", missing: "tls-key" }),
        (None, Some(_)) => Err(Error::Half { set: "tls-key", missing: "tls-cert" }),
    }
}

fn load(cert: &Path, key: &Path) -> Result<ServerConfig, Error> {
    let bad = |path: &Path| {
        let path = path.to_owned();
        move |cause| Error::Pem { path, cause }
    };
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(bad(cert))?;
    if chain.is_empty() {
        return Err(bad(cert)(pem::Error::NoItemsFound));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(bad(key))?;
    ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(Error::Tls)
}
