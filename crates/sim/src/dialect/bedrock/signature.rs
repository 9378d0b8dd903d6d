//! AWS Signature Version 4, verified the way the service does: the request is signed anew with the
//! secret of the named key.
//!
//! Every access key id that begins with `AKIASIM` or `ASIASIM` is known; its secret is
//! `sim-secret-of-` and the id. The temporary ones (`ASIA`) need the session token
//! `sim-session-of-` and the id.

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, Method, Uri};
use sha2::{Digest as _, Sha256};

use crate::clock;

/// By how much the caller's clock may differ, seconds.
const SKEW_MAX_S: u64 = 300;
/// Headers that must be signed where they are sent.
const MUST_SIGN: [&str; 3] = ["host", "x-amz-date", "x-amz-security-token"];

/// The secret of a key id; `None` for a key that nobody has.
pub fn secret_of(access_key_id: &str) -> Option<String> {
    let known = access_key_id.starts_with("AKIASIM") || access_key_id.starts_with("ASIASIM");
    known.then(|| format!("sim-secret-of-{access_key_id}"))
}

/// The session token of a temporary key id; `None` for a lasting one.
pub fn session_of(access_key_id: &str) -> Option<String> {
    let temporary = access_key_id.starts_with("ASIA");
    temporary.then(|| format!("sim-session-of-{access_key_id}"))
}

/// A request as it came.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its target, as sent.
    pub uri: &'a Uri,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body.
    pub body: &'a [u8],
    /// The service's clock, seconds since 1970.
    pub now_s: u64,
}

/// Why a signature is refused: the exception's name and its text.
pub type Refused = (&'static str, String);

/// Whether the request carries a SigV4 signature at all.
pub fn is_signed(headers: &HeaderMap) -> bool {
    text(headers, "authorization").is_some_and(|value| value.starts_with("AWS4-HMAC-SHA256"))
}

/// Verifies a request.
///
/// # Errors
/// The exception that the service would answer with, status 403.
pub fn verify(request: &Signed<'_>) -> Result<(), Refused> {
    let claim = Claim::read(request.headers)?;
    let unknown = || {
        (
            "UnrecognizedClientException",
            "The security token included in the request is invalid.".to_owned(),
        )
    };
    let secret = secret_of(claim.key_id).ok_or_else(unknown)?;
    let token = text(request.headers, "x-amz-security-token");
    if token.is_some_and(|token| token.starts_with("sim-session-expired")) {
        let said = "The security token included in the request is expired".to_owned();
        return Err(("ExpiredTokenException", said));
    }
    if token.map(str::to_owned) != session_of(claim.key_id) {
        return Err(unknown());
    }
    let date = text(request.headers, "x-amz-date").unwrap_or_default();
    in_time(date, request.now_s)?;
    for name in MUST_SIGN {
        let sent = name == "host" || request.headers.contains_key(name);
        if sent && !claim.signed.contains(&name) {
            let said = format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.");
            return Err(("InvalidSignatureException", said));
        }
    }
    if claim.service != "bedrock" || !date.starts_with(claim.day) {
        let said = format!(
            "Credential should be scoped to correct service: 'bedrock'. Found '{}'.",
            claim.service
        );
        return Err(("InvalidSignatureException", said));
    }
    let wanted = claim.sign(&secret, date, &canonical(request, &claim));
    if wanted == claim.signature {
        return Ok(());
    }
    let said = "The request signature we calculated does not match the signature you provided. \
                Check your AWS Secret Access Key and signing method.";
    Err(("InvalidSignatureException", said.to_owned()))
}

/// What an `authorization` header says.
struct Claim<'a> {
    key_id: &'a str,
    day: &'a str,
    region: &'a str,
    service: &'a str,
    signed: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Claim<'a> {
    fn read(headers: &'a HeaderMap) -> Result<Self, Refused> {
        let incomplete = || {
            let said = "Authorization header requires 'Credential', 'SignedHeaders' and \
                        'Signature' parameters.";
            ("IncompleteSignatureException", said.to_owned())
        };
        let value = text(headers, "authorization").unwrap_or_default();
        let rest = value
            .strip_prefix("AWS4-HMAC-SHA256")
            .ok_or_else(incomplete)?;
        let part = |name: &str| {
            rest.split(',')
                .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
        };
        let scope = part("Credential").ok_or_else(incomplete)?;
        let mut scope = scope.split('/');
        let mut next = || scope.next().ok_or_else(incomplete);
        let (key_id, day, region, service) = (next()?, next()?, next()?, next()?);
        if next()? != "aws4_request" {
            return Err(incomplete());
        }
        Ok(Self {
            key_id,
            day,
            region,
            service,
            signed: part("SignedHeaders")
                .ok_or_else(incomplete)?
                .split(';')
                .collect(),
            signature: part("Signature").ok_or_else(incomplete)?,
        })
    }

    fn sign(&self, secret: &str, date: &str, canonical: &str) -> String {
        let scope = format!("{}/{}/{}/aws4_request", self.day, self.region, self.service);
        let hash = hex(&Sha256::digest(canonical.as_bytes()));
        let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hash}");
        let mut key = hmac(format!("AWS4{secret}").as_bytes(), self.day);
        for part in [self.region, self.service, "aws4_request"] {
            key = hmac(&key, part);
        }
        hex(&hmac(&key, &to_sign))
    }
}

/// The canonical request: the path encoded once more, as for every service but S3.
fn canonical(request: &Signed<'_>, claim: &Claim<'_>) -> String {
    let path: Vec<String> = request.uri.path().split('/').map(encoded).collect();
    let mut query: Vec<&str> = request.uri.query().unwrap_or_default().split('&').collect();
    query.sort_unstable();
    let mut headers = String::new();
    for name in &claim.signed {
        let values: Vec<&str> = request
            .headers
            .get_all(*name)
            .iter()
            .filter_map(|value| value.to_str().ok().map(str::trim))
            .collect();
        headers.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    format!(
        "{}\n{}\n{}\n{headers}\n{}\n{}",
        request.method,
        path.join("/"),
        query.join("&"),
        claim.signed.join(";"),
        hex(&Sha256::digest(request.body)),
    )
}

fn encoded(segment: &str) -> String {
    let mut out = String::new();
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn in_time(date: &str, now_s: u64) -> Result<(), Refused> {
    let written = clock::amz_date(now_s);
    if clock::amz_date(now_s.saturating_sub(SKEW_MAX_S)).as_str() > date {
        let said = format!("Signature expired: {date} is now earlier than {written} - 5 min.");
        return Err(("InvalidSignatureException", said));
    }
    if clock::amz_date(now_s + SKEW_MAX_S).as_str() < date {
        let said = format!("Signature not yet current: {date} is still later than {written}.");
        return Err(("InvalidSignatureException", said));
    }
    Ok(())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn hmac(key: &[u8], message: &str) -> Vec<u8> {
    // A key of any length is taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
