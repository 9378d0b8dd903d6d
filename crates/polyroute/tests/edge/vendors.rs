//! Cases that vendors of OpenAI's format make different: what each of them is asked.

use serde_json::{Value, json};

use crate::kit::{
    ask_tools, call, calls, folded, message, passes, refused, result, say, script_json, streamed,
    talk, tool, tool_loop, with,
};
use crate::support::{Lab, Plan, ask, ask_streamed, providers};

/// Vendor, base URL at the simulator, a model.
#[rustfmt::skip]
pub const VENDORS: [(&str, &str, &str); 13] = [
    ("azure", "/azure", "azure/gpt-4o-sim-prod"),
    ("cerebras", "/cerebras/v1", "cerebras/llama-3.3-70b"),
    ("deepseek", "/deepseek", "deepseek/deepseek-chat"),
    ("fireworks", "/fireworks/inference/v1", "fireworks/accounts/fireworks/models/llama-v3p3-70b-instruct"),
    ("groq", "/groq/openai/v1", "groq/llama-3.3-70b-versatile"),
    ("mistral", "/mistral/v1", "mistral/mistral-small-latest"),
    ("ollama", "/ollama/v1", "ollama/llama3.1"),
    ("openrouter", "/openrouter/api/v1", "openrouter/anthropic/claude-haiku-4.5"),
    ("perplexity", "/perplexity", "perplexity/sonar"),
    ("qwen", "/qwen/compatible-mode/v1", "qwen/qwen-plus"),
    ("together", "/together/v1", "together/meta-llama/Llama-3.3-70B-Instruct-Turbo"),
    ("vllm", "/vllm/v1", "vllm/meta-llama/Llama-3.3-70B-Instruct"),
    ("xai", "/xai/v1", "xai/grok-3"),
];

const CEREBRAS: &str = "cerebras/llama-3.3-70b";
const DEEPSEEK: &str = "deepseek/deepseek-chat";
const GROQ: &str = "groq/llama-3.3-70b-versatile";
const MISTRAL: &str = "mistral/mistral-small-latest";
const OPENROUTER: &str = "openrouter/anthropic/claude-haiku-4.5";
const PERPLEXITY: &str = "perplexity/sonar";
const QWEN: &str = "qwen/qwen-plus";
const VLLM: &str = "vllm/meta-llama/Llama-3.3-70B-Instruct";
const XAI: &str = "xai/grok-3";

/// A lab with all vendors beside the usual three; `key` is what they get.
pub async fn lab(key: &str, routes: &str) -> Lab {
    let vendors = VENDORS.map(|(vendor, path, _)| {
        format!("  {vendor}: {{ base_url: \"$SIM{path}\", credentials: [\"${{VENDOR_KEY}}\"] }}\n")
    });
    let more = providers("$SIM") + &vendors.concat();
    Lab::build(Plan {
        more: &more,
        routes,
        environment: &[("VENDOR_KEY", key)],
        ..Plan::default()
    })
    .await
}

/// The same with good keys and the usual route.
pub async fn usual() -> Lab {
    lab("sim-vendor-key", "").await
}

fn roles(body: &Value) -> Vec<&str> {
    let turns = body["messages"].as_array().unwrap();
    turns
        .iter()
        .map(|turn| turn["role"].as_str().unwrap())
        .collect()
}

/// Mistral takes ids of nine letters and digits only (3280).
#[tokio::test]
async fn case_06_call_ids_at_mistral() {
    let lab = usual().await;
    let long = format!("functions.get_weather:{}", "0".repeat(60));
    for id in ["functions.get_weather:0", "call_1", &long] {
        let body = tool_loop(MISTRAL, id);
        let (_, first) = passes(&lab, &body).await;
        let (_, second) = passes(&lab, &body).await;
        assert_eq!(first.text, second.text, "not the same twice");
        let sent = &first.body["messages"][1]["tool_calls"][0]["id"];
        assert_eq!(*sent, first.body["messages"][2]["tool_call_id"]);
        let nine = sent.as_str().unwrap();
        assert!(nine.len() == 9 && nine.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
    let messages = [
        say("user", "Rome and Oslo?"),
        calls(&[
            call("a.1", "get_weather", "{\"city\":\"Rome\"}"),
            call("a:1", "get_weather", "{\"city\":\"Oslo\"}"),
        ]),
        result("a:1", "snow"),
        result("a.1", "sunny"),
    ];
    let body = with(
        talk(MISTRAL, &messages),
        "tools",
        json!([tool("get_weather")]),
    );
    let (_, sent) = passes(&lab, &body).await;
    let made = &sent.body["messages"][1]["tool_calls"];
    assert_ne!(made[0]["id"], made[1]["id"]);
    assert_eq!(made[1]["id"], sent.body["messages"][2]["tool_call_id"]);
}

#[tokio::test]
async fn case_07_tool_names_at_vendors_that_refuse_them() {
    let lab = usual().await;
    let long = format!("server.tools/{}", "a".repeat(57));
    for model in [GROQ, MISTRAL] {
        for name in ["weather.get/now", &long] {
            let body = with(
                ask_tools(model, "Hello", &[name]),
                "tool_choice",
                json!("required"),
            );
            let (answer, sent) = passes(&lab, &body).await;
            let wire = sent.body["tools"][0]["function"]["name"].as_str().unwrap();
            assert!(wire.len() <= 64, "{model}: {wire}");
            assert!(
                wire.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)),
                "{model}: {wire}"
            );
            let name_of = |message: &Value| message["tool_calls"][0]["function"]["name"].clone();
            assert_eq!(name_of(&message(&answer)), *name, "{model}");
            let (answer, _) = passes(&lab, &streamed(body)).await;
            assert_eq!(name_of(&folded(&answer).0), *name, "{model}");
        }
    }
}

/// Perplexity wants instructions first, then turns; the others take them anywhere.
#[tokio::test]
async fn case_11_12_14_roles_at_every_vendor() {
    let lab = usual().await;
    for (vendor, _, model) in VENDORS {
        let messages = [
            say("system", "Be brief."),
            say("system", "Be kind."),
            say("user", "One."),
            say("user", "Two."),
            say("assistant", "A."),
            say("assistant", "B."),
            say("system", "Be exact."),
            say("user", "echo: three"),
        ];
        let (answer, sent) = passes(&lab, &talk(model, &messages)).await;
        assert!(answer.content().contains("three"), "{vendor}");
        if vendor == "perplexity" {
            let turns = &sent.body["messages"];
            assert_eq!(
                roles(&sent.body),
                ["system", "system", "user", "assistant", "user"],
                "{turns}"
            );
            assert_eq!(turns[2]["content"], "One.\n\nTwo.");
            assert_eq!(turns[4]["content"], "Be exact.\n\necho: three");
            assert_eq!(
                answer.header("x-polyroute-changed-params"),
                "messages[].role=user"
            );
        } else {
            assert_eq!(roles(&sent.body).len(), 8, "{vendor}");
        }
    }
    let (answer, sent) = passes(&lab, &talk(PERPLEXITY, &[say("system", "echo: hi")])).await;
    assert_eq!(answer.content(), "hi");
    assert_eq!(roles(&sent.body), ["user"]);
}

#[tokio::test]
async fn case_13_developer_is_system_at_every_vendor() {
    let lab = usual().await;
    for (vendor, _, model) in VENDORS {
        let messages = [say("developer", "Be brief."), say("user", "echo: hi")];
        let (_, sent) = passes(&lab, &talk(model, &messages)).await;
        if vendor != "azure" {
            assert_eq!(roles(&sent.body), ["system", "user"], "{vendor}");
        }
    }
}

#[tokio::test]
async fn case_15_a_trailing_assistant_turn_at_vendors_that_go_on_from_it() {
    let lab = usual().await;
    let messages = [say("user", "Say it."), say("assistant", "It is")];
    for model in [MISTRAL, DEEPSEEK, VLLM] {
        let (_, sent) = passes(&lab, &talk(model, &messages)).await;
        let prefix = sent.body["messages"][1]["prefix"] == true;
        assert_eq!(prefix, model != VLLM, "{model}: {}", sent.text);
        assert_eq!(
            sent.body["continue_final_message"] == true,
            model == VLLM,
            "{model}"
        );
    }
    let beta = lab.attempts().into_iter().filter(|attempt| {
        attempt.path.starts_with("/deepseek/beta/") && attempt.status == Some(200)
    });
    assert_eq!(beta.count(), 1);
    // Perplexity has nothing to go on with, and the caller hears that.
    let answer = lab.chat(&talk(PERPLEXITY, &messages)).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(answer.code(), "unsupported_content");
}

#[tokio::test]
async fn case_25_deepseek_tool_turns_have_reasoning_if_only_an_empty_one() {
    let lab = usual().await;
    // A model that thinks unless it is told not to refuses turns with calls that lack it.
    let thinker = "deepseek/deepseek-reasoner";
    let body = tool_loop(thinker, "call_1");
    let (_, sent) = passes(&lab, &body).await;
    assert_eq!(sent.body["messages"][1]["reasoning_content"], "");
    let mut kept = body.clone();
    kept["messages"][1]["reasoning_content"] = json!("I look it up.");
    let (_, sent) = passes(&lab, &kept).await;
    assert_eq!(
        sent.body["messages"][1]["reasoning_content"],
        "I look it up."
    );
    let mut empty = body;
    empty["messages"][1]["reasoning_content"] = json!("");
    let (_, sent) = passes(&lab, &streamed(empty)).await;
    assert_eq!(sent.body["messages"][1]["reasoning_content"], "");
    // Nobody else is sent it.
    let mut elsewhere = kept;
    elsewhere["model"] = json!(GROQ);
    let (_, sent) = passes(&lab, &elsewhere).await;
    assert!(!sent.text.contains("I look it up."), "{}", sent.text);
}

#[tokio::test]
async fn case_26_two_choices_at_vendors_of_one() {
    let lab = lab(
        "sim-vendor-key",
        "  two: [groq/llama-3.3-70b-versatile, openai/gpt-4o-mini]\n",
    )
    .await;
    for model in [DEEPSEEK, GROQ, PERPLEXITY, QWEN, OPENROUTER] {
        let answer = refused(&lab, &with(ask(model, "Hello"), "n", json!(2))).await;
        assert_eq!(answer.code(), "unsupported_parameter", "{model}");
        assert_eq!(answer.json()["error"]["param"], "n", "{model}");
        passes(&lab, &with(ask(model, "Hello"), "n", json!(1))).await;
    }
    let (answer, _) = passes(&lab, &with(ask(MISTRAL, "Hello"), "n", json!(2))).await;
    assert_eq!(answer.json()["choices"].as_array().unwrap().len(), 2);
    let (answer, _) = passes(&lab, &with(ask("two", "Hello"), "n", json!(2))).await;
    assert_eq!(answer.header("x-polyroute-provider"), "openai");
}

/// Ids that tell no call apart are replaced; long ones are the caller's as they are.
#[tokio::test]
async fn case_56_call_ids_of_vendors() {
    let lab = usual().await;
    let body = |id: &Value| {
        json!({"id": "a", "object": "chat.completion", "created": 7, "model": "m",
            "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
                "role": "assistant", "content": "", "tool_calls": [{"id": id, "type": "function",
                    "function": {"name": "get_weather", "arguments": "{}"}}]}}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}})
    };
    let asked = |model| ask_tools(model, "Hello", &["get_weather"]);
    for id in [json!("null"), json!(""), json!("0")] {
        script_json(&lab, "mistral", body(&id));
        let (answer, _) = passes(&lab, &asked(MISTRAL)).await;
        let made = message(&answer)["tool_calls"][0]["id"].clone();
        assert!(made.as_str().unwrap().starts_with("call_"), "{id}: {made}");
    }
    let long = json!("x".repeat(50));
    script_json(&lab, "openrouter", body(&long));
    let (answer, _) = passes(&lab, &asked(OPENROUTER)).await;
    assert_eq!(message(&answer)["tool_calls"][0]["id"], long);
    // And goes back to every vendor in a form that it takes.
    for (vendor, _, model) in VENDORS {
        if vendor != "perplexity" {
            passes(&lab, &tool_loop(model, long.as_str().unwrap())).await;
        }
    }
}

/// Names, logprobs and biases that Groq, Cerebras and xAI refuse are left out and named.
#[tokio::test]
async fn section_15_what_a_vendor_refuses_is_left_out_and_named() {
    let lab = usual().await;
    for (model, dropped) in [
        (GROQ, "logit_bias, logprobs, messages[].name"),
        (XAI, "logit_bias"),
        (CEREBRAS, "logit_bias"),
    ] {
        let mut body = ask_streamed(model, "echo: hi");
        body["messages"][0]["name"] = json!("ann");
        body["logprobs"] = json!(true);
        body["logit_bias"] = json!({"1": 1});
        let (answer, _) = passes(&lab, &body).await;
        assert_eq!(
            answer.header("x-polyroute-dropped-params"),
            dropped,
            "{model}"
        );
    }
}
