//! From method, path and headers to what the caller wants.

use http::{HeaderMap, Method, Uri};
use percent_encoding::percent_decode_str;

use crate::models::Dialect;
use crate::vendor::Vendor;
use crate::vendor::route::Call;

/// What a request asks for and under which prefixes it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The named instance (`/p/<name>/…`).
    pub instance: Option<String>,
    /// The prefix of a dialect or a vendor, where one was used.
    pub prefix: Option<String>,
    /// What is asked for.
    pub operation: Operation,
}

/// What a request asks for. Gemini's carry the model of the path as the caller wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// `POST /v1/chat/completions`
    OpenaiChat,
    /// `POST /v1/embeddings`
    OpenaiEmbeddings,
    /// `POST /v1/responses`
    OpenaiResponses,
    /// `POST /v1/responses/input_tokens`
    OpenaiCount,
    /// `POST /v1/completions`
    OpenaiCompletions,
    /// `POST /v1/moderations`
    OpenaiModerations,
    /// `POST /v1/messages`
    AnthropicMessages,
    /// `POST /v1/messages/count_tokens`
    AnthropicCount,
    /// `POST /v1beta/models/{model}:generateContent`, or `:streamGenerateContent`
    GeminiGenerate {
        /// The model.
        model: String,
        /// Whether the answer is streamed.
        stream: bool,
        /// Whether the stream is SSE (`alt=sse`).
        sse: bool,
    },
    /// `POST /v1beta/models/{model}:embedContent`, or `:batchEmbedContents`
    GeminiEmbed {
        /// The model.
        model: String,
        /// Whether it is the batch call.
        batch: bool,
    },
    /// `POST /v1beta/models/{model}:countTokens`
    GeminiCount {
        /// The model.
        model: String,
    },
    /// `POST …/publishers/google/models/{model}:predict` of Vertex AI
    VertexPredict {
        /// The model.
        model: String,
    },
    /// `POST /model/{id}/converse`, or `/converse-stream`
    BedrockConverse {
        /// The model.
        model: String,
        /// Whether the answer is streamed.
        stream: bool,
    },
    /// `POST /model/{id}/count-tokens`
    BedrockCount {
        /// The model.
        model: String,
    },
    /// `GET /inference-profiles`; `GET /foundation-models` is its models list.
    BedrockProfiles,
    /// `POST /v2/chat`
    CohereChat,
    /// `POST /v2/embed`
    CohereEmbed,
    /// `POST /v2/rerank`
    CohereRerank,
    /// `POST /v1/chat`
    CohereChatV1,
    /// `POST /v1/embed`
    CohereEmbedV1,
    /// `POST /v1/rerank`
    CohereRerankV1,
    /// `POST /v1/check-api-key`
    CohereKeyCheck,
    /// A call of a vendor of an OpenAI-compatible API.
    Vendor(&'static Vendor, Call),
    /// `GET …/models`
    Models(Dialect),
    /// `GET …/models/{id}`
    Model(Dialect, String),
    /// The path is known, the method is not.
    WrongMethod(Dialect),
    /// Nothing is there.
    Unknown(Dialect),
}

impl Operation {
    /// The vendor that is asked, where it is one.
    pub fn vendor(&self) -> Option<&'static Vendor> {
        match self {
            Self::Vendor(vendor, _) => Some(vendor),
            _ => None,
        }
    }

    /// The wire format that it belongs to, by which even a 404 is worded.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::OpenaiChat
            | Self::OpenaiEmbeddings
            | Self::OpenaiResponses
            | Self::OpenaiCount
            | Self::OpenaiCompletions
            | Self::OpenaiModerations
            | Self::Vendor(..) => Dialect::Openai,
            Self::AnthropicMessages | Self::AnthropicCount => Dialect::Anthropic,
            Self::GeminiGenerate { .. }
            | Self::GeminiEmbed { .. }
            | Self::GeminiCount { .. }
            | Self::VertexPredict { .. } => Dialect::Gemini,
            Self::BedrockConverse { .. } | Self::BedrockCount { .. } | Self::BedrockProfiles => {
                Dialect::Bedrock
            }
            Self::CohereChat
            | Self::CohereEmbed
            | Self::CohereRerank
            | Self::CohereChatV1
            | Self::CohereEmbedV1
            | Self::CohereRerankV1
            | Self::CohereKeyCheck => Dialect::Cohere,
            Self::Models(dialect)
            | Self::Model(dialect, _)
            | Self::WrongMethod(dialect)
            | Self::Unknown(dialect) => *dialect,
        }
    }
}

/// Reads a request's route.
pub fn read(method: &Method, uri: &Uri, headers: &HeaderMap) -> Route {
    let mut path = uri.path();
    let mut instance = None;
    if let Some((name, rest)) = path
        .strip_prefix("/p/")
        .and_then(|rest| split_segment(rest))
    {
        instance = Some(name.to_owned());
        path = rest;
    }
    let named = path
        .strip_prefix('/')
        .map(|rest| split_segment(rest).unwrap_or((rest, "")));
    if let Some((name, rest)) = named
        && let Some(vendor) = Vendor::find(name)
    {
        let vendor = vendor.at(rest);
        let call = crate::vendor::route::read(vendor, method, rest);
        return Route {
            instance,
            prefix: Some(name.to_owned()),
            operation: Operation::Vendor(vendor, call),
        };
    }
    let mut prefix = None;
    for dialect in Dialect::ALL {
        let rest = path
            .strip_prefix('/')
            .and_then(|rest| rest.strip_prefix(dialect.name()));
        if let Some(rest) = rest.filter(|rest| rest.starts_with('/')) {
            prefix = Some(dialect);
            path = rest;
            break;
        }
    }
    let sse = query(uri, "alt").as_deref() == Some("sse");
    let operation = operation(method, path, prefix, headers, sse, uri);
    Route {
        instance,
        prefix: prefix.map(|dialect| dialect.name().to_owned()),
        operation,
    }
}

fn split_segment(rest: &str) -> Option<(&str, &str)> {
    let at = rest.find('/')?;
    Some((rest.get(..at)?, rest.get(at..)?))
}

fn operation(
    method: &Method,
    path: &str,
    prefix: Option<Dialect>,
    headers: &HeaderMap,
    sse: bool,
    uri: &Uri,
) -> Operation {
    if prefix.is_none_or(|prefix| prefix == Dialect::Bedrock)
        && let Some(call) = bedrock(method, path)
    {
        return call;
    }
    let guess = prefix.unwrap_or_else(|| guess(path, headers, uri));
    let post = |wanted: Operation| {
        if method == Method::POST {
            wanted.clone()
        } else {
            Operation::WrongMethod(wanted.dialect())
        }
    };
    let suits = |dialect: Dialect| prefix.is_none_or(|prefix| prefix == dialect);
    match path {
        "/v2/chat" if suits(Dialect::Cohere) => return post(Operation::CohereChat),
        "/v2/embed" if suits(Dialect::Cohere) => return post(Operation::CohereEmbed),
        "/v2/rerank" if suits(Dialect::Cohere) => return post(Operation::CohereRerank),
        "/v1/chat" if suits(Dialect::Cohere) => return post(Operation::CohereChatV1),
        "/v1/embed" if suits(Dialect::Cohere) => return post(Operation::CohereEmbedV1),
        "/v1/rerank" if suits(Dialect::Cohere) => return post(Operation::CohereRerankV1),
        "/v1/check-api-key" if suits(Dialect::Cohere) => return post(Operation::CohereKeyCheck),
        _ => {}
    }
    let Some(rest) = ["/v1beta/", "/v1/"]
        .iter()
        .find_map(|version| path.strip_prefix(version))
    else {
        return Operation::Unknown(guess);
    };
    match rest {
        "chat/completions" if suits(Dialect::Openai) => post(Operation::OpenaiChat),
        "embeddings" if suits(Dialect::Openai) => post(Operation::OpenaiEmbeddings),
        "responses" if suits(Dialect::Openai) => post(Operation::OpenaiResponses),
        "responses/input_tokens" if suits(Dialect::Openai) => post(Operation::OpenaiCount),
        "completions" if suits(Dialect::Openai) => post(Operation::OpenaiCompletions),
        "moderations" if suits(Dialect::Openai) => post(Operation::OpenaiModerations),
        "messages" if suits(Dialect::Anthropic) => post(Operation::AnthropicMessages),
        "messages/count_tokens" if suits(Dialect::Anthropic) => post(Operation::AnthropicCount),
        "models" if method == Method::GET => Operation::Models(guess),
        "models" => Operation::WrongMethod(guess),
        _ => match rest.strip_prefix("models/") {
            Some(tail) => model_call(method, &decoded(tail), guess, sse),
            None => Operation::Unknown(guess),
        },
    }
}

/// Bedrock has its own paths, without a version.
fn bedrock(method: &Method, path: &str) -> Option<Operation> {
    let wanted = match path {
        "/foundation-models" => return Some(get(method, Operation::Models(Dialect::Bedrock))),
        "/inference-profiles" => return Some(get(method, Operation::BedrockProfiles)),
        _ => {
            let (model, call) = path.strip_prefix("/model/")?.rsplit_once('/')?;
            // An ARN's slash is encoded: a bare one parts the path.
            let model = decoded(model);
            match call {
                "converse" => Operation::BedrockConverse {
                    model,
                    stream: false,
                },
                "converse-stream" => Operation::BedrockConverse {
                    model,
                    stream: true,
                },
                "count-tokens" => Operation::BedrockCount { model },
                _ => return None,
            }
        }
    };
    Some(if method == Method::POST {
        wanted
    } else {
        Operation::WrongMethod(Dialect::Bedrock)
    })
}

fn get(method: &Method, wanted: Operation) -> Operation {
    if method == Method::GET {
        wanted
    } else {
        Operation::WrongMethod(wanted.dialect())
    }
}

fn model_call(method: &Method, tail: &str, guess: Dialect, sse: bool) -> Operation {
    // The method's name stands after the last colon; a fault suffix may hold colons of its own.
    let called = tail.rsplit_once(':').and_then(|(model, call)| {
        let model = model.to_owned();
        match call {
            "generateContent" => Some(Operation::GeminiGenerate {
                model,
                stream: false,
                sse,
            }),
            "streamGenerateContent" => Some(Operation::GeminiGenerate {
                model,
                stream: true,
                sse,
            }),
            "embedContent" => Some(Operation::GeminiEmbed {
                model,
                batch: false,
            }),
            "batchEmbedContents" => Some(Operation::GeminiEmbed { model, batch: true }),
            "countTokens" => Some(Operation::GeminiCount { model }),
            _ => None,
        }
    });
    match called {
        Some(_) if !matches!(guess, Dialect::Gemini) => Operation::Unknown(guess),
        Some(call) if method == Method::POST => call,
        Some(_) => Operation::WrongMethod(Dialect::Gemini),
        None if method == Method::GET => Operation::Model(guess, tail.to_owned()),
        None => Operation::Unknown(guess),
    }
}

/// Which provider a path without prefix means: by shape, then by the headers only one has.
fn guess(path: &str, headers: &HeaderMap, uri: &Uri) -> Dialect {
    let gemini_call = path.rsplit_once(':').is_some_and(|(_, call)| {
        [
            "generateContent",
            "streamGenerateContent",
            "embedContent",
            "batchEmbedContents",
            "countTokens",
        ]
        .contains(&call)
    });
    let gemini_key = headers.contains_key("x-goog-api-key") || query(uri, "key").is_some();
    if path.starts_with("/v2/") {
        Dialect::Cohere
    } else if path.starts_with("/v1beta/") || gemini_call || gemini_key {
        Dialect::Gemini
    } else if path.starts_with("/v1/messages")
        || headers.contains_key("anthropic-version")
        || headers.contains_key("x-api-key")
    {
        Dialect::Anthropic
    } else {
        Dialect::Openai
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// A member of the query, decoded.
pub fn query(uri: &Uri, name: &str) -> Option<String> {
    let pairs = uri.query()?.split('&');
    let mut named = pairs.filter_map(|pair| pair.split_once('='));
    named
        .find(|(key, _)| *key == name)
        .map(|(_, value)| decoded(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(method: Method, path: &str, header: Option<&'static str>) -> Route {
        let mut headers = HeaderMap::new();
        if let Some(name) = header {
            headers.insert(name, "x".parse().unwrap());
        }
        read(&method, &path.parse().unwrap(), &headers)
    }

    #[test]
    fn paths_of_all_dialects_with_and_without_prefix() {
        let chat = route(Method::POST, "/v1/chat/completions", None);
        assert_eq!(chat.operation, Operation::OpenaiChat);
        let named = route(
            Method::POST,
            "/p/eu-1/anthropic/v1/messages?beta=true",
            None,
        );
        assert_eq!(named.operation, Operation::AnthropicMessages);
        assert_eq!(named.instance.as_deref(), Some("eu-1"));
        assert_eq!(named.prefix.as_deref(), Some("anthropic"));
        let gemini = route(
            Method::POST,
            "/gemini/v1/models/g%21cut:3:streamGenerateContent?alt=sse",
            None,
        );
        let wanted = Operation::GeminiGenerate {
            model: "g!cut:3".into(),
            stream: true,
            sse: true,
        };
        assert_eq!(gemini.operation, wanted);
        let array = route(Method::POST, "/v1beta/models/g:streamGenerateContent", None);
        assert!(matches!(
            array.operation,
            Operation::GeminiGenerate { sse: false, .. }
        ));
    }

    #[test]
    fn bedrock_paths_need_no_prefix_and_hold_encoded_ids() {
        let wanted = Operation::BedrockConverse {
            model: "us.amazon.nova-2-lite-v1:0!cut:3".into(),
            stream: true,
        };
        for path in [
            "/model/us.amazon.nova-2-lite-v1%3A0%21cut%3A3/converse-stream",
            "/bedrock/model/us.amazon.nova-2-lite-v1:0!cut:3/converse-stream",
        ] {
            assert_eq!(route(Method::POST, path, None).operation, wanted);
        }
        let list = route(Method::GET, "/bedrock/foundation-models", None).operation;
        assert_eq!(list, Operation::Models(Dialect::Bedrock));
        let get = route(Method::GET, "/model/m/converse", None).operation;
        assert_eq!(get, Operation::WrongMethod(Dialect::Bedrock));
        let other = route(Method::POST, "/openai/model/m/converse", None).operation;
        assert_eq!(other, Operation::Unknown(Dialect::Openai));
    }

    #[test]
    fn models_list_goes_by_headers() {
        let ask = |header| route(Method::GET, "/v1/models", header).operation;
        assert_eq!(ask(None), Operation::Models(Dialect::Openai));
        assert_eq!(
            ask(Some("anthropic-version")),
            Operation::Models(Dialect::Anthropic)
        );
        assert_eq!(
            ask(Some("x-goog-api-key")),
            Operation::Models(Dialect::Gemini)
        );
        let one = route(Method::GET, "/anthropic/v1/models/claude-opus-5", None).operation;
        assert_eq!(
            one,
            Operation::Model(Dialect::Anthropic, "claude-opus-5".into())
        );
    }

    #[test]
    fn cohere_has_two_versions_and_its_models_go_by_the_prefix() {
        let ask = |method, path| route(method, path, None).operation;
        assert_eq!(ask(Method::POST, "/v2/chat"), Operation::CohereChat);
        assert_eq!(
            ask(Method::POST, "/p/eu/cohere/v2/rerank"),
            Operation::CohereRerank
        );
        assert_eq!(
            ask(Method::POST, "/cohere/v1/chat"),
            Operation::CohereChatV1
        );
        assert_eq!(ask(Method::POST, "/v1/embed"), Operation::CohereEmbedV1);
        assert_eq!(
            ask(Method::POST, "/openai/v1/rerank"),
            Operation::Unknown(Dialect::Openai)
        );
        assert_eq!(
            ask(Method::POST, "/cohere/v1/check-api-key"),
            Operation::CohereKeyCheck
        );
        assert_eq!(
            ask(Method::GET, "/cohere/v1/models"),
            Operation::Models(Dialect::Cohere)
        );
        assert_eq!(
            ask(Method::GET, "/v2/embed"),
            Operation::WrongMethod(Dialect::Cohere)
        );
        assert_eq!(
            ask(Method::POST, "/openai/v2/chat"),
            Operation::Unknown(Dialect::Openai)
        );
    }

    #[test]
    fn wrong_method_and_unknown_paths_keep_their_dialect() {
        let get = route(Method::GET, "/v1/messages", None).operation;
        assert_eq!(get, Operation::WrongMethod(Dialect::Anthropic));
        assert_eq!(
            route(Method::GET, "/gemini/x", None).operation,
            Operation::Unknown(Dialect::Gemini)
        );
        let foreign = route(Method::POST, "/gemini/v1/chat/completions", None).operation;
        assert_eq!(foreign, Operation::Unknown(Dialect::Gemini));
    }
}
