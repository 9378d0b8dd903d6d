//! Finding JSON in what a model wrote around it.

use super::parse::{Fault, Json, is_space};

/// Most pieces of JSON in one answer that are looked at.
const CANDIDATES_MAX: usize = 64;

const THOUGHT_OPEN: &str = "<think>";
const THOUGHT_CLOSE: &str = "</think>";
const FENCE: &str = "```";

/// The JSON values that may be the answer, in their order; never empty. The rules stand at the top
/// of [`super`]. The time is linear in the text.
///
/// # Errors
/// Why there is none: what is wrong with the first piece that looks like one.
pub fn find(text: &str) -> Result<Vec<Json<'_>>, Fault> {
    let text = bare(text);
    if text.is_empty() {
        return Err(Fault::Empty);
    }
    match Json::parse(text) {
        Ok(value) => return Ok(vec![value]),
        // Readers differ in which key they take: no part of it is better.
        Err(fault @ (Fault::RepeatedKey | Fault::NumberRange | Fault::TooDeep)) => {
            return Err(fault);
        }
        Err(_) => {}
    }
    if let Some(value) = fenced(text).and_then(|inner| Json::parse(inner).ok()) {
        return Ok(vec![value]);
    }
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..)
        && let Some(open) = memchr::memchr2(b'{', b'[', rest.as_bytes())
    {
        let part = rest.get(open..).unwrap_or_default();
        let length = match Json::parse_prefix(part) {
            Ok((value, end)) => {
                found.push(value);
                end
            }
            // A broken second answer would make a draft of the first one.
            Err(fault) if looks_like_an_answer(part) => return Err(fault),
            Err(_) => closed(part).ok_or(Fault::NotJson)?,
        };
        if found.len() > CANDIDATES_MAX {
            return Err(Fault::TooMany);
        }
        at += open + length;
    }
    if found.is_empty() {
        return Err(Fault::NotJson);
    }
    Ok(found)
}

/// `{"…` or `[{…`: text in brackets (`[sic]`, `{name}`) does not begin so.
fn looks_like_an_answer(part: &str) -> bool {
    let mut significant = part.bytes().filter(|byte| !is_space(*byte));
    matches!(
        (significant.next(), significant.next()),
        (Some(b'{'), Some(b'"')) | (Some(b'['), Some(b'{'))
    )
}

/// Without byte order mark, white space and a leading thought.
fn bare(text: &str) -> &str {
    let trimmed = |text: &'_ str| {
        let is_nothing = |c: char| c.is_whitespace() || c == '\u{feff}';
        text.len() - text.trim_start_matches(is_nothing).len()
    };
    let text = text.get(trimmed(text)..).unwrap_or_default().trim_end();
    let thought = text.strip_prefix(THOUGHT_OPEN);
    match thought.and_then(|thought| thought.split_once(THOUGHT_CLOSE)) {
        Some((_, answer)) => answer.get(trimmed(answer)..).unwrap_or_default(),
        None => text,
    }
}

/// What stands in the one code fence that a text consists of.
fn fenced(text: &str) -> Option<&str> {
    let (_, inner) = text.strip_prefix(FENCE)?.split_once('\n')?;
    inner.strip_suffix(FENCE)
}

/// The length of a part up to the bracket that closes its first one; strings are skipped.
fn closed(part: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    for (at, byte) in part.bytes().enumerate() {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'{' | b'[') => depth += 1,
            (false, b'}' | b']') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}
