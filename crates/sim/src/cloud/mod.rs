//! What the clouds put around other vendors' APIs: accounts that trade proof for tokens, and
//! Vertex AI's paths.

pub mod identity;
mod jwt;
pub mod vertex;
