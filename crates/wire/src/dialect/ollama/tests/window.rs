//! The context that is asked for: wire-protocols §13.4 (silent overflow) and §15 (Ollama).

use super::*;

fn of(tokens: u64, window: Option<u64>) -> Target {
    let mut target = target();
    target.input_tokens = Some(tokens);
    target.capabilities.context_window = window;
    target
}

#[test]
fn section_15_a_prompt_beyond_the_servers_default_gets_a_context_that_holds_it() {
    for (tokens, window, limit, expected) in [
        // The default of 4,096 is enough.
        (100, None, None, None),
        (1_000, None, Some(500), None),
        // Room for the estimate's error and the answer.
        (3_000, None, None, Some(8_192)),
        (9_000, None, None, Some(16_384)),
        (9_000, None, Some(4_000), Some(16_384)),
        // A limit is not an intention.
        (100, None, Some(120_000), Some(16_384)),
        // No more than the model has, as long as that is enough.
        (30_000, Some(40_960), None, Some(40_960)),
        (30_000, Some(8_192), None, Some(65_536)),
        (60_000, Some(131_072), None, Some(131_072)),
    ] {
        let mut body = json!({});
        if let Some(limit) = limit {
            body["max_tokens"] = json!(limit);
        }
        let (sent, _) = encode_for(body, &of(tokens, window));
        let num_ctx = sent.pointer("/options/num_ctx").and_then(Value::as_u64);
        assert_eq!(num_ctx, expected, "{tokens} {window:?} {limit:?}");
        assert!(num_ctx.is_none_or(|size| size > tokens), "{tokens}");
    }
}

#[test]
fn section_15_the_server_is_told_not_to_cut_and_not_to_forget() {
    let (sent, _) = encode(json!({}));
    assert_eq!(
        (&sent["truncate"], &sent["shift"]),
        (&json!(false), &json!(false))
    );
    // The caller has the last word.
    let own = json!({"provider_options": {"ollama": {"truncate": true, "keep_alive": "30m"}}});
    let (sent, encoded) = encode(own);
    assert_eq!(
        (&sent["truncate"], &sent["keep_alive"]),
        (&json!(true), &json!("30m"))
    );
    assert!(encoded.dropped.is_empty());
}

#[test]
fn section_15_the_operators_context_is_sent_with_every_request() {
    for tokens in [10, 20_000] {
        let mut target = of(tokens, Some(131_072));
        target.endpoint.num_ctx = Some(32_768);
        let (sent, _) = encode_for(json!({}), &target);
        assert_eq!(sent["options"]["num_ctx"], 32_768);
    }
}

#[test]
fn section_15_a_context_of_the_callers_holds_unless_the_prompt_does_not_fit() {
    for own in [
        json!({"num_ctx": 8_192}),
        json!({"provider_options": {"ollama": {"options": {"num_ctx": 8_192}}}}),
    ] {
        let mut target = of(5_000, None);
        target.endpoint.num_ctx = Some(32_768);
        let (sent, encoded) = encode_for(own.clone(), &target);
        assert_eq!(sent["options"]["num_ctx"], 8_192);
        assert!(encoded.dropped.is_empty(), "{:?}", encoded.dropped);
        let refused = try_encode(own, &of(9_000, None)).unwrap_err();
        assert_eq!(
            refused.param.as_deref(),
            Some("provider_options.ollama.options.num_ctx")
        );
        assert!(refused.message.contains("9000"), "{}", refused.message);
    }
}
