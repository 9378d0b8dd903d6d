//! How large a request is, in what every family counts; each target then counts it its own way.

use super::family::Family;
use super::image::{ImageSize, Pictures};
use super::rates::Rates;
use super::scan::{Form, Milli, Units, scan, units};
use super::schema::{SchemaUnits, schema_units};
use super::sealed::Sealed;

/// Tokens of a page of a document: its text and, at most providers, its picture (Anthropic's PDF
/// guide says 1,500 to 3,000 a page for text).
const PAGE: Milli = 2_000_000;
/// Bytes of a document for one page, where nothing else is known.
const BYTES_PER_PAGE: u64 = 60_000;
/// Bytes of sound for one token: 16 kB a second, of which 25 tokens a second are made.
const SOUND_BYTES_PER_TOKEN: u64 = 640;

/// How open weights mark thinking in an answer's text, where their server leaves it there.
const THINK: &str = "<think>";
const THINK_END: &str = "</think>";

/// What a request holds, for an estimate of its input tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InputSize {
    /// Texts of messages.
    text: Units,
    /// Names and descriptions of tools.
    names: Milli,
    /// Names and arguments of calls.
    call_text: Milli,
    /// Thinking that is sent back: of what came before the user spoke last, and since.
    reasoning_earlier: Milli,
    reasoning: Milli,
    /// Of the texts, what thinks in them (`<think>…</think>`): since the user spoke last, and before.
    think: Milli,
    think_earlier: Milli,
    sealed: Sealed,
    /// Schemas of tools.
    schema: SchemaUnits,
    /// Schema of the answer.
    answer_schema: Milli,
    messages: u64,
    tools: u64,
    calls: u64,
    results: u64,
    pictures: Pictures,
    pages: u64,
    sound_bytes: u64,
    /// Token ids as the caller gave them, and what else is known exactly.
    exact: u64,
    has_answer_schema: bool,
    json: bool,
    thinking: bool,
    forced: bool,
    uncallable: bool,
    sequential: bool,
}

impl InputSize {
    /// One more message.
    pub const fn message(&mut self) {
        self.messages += 1;
    }

    /// A text of a message.
    pub fn text(&mut self, text: &str, form: Form) {
        self.text.add(&scan(text.as_bytes(), form));
        if let Some(inner) = text.strip_prefix(THINK) {
            let thought = inner
                .split_once(THINK_END)
                .map_or(inner, |(thought, _)| thought);
            self.think += units(thought.as_bytes(), form);
        }
    }

    /// A message of the user begins: providers drop what was thought before it, or do not.
    pub const fn turn(&mut self) {
        self.sealed.turn();
        self.think_earlier += self.think;
        self.think = 0;
        self.reasoning_earlier += self.reasoning;
        self.reasoning = 0;
    }

    /// So many characters of encrypted reasoning of an earlier turn: OpenAI and xAI count what it
    /// stands for.
    pub const fn sealed(&mut self, characters: u64) {
        self.sealed.reasoning(characters);
    }

    /// The thought signature of a tool call: Gemini counts the thinking that it stands for.
    pub fn signature(&mut self, signature: &str) {
        self.sealed.signature(signature);
    }

    /// Thinking of an earlier turn.
    pub fn reasoning(&mut self, text: &str, form: Form) {
        self.reasoning += units(text.as_bytes(), form);
    }

    /// A tool call of an earlier turn, by its name and arguments.
    pub fn call(&mut self, name: &str, arguments: &str, form: Form) {
        self.calls += 1;
        self.call_text += units(name.as_bytes(), form) + units(arguments.as_bytes(), form);
    }

    /// A message or part that is a tool's result; its text is counted by [`InputSize::text`].
    pub const fn result(&mut self) {
        self.results += 1;
    }

    /// A tool, with the JSON text of its schema.
    pub fn tool(&mut self, name: &str, description: &str, schema: &str, form: Form) {
        self.tools += 1;
        self.names += units(name.as_bytes(), form) + units(description.as_bytes(), form);
        self.schema.add(schema_units(schema));
    }

    /// The JSON text of the schema that the answer must fit.
    pub fn answer_schema(&mut self, schema: &str) {
        self.has_answer_schema = true;
        self.answer_schema += units(schema.as_bytes(), Form::Structure);
    }

    /// The answer must be JSON of any shape.
    pub const fn json(&mut self) {
        self.json = true;
    }

    /// A picture; `None` where its size is not in the request.
    pub fn picture(&mut self, size: Option<ImageSize>, low_detail: bool) {
        self.pictures.add(size, low_detail);
    }

    /// A document of so many bytes.
    pub fn document(&mut self, bytes: u64) {
        self.pages = self.pages.saturating_add(1 + bytes / BYTES_PER_PAGE);
    }

    /// A sound clip of so many bytes.
    pub const fn sound(&mut self, bytes: u64) {
        self.sound_bytes = self.sound_bytes.saturating_add(bytes);
    }

    /// Tokens that the caller counted himself: token ids.
    pub const fn exact(&mut self, tokens: u64) {
        self.exact = self.exact.saturating_add(tokens);
    }

    /// Thinking is turned on.
    pub const fn thinks(&mut self) {
        self.thinking = true;
    }

    /// A tool must be called.
    pub const fn forced(&mut self) {
        self.forced = true;
    }

    /// Tools are called one after the other (`parallel_tool_calls: false`): the prompt says so at
    /// OpenAI, and at Claude's leaves out how to call several.
    pub const fn sequential(&mut self) {
        self.sequential = true;
    }

    /// The tools can't be called (`tool_choice: none`): some models are told of them all the same.
    pub const fn uncallable(&mut self) {
        self.uncallable = true;
    }

    /// What sets the share that a provider adds unseen: corrections are kept by it.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        Shape {
            tools: self.tools > 0 && !self.uncallable,
            answer_schema: self.has_answer_schema || self.json,
            thinking: self.thinking,
            media: !self.pictures.is_empty() || self.pages > 0 || self.sound_bytes > 0,
        }
    }

    /// The estimated input tokens for one family.
    #[must_use]
    pub fn tokens(&self, family: Family) -> u64 {
        let rates: &Rates = family.rates();
        let scaled = |milli: Milli, factor: u64| milli.saturating_mul(factor) / 1_000;
        let told = u64::from(family.shows_uncallable() || !self.uncallable);
        let tools = self.tools * told;
        let once = |on: bool, milli: u64| if on { milli } else { 0 };
        let each = |count: u64, milli: u64| count.saturating_mul(milli);
        let parts = [
            rates.start,
            self.text_milli(rates),
            scaled(self.names * told, rates.name),
            scaled(self.call_text, rates.call_text),
            scaled(self.reasoning_earlier, rates.reasoning_earlier),
            scaled(self.reasoning, rates.reasoning),
            self.sealed.milli(rates),
            scaled(self.schema.free * told, rates.schema_text),
            scaled(self.schema.repeated * told, rates.schema_repeated),
            each(self.schema.keywords * told, rates.keyword),
            each(self.schema.properties * told, rates.property),
            each(self.schema.optional() * told, rates.optional),
            each(self.schema.described * told, rates.described),
            each(self.schema.nested * told, rates.nested),
            scaled(self.answer_schema, rates.answer_schema),
            each(self.messages, rates.message),
            once(tools > 0 && !self.forced, rates.tools),
            once(tools > 0 && self.forced, rates.tools_forced),
            each(tools, rates.tool),
            once(self.has_answer_schema, rates.answer),
            once(self.json, rates.json),
            once(self.thinking, rates.thinking),
            each(self.calls, rates.call),
            each(self.results, rates.result),
            each(self.pages, PAGE),
            each(self.exact, 1_000),
            each(self.pictures.tokens(family), 1_000),
            each(self.sound_bytes / SOUND_BYTES_PER_TOKEN, 1_000),
        ];
        let sum = parts.into_iter().fold(0_u64, u64::saturating_add);
        let sequential = if tools > 0 && self.sequential {
            rates.sequential
        } else {
            0
        };
        let dropped = if family.drops_think_text() {
            scaled(self.think_earlier, rates.text)
        } else {
            0
        };
        sum.saturating_add_signed(sequential)
            .saturating_sub(dropped)
            .div_ceil(1_000)
    }

    /// The estimated tokens of texts alone, as an embeddings model counts them.
    #[must_use]
    pub fn plain_tokens(&self, family: Family) -> u64 {
        let text = self.text_milli(family.rates());
        text.div_ceil(1_000).saturating_add(self.exact)
    }

    const fn text_milli(&self, rates: &Rates) -> Milli {
        let words = self.text.words.saturating_mul(rates.text) / 1_000;
        words
            .saturating_add(self.text.long.saturating_mul(rates.long))
            .saturating_add(self.text.marks.saturating_mul(rates.mark) / 1_000)
            .saturating_add(self.text.joints.saturating_mul(rates.joint))
            .saturating_add(self.text.digits.saturating_mul(rates.digit))
            .saturating_add(self.text.numbers.saturating_mul(rates.number))
            .saturating_add(self.text.ideographs.saturating_mul(rates.ideograph))
    }
}

/// What kind of request it is, as far as providers add tokens of their own to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Shape {
    /// It has tools.
    pub tools: bool,
    /// Its answer must fit a schema.
    pub answer_schema: bool,
    /// It turns thinking on.
    pub thinking: bool,
    /// It holds pictures, documents or sound.
    pub media: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_adds() {
        let mut size = InputSize::default();
        let mut last = 0;
        let mut grew = |size: &InputSize| {
            let now = size.tokens(Family::Claude);
            assert!(now > last, "{size:?}");
            last = now;
        };
        size.message();
        grew(&size);
        size.text("What is the weather in Paris?", Form::Plain);
        grew(&size);
        size.tool("weather", "Tells it", r#"{"type":"object"}"#, Form::Plain);
        grew(&size);
        let mut sequential = size;
        sequential.sequential();
        assert!(sequential.tokens(Family::Claude) < size.tokens(Family::Claude));
        size.forced();
        grew(&size);
        size.call("weather", "{}", Form::Plain);
        grew(&size);
        size.result();
        grew(&size);
        size.reasoning("Let me think about that for a while, then.", Form::Plain);
        grew(&size);
        size.answer_schema(r#"{"type":"object"}"#);
        grew(&size);
        size.thinks();
        grew(&size);
        size.picture(None, false);
        grew(&size);
        size.document(10);
        grew(&size);
        size.sound(64_000);
        grew(&size);
        size.exact(7);
        grew(&size);
    }

    #[test]
    fn what_an_answer_thought_is_forgotten_where_the_template_forgets_it() {
        let of = |thought: &str, form| {
            let mut size = InputSize::default();
            size.message();
            size.text(thought, form);
            let current = size;
            size.turn();
            (current, size)
        };
        let (current, earlier) = of("<think>Hm, let me see about that.</think>Yes", Form::Plain);
        assert_eq!(current.tokens(Family::Gpt4o), earlier.tokens(Family::Gpt4o));
        let dropped = current.tokens(Family::Qwen) - earlier.tokens(Family::Qwen);
        assert!((6..=10).contains(&dropped), "{dropped}");
        assert_eq!(of("<think>no end", Form::Escaped).0.messages, 1);
        let mut reasoned = InputSize::default();
        reasoned.reasoning("Hm, let me see about that.", Form::Plain);
        let before = reasoned.tokens(Family::QwenOllama);
        reasoned.turn();
        assert!(reasoned.tokens(Family::QwenOllama) < before);
    }

    #[test]
    fn tools_that_can_not_be_called_cost_where_the_model_is_told_of_them() {
        let mut size = InputSize::default();
        size.message();
        let bare = size;
        size.tool("weather", "Tells it", r#"{"type":"object"}"#, Form::Plain);
        size.uncallable();
        for family in [Family::Claude, Family::Gemini, Family::Gpt5Responses] {
            assert!(size.tokens(family) > bare.tokens(family), "{family:?}");
        }
        for family in [Family::Llama4, Family::Mistral, Family::DeepSeek] {
            assert_eq!(size.tokens(family), bare.tokens(family), "{family:?}");
        }
    }

    #[test]
    fn huge_requests_do_not_overflow() {
        let mut size = InputSize::default();
        size.document(u64::MAX);
        size.sound(u64::MAX);
        size.exact(u64::MAX);
        assert!(size.tokens(Family::Gpt5) > 1 << 50);
    }
}
