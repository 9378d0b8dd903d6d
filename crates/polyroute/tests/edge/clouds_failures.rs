//! What goes wrong at Bedrock, at Vertex AI and over Responses: errors, limits, filters, callers who
//! leave, counts, and bodies that are none.

use std::time::Duration;

use serde_json::json;

use crate::clouds::{CLOUDS, assert_broken, lab};
use crate::kit::{last_error, passes, sent, with};
use crate::support::{Answer, ask, ask_streamed};

/// §12.4: an error before anything was said has its status; after it, it ends the stream; and a
/// stream that stops short is never a clean one.
#[tokio::test]
async fn case_31_32_33_at_clouds() {
    let lab = lab("errors").await;
    for (prefix, model) in CLOUDS {
        lab.fault(prefix, "error_first_event");
        let answer = lab.chat(&ask_streamed(model, "Hello")).await;
        assert!(
            answer.status.is_server_error(),
            "{model}: {}",
            answer.text()
        );
        lab.sim.clear_faults();
        lab.fault(prefix, "error_after:9");
        let before = sent(&lab).len();
        let answer = lab.chat(&ask_streamed(model, "words:80")).await;
        let code = last_error(&answer)["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert_broken(&answer, &code, model);
        assert!(!code.is_empty(), "{model}: {}", answer.text());
        // Never begun again: that would say things twice.
        assert_eq!(sent(&lab).len(), before + 1, "{model}");
        lab.sim.clear_faults();
        for fault in ["cut:9:reset", "cut:9"] {
            lab.fault(prefix, fault);
            let answer = lab.chat(&ask_streamed(model, "words:80")).await;
            assert_broken(&answer, "upstream_truncated", &format!("{model} {fault}"));
            let record = lab.record(&answer).await;
            assert_eq!(record["end"], "truncated", "{model} {fault}: {record}");
            lab.sim.clear_faults();
        }
    }
}

/// §13.2, §13.3: delays, quotas that are no rate limits, and overload.
#[tokio::test]
async fn case_35_36_37_at_clouds() {
    let lab = lab("limits").await;
    for (prefix, model) in CLOUDS {
        for (fault, status, code) in [
            ("status:429:7", 429, "rate_limit_exceeded"),
            ("status:429:36000", 429, "insufficient_quota"),
            ("status:429:none:quota", 429, "insufficient_quota"),
            ("status:503", 503, "server_is_overloaded"),
        ] {
            lab.fault(prefix, fault);
            let answer = lab.chat(&ask(model, "Hello")).await;
            let told = (answer.status.as_u16(), answer.code());
            assert_eq!(
                told,
                (status, code.to_owned()),
                "{model} {fault}: {}",
                answer.text()
            );
            if fault == "status:429:7" {
                assert_eq!(answer.header("retry-after"), "7", "{model}");
            }
            lab.sim.clear_faults();
        }
    }
}

/// §13.4: a full window, in each API's words.
#[tokio::test]
async fn case_38_at_clouds() {
    let lab = lab("windows").await;
    let bedrock = |text: &str| json!({ "message": text });
    let claude = json!({"type": "error", "error": {"type": "invalid_request_error",
        "message": "prompt is too long: 210000 tokens > 200000 maximum"}});
    let gemini = json!([{"error": {"code": 400, "status": "INVALID_ARGUMENT", "message":
        "The input token count (9000) exceeds the maximum number of tokens allowed (8192)."}}]);
    let openai = json!({"error": {"message": "Too long.", "type": "invalid_request_error",
        "param": "input", "code": "context_length_exceeded"}});
    let said = [
        bedrock("Input is too long for requested model."),
        bedrock("The number of input tokens exceeds maximum length"),
        gemini,
        claude,
        openai,
    ];
    for ((prefix, model), body) in CLOUDS.into_iter().zip(said) {
        for ask in [ask(model, "Hello"), ask_streamed(model, "Hello")] {
            let script = json!({"match": {"prefix": prefix},
                "replies": [{"json": {"status": 400, "body": body}}]});
            lab.sim.add_script(serde_json::from_value(script).unwrap());
            let answer = lab.chat(&ask).await;
            assert_eq!(answer.status, 400, "{model}: {}", answer.text());
            assert_eq!(answer.code(), "context_length_exceeded", "{model}");
        }
    }
}

/// §11.1: a filtered answer ends as one, and a filtered prompt is the same to the caller.
#[tokio::test]
async fn case_39_at_clouds() {
    let lab = lab("filters").await;
    for (prefix, model) in CLOUDS {
        for fault in ["filtered:output", "filtered:prompt"] {
            lab.fault(prefix, fault);
            for body in [ask(model, "Hello"), ask_streamed(model, "Hello")] {
                let answer = lab.chat(&body).await;
                let what = format!("{model} {fault}: {}", answer.text());
                if answer.status == 400 {
                    assert_eq!(answer.code(), "content_filter", "{what}");
                    continue;
                }
                assert_eq!(answer.status, 200, "{what}");
                let finishes = if body["stream"] == true {
                    answer.finishes()
                } else {
                    vec![
                        answer.json()["choices"][0]["finish_reason"]
                            .as_str()
                            .unwrap()
                            .to_owned(),
                    ]
                };
                assert_eq!(finishes, ["content_filter"], "{what}");
            }
            lab.sim.clear_faults();
        }
    }
}

/// §12.4: a caller who leaves ends the call.
#[tokio::test]
async fn case_41_at_clouds() {
    use http_body_util::BodyExt as _;
    let lab = lab("leaving").await;
    for (prefix, model) in CLOUDS {
        lab.fault(prefix, "stall:6");
        let mut answer = lab.open(&ask_streamed(model, "words:80")).await;
        let _ = answer.body_mut().frame().await;
        drop(answer);
        let deadline = std::time::Instant::now() + Duration::from_secs(3);
        while !lab.sim.log_since(0).pop().unwrap().closed_early {
            assert!(
                std::time::Instant::now() < deadline,
                "{model}: the stream went on"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        lab.sim.clear_faults();
    }
}

/// §11.2, §12.1: counts come if they were asked for, as the provider says them; a cached prompt is
/// counted once.
#[tokio::test]
async fn case_42_43_at_clouds() {
    let lab = lab("counts").await;
    let long = "a long instruction that stays the same. ".repeat(300);
    for (prefix, model) in CLOUDS {
        for asked in [true, false] {
            let body = with(
                ask_streamed(model, "echo: hello"),
                "stream_options",
                json!({"include_usage": asked}),
            );
            let (answer, _) = passes(&lab, &body).await;
            assert_eq!(
                answer.text().contains("\"prompt_tokens\""),
                asked,
                "{model}"
            );
            let record = lab.record(&answer).await;
            assert_eq!(
                record["tokens"]["provenance"], "reported",
                "{model}: {record}"
            );
        }
        let body = json!({"model": model, "messages": [
            {"role": "system", "content": [{"type": "text", "text": long,
                "cache_control": {"type": "ephemeral"}}]},
            {"role": "user", "content": "echo: hi"}]});
        let (first, _) = passes(&lab, &body).await;
        let (second, _) = passes(&lab, &body).await;
        let usage = |answer: &Answer| answer.json()["usage"].clone();
        let (first, second) = (usage(&first), usage(&second));
        assert_eq!(
            first["prompt_tokens"], second["prompt_tokens"],
            "{prefix} {model}"
        );
        let cached = second["prompt_tokens_details"]["cached_tokens"].as_u64();
        assert!(cached >= Some(1_024), "{model}: {second}");
        assert!(
            cached <= second["prompt_tokens"].as_u64(),
            "{model}: {second}"
        );
    }
}

/// §13.3: pages, packed errors and bodies that are none.
#[tokio::test]
async fn case_50_at_clouds() {
    let lab = lab("pages").await;
    for (prefix, model) in CLOUDS {
        for fault in [
            "status:502",
            "gzip_error",
            "empty_body",
            "wrong_content_type:html",
            "garbage_json",
        ] {
            lab.fault(prefix, fault);
            for body in [ask(model, "Hello"), ask_streamed(model, "Hello")] {
                let answer = lab.chat(&body).await;
                let what = format!("{model} {fault}: {}", answer.text());
                assert_eq!(answer.status, 502, "{what}");
                assert!(!answer.text().contains("<html"), "{what}");
            }
            lab.sim.clear_faults();
        }
        passes(&lab, &ask(model, "Hello")).await;
    }
}
