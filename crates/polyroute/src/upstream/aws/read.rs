//! What the sources of AWS credentials say: files, and JSON answers. Pure.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use polyroute_wire::delay::parse_rfc3339;
use serde_json::Value;

use super::Held;

/// Settings of a profile that lead to credentials in ways that are not followed here.
const NOT_FOLLOWED: [&str; 4] = [
    "sso_session",
    "sso_start_url",
    "credential_process",
    "source_profile",
];

/// What a profile says.
#[derive(Debug)]
pub(super) enum Profile {
    /// Keys.
    Keys(Credentials),
    /// A role to take with a token.
    Role {
        arn: String,
        token_file: String,
        session: Option<String>,
    },
}

/// Reads a profile out of the texts of `credentials` and `config`. `Ok(None)`: neither names it.
pub(super) fn profile(
    credentials: &str,
    config: &str,
    name: &str,
) -> Result<Option<Profile>, String> {
    let in_config = if name == "default" {
        name.to_owned()
    } else {
        format!("profile {name}")
    };
    let mut values = section(config, &in_config);
    values.extend(section(credentials, name));
    let value = |key: &str| {
        let found = values.iter().rev().find(|(known, _)| known == key);
        found.map(|(_, value)| value.clone())
    };
    if let (Some(id), Some(secret)) = (value("aws_access_key_id"), value("aws_secret_access_key")) {
        let token = value("aws_session_token");
        return Ok(Some(Profile::Keys(keys(&id, &secret, token))));
    }
    if let (Some(arn), Some(token_file)) = (value("role_arn"), value("web_identity_token_file")) {
        let session = value("role_session_name");
        return Ok(Some(Profile::Role {
            arn,
            token_file,
            session,
        }));
    }
    match NOT_FOLLOWED.iter().find(|key| value(key).is_some()) {
        Some(key) => Err(format!(
            "the AWS profile `{name}` uses `{key}`, which is not supported: export its keys \
             (`aws configure export-credentials --format env`)"
        )),
        None => Ok(None),
    }
}

/// The keys and values of an INI section; sub-sections are left out.
fn section(text: &str, name: &str) -> Vec<(String, String)> {
    let mut inside = false;
    let mut values = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(head) = trimmed
            .strip_prefix('[')
            .and_then(|rest| rest.split(']').next())
        {
            let words: Vec<&str> = head.split_whitespace().collect();
            inside = words.join(" ") == name;
        } else if inside
            && !line.starts_with([' ', '\t'])
            && !trimmed.starts_with(['#', ';'])
            && let Some((key, value)) = trimmed.split_once('=')
        {
            // A comment needs white space before it.
            let value = value.split(" #").next().unwrap_or_default();
            let value = value.split(" ;").next().unwrap_or_default();
            values.push((key.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    values
}

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

/// The answer of the token service to `AssumeRoleWithWebIdentity`.
pub(super) fn assumed(body: &[u8]) -> Result<Held, String> {
    let value: Value = serde_json::from_slice(body).map_err(|_| "it is no JSON".to_owned())?;
    let path = "/AssumeRoleWithWebIdentityResponse/AssumeRoleWithWebIdentityResult/Credentials";
    let credentials = value.pointer(path).ok_or("it holds no credentials")?;
    held(credentials, "SessionToken")
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
        Some(Value::String(date)) => parse_rfc3339(date),
        Some(seconds) => seconds.as_f64(),
        None => None,
    };
    let expiry = expiry
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since));
    Ok(Held {
        credentials: keys(id, secret, text(token).map(ToOwned::to_owned)),
        expiry,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_of_both_files() {
        let credentials = "# c\n[default]\naws_access_key_id = A1 # mine\naws_secret_access_key=S1\n\
                           [dev]\naws_access_key_id=A2\naws_secret_access_key=S2\naws_session_token=T2\n";
        let config = "[profile pod]\nrole_arn = arn:r\nweb_identity_token_file = /t\n\
                      [profile sso]\nsso_session = x\n[profile dev]\nregion = eu-west-1\n  s3 =\n    aws_access_key_id = no\n";
        let read = |name: &str| profile(credentials, config, name);
        let Ok(Some(Profile::Keys(keys))) = read("default") else {
            panic!("no keys");
        };
        assert_eq!(
            (keys.access_key_id(), keys.secret_access_key()),
            ("A1", "S1")
        );
        let Ok(Some(Profile::Keys(keys))) = read("dev") else {
            panic!("no keys");
        };
        assert_eq!(
            (keys.access_key_id(), keys.session_token()),
            ("A2", Some("T2"))
        );
        assert!(matches!(read("pod"), Ok(Some(Profile::Role { arn, .. })) if arn == "arn:r"));
        assert!(read("sso").unwrap_err().contains("`sso_session`"));
        assert!(matches!(read("none"), Ok(None)));
    }

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
        assert_eq!(assumed(sts).unwrap().expiry, Some(expiry));
        assert_eq!(
            refusal(br#"{"Error":{"Code":"ExpiredTokenException"}}"#),
            "ExpiredTokenException"
        );
    }
}
