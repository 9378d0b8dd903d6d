//! The text of an assistant turn of the history, used up from the front while opaque blocks are put
//! back at their places; and the turns that stand for what a wire can't say.

use std::collections::VecDeque;

use crate::chat::{CacheControl, Message, Part};
use crate::error::EncodeError;
use crate::notes::{Notes, unsupported_content};

/// Stands before a conversation that the assistant opens where the API wants a user turn first.
pub(crate) const OPENING: &str = "(The assistant speaks first.)";
/// Asks for more where a trailing assistant message can't be continued.
pub(crate) const CONTINUE: &str = "Continue your last message from exactly where it ends. Do not \
                                   repeat any of it.";

/// Part types in which other providers carry reasoning.
const FOREIGN_REASONING: [&str; 2] = ["thinking", "reasoning"];

/// Leaves out a part of an assistant message that is another provider's reasoning: worth nothing
/// here, and the turn is whole without it. Whether it is such a part.
///
/// # Errors
/// Such a part under `strict_params`.
pub(crate) fn leave_out_reasoning(part: &Part, notes: &mut Notes) -> Result<bool, EncodeError> {
    match part {
        Part::Unknown { kind, .. } if FOREIGN_REASONING.contains(&kind.as_str()) => {
            let field = format!("messages[].content[].{kind}");
            notes.drop(&field, "only its issuer can read it")?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// The turn's text as it is used up from the front, in pieces with what goes with each.
pub(crate) struct TurnText<'a, T> {
    parts: VecDeque<(&'a str, T)>,
    /// Characters used up.
    chars: usize,
}

impl<'a> TurnText<'a, Option<&'a CacheControl>> {
    /// The text of a message of the assistant's. `to` is who would be sent other content
    /// ("an Anthropic model").
    ///
    /// # Errors
    /// Content that such a message can't hold there.
    pub(crate) fn read(
        message: &'a Message,
        at: usize,
        to: &str,
        notes: &mut Notes,
    ) -> Result<Self, EncodeError> {
        let mut parts = VecDeque::with_capacity(message.parts.len());
        for (index, part) in message.parts.iter().enumerate() {
            match part {
                Part::Text {
                    text,
                    cache_control,
                } => parts.push_back((text.as_str(), cache_control.as_ref())),
                Part::Refusal { text } => parts.push_back((text.as_str(), None)),
                part if leave_out_reasoning(part, notes)? => {}
                _ => {
                    return Err(unsupported_content(
                        format!("messages[{at}].content[{index}]"),
                        format!(
                            "Assistant messages to {to} hold text and tool calls only. Move other \
                             content to a user message."
                        ),
                    ));
                }
            }
        }
        Ok(Self::of(parts))
    }
}

impl<'a, T: Copy> TurnText<'a, T> {
    /// That text, of which nothing is used up.
    pub(crate) const fn of(parts: VecDeque<(&'a str, T)>) -> Self {
        Self { parts, chars: 0 }
    }

    /// The next run of text that stands before that many characters of the turn's text.
    pub(crate) fn next_before(&mut self, chars: usize) -> Option<(&'a str, T)> {
        let wanted = chars.checked_sub(self.chars).filter(|left| *left > 0)?;
        let (text, mark) = self.parts.pop_front()?;
        let cut = text.char_indices().nth(wanted).map(|(byte, _)| byte);
        let (head, rest) = cut
            .and_then(|cut| text.split_at_checked(cut))
            .unwrap_or((text, ""));
        if !rest.is_empty() {
            self.parts.push_front((rest, mark));
        }
        self.chars += head.chars().count();
        Some((head, mark))
    }

    /// Uses up `said` if the text goes on with exactly that.
    pub(crate) fn skip(&mut self, said: &str) -> bool {
        let mut left = said;
        for (text, _) in &self.parts {
            if let Some(rest) = left.strip_prefix(text) {
                left = rest;
            } else if text.starts_with(left) {
                left = "";
            } else {
                return false;
            }
            if left.is_empty() {
                break;
            }
        }
        if !left.is_empty() {
            return false;
        }
        let end = self.chars + said.chars().count();
        while self.next_before(end).is_some() {}
        true
    }
}
