//! TLS on the listener: certificate chain and key from PEM files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// Why the listener's TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate file can't be read as PEM.
    #[error(
        "cannot read a certificate chain from `{0}`: {1}; it must be PEM, the server's certificate first"
    )]
    Certificate(PathBuf, rustls_pki_types::pem::Error),
    /// The certificate file holds no certificate.
    #[error("`{0}` holds no certificate; it must be PEM, the server's certificate first")]
    NoCertificate(PathBuf),
    /// The key file can't be read as PEM.
    #[error("cannot read a private key from `{0}`: {1}; it must be an unencrypted PEM key")]
    Key(PathBuf, rustls_pki_types::pem::Error),
    /// Certificate and key don't fit each other.
    #[error("the certificate and the key do not work together: {0}")]
    Mismatch(#[from] rustls::Error),
}

/// Server TLS settings: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1 by ALPN.
///
/// # Errors
/// Which file is wrong and why.
pub fn server_config(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| TlsError::Certificate(certificate.to_owned(), error))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate(certificate.to_owned()));
    }
    let key =
        PrivateKeyDer::from_pem_file(key).map_err(|error| TlsError::Key(key.to_owned(), error))?;
    let mut config =
        ServerConfig::builder_with_provider(Arc::new(crate::upstream::crypto_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
