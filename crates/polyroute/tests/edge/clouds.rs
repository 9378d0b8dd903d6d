//! The same cases at AWS Bedrock (Claude, Nova), at Vertex AI (Gemini, Claude) and over OpenAI's
//! Responses API: what the caller gets is what they get of the three first providers.

use http::StatusCode;
use polyroute_sim::{Sim, SimConfig};
use serde_json::{Value, json};

use crate::kit::{
    ask_tools, call, calls, folded, last_error, message, passes, refused, result, say, streamed,
    talk, tool, tool_loop, with,
};
use crate::support::{Answer, Lab, Plan, ask, ask_streamed, get};

/// The simulator's prefix, and a model there.
pub const CLOUDS: [(&str, &str); 5] = [
    (
        "bedrock",
        "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    ),
    ("bedrock", "bedrock/us.amazon.nova-2-lite-v1:0"),
    ("vertex", "vertex/gemini-2.5-flash"),
    ("vertex", "vertex/claude-sonnet-4-5-20250929"),
    ("openai", "openai/gpt-5.4"),
];
const KEYS: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "AKIASIM1"),
    ("AWS_SECRET_ACCESS_KEY", "sim-secret-of-AKIASIM1"),
];

/// A lab with all of them; `name` is the test's own.
pub async fn lab(name: &str) -> Lab {
    lab_with(name, "").await
}

async fn lab_with(name: &str, routes: &str) -> Lab {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let account = get(sim.addr(), "/_sim/google/credentials", &[]).await;
    let folder = std::env::temp_dir().join(format!("polyroute-edge-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{name}.json"));
    std::fs::write(&file, account.text()).unwrap();
    let more = format!(
        "providers:\n  openai: {{ base_url: \"$SIM/openai/v1\", credentials: [\"${{KEY}}\"], api: responses }}\n  \
         anthropic: {{ base_url: \"$SIM/anthropic\", credentials: [\"${{KEY}}\"] }}\n  \
         gemini: {{ base_url: \"$SIM/gemini\", credentials: [\"${{KEY}}\"] }}\n  \
         bedrock: {{ base_url: \"$SIM/bedrock\", region: eu-central-1 }}\n  \
         vertex: {{ base_url: \"$SIM/vertex\", project: p, location: us-central1, credentials_file: \"{}\" }}\n",
        file.display()
    );
    let plan = Plan {
        more: &more,
        routes,
        environment: &KEYS,
        ..Plan::default()
    };
    Lab::before(sim, &plan).await
}

/// That a stream ended in an error event: no finish reason before it, no `[DONE]` after it.
pub fn assert_broken(answer: &Answer, code: &str, what: &str) {
    assert_eq!(answer.status, StatusCode::OK, "{what}: {}", answer.text());
    assert_eq!(
        last_error(answer)["code"],
        code,
        "{what}: {}",
        answer.text()
    );
    assert!(answer.finishes().is_empty(), "{what}: {}", answer.text());
    assert!(!answer.text().contains("[DONE]"), "{what}");
}

/// §4: about every parameter at once is taken, what each API lacks by its name.
#[tokio::test]
async fn section_4_parameters_at_clouds() {
    let lab = lab("parameters").await;
    for (prefix, model) in CLOUDS {
        let body = json!({
            "model": model, "messages": [say("user", "echo: hi")], "tools": [tool("f")],
            "tool_choice": "auto", "parallel_tool_calls": true, "temperature": 0.5,
            "max_completion_tokens": 300, "stop": ["END"], "n": 1, "seed": 7,
            "frequency_penalty": 0.1, "presence_penalty": 0.1, "logit_bias": {"5": 1},
            "logprobs": true, "top_logprobs": 1, "user": "u", "safety_identifier": "s",
            "metadata": {"team": "a"}, "service_tier": "flex", "verbosity": "low", "store": false,
            "prompt_cache_key": "k", "prediction": {"type": "content", "content": "x"},
        });
        let (answer, sent) = passes(&lab, &body).await;
        let dropped: Vec<&str> = answer
            .header("x-polyroute-dropped-params")
            .split(',')
            .map(str::trim)
            .collect();
        assert!(dropped.contains(&"prediction"), "{model}: {dropped:?}");
        assert!(
            !dropped.contains(&"service_tier") || model.contains("vertex/claude"),
            "{model}: {dropped:?}"
        );
        let tier = sent
            .headers
            .iter()
            .find(|(name, _)| name == "x-vertex-ai-llm-shared-request-type");
        let is_header = model == "vertex/gemini-2.5-flash";
        assert_eq!(
            tier.is_some_and(|(_, value)| value == "flex"),
            is_header,
            "{model}"
        );
        match prefix {
            "bedrock" => assert_eq!(sent.body["serviceTier"]["type"], "flex"),
            "openai" => assert_eq!(sent.body["service_tier"], "flex"),
            _ => {}
        }
    }
}

/// §5, §7: calls without content, with empty arguments, of tools without parameters.
#[tokio::test]
async fn case_01_02_03_at_clouds() {
    let lab = lab("calls").await;
    for (_, model) in CLOUDS {
        for content in [Some(json!(null)), Some(json!("")), Some(json!([])), None] {
            let mut body = tool_loop(model, "call_1");
            match content {
                Some(content) => body["messages"][1]["content"] = content,
                None => {
                    body["messages"][1]
                        .as_object_mut()
                        .unwrap()
                        .remove("content");
                }
            }
            body["messages"][1]["tool_calls"][0]["function"]["arguments"] = json!("");
            let (answer, _) = passes(&lab, &body).await;
            assert!(answer.content().contains("sunny"), "{model}");
        }
        let bare = json!({"type": "function", "function": {"name": "now"}});
        let body = with(ask(model, "now {}"), "tools", json!([bare]));
        let (answer, _) = passes(&lab, &body).await;
        let made = &message(&answer)["tool_calls"][0]["function"];
        assert_eq!(made["name"], "now", "{model}: {}", answer.text());
        assert_eq!(made["arguments"], "{}", "{model}");
    }
}

/// §7: results in reverse order, ids that repeat, ids that are refused, names that are refused.
#[tokio::test]
async fn case_04_05_06_07_at_clouds() {
    let lab = lab("ids").await;
    let odd = format!("call:1.{}", "x".repeat(70));
    for (_, model) in CLOUDS {
        let two = calls(&[
            call("a", "get_weather", "{\"city\":\"Rome\"}"),
            call(&odd, "get_time", "{\"city\":\"Oslo\"}"),
        ]);
        let asked = [
            say("user", "Rome and Oslo?"),
            two,
            result(&odd, "noon"),
            result("a", "sunny"),
            calls(&[call("a", "get_weather", "{\"city\":\"Bern\"}")]),
            result("a", "rain"),
        ];
        let tools = json!([tool("get_weather"), tool("get_time")]);
        passes(&lab, &with(talk(model, &asked), "tools", tools)).await;
        let long = format!("db.tables/{}", "y".repeat(60));
        for body in [
            ask_tools(model, "What is the weather?", &[&long]),
            streamed(ask_tools(model, "What is the weather?", &[&long])),
        ] {
            let choice = json!({"type": "function", "function": {"name": long}});
            let body = with(body, "tool_choice", choice);
            let (answer, sent) = passes(&lab, &body).await;
            let said = if body["stream"] == true {
                folded(&answer).0
            } else {
                message(&answer)
            };
            assert_eq!(said["tool_calls"][0]["function"]["name"], long, "{model}");
            assert!(!sent.text.contains("db.tables/"), "{model}: {}", sent.text);
        }
    }
}

/// §5, §7: a call without its result and a result without its call, by name; results of all kinds;
/// words between results.
#[tokio::test]
async fn case_08_09_10_at_clouds() {
    let lab = lab("results").await;
    let png = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    for (_, model) in CLOUDS {
        let asked = calls(&[call("call_7", "get_weather", "{}")]);
        for messages in [
            vec![say("user", "a"), asked.clone(), say("user", "b")],
            vec![say("user", "a"), result("call_7", "x")],
        ] {
            let body = with(
                talk(model, &messages),
                "tools",
                json!([tool("get_weather")]),
            );
            let answer = refused(&lab, &body).await;
            assert!(
                answer.text().contains("call_7"),
                "{model}: {}",
                answer.text()
            );
        }
        let picture = json!([{"type": "image_url", "image_url": {"url": png}}]);
        for (content, is_error) in [
            (json!(""), false),
            (picture, false),
            (json!(""), true),
            (json!("no"), true),
        ] {
            let mut body = tool_loop(model, "call_7");
            body["messages"][2]["content"] = content;
            if is_error {
                body["messages"][2]["is_error"] = json!(true);
            }
            passes(&lab, &body).await;
        }
        let two = calls(&[
            call("a", "get_weather", "{}"),
            call("b", "get_weather", "{}"),
        ]);
        let messages = [
            say("user", "q"),
            two,
            result("a", "one"),
            say("user", "by the way"),
            result("b", "two"),
        ];
        passes(
            &lab,
            &with(
                talk(model, &messages),
                "tools",
                json!([tool("get_weather")]),
            ),
        )
        .await;
    }
}

/// §5: instructions alone, several of them, `developer`, runs of one role, and a turn to go on from.
#[tokio::test]
async fn case_11_12_13_14_15_at_clouds() {
    let lab = lab("roles").await;
    for (_, model) in CLOUDS {
        for messages in [
            vec![say("system", "Sing.")],
            vec![
                say("system", "A"),
                say("developer", "B"),
                say("user", "one"),
                say("user", "two"),
                say("assistant", "ok"),
                say("assistant", "then"),
                say("system", "C"),
                say("user", "three"),
            ],
        ] {
            passes(&lab, &talk(model, &messages)).await;
        }
        let open = talk(model, &[say("user", "Say it"), say("assistant", "I say ")]);
        let answer = lab.chat(&open).await;
        // Claude up to 4.5 goes on from it, OpenAI takes it as one more item.
        let goes_on = model.contains("claude") || model.starts_with("openai");
        let wanted = if goes_on { 200 } else { 400 };
        assert_eq!(answer.status, wanted, "{model}: {}", answer.text());
    }
}

/// §8: an awkward schema, JSON without the word, a schema with tools in a stream; §9: one token.
#[tokio::test]
async fn case_17_18_19_20_at_clouds() {
    let lab = lab("schemas").await;
    let schema = json!({"type": "object", "additionalProperties": false,
        "required": ["default", "kind", "next"], "properties": {
            "default": {"type": "string"}, "kind": {"const": "a"},
            "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
        "$defs": {"node": {"type": "object", "additionalProperties": false,
            "required": ["v"], "properties": {"v": {"type": ["string", "null"]}}}}});
    for (_, model) in CLOUDS {
        let strict = json!({"type": "function", "function": {"name": "f", "strict": true,
            "parameters": schema}});
        passes(&lab, &with(ask(model, "Hello"), "tools", json!([strict]))).await;
        let format = json!({"type": "json_schema",
            "json_schema": {"name": "node", "strict": true, "schema": schema}});
        for body in [
            with(ask(model, "One node"), "response_format", format.clone()),
            streamed(with(
                ask_tools(model, "One node", &["get_weather"]),
                "response_format",
                format,
            )),
        ] {
            let (answer, _) = passes(&lab, &body).await;
            if body["stream"] == true && ["nova", "gemini"].iter().any(|it| model.contains(it)) {
                // Beside tools they are only told of the schema (Gemini before 3); the simulator does
                // not listen, and that is not passed off as JSON.
                assert_broken(&answer, "structured_output_invalid", model);
            } else if body["stream"] == true {
                let value = serde_json::from_str::<Value>(&answer.streamed().0);
                assert!(
                    answer.streamed().1 && value.is_ok(),
                    "{model}: {}",
                    answer.text()
                );
            } else {
                let value = serde_json::from_str::<Value>(&answer.content());
                assert!(
                    value.is_ok_and(|value| value.is_object()),
                    "{model}: {}",
                    answer.text()
                );
            }
        }
        let object = with(
            ask(model, "Give me a colour"),
            "response_format",
            json!({"type": "json_object"}),
        );
        let (answer, sent) = passes(&lab, &object).await;
        if model.contains("vertex/gemini") || model.starts_with("openai") {
            let value = serde_json::from_str::<Value>(&answer.content());
            assert!(value.is_ok_and(|value| value.is_object()), "{model}");
        } else {
            // Without a mode of its own the model is told.
            assert!(sent.text.contains("JSON object"), "{model}: {}", sent.text);
        }
        let one = with(ask(model, "Hello"), "max_tokens", json!(1));
        passes(&lab, &with(one, "reasoning_effort", json!("high"))).await;
    }
}

/// §9: a tool loop with thinking goes back whole to its issuer, and without it to another vendor.
#[tokio::test]
async fn case_21_at_clouds() {
    for (prefix, model) in CLOUDS {
        // Claude reads its own signatures wherever it runs.
        let other = match model {
            "vertex/claude-sonnet-4-5-20250929" => ("gemini", "gemini/gemini-2.5-flash"),
            _ => ("anthropic", "anthropic/claude-haiku-4-5"),
        };
        let routes = format!("  first: [{model}, {}]\n", other.1);
        let lab = lab_with("thinking", &routes).await;
        for stream in [false, true] {
            let mut body = ask_tools("first", "get_weather {\"city\":\"Rome\"}", &["get_weather"]);
            body["reasoning_effort"] = json!("high");
            body["max_tokens"] = json!(20_000);
            body["stream"] = json!(stream);
            let (answer, _) = passes(&lab, &body).await;
            let said = if stream {
                folded(&answer).0
            } else {
                message(&answer)
            };
            let id = said["tool_calls"][0]["id"].as_str().unwrap().to_owned();
            let messages = body["messages"].as_array_mut().unwrap();
            messages.extend([said.clone(), result(&id, "sunny")]);
            let (answer, sent) = passes(&lab, &body).await;
            assert_eq!(sent.provider, prefix, "{model}");
            assert!(
                answer.text().contains("sunny"),
                "{model}: {}",
                answer.text()
            );
            // What only the issuer can read: a signature or a sealed item.
            let blocks = said["provider_blocks"].to_string();
            let sealed = ["signature", "encrypted_content", "thoughtSignature"];
            let sealed = sealed.iter().find_map(|key| {
                let (_, rest) = blocks.split_once(&format!("\"{key}\":\""))?;
                rest.split('"').next().map(str::to_owned)
            });
            if let Some(sealed) = &sealed {
                assert!(
                    sent.text.contains(sealed.as_str()),
                    "{model}: {}",
                    sent.text
                );
            }
            lab.fault(prefix, "status:500");
            let (answer, sent) = passes(&lab, &body).await;
            assert_eq!(sent.provider, other.0, "{model}");
            assert!(
                answer.text().contains("sunny"),
                "{model}: {}",
                answer.text()
            );
            if let Some(sealed) = &sealed {
                assert!(
                    !sent.text.contains(sealed.as_str()),
                    "{model}: {}",
                    sent.text
                );
            }
            lab.sim.clear_faults();
            if !model.contains("nova") {
                assert!(sealed.is_some(), "{model} signs: {blocks}");
            }
        }
    }
}

/// §4 note 9: two choices where there is one, and where there are two.
#[tokio::test]
async fn case_26_at_clouds() {
    let lab = lab("choices").await;
    for (_, model) in CLOUDS {
        let body = with(ask(model, "Hello"), "n", json!(2));
        if model.contains("gemini") {
            let (answer, _) = passes(&lab, &body).await;
            assert_eq!(answer.json()["choices"].as_array().unwrap().len(), 2);
        } else {
            let answer = refused(&lab, &body).await;
            assert_eq!(answer.json()["error"]["param"], "n", "{model}");
        }
    }
}

/// §12.1: characters and frames in pieces, one large event, a stop sequence of several bytes.
#[tokio::test]
async fn case_27_28_29_at_clouds() {
    const TEXT: &str = "naïve café😀 und 漢字";
    let lab = lab("pieces").await;
    for (prefix, model) in CLOUDS {
        lab.fault(prefix, "one_byte_chunks");
        for body in [
            ask(model, &format!("echo: {TEXT}")),
            ask_streamed(model, &format!("echo: {TEXT}")),
        ] {
            let (answer, _) = passes(&lab, &body).await;
            if body["stream"] == true {
                assert_eq!(answer.streamed(), (TEXT.to_owned(), true), "{model}");
            } else {
                assert_eq!(answer.content(), TEXT, "{model}");
            }
            // The Responses API has no stop sequences: that is told, and nothing is cut.
            let (answer, _) = passes(&lab, &with(body.clone(), "stop", json!("é😀"))).await;
            let said = if body["stream"] == true {
                answer.streamed().0
            } else {
                answer.content()
            };
            if prefix == "openai" {
                assert_eq!(said, TEXT);
                assert_eq!(answer.header("x-polyroute-dropped-params"), "stop");
            } else {
                assert_eq!(said, "naïve caf", "{model}");
            }
        }
        lab.sim.clear_faults();
        lab.fault(prefix, "big_event:1048576");
        let (answer, _) = passes(&lab, &ask_streamed(model, "Hello")).await;
        let (text, ended) = answer.streamed();
        assert!(ended && text.len() >= 1 << 20, "{model}: {}", text.len());
        lab.sim.clear_faults();
        if prefix != "bedrock" {
            for fault in ["crlf", "comments_flood:200", "no_final_newline"] {
                lab.fault(prefix, fault);
                let (answer, _) = passes(&lab, &ask_streamed(model, "echo: a b c")).await;
                assert_eq!(
                    answer.streamed(),
                    ("a b c".to_owned(), true),
                    "{model} {fault}"
                );
                lab.sim.clear_faults();
            }
        }
    }
}
