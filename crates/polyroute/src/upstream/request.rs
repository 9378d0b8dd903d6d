//! An encoded request plus a provider's address and credential → what goes on the wire.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri};
use polyroute_wire::adapter::Encoded;
use polyroute_wire::error::{ErrorKind, UpstreamError};

use super::Outgoing;
use crate::config::settings::{Credential, Dialect, Provider, Scheme};

/// What of the caller's headers goes on to the provider: the trace, and nothing else.
#[derive(Debug, Clone, Default)]
pub struct TraceContext {
    /// W3C `traceparent`.
    pub traceparent: Option<HeaderValue>,
    /// W3C `tracestate`; only beside a `traceparent`.
    pub tracestate: Option<HeaderValue>,
}

impl TraceContext {
    /// Reads the caller's headers.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let traceparent = headers
            .get("traceparent")
            .filter(|value| value.to_str().is_ok_and(is_traceparent))
            .cloned();
        let tracestate = traceparent
            .is_some()
            .then(|| headers.get("tracestate").cloned())
            .flatten();
        Self {
            traceparent,
            tracestate,
        }
    }
}

/// Whether a `traceparent` is well-formed enough to pass on (W3C Trace Context §3.2).
fn is_traceparent(value: &str) -> bool {
    let hex = |part: Option<&str>, length: usize| {
        part.is_some_and(|part| {
            part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    };
    let mut parts = value.split('-');
    hex(parts.next(), 2) && hex(parts.next(), 32) && hex(parts.next(), 16) && hex(parts.next(), 2)
}

/// Puts a request together. The caller's own headers are never among them; the credential is
/// marked sensitive, so that no `Debug` shows it.
///
/// # Errors
/// A path or header that can't be sent (a model name with control characters, for one).
pub fn outgoing(
    provider: &Provider,
    credential: Option<&Credential>,
    encoded: Encoded,
    stream: bool,
    trace: &TraceContext,
) -> Result<Outgoing, UpstreamError> {
    let base = provider.base_url.as_str();
    let mut target = String::with_capacity(base.len() + encoded.path.len());
    target.push_str(base);
    target.push_str(&encoded.path);
    let uri = Uri::try_from(target).map_err(|_| unsendable("the model name makes no valid URL"))?;
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(
        header::USER_AGENT,
        HeaderValue::from_static(concat!("polyroute/", env!("CARGO_PKG_VERSION"))),
    );
    headers.insert(
        header::ACCEPT,
        HeaderValue::from_static(if stream {
            "text/event-stream"
        } else {
            "application/json"
        }),
    );
    // An answer in an encoding that we did not ask for is refused (row F24).
    headers.insert(
        header::ACCEPT_ENCODING,
        HeaderValue::from_static("identity"),
    );
    if !encoded.get {
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
    }
    for (name, value) in encoded.headers {
        headers.insert(HeaderName::from_static(name), value_of(&value)?);
    }
    provider_headers(provider, &mut headers)?;
    if let Some(credential) = credential {
        let (name, value) = authorization(credential, provider.dialect)?;
        headers.insert(name, value);
    }
    if let Some(traceparent) = &trace.traceparent {
        headers.insert(HeaderName::from_static("traceparent"), traceparent.clone());
    }
    if let Some(tracestate) = &trace.tracestate {
        headers.insert(HeaderName::from_static("tracestate"), tracestate.clone());
    }
    let method = if encoded.get {
        Method::GET
    } else {
        Method::POST
    };
    Ok(Outgoing {
        method,
        uri,
        headers,
        body: encoded.body,
    })
}

/// What the configuration says of a provider's headers.
fn provider_headers(provider: &Provider, headers: &mut HeaderMap) -> Result<(), UpstreamError> {
    if provider.dialect == Dialect::OpenAi {
        let own = [
            ("openai-organization", &provider.organization),
            ("openai-project", &provider.project),
        ];
        for (name, value) in own {
            if let Some(value) = value {
                headers.insert(HeaderName::from_static(name), value_of(value)?);
            }
        }
    }
    for (name, value) in &provider.headers {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| unsendable("a configured header has no valid name"))?;
        headers.insert(name, sensitive(value.expose())?);
    }
    Ok(())
}

fn authorization(
    credential: &Credential,
    dialect: Dialect,
) -> Result<(HeaderName, HeaderValue), UpstreamError> {
    let secret = credential.secret.expose();
    let name = match credential.scheme {
        Scheme::Dialect => dialect.key_header(),
        Scheme::Bearer => None,
        Scheme::ApiKey => Some("api-key"),
    };
    match name {
        Some(name) => Ok((HeaderName::from_static(name), sensitive(secret)?)),
        None => Ok((
            header::AUTHORIZATION,
            hidden(HeaderValue::try_from(["Bearer ", secret].concat()))?,
        )),
    }
}

fn value_of(value: &str) -> Result<HeaderValue, UpstreamError> {
    sendable(HeaderValue::from_str(value))
}

fn sendable<E>(value: Result<HeaderValue, E>) -> Result<HeaderValue, UpstreamError> {
    value.map_err(|_| unsendable("a header value holds characters that can't be sent"))
}

fn sensitive(value: &str) -> Result<HeaderValue, UpstreamError> {
    hidden(HeaderValue::from_str(value))
}

/// A value that no `Debug` shows.
fn hidden<E>(value: Result<HeaderValue, E>) -> Result<HeaderValue, UpstreamError> {
    let mut value = sendable(value)?;
    value.set_sensitive(true);
    Ok(value)
}

fn unsendable(what: &str) -> UpstreamError {
    UpstreamError::new(ErrorKind::InvalidRequest, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traceparents() {
        assert!(is_traceparent(
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        ));
        assert!(!is_traceparent("00-xyz-00f067aa0ba902b7-01"));
        assert!(!is_traceparent(""));
    }
}
