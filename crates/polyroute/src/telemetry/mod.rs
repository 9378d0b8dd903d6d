//! What is seen of a request after it ended: its record, a line in the access log, and metrics.
//!
//! The path of a request hands over one [`Record`] and goes on; a thread of its own does the rest.
//! Nothing here can delay or fail a request.

mod access_log;
mod alerts;
mod collector;
mod counters;
mod metrics;
mod record;

pub use access_log::LogTarget;
pub use collector::{Recent, Telemetry};
pub use metrics::{
    AttemptLabels, BoundLabels, ErrorLabels, Metrics, RequestLabels, TargetLabels, TokenLabels,
};
pub use record::{AttemptRecord, CostRecord, Counted, End, Excluded, Record, TokenRecord};
