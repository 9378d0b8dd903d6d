//! Parts reasoning from the answer where a provider leaves both in the text, with `<think>` tags
//! between them (wire-protocols §9): raw Groq, Perplexity's reasoning models, local servers without a
//! reasoning parser.
//!
//! Only what the text begins with is looked at: a tag further on is something that the model speaks
//! of. The tags go, every other character stays where it is, white space too, and how the text is cut
//! into pieces changes nothing.

use serde::{Deserialize, Serialize};

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// Most white space before the opening tag, in bytes: more of it is text.
const LEAD_BYTES_MAX: usize = 256;

/// How a provider's text holds reasoning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThinkTags {
    /// It does not: text is passed as it is.
    #[default]
    Off,
    /// `<think>` begins it, `</think>` ends it. Text that does not begin so is the answer.
    Split,
    /// The model's prompt has opened it: the text begins with reasoning, whether `<think>` stands
    /// there or not, and `</think>` ends it.
    Opened,
}

/// A piece of an answer's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// What the model thought.
    Reasoning(String),
    /// What it says.
    Text(String),
}

/// Parts one text that comes in pieces.
#[derive(Debug)]
pub(crate) struct Splitter {
    place: Place,
    /// What may be the beginning of a tag, with the white space before it.
    held: String,
    opened: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    Reasoning,
    Answer,
}

impl Splitter {
    /// A splitter at the start of a text.
    pub(crate) const fn new(tags: ThinkTags) -> Self {
        Self {
            place: match tags {
                ThinkTags::Off => Place::Answer,
                ThinkTags::Split | ThinkTags::Opened => Place::Start,
            },
            held: String::new(),
            opened: matches!(tags, ThinkTags::Opened),
        }
    }

    /// Takes the next piece of the text; what is certain of it comes out in order, never empty.
    pub(crate) fn push(&mut self, text: String) -> Vec<Piece> {
        let mut out = Vec::new();
        let text = if self.held.is_empty() {
            text
        } else {
            std::mem::take(&mut self.held) + &text
        };
        self.take(text, &mut out);
        out
    }

    /// The text ended: what was held back is no tag.
    pub(crate) fn finish(&mut self) -> Option<Piece> {
        let rest = std::mem::take(&mut self.held);
        if self.place == Place::Start {
            self.place = self.untagged();
        }
        self.piece(rest)
    }

    fn take(&mut self, text: String, out: &mut Vec<Piece>) {
        match self.place {
            Place::Start => self.start(text, out),
            Place::Reasoning => self.reasoning(text, out),
            Place::Answer => out.extend(self.piece(text)),
        }
    }

    fn start(&mut self, text: String, out: &mut Vec<Piece>) {
        let bare = text.trim_start();
        let lead = text.len() - bare.len();
        let may_open = OPEN.starts_with(bare) && lead <= LEAD_BYTES_MAX;
        if let Some(rest) = bare.strip_prefix(OPEN) {
            self.place = Place::Reasoning;
            let lead = text.get(..lead).unwrap_or_default();
            self.reasoning([lead, rest].concat(), out);
        } else if may_open {
            self.held = text;
        } else {
            self.place = self.untagged();
            self.take(text, out);
        }
    }

    fn reasoning(&mut self, mut text: String, out: &mut Vec<Piece>) {
        if let Some(at) = text.find(CLOSE) {
            let answer = text.split_off(at).split_off(CLOSE.len());
            out.extend(self.piece(text));
            self.place = Place::Answer;
            out.extend(self.piece(answer));
            return;
        }
        let held = (1..CLOSE.len())
            .rev()
            .find(|length| {
                CLOSE
                    .get(..*length)
                    .is_some_and(|head| text.ends_with(head))
            })
            .unwrap_or(0);
        self.held = text.split_off(text.len() - held);
        out.extend(self.piece(text));
    }

    /// Where a text is that does not begin with the tag.
    const fn untagged(&self) -> Place {
        if self.opened {
            Place::Reasoning
        } else {
            Place::Answer
        }
    }

    fn piece(&self, text: String) -> Option<Piece> {
        let piece = match self.place {
            Place::Reasoning => Piece::Reasoning,
            Place::Start | Place::Answer => Piece::Text,
        };
        (!text.is_empty()).then(|| piece(text))
    }
}

/// Parts a whole text: reasoning and answer.
pub(crate) fn split(tags: ThinkTags, text: String) -> (String, String) {
    let mut splitter = Splitter::new(tags);
    let mut pieces = splitter.push(text);
    pieces.extend(splitter.finish());
    let (mut reasoning, mut answer) = (String::new(), String::new());
    for piece in pieces {
        match piece {
            Piece::Reasoning(text) => reasoning.push_str(&text),
            Piece::Text(text) => answer.push_str(&text),
        }
    }
    (reasoning, answer)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(tags: ThinkTags, text: &str) -> (String, String) {
        split(tags, text.to_owned())
    }

    fn pair(reasoning: &str, answer: &str) -> (String, String) {
        (reasoning.to_owned(), answer.to_owned())
    }

    #[test]
    fn section_9_tags_at_the_start_part_the_text() {
        use ThinkTags::{Off, Opened, Split};
        for (tags, text, wanted) in [
            (Split, "<think>a</think>b", pair("a", "b")),
            (
                Split,
                "\n <think>\na\n</think>\n\nb",
                pair("\n \na\n", "\n\nb"),
            ),
            (Split, "<think></think>b", pair("", "b")),
            (Split, "plain", pair("", "plain")),
            (Split, "  ", pair("", "  ")),
            (Split, "<thin", pair("", "<thin")),
            (Split, "<think>cut", pair("cut", "")),
            (Split, "<think>cut </thi", pair("cut </thi", "")),
            // What the model speaks of is no markup.
            (
                Split,
                "Use <think>x</think>.",
                pair("", "Use <think>x</think>."),
            ),
            (Split, "a</think>b", pair("", "a</think>b")),
            (
                Split,
                "<think>a</think>b<think>c</think></think>",
                pair("a", "b<think>c</think></think>"),
            ),
            // The opening tag may be in the prompt.
            (Opened, "a</think>b", pair("a", "b")),
            (Opened, "<think>a</think>b", pair("a", "b")),
            (Opened, "</think>b", pair("", "b")),
            (Opened, "cut", pair("cut", "")),
            (Opened, "<th", pair("<th", "")),
            (Off, "<think>a</think>b", pair("", "<think>a</think>b")),
        ] {
            assert_eq!(whole(tags, text), wanted, "{tags:?} {text:?}");
        }
    }

    #[test]
    fn white_space_is_not_held_without_end() {
        let mut splitter = Splitter::new(ThinkTags::Split);
        let flood = " ".repeat(LEAD_BYTES_MAX + 1);
        assert_eq!(splitter.push(flood.clone()), [Piece::Text(flood)]);
    }

    /// What a text must become, said in another way than the code does it.
    fn by_search(tags: ThinkTags, text: &str) -> (String, String) {
        let bare = text.trim_start();
        let inner = match (tags, bare.strip_prefix(OPEN)) {
            (ThinkTags::Off, _) | (ThinkTags::Split, None) => return pair("", text),
            (_, Some(rest)) => format!("{}{rest}", text.split_at(text.len() - bare.len()).0),
            (ThinkTags::Opened, None) => text.to_owned(),
        };
        match inner.split_once(CLOSE) {
            Some((reasoning, answer)) => pair(reasoning, answer),
            None => pair(&inner, ""),
        }
    }

    proptest! {
        /// However a text is cut, the same pieces come out, no character is lost or doubled, and
        /// reasoning never comes after the answer has begun.
        #[test]
        fn section_9_any_cut_gives_the_same(
            text in "([ \n]{0,2})(<think>|<thin|)([ab\né</>]|</think|<think>){0,8}(</think>|)([ab\n😀<]|</think>|<think>){0,8}",
            cuts in proptest::collection::vec(0..60_usize, 0..12),
            tags in prop_oneof![Just(ThinkTags::Off), Just(ThinkTags::Split), Just(ThinkTags::Opened)],
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|at| text.is_char_boundary(*at)).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let mut splitter = Splitter::new(tags);
            let mut pieces = Vec::new();
            for ends in cuts.windows(2) {
                pieces.extend(splitter.push(text.get(ends[0]..ends[1]).unwrap().to_owned()));
            }
            pieces.extend(splitter.finish());
            let (mut reasoning, mut answer) = (String::new(), String::new());
            for piece in &pieces {
                match piece {
                    Piece::Reasoning(text) => {
                        prop_assert!(answer.is_empty() && !text.is_empty());
                        reasoning.push_str(text);
                    }
                    Piece::Text(text) => {
                        prop_assert!(!text.is_empty());
                        answer.push_str(text);
                    }
                }
            }
            prop_assert_eq!((&reasoning, &answer), (&by_search(tags, &text).0, &by_search(tags, &text).1));
            prop_assert_eq!((reasoning, answer), whole(tags, &text));
        }
    }
}
