//! What an answer must hold to count: the words and the usage that the upstream sent, whatever was
//! translated on the way.

use anyhow::ensure;
use memchr::memmem;

use crate::answer;
use crate::payload::Wanted;

/// The usage of every answer, as OpenAI's API counts it.
pub(crate) const USAGE_MARK: &[u8] = br#""total_tokens":130"#;
/// What stands before the words of a whole answer.
const WORDS_MARK: &[u8] = br#""content":""#;

/// What an answer must hold.
#[derive(Debug)]
pub(crate) enum Expected {
    /// These words.
    Whole { words: String },
    /// So many content chunks; `events` checks them as they come.
    Stream { chunks: usize },
}

impl Expected {
    /// What the answer to a request must hold.
    pub(crate) fn of(wanted: Wanted) -> Self {
        match wanted {
            Wanted::Whole { body_bytes } => Self::Whole {
                words: answer::words(body_bytes),
            },
            Wanted::Stream { chunks, .. } => Self::Stream { chunks },
        }
    }
}

/// Checks a whole answer. A gateway may write it anew, so its length and the order of its fields
/// are free, but not its words and not its usage.
pub(crate) fn check_whole(body: &[u8], words: &str) -> anyhow::Result<()> {
    let at = memmem::find(body, WORDS_MARK).map(|at| at + WORDS_MARK.len());
    let content = at.and_then(|at| body.get(at..));
    ensure!(
        content.is_some_and(|content| content.starts_with(words.as_bytes())),
        "an answer of {} bytes without the upstream's words",
        body.len()
    );
    // From the end, where most have it: a body may be a megabyte.
    ensure!(
        memmem::rfind(body, USAGE_MARK).is_some(),
        "an answer without the upstream's usage"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_usage_must_both_come_whole() {
        let words = answer::words(20_000);
        let body = |words: &str, tokens: u32| {
            let usage = format!(r#""usage":{{"total_tokens":{tokens}}}"#);
            format!(r#"{{{usage},"choices":[{{"message":{{"content":"{words}"}}}}]}}"#)
        };
        assert!(check_whole(body(&words, 130).as_bytes(), &words).is_ok());
        let cut = words.get(..words.len() - 1).unwrap();
        assert!(check_whole(body(cut, 130).as_bytes(), &words).is_err());
        assert!(check_whole(body(&words, 131).as_bytes(), &words).is_err());
        assert!(check_whole(b"", &words).is_err());
    }
}
