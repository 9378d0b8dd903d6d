//! What Polyroute *decides*: which target a name means, in which order targets are tried, what
//! follows a failure, and what an answer cost.
//!
//! Everything here is pure: no I/O, no clock, no randomness. Time, seed and counters are
//! arguments, so the same inputs give the same decision, which is what makes a plan printable and
//! a test exact.
//!
//! Read [`snapshot::Snapshot`] first, then follow one request: [`resolve::resolve`] →
//! [`plan::plan`] → [`next::next`] → [`price::cost`].

pub mod catalog;
pub mod estimate;
pub mod facts;
pub mod learn;
pub mod money;
pub mod needs;
pub mod next;
pub mod pin;
pub mod plan;
pub mod price;
pub mod resolve;
pub mod snapshot;
