//! The gateway over real sockets, in front of the provider simulator. Tests that begin with a row's id
//! are that row of the catalogue of faults and attacks; so are all of `tests/rows`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "tests"
)]

mod grid;
#[expect(dead_code, reason = "shared with tests/rows")]
mod program;
#[expect(dead_code, reason = "shared with tests/rows")]
mod raw;
mod support;
mod tls;

mod answers;
#[cfg(feature = "bedrock")]
mod aws;
mod bad_input;
#[cfg(feature = "bedrock")]
mod bedrock;
mod cloud;
mod cohere;
mod cohere_v1;
mod endpoints;
mod faults;
mod input_tokens;
mod keys;
mod lifecycle;
mod made_up_vendor;
mod media;
mod network;
mod ollama;
mod pins;
mod providers_check;
mod rerank;
mod responses;
mod streams;
mod structured;
mod vendors;
