//! Configuration from the outside: what is loaded, and what is said about every kind of mistake.

#![expect(clippy::unwrap_used, reason = "tests")]

mod cases;
mod clouds;
mod documents;
mod environment;
mod mistakes;
mod ollama;
mod properties;
mod providers_page;
mod secrets;
mod settings;
mod structured;
