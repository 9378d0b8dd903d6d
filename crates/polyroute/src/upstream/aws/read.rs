//! What the sources of AWS credentials say, in JSON. Pure.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use polyroute_wire::delay::parse_rfc3339;
use serde_json::Value;

use super::Held;
use crate::config::secret::Secret;

/// Keys that do not expire.
pub(super) fn keys(id: &str, secret: &str, token: Option<String>) -> Credentials {
    Credentials::new(id, secret, token, None, "polyroute")
}

/// The answer of the metadata service or of a container's endpoint.
pub(super) fn document(body: &[u8]) -> Result<Held, String> {
    let value: Value = serde_json::from_slice(body).map_err(|_| "it is no JSON".to_owned())?;
    let code = value.get("Code").and_then(Value::as_str);
    if let Some(code) = code.filter(|code| *code != "Success") {
        return Err(format!("it says `{code}`"));
    }
    held(&value, "Token")
}

/// The answer of the token service to `action` (`AssumeRole`, `AssumeRoleWithWebIdentity`).
pub(super) fn assumed(body: &[u8], action: &str) -> Result<Held, String> {
    let value: Value = serde_json::from_slice(body).map_err(|_| "it is no JSON".to_owned())?;
    let path = format!("/{action}Response/{action}Result/Credentials");
    let credentials = value.pointer(&path).ok_or("it holds no credentials")?;
    held(credentials, "SessionToken")
}

/// What a `credential_process` prints: keys of version 1 that have not expired.
pub(super) fn printed(output: &[u8], now: SystemTime) -> Result<Held, String> {
    let value: Value =
        serde_json::from_slice(output).map_err(|_| "it prints no JSON".to_owned())?;
    if value.get("Version").and_then(Value::as_u64) != Some(1) {
        return Err("its `Version` is not 1".to_owned());
    }
    let held = held(&value, "SessionToken")?;
    if held.expiry.is_some_and(|expiry| expiry <= now) {
        return Err("its credentials have expired".to_owned());
    }
    Ok(held)
}

/// The token of a file in `~/.aws/sso/cache`. `Ok(None)`: it has expired.
pub(super) fn sso_token(text: &str, now: SystemTime) -> Result<Option<Secret>, String> {
    let value: Value = serde_json::from_str(text).map_err(|_| "it is no JSON".to_owned())?;
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let (Some(token), Some(expires)) = (text("accessToken"), text("expiresAt")) else {
        return Err("it holds no token".to_owned());
    };
    // Older tools wrote `2020-06-17T10:02:08UTC`.
    let expires = parse_rfc3339(expires.strip_suffix("UTC").unwrap_or(expires));
    let expires = expires.and_then(at).ok_or("its `expiresAt` is no time")?;
    Ok((expires > now).then(|| Secret::new(token.to_owned())))
}

/// The answer of IAM Identity Center to `GetRoleCredentials`.
pub(super) fn role_credentials(body: &[u8]) -> Result<Held, String> {
    let value: Value = serde_json::from_slice(body).map_err(|_| "it is no JSON".to_owned())?;
    let said = |key: &str| value.get("roleCredentials").and_then(|all| all.get(key));
    let text = |key: &str| said(key).and_then(Value::as_str);
    let (Some(id), Some(secret)) = (text("accessKeyId"), text("secretAccessKey")) else {
        return Err("it holds no keys".to_owned());
    };
    // In milliseconds; without one nobody would know when to ask again.
    let expiry = said("expiration").and_then(Value::as_f64);
    let expiry = expiry.and_then(|ms| at(ms / 1_000.0));
    Ok(Held {
        credentials: keys(id, secret, text("sessionToken").map(ToOwned::to_owned)),
        expiry: Some(expiry.ok_or("its `expiration` is no time")?),
    })
}

/// Why the token service refused.
pub(super) fn refusal(body: &[u8]) -> String {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |path: &str| value.pointer(path).and_then(Value::as_str);
    text("/Error/Code")
        .or_else(|| text("/code"))
        .or_else(|| text("/Code"))
        .unwrap_or("no reason given")
        .chars()
        .take(100)
        .collect()
}

fn held(value: &Value, token: &str) -> Result<Held, String> {
    let text = |key: &str| {
        let found = value.get(key).and_then(Value::as_str);
        found.filter(|text| !text.is_empty())
    };
    let (Some(id), Some(secret)) = (text("AccessKeyId"), text("SecretAccessKey")) else {
        return Err("it holds no keys".to_owned());
    };
    let expiry = match value.get("Expiration") {
        None | Some(Value::Null) => None,
        Some(said) => {
            let seconds = match said {
                Value::String(date) => parse_rfc3339(date),
                number => number.as_f64(),
            };
            // Taken for none, they would never be renewed.
            let expiry = seconds.and_then(at);
            Some(expiry.ok_or("its `Expiration` is no time")?)
        }
    };
    Ok(Held {
        credentials: keys(id, secret, text(token).map(ToOwned::to_owned)),
        expiry,
    })
}

/// A time by its seconds since the Unix epoch.
fn at(seconds: f64) -> Option<SystemTime> {
    let since = Duration::try_from_secs_f64(seconds).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_of_the_endpoints() {
        let good = br#"{"Code":"Success","AccessKeyId":"A","SecretAccessKey":"S","Token":"T","Expiration":"2026-11-21T18:00:00Z"}"#;
        let read = document(good).unwrap();
        assert_eq!(read.credentials.session_token(), Some("T"));
        let expiry = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_284_000);
        assert_eq!(read.expiry, Some(expiry));
        assert!(document(br#"{"Code":"Failed"}"#).is_err());
        assert!(document(b"{}").is_err());
        let sts = br#"{"AssumeRoleWithWebIdentityResponse":{"AssumeRoleWithWebIdentityResult":{"Credentials":{"AccessKeyId":"A","SecretAccessKey":"S","SessionToken":"T","Expiration":1.7952840E9}}}}"#;
        let action = "AssumeRoleWithWebIdentity";
        assert_eq!(assumed(sts, action).unwrap().expiry, Some(expiry));
        assert!(assumed(sts, "AssumeRole").is_err());
        let odd = br#"{"AccessKeyId":"A","SecretAccessKey":"S","Expiration":"soon"}"#;
        assert!(document(odd).is_err(), "would never be renewed");
        assert_eq!(
            refusal(br#"{"Error":{"Code":"ExpiredTokenException"}}"#),
            "ExpiredTokenException"
        );
    }

    #[test]
    fn tokens_and_credentials_of_identity_center() {
        let now = at(1_795_284_000.0).unwrap();
        let token = |expires: &str| {
            let text = format!(r#"{{"accessToken":"CANARY","expiresAt":"{expires}"}}"#);
            sso_token(&text, now)
        };
        let good = token("2026-11-21T18:00:01Z").unwrap().unwrap();
        assert_eq!(good.expose(), "CANARY");
        assert!(!format!("{good:?}").contains("CANARY"));
        assert!(token("2026-11-21T18:00:01UTC").unwrap().is_some());
        assert!(token("2026-11-21T18:00:00Z").unwrap().is_none());
        assert!(token("soon").is_err());
        assert!(sso_token("{}", now).is_err() && sso_token("", now).is_err());
        let body = |expiration: &str| {
            format!(
                r#"{{"roleCredentials":{{"accessKeyId":"A","secretAccessKey":"S","sessionToken":"T","expiration":{expiration}}}}}"#
            )
        };
        let held = role_credentials(body("1795284000000").as_bytes()).unwrap();
        assert_eq!(held.expiry, Some(now));
        assert_eq!(held.credentials.session_token(), Some("T"));
        assert!(role_credentials(body("null").as_bytes()).is_err());
        assert!(role_credentials(b"{}").is_err());
    }
}
