//! Citations of vendors that number their sources (wire-protocols §11.3): `[n]` in Perplexity's text
//! is the n-th of `search_results`, or of `citations`, where there are URLs only.

use serde_json::{Map, Value, json};

use crate::chat::Annotation;

/// Most marks of one choice that become annotations.
const MARKS_MAX: usize = 2_000;
/// Most digits of a mark.
const DIGITS_MAX: usize = 4;

/// Finds `[n]` in a text that comes in pieces. Places are counted in characters.
#[derive(Debug, Default)]
pub(super) struct Marks {
    chars: usize,
    /// Where an open bracket stands, and the number that follows it so far.
    open: Option<(usize, String)>,
    found: Vec<Mark>,
}

#[derive(Debug)]
struct Mark {
    start: usize,
    end: usize,
    number: usize,
}

impl Marks {
    /// Reads the next piece.
    pub(super) fn push(&mut self, text: &str) {
        for character in text.chars() {
            let at = self.chars;
            self.chars += 1;
            match (character, &mut self.open) {
                ('[', open) => *open = Some((at, String::new())),
                ('0'..='9', Some((_, digits))) if digits.len() < DIGITS_MAX => {
                    digits.push(character);
                }
                (']', Some((start, digits))) => {
                    if let Ok(number) = digits.parse()
                        && self.found.len() < MARKS_MAX
                    {
                        self.found.push(Mark {
                            start: *start,
                            end: at + 1,
                            number,
                        });
                    }
                    self.open = None;
                }
                (_, open) => *open = None,
            }
        }
    }

    /// The marks as annotations, by the sources that the answer's members name.
    pub(super) fn annotations(&self, answer: &Map<String, Value>) -> Vec<Annotation> {
        let list = |key: &str| answer.get(key).and_then(Value::as_array);
        let source = |number: usize| {
            let at = number.checked_sub(1)?;
            let result = list("search_results").and_then(|results| results.get(at));
            let of_result = |key: &str| result?.get(key)?.as_str();
            let bare = || list("citations")?.get(at)?.as_str();
            let url = of_result("url").or_else(bare)?;
            Some((url, of_result("title").unwrap_or_default()))
        };
        self.found
            .iter()
            .filter_map(|mark| {
                let (url, title) = source(mark.number)?;
                let native = json!({"type": "url_citation", "url_citation": {"url": url,
                    "title": title, "start_index": mark.start, "end_index": mark.end}});
                Some(super::response::annotation(native))
            })
            .collect()
    }
}
