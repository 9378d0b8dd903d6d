//! The way of a request, one file a stage: ingress → authenticate → route → attempt → relay →
//! settle. Start with [`handle`], which reads like the drawing in ARCHITECTURE.md.

mod admission;
mod attempt;
mod authenticate;
mod batch;
mod call;
mod decode;
mod encode;
mod format;
mod gather;
mod handle;
mod ingress;
mod output;
mod reader;
mod received;
mod relay;
mod route;
mod schema;
mod settle;
mod turn;

pub use admission::Admission;
pub use authenticate::{KeyRing, Principal};
pub use call::Operation;
pub use format::Outputs;
pub use handle::handle;
pub use ingress::request_id;
pub use relay::{Relay, panicked};
pub use route::may_use;
pub use schema::{Schema, Schemas};
pub use turn::TurnCache;
