//! The upstream faults F05 to F24 that the simulator can play, each in every cell of the grid.

use std::time::Duration;

use http::StatusCode;

use crate::grid::{Due, ROUTES, Row, at_provider, hasty, judge, lab, play};
use crate::support::{Lab, MODELS, ask, ask_streamed, until};

const CONNECTION: &[(u16, &str)] = &[(502, "upstream_connection")];
const TIMEOUT: &[(u16, &str)] = &[(504, "upstream_timeout")];
const FAILED: &[(u16, &str)] = &[(502, "upstream_error")];
const MALFORMED: &[(u16, &str)] = &[(502, "upstream_malformed")];
const INCOMPLETE: &[(u16, &str)] = &[
    (502, "upstream_truncated"),
    (502, "upstream_malformed"),
    (502, "upstream_connection"),
];
const CUT: &[&str] = &["upstream_truncated", "upstream_connection"];

#[tokio::test]
async fn f05_a_rate_limit_with_a_wait_falls_back_or_passes_the_wait_on() {
    let row = Row::fails(&[(429, "rate_limit_exceeded")], 1);
    play(&["status:429:7", "status:429:date7"], row).await;
    for (provider, model) in MODELS {
        let lab = lab().await;
        lab.fault(provider, "status:429:7");
        for body in [ask(model, "hello"), ask_streamed(model, "hello")] {
            let answer = lab.chat(&body).await;
            assert_eq!(
                answer.header("retry-after"),
                "7",
                "{provider}: {:?}",
                answer.headers
            );
            assert_ne!(answer.header("x-should-retry"), "false", "{provider}");
        }
    }
}

#[tokio::test]
async fn f05_absurd_waits_are_clamped() {
    let told: &[(u16, &str)] = &[(429, "rate_limit_exceeded"), (429, "insufficient_quota")];
    let faults = [
        "status:429:9999",
        "status:429:raw=-1",
        "status:429:raw=soon",
    ];
    play(&faults, Row::fails(told, 2)).await;
}

#[tokio::test]
async fn f06_a_rate_limit_without_a_wait_is_tried_once_more_at_most() {
    play(
        &["status:429"],
        Row::fails(&[(429, "rate_limit_exceeded")], 2),
    )
    .await;
}

#[tokio::test]
async fn f06_a_spent_quota_is_not_tried_again() {
    play(
        &["status:429:quota"],
        Row::fails(&[(429, "insufficient_quota")], 1),
    )
    .await;
    let (_, model) = MODELS[0];
    let lab = lab().await;
    lab.fault("openai", "status:429:quota");
    let answer = lab.chat(&ask(model, "hello")).await;
    assert_eq!(answer.header("x-should-retry"), "false");
}

#[tokio::test]
async fn f07_an_overloaded_provider_is_503_to_openai_callers() {
    let told = &[(503, "server_is_overloaded")];
    play(&["status:529", "status:503"], Row::fails(told, 3)).await;
}

#[tokio::test]
async fn f08_server_errors_are_tried_once_more_and_never_passed_raw() {
    play(&["status:500", "status:502"], Row::fails(FAILED, 2)).await;
    play(&["status:504"], Row::fails(TIMEOUT, 2)).await;
    let lab = lab().await;
    lab.fault("openai", "status:502");
    let answer = lab.chat(&ask("openai/gpt-4o-mini", "hello")).await;
    assert!(!answer.text().contains("<html"), "{}", answer.text());
    // Two attempts are spent: a client that tried on would multiply them.
    assert_eq!(answer.header("x-should-retry"), "false");
}

#[tokio::test]
async fn f09_the_caller_s_mistakes_are_passed_on_and_not_tried_elsewhere() {
    let mistake = |told| Row {
        falls_back: false,
        ..Row::fails(told, 1)
    };
    play(&["status:400"], mistake(&[(400, "invalid_request")])).await;
    play(
        &["status:422"],
        mistake(&[(422, "invalid_request"), (400, "invalid_request")]),
    )
    .await;
    play(
        &["status:413"],
        Row::fails(&[(413, "payload_too_large")], 1),
    )
    .await;
    play(
        &["status:404"],
        Row::fails(&[(404, "model_not_found"), (502, "upstream_not_found")], 1),
    )
    .await;
}

#[tokio::test]
async fn f10_a_refused_credential_is_our_502_and_another_target_s_answer() {
    play(&["status:401"], Row::fails(&[(502, "upstream_auth")], 1)).await;
    play(
        &["status:403"],
        Row::fails(&[(502, "upstream_permission")], 1),
    )
    .await;
    let lab = lab().await;
    lab.fault("openai", "status:401");
    let answer = lab.chat(&ask("openai/gpt-4o-mini", "hello")).await;
    assert_eq!(answer.header("x-should-retry"), "false");
}

#[tokio::test]
async fn f11_a_redirect_is_not_followed() {
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let fault = format!("redirect:http://{}/v1", elsewhere.local_addr().unwrap());
    play(&[&fault], Row::fails(MALFORMED, 1)).await;
    assert!(elsewhere.accept().is_err(), "the redirect was followed");
}

#[tokio::test]
async fn f12_a_provider_that_never_answers_is_left() {
    play(&["hang"], Row::fails(TIMEOUT, 2)).await;
}

#[tokio::test]
async fn f13_a_head_and_then_nothing_is_the_same() {
    play(&["head_then_hang"], Row::fails(TIMEOUT, 2)).await;
}

#[tokio::test]
async fn f12_the_upstream_of_an_attempt_that_was_given_up_is_closed() {
    let lab = hasty().await;
    lab.fault("openai", "head_then_hang");
    let answer = lab.chat(&ask_streamed("openai-first", "hello")).await;
    assert_eq!(answer.header("x-polyroute-provider"), "anthropic");
    until(3, "the first attempt's connection is still open", || {
        let first = lab.attempts().into_iter().next()?;
        first.ended_ms.map(|_| ())
    })
    .await;
}

#[tokio::test]
async fn f14_a_stall_within_the_answer_is_an_error_event_and_counts_its_tokens() {
    let row = Row {
        whole: Due::Any,
        streamed: Due::Broken(&["upstream_timeout"]),
        falls_back: true,
        attempts_max: 2,
    };
    play(&["stall:20"], row).await;
    let counts = MODELS.map(|(provider, model)| async move {
        let lab = hasty().await;
        lab.fault(provider, "stall:25");
        let answer = lab.chat(&ask_streamed(model, "words:80")).await;
        let record = judge(&lab, &answer, true, row.streamed, provider).await;
        let output = record["tokens"]["output"].as_u64().unwrap();
        assert!(output >= 15, "{provider}: {record}");
        // Gemini counts in every event, the others at the end only.
        let provenance = if provider == "gemini" {
            "reported"
        } else {
            "estimated"
        };
        assert_eq!(record["tokens"]["provenance"], provenance, "{record}");
        assert!(record["ttft_ms"].as_f64().unwrap() > 0.0, "{record}");
    });
    futures_util::future::join_all(counts).await;
}

#[tokio::test]
async fn row_f15_a_body_that_is_cut_is_never_a_success() {
    let row = Row {
        whole: Due::Error(INCOMPLETE),
        streamed: Due::Broken(CUT),
        falls_back: true,
        attempts_max: 2,
    };
    play(&["cut:20:close"], row).await;
    let row = Row {
        streamed: Due::Any,
        ..row
    };
    play(&["length_too_long"], row).await;
}

#[tokio::test]
async fn row_f16_a_reset_before_content_falls_back_and_one_after_it_is_an_error_event() {
    play(&["reset_before_headers"], Row::fails(CONNECTION, 2)).await;
    let row = Row {
        whole: Due::Error(INCOMPLETE),
        streamed: Due::Error(INCOMPLETE),
        falls_back: true,
        attempts_max: 2,
    };
    play(&["cut:0:reset"], row).await;
    let row = Row {
        streamed: Due::Broken(CUT),
        ..row
    };
    play(&["cut:20:reset"], row).await;
}

#[tokio::test]
async fn row_f17_a_stream_without_its_end_is_never_a_clean_end() {
    let row = Row {
        whole: Due::Error(INCOMPLETE),
        streamed: Due::Broken(CUT),
        falls_back: true,
        attempts_max: 2,
    };
    play(&["cut:20:end"], row).await;
    let row = Row {
        whole: Due::Any,
        ..row
    };
    play(&["missing_finish"], row).await;
}

#[tokio::test]
async fn row_f18_one_broken_event_is_no_panic_and_no_false_success() {
    let row = Row {
        whole: Due::Error(MALFORMED),
        streamed: Due::Any,
        falls_back: true,
        attempts_max: 2,
    };
    play(&["malformed_event:20"], row).await;
}

#[tokio::test]
async fn row_f19_garbage_is_502_and_another_target_s_answer() {
    play(&["garbage_json", "empty_body"], Row::fails(INCOMPLETE, 2)).await;
    let row = Row {
        streamed: Due::Any,
        ..Row::fails(INCOMPLETE, 2)
    };
    play(&["half_json"], row).await;
}

#[tokio::test]
async fn row_f20_a_web_page_is_no_answer() {
    play(&["wrong_content_type:html"], Row::fails(MALFORMED, 1)).await;
    let row = Row {
        whole: Due::Any,
        streamed: Due::Any,
        falls_back: true,
        attempts_max: 2,
    };
    play(&["wrong_content_type:swap"], row).await;
}

#[tokio::test]
async fn row_f21_a_200_with_an_error_is_an_error() {
    let told: &[(u16, &str)] = &[
        (502, "upstream_error"),
        (502, "upstream_malformed"),
        (503, "server_is_overloaded"),
    ];
    play(&["error_200"], Row::fails(told, 3)).await;
    play(&["error_first_event"], Row::fails(told, 3)).await;
}

#[tokio::test]
async fn row_f21_an_error_after_content_is_an_error_event_without_done() {
    let row = Row {
        whole: Due::Any,
        streamed: Due::Broken(&["upstream_error", "server_is_overloaded"]),
        falls_back: true,
        attempts_max: 3,
    };
    play(&["error_after:20"], row).await;
}

#[tokio::test]
async fn row_f22_a_drip_is_ended_by_the_deadline() {
    let row = Row::fails(TIMEOUT, 2);
    play(&["slow_head:1"], row).await;
    let row = Row {
        streamed: Due::Any,
        ..row
    };
    play(&["slow_drip:1"], row).await;
}

#[tokio::test]
async fn row_f23_an_event_or_a_head_beyond_its_bound_is_refused() {
    let row = Row {
        whole: Due::Any,
        streamed: Due::Any,
        falls_back: true,
        attempts_max: 2,
    };
    let (provider, model) = MODELS[0];
    at_provider(
        provider,
        model,
        "many_headers:10000",
        Row::fails(
            &[(502, "upstream_connection"), (502, "upstream_malformed")],
            2,
        ),
    )
    .await;
    // With the usual timeouts: nine megabytes take their time.
    let lab = Lab::with("", ROUTES).await;
    lab.fault(provider, "big_event:9000000");
    let answer = lab.chat(&ask_streamed(model, "hello")).await;
    assert_eq!(
        answer.status,
        StatusCode::BAD_GATEWAY,
        "{}",
        answer.text().len()
    );
    judge(&lab, &answer, true, row.streamed, "big event").await;
    let answer = lab.chat(&ask_streamed("openai-first", "words:80")).await;
    assert_eq!(answer.header("x-polyroute-provider"), "anthropic");
}

#[tokio::test]
async fn row_f24_an_encoding_that_was_not_asked_for_is_refused() {
    let told: &[(u16, &str)] = &[(502, "upstream_malformed"), (502, "upstream_error")];
    play(&["gzip_error"], Row::fails(told, 2)).await;
}

#[tokio::test]
async fn row_f28_events_after_the_end_do_not_reach_the_caller() {
    let served = Row {
        whole: Due::Served,
        streamed: Due::Served,
        falls_back: true,
        attempts_max: 1,
    };
    play(&["no_final_newline", "crlf", "comments_flood:5"], served).await;
}

#[tokio::test]
async fn row_f30_bytes_one_by_one_are_the_same_answer() {
    let lab = Lab::start().await;
    for (provider, model) in MODELS {
        lab.fault(provider, "one_byte_chunks");
        let answer = lab.chat(&ask_streamed(model, "echo: déjà vu")).await;
        assert_eq!(
            answer.streamed(),
            ("déjà vu".to_owned(), true),
            "{provider}"
        );
        let answer = lab.chat(&ask(model, "echo: déjà vu")).await;
        assert_eq!(answer.content(), "déjà vu", "{provider}");
    }
}

#[tokio::test]
async fn row_f28_a_second_end_is_no_second_end() {
    let served = Row {
        whole: Due::Served,
        streamed: Due::Served,
        falls_back: true,
        attempts_max: 1,
    };
    // Gemini has no end marker that could come twice.
    for (provider, model) in &MODELS[..2] {
        at_provider(provider, model, "double_done", served).await;
    }
}

#[tokio::test]
async fn row_f29_odd_usage_ends_no_answer() {
    let served = Row {
        whole: Due::Served,
        streamed: Due::Served,
        falls_back: true,
        attempts_max: 1,
    };
    let faults = [
        "usage_missing",
        "usage_odd:null",
        "usage_odd:negative",
        "usage_odd:huge",
        "usage_odd:text",
    ];
    play(&faults, served).await;
    for (provider, model) in MODELS {
        let lab = lab().await;
        lab.fault(provider, "usage_missing");
        let answer = lab.chat(&ask_streamed(model, "words:80")).await;
        let record = lab.record(&answer).await;
        assert_eq!(
            record["tokens"]["provenance"], "estimated",
            "{provider}: {record}"
        );
        assert!(record["tokens"]["output"].as_u64().unwrap() > 0, "{record}");
    }
}

#[tokio::test]
async fn row_s25_the_gateway_is_whole_after_hundreds_of_faults() {
    let lab = lab().await;
    let rule = |fault: &str, probability: f64| serde_json::json!({"fault": fault, "probability": probability});
    for fault in [
        "reset_before_headers",
        "status:500",
        "cut:3:reset",
        "garbage_json",
        "error_200",
    ] {
        lab.sim
            .add_fault(serde_json::from_value(rule(fault, 0.2)).unwrap());
    }
    for _ in 0..5 {
        let asked = (0..20).map(|index| {
            let body = if index % 2 == 0 {
                ask("chat", "echo: fine")
            } else {
                ask_streamed("chat", "echo: fine")
            };
            let lab = &lab;
            async move { lab.chat(&body).await }
        });
        for answer in futures_util::future::join_all(asked).await {
            judge(
                &lab,
                &answer,
                answer
                    .header("content-type")
                    .starts_with("text/event-stream"),
                Due::Any,
                "storm",
            )
            .await;
        }
    }
    lab.sim.clear_faults();
    let answer = lab.chat(&ask("chat", "echo: fine")).await;
    assert_eq!(answer.content(), "fine");
    let deadline = Duration::from_secs(3);
    let begun = std::time::Instant::now();
    while lab.gateway.gateway.telemetry.metrics.open_streams.get() != 0 {
        assert!(begun.elapsed() < deadline, "streams are still open");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
