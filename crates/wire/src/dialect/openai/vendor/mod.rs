//! What an OpenAI-compatible vendor's profile changes in a request: its parameters and messages.

mod messages;
mod params;

pub(super) use messages::{CHAT_PATH, Fitted, fit, needs_fitting, prefill, tools};
pub(super) use params::{concerns, params, thinks};

#[cfg(test)]
mod tests;
