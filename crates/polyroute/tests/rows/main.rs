//! The catalogue of faults, attacks and load, row by row: each test is named by its row. Rows that the
//! simulator can play in a grid are in `tests/gateway` under the same names.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "tests"
)]

#[path = "../gateway/grid.rs"]
#[expect(dead_code, reason = "shared with tests/gateway")]
mod grid;
#[path = "../gateway/program.rs"]
mod program;
#[path = "../gateway/raw.rs"]
mod raw;
#[path = "../gateway/support.rs"]
#[expect(dead_code, reason = "shared with tests/gateway")]
mod support;
#[path = "../gateway/tls.rs"]
#[expect(dead_code, reason = "shared with tests/gateway")]
mod tls;

mod http2;
mod kit;
mod provider;

mod edge_limits;
mod fuzz;
mod hostile_streams;
mod hostile_upstream;
mod http2_limits;
mod http2_upstream;
mod load;
mod overload;
mod panics;
mod secrets_and_keys;
mod slow_callers;
mod smuggling;
mod telemetry_floods;
