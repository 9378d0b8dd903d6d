//! Answers that are no chat: embeddings, reranking, counts, lists of models, moderations and text
//! completions.

use arbitrary::Unstructured;
use polyroute_wire::adapter::DecodeContext;
use polyroute_wire::dialect::Dialect;
use polyroute_wire::dialect::openai::{encode, tap_completion, tap_embeddings, tap_moderation};

use crate::input::Input;
use crate::streams::judge;
use crate::templates;

const KINDS: [&str; 6] = [
    "embeddings",
    "rerank",
    "count",
    "models",
    "moderation",
    "completion",
];

/// Flag 0: the body is made of templates. Flag 1: vectors are signed bytes.
pub(crate) fn run(data: &[u8]) {
    let input = Input::new(data);
    let kind = *input.pick(&KINDS);
    for dialect in Dialect::ALL {
        let body = if input.flag(0) {
            let made = templates::of(*dialect).one(kind, &mut Unstructured::new(input.rest));
            made.unwrap_or_default().to_string().into_bytes()
        } else {
            input.rest.to_vec()
        };
        let asked = 1 + usize::from(input.flags >> 5) % 3;
        let context = DecodeContext {
            embedding_inputs: vec![1; asked],
            rerank_documents: asked,
            int8_vectors: input.flag(1),
            ..DecodeContext::default()
        };
        one(*dialect, kind, &body, &context);
    }
}

fn one(dialect: Dialect, kind: &str, body: &[u8], context: &DecodeContext) {
    let adapter = dialect.adapter();
    match kind {
        "embeddings" => match adapter.decode_embeddings(body, context) {
            Ok(answer) => {
                assert_eq!(answer.vectors.len(), context.embedding_inputs.len());
                for vector in &answer.vectors {
                    assert!(!vector.is_empty(), "an input without a vector");
                    assert!(vector.iter().all(|part| part.is_finite()));
                }
                for base64 in [false, true] {
                    let written = encode::embeddings(&answer, base64);
                    let openai = Dialect::OpenAi.adapter();
                    let floats = DecodeContext {
                        int8_vectors: false,
                        ..context.clone()
                    };
                    let again = openai.decode_embeddings(&written, &floats);
                    let again = again.expect("what we write can be read");
                    assert_eq!(again.vectors, answer.vectors);
                }
            }
            Err(error) => judge(&error),
        },
        "rerank" => match adapter.decode_rerank(body, context) {
            Ok(answer) => {
                let mut seen: Vec<usize> = answer.results.iter().map(|it| it.index).collect();
                seen.sort_unstable();
                let count = seen.len();
                seen.dedup();
                assert_eq!(seen.len(), count, "a document stands twice");
                assert!(seen.iter().all(|index| *index < context.rerank_documents));
                assert!(
                    answer
                        .results
                        .iter()
                        .all(|it| it.relevance_score.is_finite())
                );
            }
            Err(error) => judge(&error),
        },
        "count" => drop(adapter.decode_count(body).map_err(|error| judge(&error))),
        "models" => match adapter.decode_models(body) {
            Ok((models, next)) => {
                assert!(models.len() <= body.len());
                assert!(models.iter().all(|model| !model.id.is_empty()));
                assert!(next.is_none_or(|next| !next.is_empty() && next.len() <= body.len() + 64));
            }
            Err(error) => judge(&error),
        },
        "moderation" => drop(tap_moderation(body).map_err(|error| judge(&error))),
        _ => {
            let _ = tap_completion(body).map_err(|error| judge(&error));
            let _ = tap_embeddings(body).map_err(|error| judge(&error));
        }
    }
}
