//! What runs beside the requests. Every task is tracked and ends with the drain.

mod live_models;
mod tick;

pub use live_models::{LiveModels, refresh};
pub use tick::tick;
