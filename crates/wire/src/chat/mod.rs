//! The hub: OpenAI chat completions semantics, extended so that nothing a provider says is lost.
//!
//! Formats meet only here; no dialect converts into another. [`ChatRequest`] goes out through an
//! adapter; [`ChatResponse`] or a stream of [`ChatEvent`]s comes back.

mod block;
mod event;
mod fold;
mod message;
mod replay;
mod request;
mod response;
mod tool;

pub use block::{BlockSpan, ProviderBlock};
pub use event::{ChatEvent, StreamDecoder};
pub use fold::Fold;
pub use message::{CacheControl, MediaSource, Message, Part, Role};
pub use replay::replay;
pub use request::{ChatRequest, Effort, ResponseFormat, StreamOptions};
pub use response::{Annotation, AssistantMessage, ChatResponse, Choice, FinishReason};
pub use tool::{Tool, ToolCall, ToolChoice};
