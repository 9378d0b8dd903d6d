//! Model families: id patterns and the capabilities that all models of the family share.

use std::sync::OnceLock;

use polyroute_wire::capability::Capabilities;

/// A family with what it inherits already applied.
#[derive(Debug)]
pub(super) struct Family {
    /// Its name, which models refer to.
    pub(super) name: String,
    /// Which ids are of it.
    pub(super) patterns: Vec<Pattern>,
    /// What its models take.
    pub(super) capabilities: Capabilities,
}

impl Family {
    /// The number of literal characters of the most exact pattern that matches `id`.
    pub(super) fn match_length(&self, id: &str) -> Option<usize> {
        self.patterns
            .iter()
            .filter(|pattern| pattern.matches(id))
            .map(|pattern| pattern.literal)
            .max()
    }
}

/// An id pattern: literal text with `*` for any run of characters. Taken apart once, as an
/// unlisted model is held against every one of them on each request.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    text: String,
    /// What it begins with, unless that is a `*`.
    first: Option<u8>,
    /// Characters that are no `*`.
    literal: usize,
}

impl Pattern {
    pub(super) fn new(text: String) -> Self {
        Self {
            first: text.bytes().next().filter(|byte| *byte != b'*'),
            literal: text.bytes().filter(|byte| *byte != b'*').count(),
            text,
        }
    }

    fn matches(&self, id: &str) -> bool {
        // Most patterns are ruled out by how they begin.
        let begins = self
            .first
            .is_none_or(|first| id.as_bytes().first() == Some(&first));
        begins && glob(&self.text, id)
    }
}

/// Whether `text` matches `pattern`, in which `*` stands for any run of characters, none
/// included. Linear in `text` for each literal piece.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(head) else {
        return false;
    };
    let mut text = text.as_bytes();
    let mut pieces = rest.split('*').map(str::as_bytes).peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return text.ends_with(piece);
        }
        let Some(after) = after(text, piece) else {
            return false;
        };
        text = after;
    }
    true
}

/// What follows the first `piece` in `text`. Names are too short for a searcher to pay.
fn after<'a>(text: &'a [u8], piece: &[u8]) -> Option<&'a [u8]> {
    let last = text.len().checked_sub(piece.len())?;
    (0..=last).find_map(|at| text.get(at..)?.strip_prefix(piece))
}

/// The capabilities of a model of which nothing is known: it takes everything, as sent.
pub(super) fn unknown() -> &'static Capabilities {
    static UNKNOWN: OnceLock<Capabilities> = OnceLock::new();
    UNKNOWN.get_or_init(Capabilities::default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_names() {
        for (pattern, text, matches) in [
            ("gpt-4o", "gpt-4o", true),
            ("gpt-4o", "gpt-4o-mini", false),
            ("gpt-4o*", "gpt-4o-mini", true),
            ("*", "", true),
            ("openai/*", "openai/gpt-4o", true),
            ("openai/*", "openai", false),
            ("*-audio-*", "gpt-4o-audio-preview", true),
            ("gemini-*-flash*", "gemini-3.5-flash-lite", true),
            ("gemini-*-flash", "gemini-3.5-flash-lite", false),
            ("a*a", "a", false),
            ("a**b", "ab", true),
        ] {
            assert_eq!(glob(pattern, text), matches, "{pattern} {text}");
        }
    }
}
