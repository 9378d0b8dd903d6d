//! Google's application default credentials (google.aip.dev/auth).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use http::header::HeaderName;
use polyroute_wire::error::{ErrorKind, UpstreamError};
use serde_json::{Value, json};

use super::issuer::{Issuer, Question};
use super::{Fetched, Source, jwt, no_token, read_token, refusal};
use crate::config::identity::{GoogleSource, Subject};
use crate::config::secret::Secret;

/// What the tokens are for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// How long a claim of ours holds, and the token for it.
const CLAIM_LIFETIME: Duration = Duration::from_secs(3600);

#[derive(Debug)]
struct Google {
    source: GoogleSource,
    issuer: Issuer,
}

/// The source of tokens for an account.
pub(super) fn source(source: &GoogleSource, issuer: &Issuer) -> Box<dyn Source> {
    Box::new(Google {
        source: source.clone(),
        issuer: issuer.clone(),
    })
}

impl Source for Google {
    fn fetch(&self) -> BoxFuture<'_, Result<Fetched, UpstreamError>> {
        fetch(&self.source, &self.issuer)
    }
}

/// Boxed, since an impersonating account first fetches the token of another.
fn fetch<'a>(
    source: &'a GoogleSource,
    issuer: &'a Issuer,
) -> BoxFuture<'a, Result<Fetched, UpstreamError>> {
    Box::pin(async move {
        match source {
            GoogleSource::ServiceAccount {
                email,
                key_id,
                private_key,
                token_url,
            } => {
                let assertion = claim(email, key_id.as_deref(), private_key, token_url)?;
                let fields = [
                    ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                    ("assertion", assertion.as_str()),
                ];
                token(&issuer.ask(&Question::form(token_url, &fields)).await?)
            }
            GoogleSource::AuthorizedUser {
                client_id,
                client_secret,
                refresh_token,
                token_url,
            } => {
                let fields = [
                    ("grant_type", "refresh_token"),
                    ("client_id", client_id.as_str()),
                    ("client_secret", client_secret.expose()),
                    ("refresh_token", refresh_token.expose()),
                ];
                token(&issuer.ask(&Question::form(token_url, &fields)).await?)
            }
            GoogleSource::External {
                audience,
                subject_token_type,
                token_url,
                subject,
            } => {
                let subject = subject_token(subject, issuer).await?;
                let fields = [
                    (
                        "grant_type",
                        "urn:ietf:params:oauth:grant-type:token-exchange",
                    ),
                    (
                        "requested_token_type",
                        "urn:ietf:params:oauth:token-type:access_token",
                    ),
                    ("audience", audience.as_str()),
                    ("scope", SCOPE),
                    ("subject_token_type", subject_token_type.as_str()),
                    ("subject_token", subject.expose()),
                ];
                token(&issuer.ask(&Question::form(token_url, &fields)).await?)
            }
            GoogleSource::Impersonated { url, source } => {
                let own = fetch(source, issuer).await?;
                let lifetime = format!("{}s", CLAIM_LIFETIME.as_secs());
                let body = json!({"scope": [SCOPE], "lifetime": lifetime});
                let question = Question::json(url, own.token.expose(), &body);
                impersonated(&issuer.ask(&question).await?)
            }
            GoogleSource::Metadata { host } => metadata(host, issuer).await,
        }
    })
}

/// A service account's claim to be itself.
fn claim(
    email: &str,
    key_id: Option<&str>,
    private_key: &Secret,
    token_url: &str,
) -> Result<String, UpstreamError> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let claims = json!({
        "iss": email,
        "scope": SCOPE,
        "aud": token_url,
        "iat": now.as_secs(),
        "exp": (now + CLAIM_LIFETIME).as_secs(),
    });
    jwt::sign(&claims, key_id, private_key.expose()).ok_or_else(|| {
        refusal("the private key of the Google service account is no RSA key in PEM")
    })
}

/// Reads `{access_token, expires_in}`.
fn token(answer: &Value) -> Result<Fetched, UpstreamError> {
    let text = answer.get("access_token").and_then(Value::as_str);
    let text = text.filter(|text| !text.is_empty()).ok_or_else(no_token)?;
    let seconds = answer.get("expires_in").and_then(Value::as_u64);
    Ok(Fetched {
        token: Secret::new(text.to_owned()),
        lifetime: Duration::from_secs(seconds.unwrap_or(0)),
    })
}

/// Reads `{accessToken, expireTime}`.
fn impersonated(answer: &Value) -> Result<Fetched, UpstreamError> {
    let text = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or_default();
    let until = text("expireTime").parse::<jiff::Timestamp>();
    let left = until.map(|until| until.duration_since(jiff::Timestamp::now()));
    if text("accessToken").is_empty() {
        return Err(no_token());
    }
    Ok(Fetched {
        token: Secret::new(text("accessToken").to_owned()),
        lifetime: left
            .ok()
            .and_then(|left| left.try_into().ok())
            .unwrap_or_default(),
    })
}

async fn metadata(host: &str, issuer: &Issuer) -> Result<Fetched, UpstreamError> {
    let url = format!(
        "http://{host}/computeMetadata/v1/instance/service-accounts/default/token?scopes={SCOPE}"
    );
    let question = Question::get(
        url,
        vec![(
            HeaderName::from_static("metadata-flavor"),
            Secret::new("Google".to_owned()),
        )],
    );
    match issuer.ask(&question).await {
        Ok(answer) => token(&answer),
        Err(error) if matches!(error.kind, ErrorKind::Connection | ErrorKind::Timeout) => {
            Err(refusal(format!(
                "there are no Google credentials: no file is named \
                 (`GOOGLE_APPLICATION_CREDENTIALS`) and no metadata server answers here ({})",
                error.message
            )))
        }
        Err(error) => Err(error),
    }
}

/// Another issuer's token.
async fn subject_token(subject: &Subject, issuer: &Issuer) -> Result<Secret, UpstreamError> {
    let (text, field) = match subject {
        Subject::File { path, field } => (read_token(path).await?, field),
        Subject::Url {
            url,
            headers,
            field,
        } => {
            let headers = headers.iter().filter_map(|(name, value)| {
                Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value.clone()))
            });
            let question = Question::get(url.clone(), headers.collect());
            let answer = issuer.ask_text(&question).await?;
            (String::from_utf8_lossy(&answer).into_owned(), field)
        }
    };
    let found = match field {
        None => Some(text.trim().to_owned()),
        Some(field) => serde_json::from_str::<Value>(&text)
            .ok()
            .and_then(|value| Some(value.get(field)?.as_str()?.to_owned())),
    };
    found
        .filter(|token| !token.is_empty())
        .map(Secret::new)
        .ok_or_else(|| refusal("the federated identity's own token is not where it should be"))
}
