//! The hub's embeddings request and response.

use base64::Engine as _;
use serde_json::{Map, Value};

use crate::usage::Usage;

/// An embeddings request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EmbeddingRequest {
    /// The model as the caller named it.
    pub model: String,
    /// What to embed, one vector each.
    pub input: Vec<EmbeddingInput>,
    /// Dimensions asked for.
    pub dimensions: Option<u32>,
    /// The caller wants base64 of little-endian float32 (the official clients do).
    pub base64: bool,
    /// End-user id.
    pub user: Option<String>,
    /// `provider_options.<dialect>`.
    pub provider_options: Map<String, Value>,
    /// Names of fields that the hub does not know.
    pub unread: Vec<String>,
}

/// One thing to embed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmbeddingInput {
    /// Text.
    Text(String),
    /// Token ids of the model's own tokeniser.
    Tokens(Vec<u64>),
}

/// An embeddings answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EmbeddingResponse {
    /// The model that answered, as the provider named it; empty if it did not.
    pub model: String,
    /// One vector an input, in the inputs' order.
    pub vectors: Vec<Vec<f32>>,
    /// Token counts; `None` if the provider gave none.
    pub usage: Option<Usage>,
    /// What else the provider said, by its own names.
    pub metadata: Map<String, Value>,
}

/// Most calls that one request is split into.
pub const BATCHES_MAX: usize = 64;

impl EmbeddingInput {
    /// Its tokens: counted where they are given, else about a token for four bytes.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        let count = match self {
            Self::Text(text) => text.len().div_ceil(4),
            Self::Tokens(tokens) => tokens.len(),
        };
        u64::try_from(count).unwrap_or(u64::MAX)
    }
}

impl EmbeddingRequest {
    /// The same request in calls that keep a provider's limits on inputs and on estimated tokens
    /// of one call, in order. An input that is too large by itself goes alone: the provider judges
    /// it. One call if there is no limit or it is kept.
    #[must_use]
    pub fn batches(self, inputs_max: Option<u32>, tokens_max: Option<u64>) -> Vec<Self> {
        let inputs_max = inputs_max.map_or(usize::MAX, |most| {
            usize::try_from(most).unwrap_or(usize::MAX).max(1)
        });
        // An estimate may be low by a fifth.
        let tokens_max = tokens_max.map_or(u64::MAX, |most| most / 5 * 4);
        let whole: u64 = self.input.iter().map(EmbeddingInput::tokens).sum();
        if self.input.len() <= inputs_max && whole <= tokens_max {
            return vec![self];
        }
        let (mut batches, mut batch, mut tokens) = (Vec::new(), Vec::new(), 0_u64);
        let rest = Self {
            input: Vec::new(),
            ..self.clone()
        };
        for input in self.input {
            let more = input.tokens();
            let full = batch.len() >= inputs_max || tokens.saturating_add(more) > tokens_max;
            if full && !batch.is_empty() {
                batches.push(std::mem::take(&mut batch));
                tokens = 0;
            }
            tokens = tokens.saturating_add(more);
            batch.push(input);
        }
        batches.push(batch);
        batches
            .into_iter()
            .map(|input| Self {
                input,
                ..rest.clone()
            })
            .collect()
    }
}

impl EmbeddingResponse {
    /// The answers to the calls of one request, in order: vectors in line, counts summed. A count
    /// is there only if every call had one.
    #[must_use]
    pub fn join(answers: Vec<Self>) -> Self {
        let mut answers = answers.into_iter();
        let mut whole = answers.next().unwrap_or_default();
        for answer in answers {
            whole.vectors.extend(answer.vectors);
            whole.usage = match (whole.usage.take(), &answer.usage) {
                (Some(mut sum), Some(usage)) => {
                    sum.add(usage);
                    Some(sum)
                }
                _ => None,
            };
            // What each call said of itself is not true of all of them.
            whole
                .metadata
                .retain(|key, value| answer.metadata.get(key) == Some(value));
        }
        whole
    }
}

/// A vector that an answer holds as a list of numbers; `None` unless it has some, all finite as float32.
pub(crate) fn vector_of(numbers: &Value) -> Option<Vec<f32>> {
    #[expect(clippy::cast_possible_truncation, reason = "embeddings are float32")]
    let numbers: Option<Vec<f32>> = numbers
        .as_array()?
        .iter()
        .map(|number| number.as_f64().map(|number| number as f32))
        .collect();
    numbers.filter(|numbers| is_vector(numbers))
}

/// The same, held as base64 of little-endian float32.
pub(crate) fn vector_of_base64(text: &str) -> Option<Vec<f32>> {
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .ok()?;
    let (numbers, rest) = bytes.as_chunks::<4>();
    let numbers: Vec<f32> = numbers
        .iter()
        .map(|four| f32::from_le_bytes(*four))
        .collect();
    (rest.is_empty() && is_vector(&numbers)).then_some(numbers)
}

fn is_vector(numbers: &[f32]) -> bool {
    !numbers.is_empty() && numbers.iter().all(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(sizes: &[usize]) -> EmbeddingRequest {
        EmbeddingRequest {
            model: "m".into(),
            input: sizes
                .iter()
                .map(|size| EmbeddingInput::Tokens(vec![1; *size]))
                .collect(),
            dimensions: Some(4),
            ..EmbeddingRequest::default()
        }
    }

    #[test]
    fn section_3_6_split_by_inputs_and_by_tokens() {
        let lengths = |batches: Vec<EmbeddingRequest>| -> Vec<usize> {
            batches.iter().map(|batch| batch.input.len()).collect()
        };
        assert_eq!(lengths(request(&[1; 5]).batches(None, None)), [5]);
        assert_eq!(lengths(request(&[1; 5]).batches(Some(2), None)), [2, 2, 1]);
        // Four fifths of ten.
        assert_eq!(lengths(request(&[4; 5]).batches(None, Some(10))), [2, 2, 1]);
        assert_eq!(
            lengths(request(&[90, 1, 1]).batches(None, Some(10))),
            [1, 2]
        );
        let batches = request(&[1; 3]).batches(Some(2), None);
        assert_eq!(batches[1].dimensions, Some(4));
    }

    proptest! {
        #[test]
        fn splitting_and_joining_keeps_order_and_sums(
            sizes in proptest::collection::vec(1_usize..40, 1..60),
            inputs_max in proptest::option::of(1_u32..20),
            tokens_max in proptest::option::of(1_u64..200),
        ) {
            let whole = request(&sizes);
            let batches = whole.clone().batches(inputs_max, tokens_max);
            let joined: Vec<_> = batches.iter().flat_map(|batch| batch.input.clone()).collect();
            prop_assert_eq!(&joined, &whole.input);
            for batch in &batches {
                prop_assert!(!batch.input.is_empty());
                if let Some(most) = inputs_max {
                    prop_assert!(batch.input.len() <= usize::try_from(most).unwrap());
                }
                let tokens: u64 = batch.input.iter().map(EmbeddingInput::tokens).sum();
                if let Some(most) = tokens_max {
                    prop_assert!(tokens <= most || batch.input.len() == 1);
                }
            }
            let answers = batches.iter().map(|batch| EmbeddingResponse {
                vectors: batch.input.iter().map(|input| vec![input.tokens() as f32]).collect(),
                usage: Some(Usage {
                    input: batch.input.iter().map(EmbeddingInput::tokens).sum(),
                    ..Usage::default()
                }),
                ..EmbeddingResponse::default()
            });
            let answer = EmbeddingResponse::join(answers.collect());
            let expected: Vec<_> = sizes.iter().map(|size| vec![*size as f32]).collect();
            prop_assert_eq!(answer.vectors, expected);
            let sum: usize = sizes.iter().sum();
            prop_assert_eq!(answer.usage.unwrap().input, u64::try_from(sum).unwrap());
        }
    }
}
