//! The edge cases of protocol translation, end to end: a client, the gateway, and simulated
//! providers that judge requests as strictly as the real ones.
//!
//! One test a case, named by its number in the list of edge cases that the design keeps; each
//! looks at what the caller gets and at what the provider was sent.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "tests"
)]

mod kit;
#[expect(dead_code, reason = "the harness serves several test programs")]
#[path = "../gateway/support.rs"]
mod support;

mod cases_01_10;
mod cases_11_20;
mod cases_22_29;
mod cases_31_36;
mod cases_39_50;
mod cases_46_47;
#[cfg(feature = "bedrock")]
mod clouds;
#[cfg(feature = "bedrock")]
mod clouds_failures;
mod documented;
mod vendor_answers;
mod vendors;
