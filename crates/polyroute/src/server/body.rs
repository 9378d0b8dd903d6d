//! What we answer with: a whole body, or a relayed stream.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use polyroute_wire::api_error::ApiError;

use crate::pipeline::Relay;

/// Headers that our answers seldom have more of: room for them is made once.
const HEADERS_USUAL: usize = 12;

/// A response of ours.
pub type Reply = Response<ReplyBody>;

/// The body of a response of ours.
#[expect(
    missing_debug_implementations,
    reason = "a relay holds sockets and futures"
)]
pub enum ReplyBody {
    /// Bytes at hand; `None` when they were sent.
    Whole(Option<Bytes>),
    /// A stream.
    Relay(Pin<Box<Relay>>),
}

impl ReplyBody {
    /// A body of these bytes.
    #[must_use]
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::Whole(Some(bytes.into()).filter(|bytes: &Bytes| !bytes.is_empty()))
    }

    /// A JSON answer with this status.
    #[must_use]
    pub fn json(status: StatusCode, bytes: impl Into<Bytes>) -> Reply {
        let mut reply = Response::new(Self::whole(bytes));
        *reply.status_mut() = status;
        let mut headers = HeaderMap::with_capacity(HEADERS_USUAL);
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        *reply.headers_mut() = headers;
        reply
    }

    /// A plain-text answer with this status.
    #[must_use]
    pub fn text(status: StatusCode, text: impl Into<Bytes>) -> Reply {
        let mut reply = Response::new(Self::whole(text));
        *reply.status_mut() = status;
        reply.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        reply
    }

    /// An error in the caller's dialect, with the headers that its client heeds.
    #[must_use]
    pub fn error(error: &ApiError) -> Reply {
        let status =
            StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut reply = Self::json(status, error.body());
        for (name, value) in error.headers() {
            if let Ok(value) = HeaderValue::from_str(&value) {
                reply.headers_mut().insert(name, value);
            }
        }
        reply
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Relay(relay) => relay
                .as_mut()
                .poll_bytes(context)
                .map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Relay(_) => SizeHint::default(),
        }
    }
}
