//! Microsoft Entra ID: client credentials and managed identities.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use http::header::HeaderName;
use polyroute_wire::error::{ErrorKind, UpstreamError};
use polyroute_wire::url::percent_encode;
use serde_json::Value;

use super::issuer::{Issuer, Question};
use super::{Fetched, Source, no_token, read_token, refusal};
use crate::config::identity::{self, EntraSource, Proof};
use crate::config::secret::Secret;

/// Tokens of an application or a machine.
#[derive(Debug)]
pub(super) struct Entra {
    source: EntraSource,
    scope: String,
    issuer: Issuer,
}

impl Entra {
    pub(super) fn new(entra: &identity::Entra, issuer: Issuer) -> Self {
        Self {
            source: entra.source.clone(),
            scope: entra.scope.clone(),
            issuer,
        }
    }

    async fn question(&self) -> Result<Question, UpstreamError> {
        // Managed identities are asked for a resource, applications for its default scope.
        let resource = self.scope.strip_suffix("/.default").unwrap_or(&self.scope);
        let resource = percent_encode(resource);
        let which = |client: &Option<String>| {
            client.as_ref().map_or_else(String::new, |id| {
                format!("&client_id={}", percent_encode(id))
            })
        };
        Ok(match &self.source {
            EntraSource::Application {
                token_url,
                client_id,
                proof,
            } => self.application(token_url, client_id, proof).await?,
            EntraSource::AppService {
                endpoint,
                header,
                client_id,
            } => Question::get(
                format!(
                    "{endpoint}?api-version=2019-08-01&resource={resource}{}",
                    which(client_id)
                ),
                vec![(HeaderName::from_static("x-identity-header"), header.clone())],
            ),
            EntraSource::Machine { url, client_id } => Question::get(
                format!(
                    "{}/metadata/identity/oauth2/token?api-version=2018-02-01&resource={resource}{}",
                    url.trim_end_matches('/'),
                    which(client_id)
                ),
                vec![(
                    HeaderName::from_static("metadata"),
                    Secret::new("true".to_owned()),
                )],
            ),
        })
    }

    async fn application(
        &self,
        token_url: &str,
        client_id: &str,
        proof: &Proof,
    ) -> Result<Question, UpstreamError> {
        let mut fields = vec![
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("scope", self.scope.as_str()),
        ];
        match proof {
            Proof::Secret(secret) => {
                fields.push(("client_secret", secret.expose()));
                Ok(Question::form(token_url, &fields))
            }
            Proof::FederatedToken(path) => {
                let token = read_token(path).await?;
                fields.push((
                    "client_assertion_type",
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                ));
                fields.push(("client_assertion", token.trim()));
                Ok(Question::form(token_url, &fields))
            }
        }
    }
}

impl Source for Entra {
    fn fetch(&self) -> BoxFuture<'_, Result<Fetched, UpstreamError>> {
        Box::pin(async move {
            let question = self.question().await?;
            match self.issuer.ask(&question).await {
                Ok(answer) => token(&answer),
                Err(error) if question.local && is_absent(&error) => Err(refusal(format!(
                    "there are no Azure credentials: neither a key nor an application is \
                     configured (`AZURE_CLIENT_SECRET`, `AZURE_FEDERATED_TOKEN_FILE`), and no \
                     managed identity answers here ({})",
                    error.message
                ))),
                Err(error) => Err(error),
            }
        })
    }
}

fn is_absent(error: &UpstreamError) -> bool {
    matches!(error.kind, ErrorKind::Connection | ErrorKind::Timeout)
}

/// Reads `{access_token, expires_in | expires_on}`; managed identities write numbers as text.
fn token(answer: &Value) -> Result<Fetched, UpstreamError> {
    let number = |key: &str| match answer.get(key)? {
        Value::Number(number) => number.as_u64(),
        Value::String(digits) => digits.parse().ok(),
        _ => None,
    };
    let text = answer.get("access_token").and_then(Value::as_str);
    let text = text.filter(|text| !text.is_empty()).ok_or_else(no_token)?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let left = || number("expires_on").map(|at| at.saturating_sub(now.as_secs()));
    let seconds = number("expires_in").or_else(left);
    Ok(Fetched {
        token: Secret::new(text.to_owned()),
        lifetime: Duration::from_secs(seconds.unwrap_or(0)),
    })
}
