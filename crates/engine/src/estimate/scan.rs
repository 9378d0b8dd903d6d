//! A text's tokens without a tokeniser: one pass over its bytes that counts what tokenisers of all
//! vendors agree on (a word is about a token, long words and rare scripts take more).
//!
//! The weights were fitted on half of the recorded exchanges and hold for every family; what a
//! family differs in is one factor ([`super::family::Rates::text`]).

/// Thousandths of a token.
pub type Milli = u64;

/// A run of letters in one case, and each capitalised piece of `camelCase`.
const WORD: Milli = 1_000;
/// Each letter of a word beyond the sixth.
const LONG: Milli = 160;
/// Each letter of an all-capital word beyond the second.
const CAPITAL: Milli = 220;
/// Letters of a word that cost nothing more.
const WORD_LETTERS: u32 = 6;
/// Letters of a word that may be in the vocabulary: what is longer is a key, a hash, a sequence.
const NO_WORD: u32 = 18;
const LONG_LETTERS: u64 = 12;
/// Each letter of what is no word.
const STRANGE: Milli = 350;
/// Every three digits of a number, begun; where the family's own rates are not asked.
const DIGITS: Milli = 1_700;
/// Each digit, likewise.
const DIGIT: Milli = 110;
/// A run of punctuation.
const PUNCTUATION: Milli = 950;
/// Each further mark of such a run.
const MARK: Milli = 220;
/// A punctuation mark alone inside of a word (`get_weather`, `don't`), where the family's own rate is
/// not asked: most tokenisers take it together with what follows.
const JOINT: Milli = 600;
/// A line's end, and the same behind punctuation, which takes it along.
const LINE: Milli = 900;
const LINE_AFTER_MARK: Milli = 300;
/// Two spaces and more, a tab: the indentation of a line, or a gap.
const INDENT: Milli = 800;
/// One space before a number: it is free before a word.
const SPACE_BEFORE_NUMBER: Milli = 1_000;
/// A letter of a script with two bytes a letter up to Hebrew (Latin with accents, Greek, Cyrillic).
const ACCENTED: Milli = 500;
/// A Chinese, Japanese or Korean character.
const IDEOGRAPH: Milli = 840;
/// Any other character: Arabic, Devanagari, Thai.
const OTHER: Milli = 1_000;
/// An emoji, or another character of four bytes.
const EMOJI: Milli = 1_800;

/// How the bytes are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text as it is.
    Plain,
    /// JSON text of a string: `\n`, `\"` and `\u00e9` stand for what they mean.
    Escaped,
    /// JSON of a structure such as a schema: white space between its members does not count.
    Structure,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    None,
    Lower,
    Upper,
    Digit,
    /// One space: free before a word, more of them are not.
    Space,
    /// Counted white space.
    Blank,
    Mark,
    /// A letter beyond ASCII, or another such character.
    High,
}

/// What a text holds, apart by what families count differently.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Units {
    /// Words, white space, letters of other scripts: thousandths of a token.
    pub words: Milli,
    /// Letters of words beyond the sixth, up to the eighteenth. A larger vocabulary holds more long words.
    pub long: u64,
    /// Punctuation. Tokenisers with a large vocabulary take `":{"` as one token, others as four.
    pub marks: Milli,
    /// Marks alone inside of a word.
    pub joints: u64,
    /// Digits. Some tokenisers (Gemini's, Mistral's, Qwen's) take each as a token.
    pub digits: u64,
    /// Every three digits of a number, begun. Others (OpenAI's, Llama's) take three as a token.
    pub numbers: u64,
    /// Chinese, Japanese and Korean characters.
    pub ideographs: u64,
}

impl Units {
    /// All of it, by weights that hold for most families.
    #[must_use]
    pub const fn milli(&self) -> Milli {
        self.words
            + self.long * LONG
            + self.marks
            + self.joints * JOINT
            + self.numbers * DIGITS
            + self.digits * DIGIT
            + self.ideographs * IDEOGRAPH
    }

    pub(super) const fn add(&mut self, other: &Self) {
        self.words = self.words.saturating_add(other.words);
        self.long = self.long.saturating_add(other.long);
        self.marks = self.marks.saturating_add(other.marks);
        self.joints = self.joints.saturating_add(other.joints);
        self.digits = self.digits.saturating_add(other.digits);
        self.numbers = self.numbers.saturating_add(other.numbers);
        self.ideographs = self.ideographs.saturating_add(other.ideographs);
    }
}

struct Scan {
    units: Units,
    run: Run,
    length: u32,
    /// Of a run of punctuation: whether it stands behind a letter. Of white space: behind punctuation.
    follows: bool,
    /// Of white space: whether it has a line's end, and how many spaces follow that.
    is_line: bool,
    indent: u32,
    structure: bool,
}

/// The tokens of a text in thousandths, before the family's factor.
#[must_use]
pub fn units(bytes: &[u8], form: Form) -> Milli {
    scan(bytes, form).milli()
}

/// What a text holds.
#[must_use]
pub(super) fn scan(bytes: &[u8], form: Form) -> Units {
    let mut scan = Scan {
        units: Units::default(),
        run: Run::None,
        length: 0,
        follows: false,
        is_line: false,
        indent: 0,
        structure: form == Form::Structure,
    };
    let mut rest = bytes;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'\\' if form == Form::Escaped => rest = scan.escape(rest),
            // Most of a text: taken at once.
            b'a'..=b'z' => {
                let more = rest.iter().position(|byte| !byte.is_ascii_lowercase());
                let (letters, behind) = rest
                    .split_at_checked(more.unwrap_or(rest.len()))
                    .unwrap_or((rest, &[]));
                rest = behind;
                scan.lower();
                let letters = u32::try_from(letters.len()).unwrap_or(u32::MAX);
                scan.length = scan.length.saturating_add(letters);
            }
            0x80.. => scan.high(*byte, rest.first().copied().unwrap_or(0)),
            _ => scan.ascii(*byte),
        }
    }
    scan.close();
    scan.units
}

impl Scan {
    fn ascii(&mut self, byte: u8) {
        match byte {
            b'a'..=b'z' => self.lower(),
            b'A'..=b'Z' => self.run(Run::Upper),
            b'0'..=b'9' => self.run(Run::Digit),
            b' ' => self.space(),
            b'\n' | b'\r' => self.line(),
            b'\t' | 0x0b | 0x0c => self.blank(2),
            0x21..=0x7e => self.run(Run::Mark),
            _ => {}
        }
    }

    /// Goes on with a run, or ends the last one and begins it.
    fn run(&mut self, run: Run) {
        if self.run != run {
            let is_joint = self.run == Run::Mark && self.length == 1 && self.follows;
            let follows = matches!(self.run, Run::Lower | Run::Upper | Run::High);
            match run {
                Run::Lower | Run::Upper if is_joint => {
                    self.units.joints += 1;
                    self.length = 0;
                }
                Run::Digit if self.run == Run::Space => self.units.words += SPACE_BEFORE_NUMBER,
                _ => self.close(),
            }
            self.follows = follows;
            self.run = run;
        }
        self.length += 1;
    }

    fn lower(&mut self) {
        match (self.run, self.length) {
            (Run::Lower, _) => self.length += 1,
            // `Server` begins with the last capital of `HTTPServer`.
            (Run::Upper, capitals) => {
                self.length = capitals - 1;
                self.close();
                self.run = Run::Lower;
                self.length = 2;
            }
            _ => self.run(Run::Lower),
        }
    }

    fn space(&mut self) {
        match self.run {
            Run::Space | Run::Blank => self.blank(1),
            _ => {
                self.begin_blank(Run::Space);
                self.indent = 1;
            }
        }
    }

    fn line(&mut self) {
        self.blank(0);
        self.is_line = true;
        self.indent = 0;
    }

    fn blank(&mut self, columns: u32) {
        if !matches!(self.run, Run::Space | Run::Blank) {
            self.begin_blank(Run::Blank);
        }
        self.run = Run::Blank;
        self.indent += columns;
    }

    fn begin_blank(&mut self, run: Run) {
        let is_mark = self.run == Run::Mark;
        self.close();
        self.run = run;
        self.follows = is_mark;
        self.is_line = false;
        self.indent = 0;
    }

    /// A character beyond ASCII, by its first two bytes; the others are skipped.
    fn high(&mut self, first: u8, second: u8) {
        let weight = match first {
            0x80..=0xbf => return,
            0xc0..=0xd7 => ACCENTED,
            0xe2 if second < 0x84 => PUNCTUATION,
            0xe2 if second >= 0xba => return self.ideograph(),
            0xe3..=0xed => return self.ideograph(),
            0xef if second >= 0xa4 => return self.ideograph(),
            0xf0.. => EMOJI,
            _ => OTHER,
        };
        self.one(weight);
    }

    fn ideograph(&mut self) {
        self.one(0);
        self.units.ideographs += 1;
    }

    fn one(&mut self, weight: Milli) {
        self.close();
        self.run = Run::High;
        self.units.words += weight;
    }

    /// What follows a backslash in a JSON string.
    fn escape<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let Some((kind, tail)) = rest.split_first() else {
            return rest;
        };
        match kind {
            b'n' | b'r' => self.line(),
            b't' | b'f' | b'b' => self.blank(2),
            b'u' => {
                let code = tail.get(..4).and_then(|hex| std::str::from_utf8(hex).ok());
                let code = code.and_then(|hex| u32::from_str_radix(hex, 16).ok());
                match code.unwrap_or(0) {
                    code @ 0..=0x7f => self.ascii(u8::try_from(code).unwrap_or(b' ')),
                    0x80..=0x5ff => self.one(ACCENTED),
                    0x2000..=0x20ff => self.one(PUNCTUATION),
                    0x2e80..=0xd7ff | 0xf900..=0xffdc => self.ideograph(),
                    // The second half of a pair.
                    0xdc00..=0xdfff => {}
                    _ => self.one(OTHER),
                }
                return tail.get(4..).unwrap_or_default();
            }
            _ => self.run(Run::Mark),
        }
        tail
    }

    /// White space other than one space between words.
    const fn white(&self) -> Milli {
        let line = match (self.is_line, self.follows) {
            (false, _) => 0,
            (true, false) => LINE,
            (true, true) => LINE_AFTER_MARK,
        };
        // One of the spaces goes with the word behind them.
        line + if self.indent > 1 { INDENT } else { 0 }
    }

    fn close(&mut self) {
        let length = u64::from(self.length);
        let beyond = |free: u32| u64::from(self.length.saturating_sub(free));
        self.units.words += match self.run {
            Run::None | Run::Space | Run::High => 0,
            Run::Lower => {
                self.units.long += beyond(WORD_LETTERS).min(LONG_LETTERS);
                WORD + beyond(NO_WORD) * STRANGE
            }
            Run::Upper if length == 0 => 0,
            Run::Upper => WORD + beyond(2) * CAPITAL,
            Run::Digit => {
                self.units.digits += length;
                self.units.numbers += length.div_ceil(3);
                0
            }
            Run::Blank if self.structure => 0,
            Run::Blank => self.white(),
            Run::Mark => {
                self.units.marks += PUNCTUATION + beyond(1) * MARK;
                0
            }
        };
        self.run = Run::None;
        self.length = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(text: &str) -> Milli {
        units(text.as_bytes(), Form::Plain)
    }

    #[test]
    fn words_numbers_marks_and_scripts() {
        for (text, milli) in [
            ("", 0),
            ("hello", 1_000),
            ("hello world", 2_000),
            ("internationally", 1_000 + 9 * 160),
            (&"a".repeat(40), 1_000 + 12 * 160 + 22 * 350),
            ("HTTPServer", 1_000 + 2 * 220 + 1_000),
            ("camelCase", 2_000),
            ("A", 1_000),
            ("2026", 2 * 1_700 + 4 * 110),
            ("in 2026", 1_000 + 1_000 + 2 * 1_700 + 4 * 110),
            ("a, b", 2_950),
            ("get_weather", 2_000 + 160 + 600),
            ("a_", 1_950),
            ("a\n\n  b", 2_000 + 900 + 800),
            ("a.\nb", 2_000 + 950 + 300),
            ("a\tb", 2_800),
            ("a  b", 2_800),
            ("\u{e9}", 500),
            ("\u{65e5}\u{672c}", 1_680),
            ("\u{1f600}", 1_800),
            ("\u{2014}", 950),
        ] {
            assert_eq!(plain(text), milli, "{text}");
        }
    }

    #[test]
    fn structure_does_not_count_its_layout() {
        let value = serde_json::json!({"type": "object", "properties": {"a": {"type": "string"}}});
        let compact = units(value.to_string().as_bytes(), Form::Structure);
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        let pretty = units(pretty.as_bytes(), Form::Structure);
        // Runs of marks are cut by the layout, so that they are a few more.
        assert!(pretty < compact * 3 / 2, "{pretty} {compact}");
    }

    proptest! {
        #[test]
        fn an_escaped_text_costs_what_it_says(text in "\\PC{0,60}[\n\t\"\\\\a-z]{0,9}") {
            let escaped = serde_json::to_string(&text).unwrap();
            let inner = escaped.get(1..escaped.len() - 1).unwrap();
            prop_assert_eq!(units(inner.as_bytes(), Form::Escaped), plain(&text));
        }

        #[test]
        fn any_bytes_are_scanned(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for form in [Form::Plain, Form::Escaped, Form::Structure] {
                let bound = 3_000 * u64::try_from(bytes.len() + 1).unwrap();
                prop_assert!(units(&bytes, form) <= bound);
            }
        }
    }
}
