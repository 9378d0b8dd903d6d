//! Every model that the recordings name is known, and the table takes what providers were seen to
//! serve. Skipped, and said so, where they are not beside
//! the project.

use std::collections::BTreeSet;
use std::path::PathBuf;

use polyroute_wire::capability::{
    ForcedToolChoice, JsonSchemaSupport, Reasoning, Sampling, SchemaDialect, SystemRole,
};
use polyroute_wire::chat::Effort;
use serde_json::Value;

use super::*;

/// Names in the recordings that are no models of the catalog's providers: made-up ones of error
/// tests, Azure deployments, and other vendors' models that Azure hosts.
const NO_MODELS: [&str; 24] = [
    "babbage-002-wrong",
    "gpt-5.2-proo",
    "invalid-model",
    "non-existent-embedding-model",
    "nonexistent",
    "this-model-does-not-exist",
    "nonexistent-model",
    "claude-sonet-4-5",
    "openllmetry-testing",
    "chat",
    "embedding",
    "non-existent",
    "does-not-exist",
    "does-not-exist-model-v1:0",
    "us.does-not-exist-model-v1:0",
    "llama-3.3-70b-versatlie",
    // What another vendor's name was answered for, a server on SageMaker, a cut ARN.
    "llama-3.2-90b-vision-preview",
    "/opt/ml/model",
    "endpoint-quick-start-idr7y",
    "arn",
    // Names of the models behind the ones that Bedrock and OpenRouter list.
    "claude-3-haiku-48k-20240307",
    "claude-3-sonnet-28k-20240229",
    "text-embedding-ada-002-v2",
    "anthropic/claude-sonnet-4-5",
];

/// The folders of the recordings, and the section of the catalog that their models are in.
const FOLDERS: [(&str, &str); 19] = [
    ("openai", "openai"),
    ("azure", "azure"),
    ("anthropic", "anthropic"),
    ("gemini", "gemini"),
    ("vertex", "vertex"),
    ("gemini-openai", "gemini"),
    ("mistral", "mistral"),
    ("deepseek", "deepseek"),
    ("groq", "groq"),
    ("cerebras", "cerebras"),
    ("together", "together"),
    ("perplexity", "perplexity"),
    ("xai", "xai"),
    ("cohere", "cohere"),
    ("dashscope", "qwen"),
    ("openrouter", "openrouter"),
    ("ollama", "ollama"),
    ("bedrock", "bedrock"),
    ("bedrock-mantle", "bedrock"),
];

fn corpus() -> PathBuf {
    std::env::var_os("POLYROUTE_CORPUS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
        PathBuf::from,
    )
}

#[test]
fn every_model_of_the_recordings_is_known() {
    let corpus = corpus();
    let mut asked = BTreeSet::new();
    for (folder, provider) in FOLDERS {
        let Ok(files) = std::fs::read_dir(corpus.join(folder)) else {
            eprintln!("SKIPPED: no recordings at {}", corpus.display());
            return;
        };
        for file in files {
            let entry: Value =
                serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
            let path = entry["request"]["path"].as_str().unwrap_or_default();
            let in_path = path
                .split("/models/")
                .nth(1)
                .and_then(|rest| rest.split([':', '/', '?']).next());
            // Bedrock: `/model/{id}/converse`, with `:` and `/` encoded or not.
            let on_bedrock = path
                .split("/model/")
                .nth(1)
                .and_then(|rest| rest.split('/').next());
            let names = [
                &entry["model"],
                &entry["request"]["body"]["model"],
                &entry["response"]["body"]["model"],
            ]
            .into_iter()
            .filter_map(Value::as_str)
            .chain(in_path)
            .chain(on_bedrock);
            let plain = |name: &str| name.replace("%3A", ":").replace("%2F", "/");
            asked.extend(names.map(|name| (provider, plain(name))));
        }
    }
    let catalog = Catalog::embedded();
    let unknown: Vec<_> = asked
        .iter()
        .filter(|(_, name)| !NO_MODELS.contains(&bare(name)))
        .filter(|(provider, name)| catalog.lookup(provider, name).unwrap().matched < Match::Dated)
        .collect();
    let in_vain: Vec<_> = NO_MODELS
        .iter()
        .filter(|name| {
            let mut said = asked.iter().filter(|(_, asked)| bare(asked) == **name);
            said.all(|(provider, name)| {
                catalog.lookup(provider, name).unwrap().matched >= Match::Dated
            })
        })
        .collect();
    assert_eq!(in_vain, Vec::<&&str>::new(), "they need no exception");
    assert!(asked.len() > 250, "only {} names", asked.len());
    assert_eq!(unknown, Vec::<&(&str, String)>::new());
}

/// The request bodies of a folder that were answered 200, with the model that each asked for.
fn served(folder: &str) -> Vec<(String, Value)> {
    let corpus = corpus();
    let Ok(files) = std::fs::read_dir(corpus.join(folder)) else {
        eprintln!("SKIPPED: no recordings at {}", corpus.display());
        return Vec::new();
    };
    files
        .map(|file| serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap())
        .filter(|entry: &Value| entry["response"]["status"] == 200)
        .map(|mut entry| {
            let model = entry["model"].as_str().unwrap_or_default().to_owned();
            (model, entry["request"]["body"].take())
        })
        .filter(|(model, body)| body.is_object() && !NO_MODELS.contains(&model.as_str()))
        .collect()
}

fn takes(provider: &str, model: &str) -> Capabilities {
    Catalog::embedded()
        .lookup(provider, model)
        .unwrap()
        .capabilities
        .clone()
}

/// Each thing that was served must be taken; gives how many were.
fn check(model: &str, cases: &[(bool, bool, &str)]) -> usize {
    for (was_served, taken, what) in cases {
        assert!(!was_served || *taken, "{model}: {what}");
    }
    cases.iter().filter(|(was_served, ..)| *was_served).count()
}

fn takes_budget(takes: &Capabilities) -> bool {
    match takes.reasoning {
        Reasoning::Budget { .. } => true,
        Reasoning::Adaptive {
            budget_accepted, ..
        } => budget_accepted,
        Reasoning::Unknown | Reasoning::None | Reasoning::Effort { .. } => false,
    }
}

fn effort_is_taken(takes: &Capabilities, word: &str) -> bool {
    let effort = Effort::parse(&word.to_ascii_lowercase()).unwrap();
    match &takes.reasoning {
        Reasoning::Effort { levels } | Reasoning::Adaptive { levels, .. } => {
            levels.contains(&effort)
        }
        Reasoning::Unknown | Reasoning::None | Reasoning::Budget { .. } => false,
    }
}

#[test]
fn what_claude_was_served_with_is_taken() {
    let mut hits = 0;
    for (model, body) in served("anthropic") {
        let takes = takes("anthropic", &model);
        let text = body["messages"].to_string();
        let thinks = body["thinking"]["type"].as_str();
        let given = |key: &str| !body[key].is_null();
        let cases = [
            (given("tools"), takes.tools, "tools"),
            (
                text.contains(r#""type":"image""#),
                takes.image_input,
                "pictures",
            ),
            (
                text.contains(r#""type":"document""#),
                takes.pdf_input,
                "documents",
            ),
            (
                text.contains(r#""role":"system""#),
                takes.mid_conversation_system,
                "system inside",
            ),
            (
                !body["output_config"]["format"].is_null(),
                takes.json_schema == JsonSchemaSupport::Yes,
                "schema",
            ),
            (
                body["temperature"]
                    .as_f64()
                    .is_some_and(|value| value < 1.0),
                takes.sampling == Sampling::UnlessThinking && thinks.is_none(),
                "temperature",
            ),
            (
                matches!(body["tool_choice"]["type"].as_str(), Some("any" | "tool")),
                takes.forced_tool_choice != ForcedToolChoice::Never,
                "forced tool",
            ),
            (
                body["messages"]
                    .as_array()
                    .and_then(|list| list.last())
                    .is_some_and(|last| last["role"] == "assistant"),
                takes.prefill,
                "prefill",
            ),
            (thinks == Some("enabled"), takes_budget(&takes), "budget"),
            (
                thinks == Some("adaptive"),
                matches!(takes.reasoning, Reasoning::Adaptive { .. }),
                "adaptive",
            ),
        ];
        hits += check(&model, &cases);
        if let Some(effort) = body["output_config"]["effort"].as_str() {
            assert!(effort_is_taken(&takes, effort), "{model}: {effort}");
        }
    }
    assert!(hits == 0 || hits > 80, "only {hits} cases");
}

#[test]
fn what_openai_was_served_with_is_taken() {
    let mut hits = 0;
    for (model, body) in served("openai").into_iter().chain(served("azure")) {
        let takes = takes("openai", &model);
        let text = body["messages"].to_string();
        let effort = body["reasoning_effort"]
            .as_str()
            .or(body["reasoning"]["effort"].as_str());
        let warm = body["temperature"]
            .as_f64()
            .is_some_and(|value| (value - 1.0).abs() > 0.001);
        let free = match takes.sampling {
            Sampling::Free => true,
            Sampling::UnlessThinking => effort.is_none_or(|effort| effort == "none"),
            // With effort `none` some take it, but most of their requests do not say so.
            Sampling::DefaultOnly => effort == Some("none"),
            Sampling::Never => false,
        };
        let cases = [
            (body["tools"].is_array(), takes.tools, "tools"),
            (
                text.contains(r#""type":"image_url""#),
                takes.image_input,
                "pictures",
            ),
            (
                text.contains(r#""type":"input_audio""#),
                takes.audio_input,
                "sound",
            ),
            (text.contains(r#""type":"file""#), takes.pdf_input, "files"),
            (warm, free, "temperature"),
            (
                body["response_format"]["type"] == "json_schema",
                takes.json_schema == JsonSchemaSupport::Yes,
                "schema",
            ),
            (
                body["response_format"]["type"] == "json_object",
                takes.json_object,
                "json_object",
            ),
            (
                text.contains(r#""role":"developer""#),
                takes.system_role == SystemRole::Developer,
                "developer",
            ),
            (
                text.contains(r#""role":"system""#),
                takes.system_role != SystemRole::User,
                "system",
            ),
            (
                body["n"]
                    .as_u64()
                    .is_some_and(|n| n > u64::from(takes.choices_max)),
                false,
                "choices",
            ),
            (
                body["parallel_tool_calls"].is_boolean(),
                takes.parallel_tool_control,
                "parallel",
            ),
        ];
        hits += check(&model, &cases);
        if let Some(effort) = effort {
            assert!(effort_is_taken(&takes, effort), "{model}: {effort}");
        }
    }
    assert!(hits == 0 || hits > 200, "only {hits} cases");
}

#[test]
fn what_gemini_was_served_with_is_taken() {
    let mut hits = 0;
    for (model, body) in served("gemini").into_iter().chain(served("vertex")) {
        let takes = takes("gemini", &model);
        let settings = &body["generationConfig"];
        let thinking = &settings["thinkingConfig"];
        let level = thinking["thinkingLevel"]
            .as_str()
            .or(thinking["thinking_level"].as_str());
        let schema = settings["responseJsonSchema"].is_object();
        let text = body["contents"].to_string();
        let cases = [
            (
                body["tools"].to_string().contains("unctionDeclarations"),
                takes.tools,
                "tools",
            ),
            (
                schema,
                takes.json_schema_dialect == SchemaDialect::JsonSchema,
                "schema dialect",
            ),
            (
                schema && body["tools"].is_array(),
                takes.json_schema == JsonSchemaSupport::Yes,
                "schema with tools",
            ),
            (text.contains(r#""video/"#), takes.video_input, "video"),
            (text.contains(r#""audio/"#), takes.audio_input, "sound"),
            (
                text.contains("application/pdf"),
                takes.pdf_input,
                "documents",
            ),
            (
                thinking["thinking_budget"] == 0 || thinking["thinkingBudget"] == 0,
                matches!(
                    takes.reasoning,
                    Reasoning::Budget {
                        can_disable: true,
                        ..
                    }
                ),
                "no thinking",
            ),
            (
                settings["responseLogprobs"] == true,
                takes.logprobs,
                "logprobs",
            ),
        ];
        hits += check(&model, &cases);
        if let Some(level) = level {
            assert!(effort_is_taken(&takes, level), "{model}: {level}");
        }
    }
    assert!(hits == 0 || hits > 60, "only {hits} cases");
}

/// What chat completions say that a model was asked for, as its catalog entry would have to allow.
fn completions_cases(takes: &Capabilities, body: &Value) -> Vec<(bool, bool, &'static str)> {
    let text = body["messages"].to_string();
    let format = body["response_format"]["type"].as_str();
    let forced = body["tool_choice"] == "required" || body["tool_choice"]["function"].is_object();
    let given = |key: &str| !body[key].is_null();
    vec![
        (
            body["tools"].as_array().is_some_and(|it| !it.is_empty()),
            takes.tools,
            "tools",
        ),
        (
            forced,
            takes.forced_tool_choice != ForcedToolChoice::Never,
            "forced tool",
        ),
        (
            text.contains(r#""type":"image_url""#),
            takes.image_input,
            "pictures",
        ),
        (
            text.contains(r#""type":"input_audio""#),
            takes.audio_input,
            "sound",
        ),
        (
            format == Some("json_schema"),
            takes.json_schema != JsonSchemaSupport::No,
            "schema",
        ),
        (
            format == Some("json_object"),
            takes.json_object,
            "json_object",
        ),
        (given("seed"), takes.seed, "seed"),
        (
            given("presence_penalty") || given("frequency_penalty"),
            takes.penalties,
            "penalties",
        ),
        (
            body["n"].as_u64() > Some(u64::from(takes.choices_max)),
            false,
            "choices",
        ),
        (
            given("reasoning_effort"),
            takes.reasoning != Reasoning::None,
            "effort",
        ),
    ]
}

#[test]
fn what_compatible_vendors_were_served_with_is_taken() {
    let mut hits = 0;
    for (folder, section) in [
        ("mistral", "mistral"),
        ("deepseek", "deepseek"),
        ("groq", "groq"),
        ("cerebras", "cerebras"),
        ("together", "together"),
        ("perplexity", "perplexity"),
        ("dashscope", "qwen"),
        ("openrouter", "openrouter"),
        ("ollama", "ollama"),
        ("cohere", "cohere"),
    ] {
        for (model, body) in served(folder) {
            let takes = takes(section, &model);
            let cases = completions_cases(&takes, &body);
            hits += check(&format!("{section}/{model}"), &cases);
        }
    }
    assert!(hits == 0 || hits > 150, "only {hits} cases");
}

#[test]
fn what_bedrock_was_served_with_is_taken() {
    let mut hits = 0;
    for (model, body) in served("bedrock") {
        let takes = takes("bedrock", &model);
        let text = body["messages"].to_string();
        let fields = &body["additionalModelRequestFields"];
        let cases = [
            (body["toolConfig"].is_object(), takes.tools, "tools"),
            (
                body["toolConfig"]["toolChoice"]["any"].is_object()
                    || body["toolConfig"]["toolChoice"]["tool"].is_object(),
                takes.forced_tool_choice != ForcedToolChoice::Never,
                "forced tool",
            ),
            (text.contains(r#""image":"#), takes.image_input, "pictures"),
            (
                text.contains(r#""document":"#),
                takes.pdf_input,
                "documents",
            ),
            (text.contains(r#""video":"#), takes.video_input, "video"),
            (
                // `bedrock/structured-001` was written by hand: its model has no such thing.
                body["outputConfig"]["textFormat"].is_object() && !model.contains("claude-3-"),
                takes.json_schema == JsonSchemaSupport::Yes,
                "schema",
            ),
            (
                body.to_string().contains(r#""cachePoint":"#),
                takes.cache_control,
                "cache marks",
            ),
            (
                fields["thinking"]["type"] == "enabled",
                takes_budget(&takes),
                "budget",
            ),
            (
                body["system"].as_array().is_some_and(|it| !it.is_empty()),
                takes.system_role != SystemRole::User,
                "system",
            ),
        ];
        hits += check(&model, &cases);
    }
    assert!(hits == 0 || hits > 60, "only {hits} cases");
}
