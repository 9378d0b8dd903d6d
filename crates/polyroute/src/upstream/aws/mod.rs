//! AWS credentials and Signature Version 4, for Bedrock.
//!
//! [`AwsSigner`] is the way in: it keeps one set of credentials, renews it in the background before
//! it expires, and lets one renewal at a time serve everybody who waits. Where credentials come
//! from is decided once, in the configuration ([`crate::config::settings::AwsSource`]); `source`
//! fetches them, `profile` reads the shared files, `process` runs their programs, and `read` reads
//! the answers. AWS's own `aws-config` reads the process environment and brings a second HTTP stack
//! and forty crates.

mod process;
mod profile;
mod read;
mod source;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwapOption;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use futures_util::future::BoxFuture;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use polyroute_wire::delay::{parse_http_date, parse_rfc3339};
use polyroute_wire::error::{ErrorKind, UpstreamError};
use tokio::sync::Mutex;

use super::{Outgoing, Signer};
use crate::config::settings::Aws;
use source::Fetcher;

/// The service's name in signatures.
const SERVICE: &str = "bedrock";
/// How long before they expire credentials are renewed.
const RENEW_BEFORE: Duration = Duration::from_secs(300);
/// Credentials that expire sooner are not used any more.
const USABLE_FOR: Duration = Duration::from_secs(10);
/// Longest wait for new credentials, all sources together.
const RENEWAL_WAIT: Duration = Duration::from_secs(20);
/// For so long a failed renewal answers everybody, so that a dead issuer is not stormed.
const FAILURE_AGE_MAX: Duration = Duration::from_secs(2);
/// By how much clocks must differ before the difference is made up for.
const SKEW_LEAST_S: f64 = 60.0;

/// Signs requests with AWS credentials.
pub struct AwsSigner {
    inner: Arc<Inner>,
}

struct Inner {
    region: String,
    fetcher: Fetcher,
    held: ArcSwapOption<Held>,
    /// Held by the one who renews; the last failure is inside.
    renewal: Mutex<Option<(Instant, UpstreamError)>>,
    /// A background renewal is under way.
    renewing: AtomicBool,
    /// Seconds by which AWS's clock is ahead of ours.
    ahead_s: AtomicI64,
}

/// Credentials and when they end.
struct Held {
    credentials: Credentials,
    expiry: Option<SystemTime>,
}

impl Held {
    /// Whether they are good for that much longer.
    fn lasts(&self, more: Duration) -> bool {
        self.expiry
            .is_none_or(|expiry| expiry > SystemTime::now() + more)
    }
}

impl fmt::Debug for AwsSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsSigner")
            .field("region", &self.inner.region)
            .finish_non_exhaustive()
    }
}

impl AwsSigner {
    /// A signer for a provider; `tls` and `proxies` lead to the token service.
    #[must_use]
    pub fn new(
        aws: &Aws,
        tls: &rustls::ClientConfig,
        proxies: &Arc<hyper_util::client::proxy::matcher::Matcher>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                region: aws.region.clone(),
                fetcher: Fetcher::new(aws, tls, proxies),
                held: ArcSwapOption::empty(),
                renewal: Mutex::new(None),
                renewing: AtomicBool::new(false),
                ahead_s: AtomicI64::new(0),
            }),
        }
    }
}

impl Signer for AwsSigner {
    fn sign<'a>(&'a self, request: &'a mut Outgoing) -> BoxFuture<'a, Result<(), UpstreamError>> {
        Box::pin(async move {
            let held = self.inner.credentials().await?;
            let now = self.inner.now();
            signature(request, &held.credentials, &self.inner.region, SERVICE, now)
        })
    }

    /// A refused signature of a request whose time is not AWS's: the next one goes by AWS's clock
    /// (wire-protocols §15).
    fn answered(&self, sent: &HeaderMap, status: http::StatusCode, headers: &HeaderMap) -> bool {
        fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
            headers.get(name).and_then(|value| value.to_str().ok())
        }
        let exception = text(headers, "x-amzn-errortype").unwrap_or_default();
        let about_time = ["InvalidSignature", "RequestTimeTooSkewed", "RequestExpired"]
            .iter()
            .any(|name| exception.starts_with(name));
        if status != http::StatusCode::FORBIDDEN || !about_time {
            return false;
        }
        let theirs = text(headers, "date").and_then(parse_http_date);
        // By the time that this request was signed with: another may have learned meanwhile.
        let signed = text(sent, "x-amz-date").and_then(amz_seconds);
        let (Some(theirs), Some(signed)) = (theirs, signed) else {
            return false;
        };
        if (theirs - signed).abs() < SKEW_LEAST_S {
            return false;
        }
        let ours = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "seconds; the cast saturates"
        )]
        let ahead = (theirs - ours.as_secs_f64()) as i64;
        self.inner.ahead_s.store(ahead, Ordering::Relaxed);
        tracing::warn!(ahead_s = ahead, "the clock differs from that of AWS");
        true
    }
}

/// `20261121T165959Z` as seconds since the epoch.
fn amz_seconds(text: &str) -> Option<f64> {
    let part = |from: usize, to: usize| text.get(from..to);
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(9, 11)?, part(11, 13)?, part(13, 15)?);
    parse_rfc3339(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z"))
}

impl Inner {
    /// The time by AWS's clock.
    fn now(&self) -> SystemTime {
        let ahead = self.ahead_s.load(Ordering::Relaxed);
        let by = Duration::from_secs(ahead.unsigned_abs());
        let now = SystemTime::now();
        if ahead < 0 {
            now.checked_sub(by).unwrap_or(now)
        } else {
            now.checked_add(by).unwrap_or(now)
        }
    }

    async fn credentials(self: &Arc<Self>) -> Result<Arc<Held>, UpstreamError> {
        if let Some(held) = self.held.load_full()
            && held.lasts(USABLE_FOR)
        {
            if !held.lasts(RENEW_BEFORE) && !self.renewing.swap(true, Ordering::AcqRel) {
                let inner = Arc::clone(self);
                tokio::spawn(async move {
                    if let Err(error) = inner.renew(RENEW_BEFORE).await {
                        tracing::warn!(reason = error.message, "AWS credentials were not renewed");
                    }
                    inner.renewing.store(false, Ordering::Release);
                });
            }
            return Ok(held);
        }
        self.renew(USABLE_FOR).await
    }

    /// Fetches credentials, unless somebody else just has.
    async fn renew(&self, lasting: Duration) -> Result<Arc<Held>, UpstreamError> {
        let renewed = async {
            let mut failure = self.renewal.lock().await;
            if let Some(held) = self.held.load_full()
                && held.lasts(lasting)
            {
                return Ok(held);
            }
            if let Some((when, error)) = failure.as_ref()
                && when.elapsed() < FAILURE_AGE_MAX
            {
                return Err(error.clone());
            }
            match self.fetcher.fetch(self.now()).await {
                Ok(held) => {
                    *failure = None;
                    let held = Arc::new(held);
                    self.held.store(Some(Arc::clone(&held)));
                    Ok(held)
                }
                Err(error) => {
                    *failure = Some((Instant::now(), error.clone()));
                    Err(error)
                }
            }
        };
        tokio::time::timeout(RENEWAL_WAIT, renewed)
            .await
            .unwrap_or_else(|_| {
                Err(UpstreamError::new(
                    ErrorKind::Timeout,
                    "AWS credentials did not come in time",
                ))
            })
    }
}

/// Puts a signature on a request.
fn signature(
    request: &mut Outgoing,
    credentials: &Credentials,
    region: &str,
    service: &str,
    now: SystemTime,
) -> Result<(), UpstreamError> {
    let unsigned = |what: String| {
        UpstreamError::new(
            ErrorKind::Auth,
            format!("the request could not be signed: {what}"),
        )
    };
    let identity = credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(now)
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| unsigned(error.to_string()))?
        .into();
    // `host`, date and session token are all that need be signed: proxies may touch the rest.
    let signable = SignableRequest::new(
        request.method.as_str(),
        request.uri.to_string(),
        std::iter::empty(),
        SignableBody::Bytes(&request.body),
    )
    .map_err(|error| unsigned(error.to_string()))?;
    let signed = sign(signable, &params).map_err(|error| unsigned(error.to_string()))?;
    let (instructions, _) = signed.into_parts();
    for (name, value) in instructions.headers() {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_str(value);
        if let (Ok(name), Ok(mut value)) = (name, value) {
            value.set_sensitive(true);
            request.headers.insert(name, value);
        }
    }
    Ok(())
}
