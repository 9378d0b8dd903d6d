//! TLS towards providers: the public roots, and the company's own from the system store.

use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// Client TLS settings that trust the Mozilla roots built in, every certificate of the system
/// store, and those of `ca_file` (PEM), so that a company CA needs no setting or one.
///
/// # Errors
/// No protocol version that the crypto provider can speak.
pub fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let native = rustls_native_certs::load_native_certs();
    // One certificate that can't be read must not take the others with it.
    roots.add_parsable_certificates(native.certs);
    if let Some(own) = ca_file.and_then(|path| CertificateDer::pem_file_iter(path).ok()) {
        roots.add_parsable_certificates(own.flatten());
    }
    Ok(
        ClientConfig::builder_with_provider(Arc::new(crypto_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth(),
    )
}

/// The crypto provider that this build was made with.
#[must_use]
pub fn crypto_provider() -> rustls::crypto::CryptoProvider {
    #[cfg(feature = "aws-lc-rs")]
    {
        rustls::crypto::aws_lc_rs::default_provider()
    }
    #[cfg(not(feature = "aws-lc-rs"))]
    {
        rustls::crypto::ring::default_provider()
    }
}
