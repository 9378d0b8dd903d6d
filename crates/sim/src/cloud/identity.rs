//! The issuers of tokens: Google's (service account, person, federation, impersonation, metadata
//! server) and Microsoft Entra ID's (application, managed identity).
//!
//! Each is as strict as the real one on what proves who asks, and gives short opaque tokens that
//! [`Tokens::holds`] knows again. `/_sim/identity` sets how long they live and lets the issuers
//! fail; `/_sim/google/credentials` is a service account's file for this simulator.

use std::collections::{BTreeMap, VecDeque};

use http::{HeaderMap, Method, StatusCode, Uri};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::jwt;
use crate::clock;
use crate::route::query;

/// Tokens that are remembered.
const TOKENS_MAX: usize = 1_000;
/// The service account.
const EMAIL: &str = "sim@sim-project.iam.gserviceaccount.com";
const KEY_ID: &str = "sim-key-1";
const PROJECT: &str = "sim-project";
/// The audience of claims.
const AUDIENCE: &str = "https://oauth2.googleapis.com/token";
/// Where an app of Azure's gets its tokens.
const APP_SERVICE: &str = "/entra/app-service";
/// What callers must ask for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// A claim holds for an hour at most, and clocks may differ by this.
const CLAIM_MAX_S: u64 = 3_600;
const SKEW_S: u64 = 300;

/// How the issuers behave.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plan {
    /// How long tokens live.
    pub lifetime_s: u64,
    /// So many questions are answered with `status`.
    pub failures: u32,
    /// The status of a failure.
    pub status: u16,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            lifetime_s: 3_600,
            failures: 0,
            status: 503,
        }
    }
}

/// The issuers' memory.
#[derive(Debug, Default)]
pub struct Tokens {
    plan: Plan,
    issued: VecDeque<Issued>,
    /// Tokens given, by who gave them.
    counts: BTreeMap<&'static str, u64>,
    asked: u64,
}

#[derive(Debug)]
struct Issued {
    token: String,
    issuer: &'static str,
    /// What it is good for (Entra).
    audience: String,
    expires_s: u64,
}

impl Tokens {
    /// Sets how the issuers behave from now on.
    pub fn set(&mut self, plan: Plan) {
        self.plan = plan;
    }

    /// How many tokens an issuer gave.
    pub fn count(&self, issuer: &str) -> u64 {
        self.counts.get(issuer).copied().unwrap_or(0)
    }

    /// Takes every token back.
    pub fn revoke(&mut self) {
        self.issued.clear();
    }

    /// Whether one of Google's issuers gave this token, and it still lives.
    pub fn holds(&self, token: &str) -> bool {
        let now = clock::now_s();
        self.issued
            .iter()
            .any(|known| known.token == token && known.issuer != "entra" && known.expires_s > now)
    }

    /// Whether Entra gave this token for one of these audiences, and it still lives.
    pub fn admits(&self, token: &str, audiences: &[&str]) -> bool {
        let now = clock::now_s();
        self.issued.iter().any(|known| {
            known.token == token
                && audiences.contains(&known.audience.as_str())
                && known.expires_s > now
        })
    }

    fn issue(&mut self, issuer: &'static str, audience: &str) -> String {
        let count = self.counts.entry(issuer).or_default();
        *count += 1;
        let start = if issuer == "entra" {
            "eyJ0.sim"
        } else {
            "ya29.sim"
        };
        let token = format!("{start}-{issuer}-{count}");
        if self.issued.len() == TOKENS_MAX {
            self.issued.pop_front();
        }
        self.issued.push_back(Issued {
            token: token.clone(),
            issuer,
            audience: audience.to_owned(),
            expires_s: clock::now_s() + self.plan.lifetime_s,
        });
        token
    }

    fn describe(&self) -> Value {
        json!({"plan": self.plan, "issued": self.counts, "asked": self.asked})
    }
}

/// One question to an issuer.
#[derive(Debug)]
pub struct Question<'q> {
    /// HTTP method.
    pub method: &'q Method,
    /// Path and query.
    pub uri: &'q Uri,
    /// Headers.
    pub headers: &'q HeaderMap,
    /// Body.
    pub body: &'q [u8],
}

type Answer = (StatusCode, Value);

/// Whether a path is an issuer's.
pub fn is_issuer(path: &str) -> bool {
    path == "/oauth2/token"
        || path == "/sts/v1/token"
        || path == "/_sim/identity"
        || path == "/_sim/google/credentials"
        || path.starts_with("/computeMetadata/")
        || path.starts_with("/iamcredentials/")
        || path.starts_with("/entra/")
        || path.starts_with("/metadata/identity/")
}

/// Answers a question.
pub fn answer(tokens: &mut Tokens, question: &Question<'_>) -> Answer {
    let path = question.uri.path();
    match (question.method.as_str(), path) {
        ("GET", "/_sim/google/credentials") => return (StatusCode::OK, credentials(question)),
        ("GET", "/_sim/identity") => return (StatusCode::OK, tokens.describe()),
        ("POST", "/_sim/identity") => {
            return match serde_json::from_slice(question.body) {
                Ok(plan) => {
                    tokens.set(plan);
                    (StatusCode::OK, tokens.describe())
                }
                Err(why) => (StatusCode::BAD_REQUEST, json!({"error": why.to_string()})),
            };
        }
        _ => {}
    }
    tokens.asked += 1;
    if tokens.plan.failures > 0 {
        tokens.plan.failures -= 1;
        let status = StatusCode::from_u16(tokens.plan.status);
        let error = json!({"error": "temporarily_unavailable",
            "error_description": "The issuer is told to fail."});
        return (status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE), error);
    }
    let given = match (question.method.as_str(), path) {
        ("POST", "/oauth2/token") => google(tokens, question),
        ("POST", "/sts/v1/token") => exchange(tokens, question),
        ("POST", _) if path.starts_with("/iamcredentials/") => impersonate(tokens, question),
        ("GET", _) if path.starts_with("/computeMetadata/") => metadata(tokens, question),
        ("POST", _) if path.starts_with("/entra/") => entra(tokens, question),
        ("GET", "/metadata/identity/oauth2/token" | APP_SERVICE) => managed(tokens, question),
        _ => Err((StatusCode::NOT_FOUND, json!({"error": "not_found"}))),
    };
    given.map_or_else(|refused| refused, |given| (StatusCode::OK, given))
}

fn header<'q>(question: &Question<'q>, name: &str) -> &'q str {
    let value = question
        .headers
        .get(name)
        .and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

fn here(question: &Question<'_>) -> String {
    format!("http://{}", header(question, "host"))
}

/// A service account's file.
fn credentials(question: &Question<'_>) -> Value {
    json!({"type": "service_account", "project_id": PROJECT, "private_key_id": KEY_ID,
        "private_key": jwt::PRIVATE_KEY, "client_email": EMAIL, "client_id": "1",
        "token_uri": format!("{}/oauth2/token", here(question)),
        "universe_domain": "googleapis.com"})
}

fn refuse(error: &str, description: &str) -> Answer {
    let body = json!({"error": error, "error_description": description});
    (StatusCode::BAD_REQUEST, body)
}

fn form(question: &Question<'_>) -> Result<BTreeMap<String, String>, Answer> {
    let kind = header(question, "content-type");
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(refuse("invalid_request", "The body must be a form."));
    }
    let text = String::from_utf8_lossy(question.body);
    let decoded = |text: &str| {
        percent_decode_str(&text.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
    };
    Ok(text
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (decoded(key), decoded(value)))
        .collect())
}

fn granted(tokens: &mut Tokens, issuer: &'static str, audience: &str) -> Value {
    let token = tokens.issue(issuer, audience);
    json!({"access_token": token, "expires_in": tokens.plan.lifetime_s, "token_type": "Bearer"})
}

/// `https://oauth2.googleapis.com/token`.
fn google(tokens: &mut Tokens, question: &Question<'_>) -> Result<Value, Answer> {
    let form = form(question)?;
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    match field("grant_type") {
        "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
            let (header, claims) =
                jwt::verify(field("assertion")).map_err(|why| refuse("invalid_grant", why))?;
            check_claims(
                &header,
                &claims,
                &format!("{}/oauth2/token", here(question)),
            )?;
            Ok(granted(tokens, "service_account", ""))
        }
        "refresh_token" => {
            let proven =
                field("client_id") == "sim-client" && field("client_secret") == "sim-client-secret";
            if !proven {
                return Err(refuse("invalid_client", "The OAuth client was not found."));
            }
            if field("refresh_token") != "sim-refresh-token" {
                return Err(refuse("invalid_grant", "Bad Request"));
            }
            Ok(granted(tokens, "authorized_user", ""))
        }
        other => Err(refuse(
            "unsupported_grant_type",
            &format!("Invalid grant_type: {other}"),
        )),
    }
}

fn check_claims(header: &Value, claims: &Value, audience: &str) -> Result<(), Answer> {
    let bad = |why: &str| Err(refuse("invalid_grant", why));
    let text = |key: &str| claims.get(key).and_then(Value::as_str).unwrap_or_default();
    let time = |key: &str| claims.get(key).and_then(Value::as_u64).unwrap_or(0);
    let now = clock::now_s();
    if header
        .get("kid")
        .and_then(Value::as_str)
        .is_some_and(|id| id != KEY_ID)
    {
        return bad("Invalid JWT Signature.");
    }
    if text("iss") != EMAIL {
        return bad("Invalid grant: account not found");
    }
    // Google's Python library names the real issuer wherever the file leads.
    if ![audience, AUDIENCE].contains(&text("aud")) {
        return bad("Invalid JWT: Failed audience check.");
    }
    let (issued, expires) = (time("iat"), time("exp"));
    if expires <= now || issued > now + SKEW_S || expires > issued + CLAIM_MAX_S {
        return bad(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable \
             timeframe. Check your iat and exp values in the JWT claim.",
        );
    }
    if !text("scope").split(' ').any(|scope| scope == SCOPE) {
        return Err(refuse(
            "invalid_scope",
            "Invalid OAuth scope or ID token audience provided.",
        ));
    }
    Ok(())
}

/// `https://sts.googleapis.com/v1/token`.
fn exchange(tokens: &mut Tokens, question: &Question<'_>) -> Result<Value, Answer> {
    let form = form(question)?;
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let asked = field("grant_type") == "urn:ietf:params:oauth:grant-type:token-exchange"
        && field("requested_token_type") == "urn:ietf:params:oauth:token-type:access_token"
        && field("scope") == SCOPE
        && field("audience").starts_with("//iam.googleapis.com/");
    if !asked {
        return Err(refuse("invalid_request", "Invalid token exchange request."));
    }
    if field("subject_token") != "sim-subject-token" {
        return Err(refuse("invalid_grant", "The subject token is invalid."));
    }
    Ok(granted(tokens, "federated", ""))
}

/// `generateAccessToken` of the IAM credentials API.
fn impersonate(tokens: &mut Tokens, question: &Question<'_>) -> Result<Value, Answer> {
    let bearer = header(question, "authorization").strip_prefix("Bearer ");
    if !bearer.is_some_and(|token| tokens.holds(token)) {
        let error = json!({"error": {"code": 401, "status": "UNAUTHENTICATED",
            "message": "Request had invalid authentication credentials."}});
        return Err((StatusCode::UNAUTHORIZED, error));
    }
    let asked: Value = serde_json::from_slice(question.body).unwrap_or_default();
    if asked.pointer("/scope/0").and_then(Value::as_str) != Some(SCOPE) {
        return Err(refuse("invalid_scope", "A scope is required."));
    }
    let token = tokens.issue("impersonated", "");
    Ok(json!({"accessToken": token,
        "expireTime": clock::rfc3339(clock::now_s() + tokens.plan.lifetime_s)}))
}

/// The metadata server of a machine of Google's.
fn metadata(tokens: &mut Tokens, question: &Question<'_>) -> Result<Value, Answer> {
    if header(question, "metadata-flavor") != "Google" {
        let error = json!({"error": "Missing Metadata-Flavor:Google header."});
        return Err((StatusCode::FORBIDDEN, error));
    }
    let wanted = "/computeMetadata/v1/instance/service-accounts/default/token";
    if question.uri.path() != wanted {
        return Err((StatusCode::NOT_FOUND, json!({"error": "not_found"})));
    }
    Ok(granted(tokens, "metadata", ""))
}

/// `https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token`.
fn entra(tokens: &mut Tokens, question: &Question<'_>) -> Result<Value, Answer> {
    let form = form(question)?;
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    if question.uri.path() != "/entra/sim-tenant/oauth2/v2.0/token" {
        return Err(refuse("invalid_request", "AADSTS90002: Tenant not found."));
    }
    if field("grant_type") != "client_credentials" {
        return Err(refuse(
            "unsupported_grant_type",
            "AADSTS70003: Unsupported grant.",
        ));
    }
    if field("client_id") != "sim-app" {
        return Err(refuse(
            "unauthorized_client",
            "AADSTS700016: Application not found.",
        ));
    }
    let Some(audience) = field("scope").strip_suffix("/.default") else {
        return Err(refuse(
            "invalid_scope",
            "AADSTS1002012: The scope is not valid.",
        ));
    };
    let by_assertion = field("client_assertion_type")
        == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        && field("client_assertion") == "sim-federated-token";
    if by_assertion || field("client_secret") == "sim-app-secret" {
        return Ok(granted(tokens, "entra", audience));
    }
    let error = json!({"error": "invalid_client",
        "error_description": "AADSTS7000215: Invalid client secret provided."});
    Err((StatusCode::UNAUTHORIZED, error))
}

/// The managed identity of an app (`/entra/app-service`) or of a machine of Azure's.
fn managed(tokens: &mut Tokens, question: &Question<'_>) -> Result<Value, Answer> {
    let is_app = question.uri.path() == APP_SERVICE;
    if is_app && header(question, "x-identity-header") != "sim-identity-header" {
        let error = json!({"statusCode": 401, "message": "The identity header is wrong."});
        return Err((StatusCode::UNAUTHORIZED, error));
    }
    if !is_app && header(question, "metadata") != "true" {
        return Err(refuse(
            "bad_request_102",
            "Required metadata header not specified",
        ));
    }
    let resource = query(question.uri, "resource").unwrap_or_default();
    let known = [
        "https://ai.azure.com",
        "https://cognitiveservices.azure.com",
    ];
    if query(question.uri, "api-version").is_none() || !known.contains(&resource.as_str()) {
        return Err(refuse(
            "invalid_resource",
            "AADSTS500011: The resource was not found.",
        ));
    }
    let mut given = granted(tokens, "entra", &resource);
    // Numbers are text here.
    if let Some(members) = given.as_object_mut() {
        let lifetime = tokens.plan.lifetime_s;
        members.insert("expires_in".to_owned(), lifetime.to_string().into());
        members.insert(
            "expires_on".to_owned(),
            (clock::now_s() + lifetime).to_string().into(),
        );
        members.insert("resource".to_owned(), resource.into());
    }
    Ok(given)
}
