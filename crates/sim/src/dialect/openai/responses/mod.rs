//! The Responses API: `accept` judges a request, `render` writes a whole response, `stream` its
//! events. Written from the API's reference and recordings.

pub mod accept;
mod items;
pub mod render;
mod shape;
pub mod stream;
