//! Seeded prose, and cutting text where tokens, limits and stop sequences say.

use crate::seed::Dice;

const OPENERS: &[&str] = &[
    "Here is what matters about",
    "Let us look at",
    "There are a few things to say about",
    "The short version of",
    "A careful answer starts with",
];
const BODIES: &[&str] = &[
    "It helps to take the parts one at a time.",
    "The details depend on what you want to achieve.",
    "Most people meet this first in practice and only later in theory.",
    "A small example usually makes it clearer than a definition does.",
    "Two things pull in different directions here: speed and care.",
    "What looks simple from far away has more to it when you come close.",
    "It is worth checking the result against a case you already know.",
    "The usual mistake is to change everything at once.",
];
const CLOSERS: &[&str] = &[
    "Tell me more about your case and I can be more exact.",
    "That should be enough to get started.",
    "If one of these steps fails, the message will say which.",
    "Ask again if a part of it stays unclear.",
];

/// The most words that a `words:` cue may ask for.
const WORDS_MAX: u64 = 200_000;

/// An answer to this text. `echo:` returns the rest of it as it is; `words:<n>` gives a text of
/// that many words; anything else gives a few seeded sentences that name its subject.
pub fn reply(dice: &mut Dice, asked: &str) -> String {
    if let Some((_, rest)) = asked.split_once("echo:") {
        return rest.strip_prefix(' ').unwrap_or(rest).to_owned();
    }
    if let Some(count) = cue_number(asked, "words:") {
        return padding(dice, count.min(WORDS_MAX));
    }
    let mut sentences = vec![format!("{} {}.", dice.pick(OPENERS), subject(asked))];
    for _ in 0..=dice.below(4) {
        sentences.push(dice.pick(BODIES).to_owned());
    }
    sentences.push(dice.pick(CLOSERS).to_owned());
    sentences.join(" ")
}

/// A sentence that quotes tool results.
pub fn about_results(results: &[(String, String)]) -> String {
    let quoted: Vec<String> = results
        .iter()
        .map(|(name, result)| match name.as_str() {
            "" => format!("the tool returned {}", result.trim()),
            name => format!("{name} returned {}", result.trim()),
        })
        .collect();
    format!("According to the tools, {}.", quoted.join("; "))
}

/// What the model thinks before it answers this text.
pub fn thoughts(dice: &mut Dice, asked: &str) -> String {
    let mut sentences = vec![format!("The user asks about {}.", subject(asked))];
    for _ in 0..=dice.below(3) {
        sentences.push(dice.pick(BODIES).to_owned());
    }
    sentences.join(" ")
}

/// The first words of a text, quoted.
fn subject(asked: &str) -> String {
    let words: Vec<&str> = asked.split_whitespace().take(8).collect();
    if words.is_empty() {
        return "what you sent".to_owned();
    }
    format!(
        "\u{201c}{}\u{201d}",
        words.join(" ").trim_end_matches(['.', '?', '!'])
    )
}

fn padding(dice: &mut Dice, words: u64) -> String {
    let mut out = String::new();
    let mut left = words;
    while left > 0 {
        for word in dice.pick(BODIES).split(' ') {
            if left == 0 {
                break;
            }
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(word);
            left -= 1;
        }
    }
    out
}

/// The number after a cue such as `words:`.
pub fn cue_number(asked: &str, cue: &str) -> Option<u64> {
    let (_, rest) = asked.split_once(cue)?;
    let digits: String = rest
        .trim_start()
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}

/// Cuts at the first stop sequence; says which one it was.
pub fn cut_at_stop(text: &str, stops: &[String]) -> Option<(String, String)> {
    stops
        .iter()
        .filter(|stop| !stop.is_empty())
        .filter_map(|stop| text.find(stop.as_str()).map(|at| (at, stop)))
        .min_by_key(|(at, _)| *at)
        .and_then(|(at, stop)| Some((text.get(..at)?.to_owned(), stop.clone())))
}

/// Cuts to at most this many tokens, never inside a character. None where it fits.
pub fn cut_to_tokens(text: &str, tokens_max: u64) -> Option<String> {
    let bytes_max = usize::try_from(tokens_max.saturating_mul(4)).unwrap_or(usize::MAX);
    if text.len() <= bytes_max {
        return None;
    }
    let at = text.floor_char_boundary(bytes_max);
    text.get(..at).map(str::to_owned)
}

/// Splits a text into the pieces that a stream sends: words with the space before them, long
/// words in parts, `words_each` of those to a piece. The pieces joined are the text.
pub fn pieces(text: &str, words_each: usize) -> Vec<String> {
    const PIECE_CHARS_MAX: usize = 12;
    let mut atoms: Vec<String> = Vec::new();
    let mut atom = String::new();
    let mut spaced = true;
    for letter in text.chars() {
        let starts_word = letter.is_whitespace() && !spaced;
        if starts_word || atom.chars().count() >= PIECE_CHARS_MAX {
            atoms.push(std::mem::take(&mut atom));
        }
        spaced = letter.is_whitespace();
        atom.push(letter);
    }
    if !atom.is_empty() {
        atoms.push(atom);
    }
    atoms
        .chunks(words_each.max(1))
        .map(<[String]>::concat)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn echo_is_verbatim() {
        let mut dice = Dice::new(1, &[]);
        assert_eq!(reply(&mut dice, "echo: Grüße 👩‍👩‍👧 ok "), "Grüße 👩‍👩‍👧 ok ");
    }

    #[test]
    fn words_cue_gives_that_many() {
        let mut dice = Dice::new(1, &[]);
        assert_eq!(reply(&mut dice, "words:57 please").split(' ').count(), 57);
    }

    #[test]
    fn pieces_join_to_the_text() {
        for text in [
            "",
            " a",
            "two  spaces\n\nand 👩‍👩‍👧 emoji",
            "Donaudampfschifffahrtsgesellschaft",
        ] {
            for words in 1..4 {
                assert_eq!(pieces(text, words).concat(), text);
            }
        }
        assert!(pieces("Donaudampfschifffahrtsgesellschaft", 1).len() > 1);
    }

    #[test]
    fn cuts_keep_characters_whole() {
        assert_eq!(cut_to_tokens("ééééé", 1).as_deref(), Some("éé"));
        assert_eq!(cut_to_tokens("abc👍", 1).as_deref(), Some("abc"));
        assert_eq!(cut_to_tokens("abcd", 1), None);
    }

    #[test]
    fn earliest_stop_wins() {
        let stops = ["three".to_owned(), "two".to_owned(), String::new()];
        let cut = cut_at_stop("one two three", &stops);
        assert_eq!(cut, Some(("one ".to_owned(), "two".to_owned())));
    }

    proptest::proptest! {
        #[test]
        fn any_text_in_pieces_is_whole(text in ".{0,200}", words in 0_usize..5) {
            proptest::prop_assert_eq!(pieces(&text, words).concat(), text);
        }

        #[test]
        fn any_cut_is_a_prefix_that_fits(text in ".{0,80}", most in 0_u64..20) {
            if let Some(cut) = cut_to_tokens(&text, most) {
                proptest::prop_assert!(text.starts_with(&cut) && cut.len() as u64 <= most * 4);
            }
        }
    }
}
