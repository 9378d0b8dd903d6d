//! The Cohere v2 wire format: `accept` judges a request, `render` writes a whole answer, `stream`
//! its events. `v1` is the version before.

pub mod accept;
pub mod render;
pub mod stream;
pub mod v1;
