//! Model families: id patterns and the capabilities that all models of the family share.

use std::sync::OnceLock;

use polyroute_wire::capability::Capabilities;

/// A family with what it inherits already applied.
#[derive(Debug)]
pub(super) struct Family {
    /// Its name, which models refer to.
    pub(super) name: String,
    /// Id patterns: literal text with `*` for any run of characters.
    pub(super) patterns: Vec<String>,
    /// What its models take.
    pub(super) capabilities: Capabilities,
}

impl Family {
    /// The number of literal characters of the most exact pattern that matches `id`.
    pub(super) fn match_length(&self, id: &str) -> Option<usize> {
        self.patterns
            .iter()
            .filter(|pattern| glob(pattern, id))
            .map(|pattern| pattern.bytes().filter(|byte| *byte != b'*').count())
            .max()
    }
}

/// Whether `text` matches `pattern`, in which `*` stands for any run of characters, none
/// included. Linear in `text` for each literal piece.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(head) else {
        return false;
    };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return text.ends_with(piece);
        }
        let Some((_, after)) = text.split_once(piece) else {
            return false;
        };
        text = after;
    }
    true
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
