//! A claim signed with RS256 (RFC 7515, RFC 7523), by the crypto provider that TLS uses: no second
//! one for one signature an hour.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::SignatureScheme;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::Value;

use crate::upstream::crypto_provider;

/// Signs `claims` with an RSA key in PEM. `None` if the key is none.
pub(super) fn sign(claims: &Value, key_id: Option<&str>, private_key: &str) -> Option<String> {
    let mut header = serde_json::json!({"alg": "RS256", "typ": "JWT"});
    if let (Some(id), Some(members)) = (key_id, header.as_object_mut()) {
        members.insert("kid".to_owned(), id.into());
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&header), part(claims));
    let key = PrivateKeyDer::from_pem_slice(private_key.as_bytes()).ok()?;
    let key = crypto_provider().key_provider.load_private_key(key).ok()?;
    let signer = key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256])?;
    let signature = signer.sign(text.as_bytes()).ok()?;
    Some(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
}
