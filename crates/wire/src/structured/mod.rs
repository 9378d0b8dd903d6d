//! Structured output in one form: JSON found in whatever a model wrapped around it, checked, and
//! written so that the same data is the same bytes whichever provider answered.
//!
//! Read [`canonical`] first. What is found is never mended: a trailing comma, a comment, a cut
//! object or a key that stands twice is no JSON, and the caller hears of it. The rules:
//!
//! * **Where the JSON may stand** ([`find`]). A byte order mark, white space and one leading
//!   `<think>…</think>` are not part of an answer. The rest is one JSON value; or one code fence
//!   around one JSON value; or text in which objects and arrays stand. What is not JSON from its
//!   bracket to the closing one (`[sic]`) is skipped with everything inside it. Where it begins
//!   like an answer (`{"`, `[{`), or never closes, nothing is taken at all: a part of a broken
//!   answer, or a draft in front of one, is not the answer.
//! * **Which one it is.** The one that fits the schema. Two that fit and differ are ambiguous,
//!   which is an error. A string that does not fit, but whose text is an object or array that
//!   does, was encoded twice and is taken out of its string.
//! * **How it is written.** Keys in the order of the schema's `properties` ([`Order`]), others
//!   behind them, sorted. No white space. Numbers by their exact decimal value, so that `1`, `1.0`
//!   and `1e0` are one (`number`). Strings with the escapes that JSON demands and no others.

mod find;
mod growth;
mod number;
mod order;
mod parse;
mod rewrite;
mod write;

#[cfg(test)]
mod tests;

use serde_json::Value;

pub use find::find;
pub use growth::{CHECKS_MAX, checks};
pub use order::Order;
pub use parse::{Fault, Json};
pub use rewrite::Rewrite;

/// Why an answer can't be given in the form that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit<E> {
    /// There is no JSON in it, for this reason.
    NoJson(Fault),
    /// Its JSON does not fit the schema.
    Misfit(E),
    /// Several parts of it fit the schema, and say different things.
    Ambiguous,
}

/// The answer in `text` in canonical form. `fits` judges a value by the schema.
///
/// # Errors
/// Why there is no such answer; the misfit is that of the first candidate.
pub fn canonical<E>(
    text: &str,
    order: &Order,
    mut fits: impl FnMut(&Value) -> Result<(), E>,
) -> Result<String, Unfit<E>> {
    let mut chosen: Option<String> = None;
    let mut misfit: Option<E> = None;
    for candidate in find(text).map_err(Unfit::NoJson)? {
        let written = match fits(&candidate.to_value()) {
            Ok(()) => candidate.canonical(order),
            Err(error) => match unquoted(&candidate, order, &mut fits) {
                Some(written) => written,
                None => {
                    misfit.get_or_insert(error);
                    continue;
                }
            },
        };
        match &chosen {
            Some(before) if *before != written => return Err(Unfit::Ambiguous),
            _ => chosen = Some(written),
        }
    }
    match (chosen, misfit) {
        (Some(written), _) => Ok(written),
        (None, Some(error)) => Err(Unfit::Misfit(error)),
        (None, None) => Err(Unfit::NoJson(Fault::NotJson)),
    }
}

/// An object or array that was encoded as a string.
fn unquoted<E>(
    candidate: &Json<'_>,
    order: &Order,
    fits: &mut impl FnMut(&Value) -> Result<(), E>,
) -> Option<String> {
    let Json::String(text) = candidate else {
        return None;
    };
    let inner = Json::parse(text).ok()?;
    let is_container = matches!(inner, Json::Object(_) | Json::Array(_));
    (is_container && fits(&inner.to_value()).is_ok()).then(|| inner.canonical(order))
}
