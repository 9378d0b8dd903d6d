//! Token counts of an answer (wire-protocols §11.2, §12.1).

use serde_json::{Map, Value};

use crate::usage::{Usage, count};

/// The counts' names.
pub(super) const COUNTS: [&str; 2] = ["prompt_eval_count", "eval_count"];

/// Reads the counts of an answer's end. `None` where one of the two is missing: older servers say
/// none of a prompt that they had in their cache (`ollama/generate-stream-text-001`), and half a
/// count is a wrong one.
pub(super) fn read(end: &Map<String, Value>) -> Option<Usage> {
    let [input, output] = COUNTS.map(|key| end.get(key).filter(|count| !count.is_null()));
    let (input, output) = (input?, output?);
    let mut clamped = false;
    let native = [("prompt_eval_count", input), ("eval_count", output)]
        .map(|(key, value)| (key.to_owned(), value.clone()));
    Some(
        Usage {
            input: count(Some(input), &mut clamped),
            output: count(Some(output), &mut clamped),
            clamped,
            native: native.into_iter().collect(),
            ..Usage::default()
        }
        .checked(),
    )
}
