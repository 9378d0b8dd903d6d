//! The gateway over real sockets, in front of the provider simulator.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod grid;
mod raw;
mod support;

mod answers;
mod bad_input;
mod faults;
