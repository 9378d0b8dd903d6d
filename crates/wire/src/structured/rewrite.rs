//! What else must change with an answer's text: everything that counts its characters.

use crate::chat::{Annotation, AssistantMessage, ProviderBlock};

/// A text that took the place of what a model wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rewrite {
    /// Characters of the new text.
    chars: usize,
}

impl Rewrite {
    /// The change to this text.
    #[must_use]
    pub fn to(text: &str) -> Self {
        Self {
            chars: text.chars().count(),
        }
    }

    /// Puts the text into a whole message.
    pub fn message(message: &mut AssistantMessage, text: String) {
        let rewrite = Self::to(&text);
        message.text = text;
        message.blocks.retain_mut(|block| rewrite.block(block));
        for annotation in &mut message.annotations {
            rewrite.annotation(annotation);
        }
    }

    /// Gives a block of the turn its new place: before the text or behind it. `false` if it stood
    /// for a part of the old text, so that it must go: its issuer would take it for the new one.
    pub fn block(self, block: &mut ProviderBlock) -> bool {
        if block.span.text > 0 {
            block.span.text = self.chars;
        }
        block.span.text_len == 0
    }

    /// A citation then holds for the whole text.
    pub const fn annotation(self, annotation: &mut Annotation) {
        annotation.start_index = 0;
        annotation.end_index = self.chars;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::chat::BlockSpan;

    #[test]
    fn blocks_and_citations_follow_the_new_text() {
        let block = |text, text_len| ProviderBlock {
            index: 0,
            issuer: "anthropic".to_owned(),
            model: String::new(),
            span: BlockSpan {
                text,
                text_len,
                ..BlockSpan::default()
            },
            block: Value::Null,
        };
        let mut message = AssistantMessage {
            text: "Sure: {\"a\": \"é\"}".to_owned(),
            blocks: vec![block(0, 0), block(6, 10), block(16, 0)],
            annotations: vec![Annotation {
                url: String::new(),
                title: String::new(),
                start_index: 6,
                end_index: 16,
                native: Value::Null,
            }],
            ..AssistantMessage::default()
        };
        Rewrite::message(&mut message, "{\"a\":\"é\"}".to_owned());
        assert_eq!(message.blocks, [block(0, 0), block(9, 0)]);
        let cited = &message.annotations[0];
        assert_eq!((cited.start_index, cited.end_index), (0, 9));
    }
}
