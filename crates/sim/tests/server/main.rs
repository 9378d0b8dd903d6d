//! The simulator over real sockets: answers, faults, the log, the admin API.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "tests"
)]

mod admin;
mod answers;
mod bedrock;
mod client;
mod cloud;
mod endpoints;
mod faults;
mod said;
mod vendors;
