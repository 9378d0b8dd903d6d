//! Roles, instructions, media, schemas and limits.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::kit::{
    ask_tools, last_sent, message, passes, refused, say, script_turn, sent, streamed, talk, with,
};
use crate::support::{Lab, MODELS, ask};

const OPENAI: &str = "openai/gpt-4o-mini";
const ANTHROPIC: &str = "anthropic/claude-haiku-4-5";
const GEMINI: &str = "gemini/gemini-2.5-flash";
/// One red dot.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

#[tokio::test]
async fn case_11_system_only() {
    let lab = Lab::start().await;
    for (provider, model) in MODELS {
        let body = talk(model, &[say("system", "echo: hello")]);
        let (answer, sent) = passes(&lab, &body).await;
        match provider {
            "openai" => assert_eq!(sent.body["messages"], body["messages"]),
            "anthropic" => {
                assert_eq!(answer.content(), "hello");
                assert_eq!(
                    sent.body["messages"],
                    json!([{"role": "user", "content": "echo: hello"}])
                );
                assert_eq!(sent.body.get("system"), None);
            }
            _ => {
                assert_eq!(answer.content(), "hello");
                assert_eq!(sent.body["contents"][0]["parts"][0]["text"], "echo: hello");
                assert_eq!(sent.body.get("systemInstruction"), None);
            }
        }
        // Of two, only the last is what is asked.
        let two = talk(
            model,
            &[say("system", "Be brief."), say("system", "echo: hello")],
        );
        let (_, sent) = passes(&lab, &two).await;
        match provider {
            "openai" => {}
            "anthropic" => assert_eq!(sent.body["system"], "Be brief."),
            _ => assert_eq!(
                sent.body["systemInstruction"]["parts"],
                json!([{"text": "Be brief."}])
            ),
        }
    }
}

#[tokio::test]
async fn case_12_three_system_messages() {
    let lab = Lab::start().await;
    let messages = [
        say("system", "First."),
        say("system", "Second."),
        say("user", "Hello"),
        say("assistant", "Hi."),
        say("user", "Go on."),
        say("system", "Third."),
        say("user", "echo: done"),
    ];
    let (_, sent) = passes(&lab, &talk(OPENAI, &messages)).await;
    assert_eq!(sent.body["messages"], json!(messages));

    let (answer, sent) = passes(&lab, &talk(ANTHROPIC, &messages)).await;
    assert!(answer.content().contains("done"));
    assert_eq!(
        sent.body["system"],
        json!([{"type": "text", "text": "First."}, {"type": "text", "text": "Second."}])
    );
    let turn = sent.body["messages"][2]["content"].as_array().unwrap();
    assert_eq!(sent.body["messages"].as_array().unwrap().len(), 3);
    assert_eq!(
        turn[1],
        json!({"type": "text", "text": "<system>\nThird.\n</system>"})
    );

    // From 4.8 on Claude takes instructions in place.
    let (_, sent) = passes(&lab, &talk("anthropic/claude-opus-4-8", &messages)).await;
    assert_eq!(
        sent.body["messages"][3],
        json!({"role": "system", "content": "Third."})
    );

    let (answer, sent) = passes(&lab, &talk(GEMINI, &messages)).await;
    assert!(answer.content().contains("done"));
    assert_eq!(
        sent.body["systemInstruction"]["parts"],
        json!([{"text": "First."}, {"text": "Second."}])
    );
    assert_eq!(
        sent.body["contents"][3],
        json!({"role": "user", "parts": [{"text": "<system>\nThird.\n</system>"}]})
    );
}

#[tokio::test]
async fn case_13_developer_role() {
    let lab = Lab::start().await;
    for (provider, model) in MODELS {
        let body = talk(
            model,
            &[say("developer", "Be brief."), say("user", "echo: hi")],
        );
        let (answer, sent) = passes(&lab, &body).await;
        assert_eq!(answer.content(), "hi", "{provider}");
        match provider {
            "openai" => assert_eq!(sent.body["messages"][0]["role"], "developer"),
            "anthropic" => assert_eq!(sent.body["system"], "Be brief."),
            _ => assert_eq!(
                sent.body["systemInstruction"]["parts"][0]["text"],
                "Be brief."
            ),
        }
    }
    // The first o1 models take neither word.
    let body = talk(
        "openai/o1-mini",
        &[say("developer", "Be brief."), say("user", "echo: hi")],
    );
    let (_, sent) = passes(&lab, &body).await;
    assert_eq!(sent.body["messages"][0], say("user", "Be brief."));
}

#[tokio::test]
async fn case_14_consecutive_turns_of_one_role() {
    let lab = Lab::start().await;
    for (provider, model) in MODELS {
        let messages = [
            say("user", "One."),
            say("user", "Two."),
            say("assistant", "A."),
            say("assistant", "B."),
            say("user", "echo: three"),
        ];
        let (answer, sent) = passes(&lab, &talk(model, &messages)).await;
        assert!(answer.content().contains("three"), "{provider}");
        let roles = |list: &Value| -> Vec<String> {
            list.as_array()
                .unwrap()
                .iter()
                .map(|turn| turn["role"].as_str().unwrap().to_owned())
                .collect()
        };
        match provider {
            "openai" => assert_eq!(sent.body["messages"], json!(messages)),
            "anthropic" => {
                assert_eq!(roles(&sent.body["messages"]), ["user", "assistant", "user"]);
                assert_eq!(sent.body["messages"][0]["content"][1]["text"], "Two.");
                assert_eq!(sent.body["messages"][1]["content"][1]["text"], "B.");
            }
            _ => assert_eq!(
                roles(&sent.body["contents"]),
                ["user", "user", "model", "model", "user"]
            ),
        }
    }
    // A conversation that the assistant opens gets a user turn first where that must be.
    for (provider, model) in [("anthropic", ANTHROPIC), ("gemini", GEMINI)] {
        let messages = [say("assistant", "Welcome."), say("user", "echo: x")];
        let (answer, _) = passes(&lab, &talk(model, &messages)).await;
        assert!(
            !answer.header("x-polyroute-changed-params").is_empty(),
            "{provider}"
        );
    }
}

#[tokio::test]
async fn case_15_trailing_assistant() {
    let lab = Lab::start().await;
    let messages = [say("user", "Say it."), say("assistant", "It is ")];
    let (_, sent) = passes(&lab, &talk(OPENAI, &messages)).await;
    assert_eq!(sent.body["messages"], json!(messages));
    // Claude up to 4.5 goes on from there; white space at its end would be refused.
    let (_, sent) = passes(&lab, &talk(ANTHROPIC, &messages)).await;
    assert_eq!(
        sent.body["messages"][1],
        json!({"role": "assistant", "content": "It is"})
    );
    for model in [
        "anthropic/claude-sonnet-4-6",
        "anthropic/claude-opus-5-5",
        GEMINI,
    ] {
        let answer = refused(&lab, &talk(model, &messages)).await;
        let error = &answer.json()["error"];
        assert!(
            error["message"].as_str().unwrap().contains("user message"),
            "{error}"
        );
    }
    let lab = Lab::with("translation: { rewrite_prefill: true }\n", "").await;
    for model in ["anthropic/claude-sonnet-4-6", GEMINI] {
        let (answer, sent) = passes(&lab, &talk(model, &messages)).await;
        assert!(!answer.header("x-polyroute-changed-params").is_empty());
        let turns = sent.body["messages"]
            .as_array()
            .or(sent.body["contents"].as_array())
            .unwrap();
        assert_eq!(turns.len(), 3);
        assert_eq!(turns[2]["role"], "user");
    }
}

/// Serves pictures: a PNG that claims to be a JPEG, a large one, an SVG; anything else is missing.
async fn gallery() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let read = socket.read(&mut head).await.unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..read]).into_owned();
            let png = base64_decode(PNG);
            let (status, kind, body) = if head.starts_with("GET /dot.jpg") {
                ("200 OK", "image/jpeg", png)
            } else if head.starts_with("GET /large.png") {
                ("200 OK", "image/png", [png, vec![0; 200_000]].concat())
            } else if head.starts_with("GET /drawing.svg") {
                ("200 OK", "image/svg+xml", b"<svg/>".to_vec())
            } else {
                ("404 Not Found", "text/html", b"no such picture".to_vec())
            };
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = socket.write_all(head.as_bytes()).await;
            let _ = socket.write_all(&body).await;
            let _ = socket.shutdown().await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    format!("http://{address}")
}

fn base64_decode(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap()
}

fn picture(model: &str, url: &str) -> Value {
    talk(
        model,
        &[json!({"role": "user", "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": url}},
        ]})],
    )
}

#[tokio::test]
async fn case_16_pictures_missing_mislabelled_large_and_svg() {
    let gallery = gallery().await;
    let more = "media: { allow_private_networks: true, max_bytes: 100KiB }\n";
    let lab = Lab::with(more, "").await;
    for (provider, model) in [("anthropic", ANTHROPIC), ("gemini", GEMINI)] {
        // Fetched for them, and called what it is.
        let (_, upstream) = passes(&lab, &picture(model, &format!("{gallery}/dot.jpg"))).await;
        assert!(upstream.text.contains(PNG), "{provider}");
        assert!(upstream.text.contains("image/png"), "{}", upstream.text);
        assert!(!upstream.text.contains("image/jpeg"), "{}", upstream.text);
        for (path, why) in [("gone.png", "404"), ("large.png", "larger than 102400")] {
            let answer = refused(&lab, &picture(model, &format!("{gallery}/{path}"))).await;
            assert!(answer.text().contains(why), "{provider}: {}", answer.text());
            assert!(answer.text().contains("data URL"), "{}", answer.text());
        }
        for url in [
            format!("{gallery}/drawing.svg"),
            "data:image/svg+xml;base64,PHN2Zy8+".to_owned(),
        ] {
            let answer = refused(&lab, &picture(model, &url)).await;
            assert_eq!(answer.code(), "unsupported_content", "{}", answer.text());
        }
        // Inline pictures under a wrong name are set right.
        let (_, upstream) = passes(
            &lab,
            &picture(model, &format!("data:image/jpeg;base64,{PNG}")),
        )
        .await;
        assert!(upstream.text.contains("image/png"), "{}", upstream.text);
        assert!(!upstream.text.contains("image/jpeg"), "{}", upstream.text);
    }
    // OpenAI gets what the caller wrote, and fetches itself.
    let body = picture(OPENAI, "https://pictures.example/dot.png");
    let (_, upstream) = passes(&lab, &body).await;
    assert_eq!(upstream.body["messages"], body["messages"]);
    // Claude's own API fetches https pictures, too.
    let body = picture(ANTHROPIC, "https://pictures.example/dot.png");
    let (_, upstream) = passes(&lab, &body).await;
    assert_eq!(
        upstream.body["messages"][0]["content"][1]["source"],
        json!({"type": "url", "url": "https://pictures.example/dot.png"})
    );
    // Without that setting nothing is fetched from the gateway's own network.
    let lab = Lab::start().await;
    let answer = refused(&lab, &picture(GEMINI, &format!("{gallery}/dot.jpg"))).await;
    assert!(answer.text().contains("not public"), "{}", answer.text());
}

/// Everything that one provider or another stumbles over.
fn awkward_schema() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["kind", "default", "children"],
        "properties": {
            "kind": {"const": "node"},
            "default": {"type": ["string", "null"], "description": "A property of that name."},
            "const": {"type": "integer", "minimum": 1, "exclusiveMaximum": 9},
            "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
        },
        "$defs": {"node": {
            "type": "object",
            "additionalProperties": false,
            "required": ["title", "next"],
            "properties": {
                "title": {"type": "string", "minLength": 1},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            },
        }},
    })
}

#[tokio::test]
async fn case_17_awkward_schemas() {
    let lab = Lab::start().await;
    let old = [
        ("openai", "openai/gpt-4o"),
        ("anthropic", "anthropic/claude-opus-5-5"),
        ("gemini", "gemini/gemini-1.5-pro"),
        ("gemini", "gemini/gemini-3-flash"),
    ];
    for (provider, model) in MODELS.into_iter().chain(old) {
        let mut asked = ask_tools(model, "Call plant_tree now.", &["plant_tree"]);
        asked["tools"][0]["function"]["parameters"] = awkward_schema();
        let (_, sent) = passes(&lab, &asked).await;
        let wire = match provider {
            "openai" => sent.body["tools"][0]["function"]["parameters"].clone(),
            "anthropic" => sent.body["tools"][0]["input_schema"].clone(),
            _ => {
                let declared = &sent.body["tools"][0]["functionDeclarations"][0];
                [&declared["parameters"], &declared["parametersJsonSchema"]]
                    .into_iter()
                    .find(|schema| schema.is_object())
                    .unwrap()
                    .clone()
            }
        };
        let names: Vec<&String> = wire["properties"].as_object().unwrap().keys().collect();
        assert_eq!(names.len(), 4, "{model}: {wire}");
        for name in ["kind", "default", "const", "children"] {
            assert!(names.iter().any(|known| *known == name), "{model}: {wire}");
        }
        if matches!(provider, "openai" | "anthropic") {
            assert_eq!(wire, awkward_schema(), "{model}");
        }
        // The same as the answer's own shape. The answer may be anything here: it was taken.
        if model == "gemini/gemini-1.5-pro" {
            // Its schema language has no recursion: what is cut there is checked by us.
            let tree = json!({"kind": "node", "default": null, "children":
                [{"title": "a", "next": {"title": "b", "next": null}}]});
            script_turn(&lab, "gemini", json!({"text": tree.to_string()}));
        }
        let format = json!({"type": "json_schema", "json_schema":
            {"name": "tree", "schema": awkward_schema(), "strict": false}});
        let answer = lab
            .chat(&with(
                ask(model, "A tree, please"),
                "response_format",
                format,
            ))
            .await;
        let sent = last_sent(&lab);
        assert_eq!(sent.status, Some(200), "{model}: {}", answer.text());
        assert_eq!(answer.status, 200, "{model}: {}", answer.text());
        let tree: Value = serde_json::from_str(&answer.content()).unwrap();
        assert_eq!(tree["kind"], "node", "{model}: {tree}");
    }
}

#[tokio::test]
async fn case_18_json_object_without_the_word() {
    let lab = Lab::start().await;
    for (provider, model) in MODELS {
        let body = with(
            ask(model, "Give me a colour"),
            "response_format",
            json!({"type": "json_object"}),
        );
        let (answer, sent) = passes(&lab, &body).await;
        match provider {
            "openai" => {
                assert_eq!(sent.body["response_format"], body["response_format"]);
                assert!(sent.body["messages"].to_string().contains("JSON"));
                assert_eq!(sent.body["messages"].as_array().unwrap().len(), 2);
            }
            "anthropic" => {
                let told = sent.body["system"].as_str().unwrap();
                assert!(told.contains("JSON object"), "{told}");
                continue;
            }
            _ => assert_eq!(
                sent.body["generationConfig"]["responseMimeType"],
                "application/json"
            ),
        }
        let said: Value = serde_json::from_str(&answer.content()).unwrap();
        assert!(said.is_object(), "{provider}");
    }
    // Who speaks of it is not told twice.
    let body = with(
        ask(OPENAI, "A colour as json, please"),
        "response_format",
        json!({"type": "json_object"}),
    );
    let (_, sent) = passes(&lab, &body).await;
    assert_eq!(sent.body["messages"], body["messages"]);
}

#[tokio::test]
async fn case_19_schema_with_tools_streamed() {
    let lab = Lab::start().await;
    let schema = json!({"type": "object", "additionalProperties": false,
        "required": ["colour"], "properties": {"colour": {"type": "string"}}});
    let format = json!({"type": "json_schema",
        "json_schema": {"name": "colour", "schema": schema, "strict": true}});
    let request = |model: &str| {
        let body = ask_tools(model, "A hue, please", &["get_weather"]);
        streamed(with(body, "response_format", format.clone()))
    };
    let models = [
        ("openai", OPENAI),
        ("anthropic", ANTHROPIC),
        ("gemini", "gemini/gemini-3-flash"),
    ];
    for (provider, model) in models {
        let (answer, sent) = passes(&lab, &request(model)).await;
        let (text, ended) = answer.streamed();
        assert!(ended, "{provider}: {}", answer.text());
        let said: Value = serde_json::from_str(&text).unwrap();
        assert!(said["colour"].is_string(), "{provider}: {text}");
        match provider {
            "openai" => assert_eq!(sent.body["response_format"], format),
            "anthropic" => assert_eq!(
                sent.body["output_config"]["format"],
                json!({"type": "json_schema", "schema": schema})
            ),
            _ => {
                let config = &sent.body["generationConfig"];
                assert_eq!(config["responseJsonSchema"], schema);
            }
        }
    }
    // Gemini before 3 takes one or the other: the schema goes into words and is checked by us.
    let model = "gemini/gemini-2.5-flash";
    script_turn(&lab, "gemini", json!({"text": "{\"colour\":\"red\"}"}));
    let (answer, sent) = passes(&lab, &request(model)).await;
    assert_eq!(answer.streamed(), ("{\"colour\":\"red\"}".to_owned(), true));
    assert!(
        sent.body["systemInstruction"]
            .to_string()
            .contains("colour")
    );
    assert_eq!(
        sent.body["generationConfig"].get("responseJsonSchema"),
        None
    );
    script_turn(&lab, "gemini", json!({"text": "Red, I would say."}));
    let answer = lab.chat(&request(model)).await;
    assert!(!answer.streamed().1, "a wrong answer ended well");
    assert_eq!(answer.code(), "structured_output_invalid");
    // The tools can still be called.
    for (provider, model) in models {
        let mut body = request(model);
        body["messages"] = json!([say("user", "What is the weather?")]);
        let (answer, _) = passes(&lab, &body).await;
        let (said, finish) = crate::kit::folded(&answer);
        assert_eq!(finish.as_deref(), Some("tool_calls"), "{provider}: {said}");
    }
}

#[tokio::test]
async fn case_20_one_token_on_a_reasoning_model() {
    let lab = Lab::start().await;
    for model in [
        "openai/o3",
        "openai/gpt-5-mini",
        "anthropic/claude-opus-5-5",
        "gemini/gemini-3-flash",
        "gemini/gemini-2.5-pro",
    ] {
        let body = with(ask(model, "Hello"), "max_tokens", json!(1));
        let (answer, sent) = passes(&lab, &body).await;
        assert_eq!(
            answer.json()["choices"][0]["finish_reason"],
            "length",
            "{model}"
        );
        let content = &message(&answer)["content"];
        assert!(
            content.is_null() || content.is_string(),
            "{model}: {content}"
        );
        if model.starts_with("openai") {
            assert_eq!(sent.body["max_completion_tokens"], 1);
            assert_eq!(sent.body.get("max_tokens"), None);
        }
        let answer = lab.chat(&streamed(body)).await;
        assert_eq!(answer.status, 200, "{model}: {}", answer.text());
        assert!(answer.streamed().1, "{model}: {}", answer.text());
        assert_eq!(crate::kit::folded(&answer).1.as_deref(), Some("length"));
    }
    // With an effort whose budget is larger than the limit, the limit is raised and named.
    for model in [ANTHROPIC, "anthropic/claude-3-7-sonnet-latest"] {
        let body = with(
            with(ask(model, "Hello"), "max_tokens", json!(1)),
            "reasoning_effort",
            json!("high"),
        );
        let (answer, sent) = passes(&lab, &body).await;
        let budget = sent.body["thinking"]["budget_tokens"].as_u64().unwrap();
        assert!(budget < sent.body["max_tokens"].as_u64().unwrap());
        assert!(
            answer
                .header("x-polyroute-changed-params")
                .contains("max_completion_tokens"),
            "{model}"
        );
    }
    let body = with(
        with(ask(GEMINI, "Hello"), "max_tokens", json!(1)),
        "reasoning_effort",
        json!("high"),
    );
    passes(&lab, &body).await;
    assert!(sent(&lab).iter().all(|sent| sent.status == Some(200)));
}
