//! Checks RS256 claims of the simulator's one service account.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::SignatureScheme;
use serde_json::Value;

/// The account's private key: made for this simulator and public with it, so it opens nothing else.
pub(super) const PRIVATE_KEY: &str = include_str!("google_key.pem");
/// Its public half, an `RSAPublicKey` in DER.
const PUBLIC_KEY: &[u8] = include_bytes!("google_key.pub.der");

/// Header and claims of a token whose signature holds; else what is wrong, in OAuth's words.
pub(super) fn verify(token: &str) -> Result<(Value, Value), &'static str> {
    const MALFORMED: &str = "Invalid JWT: Token must be in the form header.payload.signature.";
    let (signed, signature) = token.rsplit_once('.').ok_or(MALFORMED)?;
    let (header, claims) = signed.split_once('.').ok_or(MALFORMED)?;
    let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| MALFORMED);
    let json = |part: &str| -> Result<Value, &'static str> {
        serde_json::from_slice(&bytes(part)?).map_err(|_| MALFORMED)
    };
    let (header, claims) = (json(header)?, json(claims)?);
    if header.get("alg").and_then(Value::as_str) != Some("RS256") {
        return Err("Invalid JWT: Algorithm must be RS256.");
    }
    let algorithms = crypto_provider().signature_verification_algorithms;
    let holds = algorithms
        .mapping
        .iter()
        .filter(|(scheme, _)| *scheme == SignatureScheme::RSA_PKCS1_SHA256)
        .flat_map(|(_, algorithms)| algorithms.iter())
        .any(|algorithm| {
            bytes(signature).is_ok_and(|signature| {
                algorithm
                    .verify_signature(PUBLIC_KEY, signed.as_bytes(), &signature)
                    .is_ok()
            })
        });
    if holds {
        Ok((header, claims))
    } else {
        Err("Invalid JWT Signature.")
    }
}

fn crypto_provider() -> rustls::crypto::CryptoProvider {
    #[cfg(feature = "aws-lc-rs")]
    {
        rustls::crypto::aws_lc_rs::default_provider()
    }
    #[cfg(not(feature = "aws-lc-rs"))]
    {
        rustls::crypto::ring::default_provider()
    }
}
