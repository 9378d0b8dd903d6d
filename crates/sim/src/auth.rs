//! Credentials: any key is good but for those whose name says otherwise.
//!
//! `bad…`, `sim-bad…` and `sk-bad…` are wrong keys, `sim-quota…` has no money left,
//! `sim-forbidden…` may not use the model.

use http::{HeaderMap, Uri};
use serde_json::json;

use crate::dialect::bedrock::signature::{self, Signed};
use crate::dialect::{anthropic, bedrock, cohere, gemini, openai};
use crate::errors::{About, Flavour, by_status, reply};
use crate::headers::error_type;
use crate::models::Dialect;
use crate::route::query;
use crate::vendor::errors::{Facts, When};
use crate::wire::Reply;

/// The key that a request carries for its dialect.
pub fn credential(dialect: Dialect, headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = header("authorization").and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let key = match dialect {
        Dialect::Openai | Dialect::Bedrock | Dialect::Cohere => bearer.map(str::to_owned),
        Dialect::Anthropic => header("x-api-key").or(bearer).map(str::to_owned),
        Dialect::Gemini => header("x-goog-api-key")
            .map(str::to_owned)
            .or_else(|| query(uri, "key"))
            .or_else(|| bearer.map(str::to_owned)),
    };
    key.filter(|key| !key.is_empty())
}

/// Refuses a request whose credential is missing or known to be bad.
pub fn check(about: About<'_>, key: Option<&str>) -> Result<(), Reply> {
    let Some(key) = key else {
        return Err(missing(about));
    };
    if let Some(vendor) = about.vendor {
        let bad = ["bad", "sim-bad", "sk-bad"];
        let when = match key {
            _ if bad.iter().any(|start| key.starts_with(start)) => When::BadKey,
            _ if key.starts_with("sim-quota") => When::Quota,
            _ if key.starts_with("sim-forbidden") => When::Forbidden,
            _ => return Ok(()),
        };
        return Err(vendor.refuse(when, about, Facts::default()));
    }
    let bad = ["bad", "sim-bad", "sk-bad"]
        .iter()
        .any(|start| key.starts_with(start));
    let (status, flavour) = match key {
        _ if bad => return Err(wrong(about, key)),
        _ if key.starts_with("sim-quota") => (429, Flavour::Quota),
        _ if key.starts_with("sim-forbidden") => (403, Flavour::Usual),
        _ => return Ok(()),
    };
    Err(reply(status, by_status(about, status, flavour)))
}

/// Checks the signature of a request to Bedrock that carries one.
pub fn check_signature(signed: &Signed<'_>) -> Result<(), Reply> {
    signature::verify(signed).map_err(|(exception, message)| {
        let mut refused = reply(403, bedrock::render::error(&message));
        refused.headers.push(error_type(exception));
        refused
    })
}

fn missing(about: About<'_>) -> Reply {
    if let Some(vendor) = about.vendor {
        return vendor.refuse(When::NoKey, about, Facts::default());
    }
    match about.dialect {
        Dialect::Bedrock => {
            let mut refused = reply(403, bedrock::render::error("Missing Authentication Token"));
            let name = "MissingAuthenticationTokenException";
            refused.headers.push(error_type(name));
            refused
        }
        Dialect::Openai => {
            let message = "You didn't provide an API key. You need to provide your API key in an \
                Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).";
            reply(
                401,
                openai::render::error(message, "invalid_request_error", None, None),
            )
        }
        Dialect::Anthropic => {
            let message = "x-api-key header is required";
            let body = anthropic::render::error("authentication_error", message, about.request_id);
            unretryable(reply(401, body))
        }
        Dialect::Cohere => reply(
            401,
            cohere::render::error("no api key supplied", about.request_id),
        ),
        // The real API answers 403 here, not 401.
        Dialect::Gemini => {
            let message = "Method doesn't allow unregistered callers (callers without established \
                identity). Please use API Key or other form of API consumer identity to call this API.";
            reply(
                403,
                gemini::render::error(403, "PERMISSION_DENIED", message, None),
            )
        }
    }
}

fn wrong(about: About<'_>, key: &str) -> Reply {
    match about.dialect {
        Dialect::Openai => {
            let start: String = key.chars().take(8).collect();
            let message = format!(
                "Incorrect API key provided: {start}********. You can find your API key at \
                 https://platform.openai.com/account/api-keys."
            );
            let code = Some("invalid_api_key");
            reply(
                401,
                openai::render::error(&message, "invalid_request_error", None, code),
            )
        }
        Dialect::Anthropic => unretryable(reply(401, by_status(about, 401, Flavour::Usual))),
        Dialect::Bedrock => {
            let said = "Authentication failed: Please make sure your API Key is valid.";
            reply(403, bedrock::render::error(said))
        }
        Dialect::Cohere => reply(401, by_status(about, 401, Flavour::Usual)),
        Dialect::Gemini => {
            let message = "API key not valid. Please pass a valid API key.";
            let details = json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "API_KEY_INVALID", "domain": "googleapis.com",
                "metadata": {"service": "generativelanguage.googleapis.com"}}]);
            reply(
                400,
                gemini::render::error(400, "INVALID_ARGUMENT", message, Some(details)),
            )
        }
    }
}

fn unretryable(mut reply: Reply) -> Reply {
    reply
        .headers
        .push(("x-should-retry".to_owned(), "false".to_owned()));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(dialect: Dialect, key: Option<&str>) -> u16 {
        let about = About {
            dialect,
            vendor: None,
            model: "m",
            request_id: "r",
            retry: None,
        };
        check(about, key).map_or_else(|refused| refused.status, |()| 200)
    }

    #[test]
    fn keys_speak_for_themselves() {
        for dialect in Dialect::ALL {
            assert_eq!(status(dialect, Some("sk-anything")), 200);
            assert_eq!(status(dialect, Some("sim-quota-1")), 429);
            assert_eq!(status(dialect, Some("sim-forbidden")), 403);
        }
        assert_eq!(status(Dialect::Openai, None), 401);
        assert_eq!(status(Dialect::Anthropic, Some("sim-bad-1")), 401);
        assert_eq!(status(Dialect::Gemini, Some("bad")), 400);
        assert_eq!(status(Dialect::Gemini, None), 403);
    }

    #[test]
    fn each_dialect_reads_its_own_header() {
        let mut headers = HeaderMap::new();
        headers.insert("x-api-key", "a".parse().unwrap());
        let uri: Uri = "/v1beta/models?key=g".parse().unwrap();
        assert_eq!(credential(Dialect::Openai, &headers, &uri), None);
        assert_eq!(
            credential(Dialect::Anthropic, &headers, &uri).as_deref(),
            Some("a")
        );
        assert_eq!(
            credential(Dialect::Gemini, &headers, &uri).as_deref(),
            Some("g")
        );
        headers.insert("authorization", "bearer b".parse().unwrap());
        assert_eq!(
            credential(Dialect::Openai, &headers, &uri).as_deref(),
            Some("b")
        );
    }
}
