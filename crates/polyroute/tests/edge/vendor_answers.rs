//! Cases that vendors of OpenAI's format make different: what they answer.

use serde_json::{Value, json};

use crate::kit::{ask_tools, folded, last_error, message, passes, script_sse, streamed, with};
use crate::support::{Lab, ask, ask_streamed};
use crate::vendors::{VENDORS, lab, usual};

const AZURE: &str = "azure/gpt-4o-sim-prod";
const MISTRAL: &str = "mistral/mistral-small-latest";
const PERPLEXITY: &str = "perplexity/sonar";

#[tokio::test]
async fn case_29_crlf_comments_and_single_bytes_at_every_vendor() {
    let lab = usual().await;
    for (vendor, _, model) in VENDORS {
        for fault in ["crlf", "comments_flood:200", "one_byte_chunks"] {
            lab.sim.clear_faults();
            lab.fault(vendor, fault);
            let (answer, _) = passes(&lab, &ask_streamed(model, "echo: a b c d e f g")).await;
            assert_eq!(
                answer.streamed(),
                ("a b c d e f g".to_owned(), true),
                "{vendor} {fault}: {}",
                answer.text()
            );
        }
    }
}

/// Azure opens with a chunk that has neither choices nor identity, and counts in one of its own.
#[tokio::test]
async fn case_30_51_azures_first_chunk_and_its_last() {
    let lab = usual().await;
    let asked = with(
        ask_streamed(AZURE, "echo: hi there"),
        "stream_options",
        json!({"include_usage": true}),
    );
    for (body, counted) in [
        (asked, true),
        (ask_streamed(AZURE, "echo: hi there"), false),
    ] {
        let (answer, _) = passes(&lab, &body).await;
        assert_eq!(answer.streamed(), ("hi there".to_owned(), true));
        let chunks: Vec<Value> = answer
            .events()
            .iter()
            .filter_map(|data| serde_json::from_str(data).ok())
            .collect();
        let spoken: Vec<&Value> = chunks
            .iter()
            .filter(|chunk| !chunk["choices"][0].is_null())
            .collect();
        for chunk in &spoken {
            assert_eq!(chunk["id"], spoken[0]["id"]);
            assert_ne!(chunk["id"], "");
        }
        let last = chunks.last().unwrap();
        assert_eq!(last["usage"]["total_tokens"].is_u64(), counted, "{last}");
        assert_eq!(last["choices"] == json!([]), counted, "{last}");
        let record = lab.record(&answer).await;
        assert_eq!(record["tokens"]["provenance"], "reported", "{record}");
    }
}

/// Perplexity never says `[DONE]`; the others may forget it.
#[tokio::test]
async fn case_34_61_an_end_without_done_at_every_vendor() {
    let lab = usual().await;
    for (vendor, _, model) in VENDORS {
        lab.fault(vendor, "missing_done");
        let (answer, _) = passes(&lab, &ask_streamed(model, "echo: whole")).await;
        assert_eq!(
            answer.streamed(),
            ("whole".to_owned(), true),
            "{vendor}: {}",
            answer.text()
        );
        assert_eq!(folded(&answer).1.as_deref(), Some("stop"), "{vendor}");
        assert_eq!(answer.finishes().len(), 1, "{vendor}: {}", answer.text());
        assert_eq!(lab.record(&answer).await["end"], "complete", "{vendor}");
        lab.sim.clear_faults();
        // An end in the middle is never taken for the end.
        lab.fault(vendor, "cut:4:end");
        let answer = lab.chat(&ask_streamed(model, "words:60")).await;
        assert_eq!(answer.status, 200, "{vendor}: {}", answer.text());
        assert_eq!(
            last_error(&answer)["code"],
            "upstream_truncated",
            "{vendor}: {}",
            answer.text()
        );
        assert!(!answer.text().contains("[DONE]"), "{vendor}");
        assert_eq!(folded(&answer).1, None, "{vendor}");
        lab.sim.clear_faults();
    }
}

/// Quotas in each vendor's own status and words: 402, 403, 412, 401, 400, and 429 with a header.
#[tokio::test]
async fn case_36_quota_is_not_a_rate_limit_at_every_vendor() {
    let spent = lab("sim-quota-key", "").await;
    let good = usual().await;
    for (vendor, _, model) in VENDORS {
        for body in [ask(model, "Hello"), ask_streamed(model, "Hello")] {
            // A server of one's own sells nothing.
            if vendor != "ollama" {
                let answer = spent.chat(&body).await;
                let told = (answer.status.as_u16(), &*answer.code());
                assert_eq!(
                    told,
                    (429, "insufficient_quota"),
                    "{vendor}: {}",
                    answer.text()
                );
                assert_eq!(answer.header("x-should-retry"), "false", "{vendor}");
            }
            good.fault(vendor, "status:429:5");
            let answer = good.chat(&body).await;
            let told = (answer.status.as_u16(), &*answer.code());
            assert_eq!(
                told,
                (429, "rate_limit_exceeded"),
                "{vendor}: {}",
                answer.text()
            );
            assert_eq!(answer.header("retry-after"), "5", "{vendor}");
            assert_eq!(answer.header("x-should-retry"), "", "{vendor}");
            good.sim.clear_faults();
        }
        good.fault(vendor, "status:503:none");
        let answer = good.chat(&ask(model, "Hello")).await;
        let told = (answer.status.as_u16(), &*answer.code());
        assert_eq!(
            told,
            (503, "server_is_overloaded"),
            "{vendor}: {}",
            answer.text()
        );
        good.sim.clear_faults();
    }
}

/// A quota at one vendor is another one's business.
#[tokio::test]
async fn case_36_another_vendor_answers() {
    for (vendor, _, model) in VENDORS {
        if vendor == "ollama" {
            continue;
        }
        let route = format!("  two: [{model}, openai/gpt-4o-mini]\n");
        let lab = lab("sim-quota-key", &route).await;
        let (answer, _) = passes(&lab, &ask("two", "echo: here")).await;
        assert_eq!(answer.header("x-polyroute-provider"), "openai", "{vendor}");
        let record = lab.record(&answer).await;
        assert_eq!(
            record["attempts"][0]["outcome"], "quota_exhausted",
            "{vendor}"
        );
    }
}

fn script_error(lab: &Lab, provider: &str, status: u16, body: &Value) {
    let script = json!({"match": {"prefix": provider},
        "replies": [{"json": {"status": status, "body": body}}]});
    lab.sim.add_script(serde_json::from_value(script).unwrap());
}

#[tokio::test]
async fn case_38_each_vendors_words_for_a_full_window() {
    let lab = usual().await;
    let openai = |text: &str| json!({"error": {"message": text, "type": "invalid_request_error", "code": null}});
    let flat = |text: &str| json!({"message": text, "type": "invalid_request_error", "code": "x"});
    #[rustfmt::skip]
    let said: [(&str, u16, Value); 11] = [
        ("cerebras", 400, flat("Please reduce the length of the messages or completion. Current length is 9000 while limit is 8192")),
        ("deepseek", 400, openai("This model's maximum context length is 65536 tokens. However, you requested 70000 tokens.")),
        ("fireworks", 400, openai("The prompt is too long: 140000, model maximum context length: 131071")),
        ("groq", 413, openai("Please reduce the length of the messages or completion.")),
        ("mistral", 400, json!({"object": "error", "message": "Prompt contains 33000 tokens and 0 draft tokens, too large for model with 32768 maximum context length", "type": "invalid_request_prompt", "param": null, "code": "3051"})),
        ("ollama", 400, json!({"error": "prompt too long; exceeded max context length by 10 tokens"})),
        ("openrouter", 400, json!({"error": {"code": 400, "message": "Provider returned error", "metadata": {"error_type": "context_length_exceeded"}}})),
        ("perplexity", 400, json!({"error": {"message": "The total length of all messages is too long.", "type": "too_many_prompt_tokens", "code": 400}})),
        ("qwen", 400, openai("<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]")),
        ("together", 422, openai("Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000 `inputs` tokens and 512 `max_new_tokens`")),
        ("xai", 400, json!({"code": "invalid-argument", "error": "This model's maximum prompt length is 131072 but the request contains 200000 tokens."})),
    ];
    for (vendor, status, body) in said {
        let (_, _, model) = VENDORS.into_iter().find(|row| row.0 == vendor).unwrap();
        script_error(&lab, vendor, status, &body);
        let answer = lab.chat(&ask(model, "Hello")).await;
        let told = (answer.status.as_u16(), &*answer.code());
        assert_eq!(
            told,
            (400, "context_length_exceeded"),
            "{vendor}: {}",
            answer.text()
        );
    }
}

/// Case 58 among them: xAI says 400 to a wrong key.
#[tokio::test]
async fn case_40_58_a_refused_credential_is_not_the_callers_at_any_vendor() {
    let lab = lab("bad-vendor-key", "").await;
    for (vendor, _, model) in VENDORS {
        // Without a key of its own, vLLM takes any.
        for body in [ask(model, "Hello"), ask_streamed(model, "Hello")] {
            let answer = lab.chat(&body).await;
            let told = (answer.status.as_u16(), &*answer.code());
            assert_eq!(told, (502, "upstream_auth"), "{vendor}: {}", answer.text());
            assert!(!answer.text().contains("bad-vendor-key"), "{vendor}");
            assert_eq!(answer.header("x-should-retry"), "false", "{vendor}");
        }
    }
}

/// `eos` (Together), a finish reason that is said twice (OpenRouter) or not there until the end
/// (Perplexity): one of OpenAI's words, once.
#[tokio::test]
async fn case_54_finish_words_of_every_vendor() {
    let lab = usual().await;
    for (vendor, _, model) in VENDORS {
        let (answer, _) = passes(&lab, &ask(model, "echo: hi")).await;
        assert_eq!(
            answer.json()["choices"][0]["finish_reason"],
            "stop",
            "{vendor}"
        );
        let (answer, _) = passes(&lab, &ask_streamed(model, "echo: hi")).await;
        assert_eq!(answer.finishes(), ["stop"], "{vendor}: {}", answer.text());
        let short = with(ask(model, "words:60"), "max_tokens", json!(5));
        let (answer, _) = passes(&lab, &short).await;
        assert_eq!(
            answer.json()["choices"][0]["finish_reason"],
            "length",
            "{vendor}"
        );
        let (answer, _) = passes(&lab, &streamed(short)).await;
        assert_eq!(answer.finishes(), ["length"], "{vendor}: {}", answer.text());
    }
}

#[tokio::test]
async fn case_60_mistrals_finish_chunk_has_the_last_text_or_all_calls() {
    let lab = usual().await;
    let asked = ask_tools(
        MISTRAL,
        "both get_weather and get_time",
        &["get_weather", "get_time"],
    );
    let (answer, _) = passes(&lab, &streamed(asked.clone())).await;
    let (said, finish) = folded(&answer);
    let made = said["tool_calls"].as_array().unwrap();
    assert_eq!(made.len(), 2, "{said}");
    assert_ne!(made[0]["id"], made[1]["id"]);
    assert!(made.iter().all(|call| call["type"] == "function"), "{said}");
    assert_eq!(finish.as_deref(), Some("tool_calls"));
    let (answer, _) = passes(&lab, &asked).await;
    assert!(message(&answer)["tool_calls"][0]["type"] == "function");
    // Text on the finish chunk is not lost, and the padding is nobody's.
    let chunk = |text: &str, finish: Value| {
        format!(
            "data: {}\n\n",
            json!({"id": "a", "object": "chat.completion.chunk", "created": 7, "model": "m",
                "p": "abcdef", "choices": [{"index": 0, "delta": {"content": text},
                    "finish_reason": finish}]})
        )
    };
    let pieces = [
        chunk("one", Value::Null),
        chunk(" two", json!("length")),
        "data: [DONE]\n\n".to_owned(),
    ];
    script_sse(&lab, "mistral", &pieces);
    let (answer, _) = passes(&lab, &ask_streamed(MISTRAL, "Hello")).await;
    assert_eq!(answer.streamed(), ("one two".to_owned(), true));
    assert_eq!(answer.finishes(), ["length"]);
    assert!(!answer.text().contains("abcdef"), "{}", answer.text());
}

/// The numbers in Perplexity's text are annotations, and its own members are kept.
#[tokio::test]
async fn section_11_3_perplexitys_sources_are_annotations() {
    let lab = usual().await;
    let (answer, _) = passes(&lab, &ask(PERPLEXITY, "echo: Rome [2].")).await;
    let whole = message(&answer)["annotations"].clone();
    assert_eq!(
        whole[0]["url_citation"],
        json!({"url": "https://example.com/simulated/2", "title": "Simulated result 2",
            "start_index": 5, "end_index": 8})
    );
    assert_eq!(
        answer.json()["provider_metadata"]["citations"][1],
        "https://example.com/simulated/2"
    );
    let (answer, _) = passes(&lab, &ask_streamed(PERPLEXITY, "echo: Rome [2].")).await;
    let said = folded(&answer).0;
    assert_eq!(
        said["annotations"][0]["url_citation"],
        whole[0]["url_citation"]
    );
    assert!(answer.text().contains("\"search_results\""));
}
