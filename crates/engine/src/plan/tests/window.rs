//! Windows, and prompts that exceed them by our estimate.

use super::*;

#[test]
fn a_window_too_small_by_estimate_is_skipped_only_for_a_wider_one() {
    let long = |tokens| {
        let mut needs = RequestNeeds::default();
        needs.size.exact(tokens);
        needs
    };
    let both = snapshot(&["openai/gpt-4", "openai/gpt-4o"]);
    assert_eq!(
        names(&plan_of(&both, long(100)).unwrap()),
        ["openai/gpt-4", "openai/gpt-4o"]
    );
    let plan = plan_of(&both, long(50_000)).unwrap();
    assert_eq!(names(&plan), ["openai/gpt-4o"]);
    assert_eq!(
        plan.excluded[0].reason,
        ExcludeReason::Window {
            window: 8_192,
            // With what every request of the family costs.
            wanted: 50_003
        }
    );
    // Too long for both: it is an estimate, so the widest may say so itself.
    assert_eq!(
        names(&plan_of(&both, long(900_000)).unwrap()),
        ["openai/gpt-4o"]
    );
    // An unknown window may be wide enough.
    let unknown = snapshot(&["openai/gpt-4", "house/any"]);
    assert_eq!(
        names(&plan_of(&unknown, long(900_000)).unwrap()),
        ["house/any"]
    );
}

/// wire-protocols §13.4, §15: Ollama cuts a prompt that exceeds its context, so that our estimate
/// decides there, and not the server.
#[test]
fn section_13_4_a_prompt_is_not_sent_to_where_it_would_be_cut() {
    let long = |tokens, operation| {
        let mut needs = RequestNeeds {
            operation,
            ..RequestNeeds::default()
        };
        needs.size.exact(tokens);
        needs
    };
    let at = |dialect, num_ctx| {
        let mut snapshot = snapshot(&["ollama/llama3.1"]);
        let mut provider = Provider::new("ollama", dialect, false);
        provider.catalog = Some("ollama".to_owned());
        provider.num_ctx = num_ctx;
        snapshot.providers.push(provider);
        snapshot
    };
    for dialect in [Dialect::Ollama, Dialect::OpenAi] {
        let snapshot = at(dialect, Some(20_000));
        let plan = plan_of(&snapshot, long(19_000, Operation::Chat)).unwrap();
        let target = &plan.targets[0].wire;
        assert!(target.input_tokens.is_some_and(|tokens| tokens >= 19_000));
        assert_eq!(target.endpoint.num_ctx, Some(20_000));
        for operation in [Operation::Chat, Operation::Completions] {
            let refused = plan_of(&snapshot, long(21_000, operation)).unwrap_err();
            assert_eq!(
                (refused.status, refused.code),
                (400, "context_length_exceeded")
            );
        }
    }
    // Without a word of the operator's the server, told not to cut, has the last one.
    let plan = plan_of(&at(Dialect::Ollama, None), long(90_000, Operation::Chat)).unwrap();
    assert!(plan.targets[0].wire.input_tokens >= Some(90_000));
    // Each of many texts to embed is as long as it is.
    let mut embeds = at(Dialect::Ollama, Some(2_048));
    embeds.routes[0].targets[0] = Target::new("ollama", "nomic-embed-text");
    assert!(plan_of(&embeds, long(90_000, Operation::Embedding)).is_ok());
}
