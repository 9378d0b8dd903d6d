//! Ollama has two APIs: which one is spoken, where, and with which context.

use polyroute::config::settings::Dialect;

use crate::cases::{findings, settings};

fn spoken(text: &str, environment: &[(&str, &str)]) -> (Dialect, String, Option<u64>) {
    let settings = settings(text, environment);
    let provider = settings.providers.first().unwrap();
    assert_eq!(provider.kind.as_deref(), Some("ollama"));
    let base_url = provider.base_url.as_str().to_owned();
    (provider.dialect, base_url, provider.num_ctx)
}

#[test]
fn its_own_api_is_spoken_unless_the_address_or_the_dialect_says_otherwise() {
    let own = |url: &str| (Dialect::Ollama, url.to_owned(), None);
    assert_eq!(
        spoken("providers: { ollama: {} }", &[]),
        own("http://localhost:11434")
    );
    let text = "providers: { ollama: { base_url: 'http://gpu:11434/' } }";
    assert_eq!(spoken(text, &[]), own("http://gpu:11434"));
    let text = "providers: { big: { kind: ollama, base_url: 'http://gpu:11434' } }";
    assert_eq!(spoken(text, &[]), own("http://gpu:11434"));
    let variable = [("OLLAMA_BASE_URL", "http://gpu:11434")];
    assert_eq!(spoken("", &variable), own("http://gpu:11434"));
    // With the operator's word on the context nothing is cut in silence, and nothing to warn of.
    for text in [
        "providers: { ollama: { dialect: openai, num_ctx: 8192 } }",
        "providers: { ollama: { base_url: 'http://localhost:11434/v1/', num_ctx: 8192 } }",
    ] {
        let compatible = (
            Dialect::OpenAi,
            "http://localhost:11434/v1".to_owned(),
            Some(8_192),
        );
        assert_eq!(spoken(text, &[]), compatible);
    }
}

#[test]
fn the_compatible_api_is_warned_of() {
    let warned = "Ollama's OpenAI-compatible API drops the head of a prompt that exceeds the server's context, \
                  without a word | end the URL before `/v1` to use its own API";
    assert_eq!(
        findings(
            "providers:\n  ollama: { base_url: 'http://x:11434/v1' }\n",
            &[]
        ),
        [format!("warning 2:3 providers.ollama: {warned}")]
    );
    assert_eq!(
        findings("", &[("OLLAMA_BASE_URL", "http://x:11434/v1")]),
        [format!("warning OLLAMA_BASE_URL: {warned}")]
    );
}

#[test]
fn a_context_is_ollamas_and_holds_something() {
    assert_eq!(
        findings(
            "providers:\n  ollama: { num_ctx: 0 }\n  vllm: { num_ctx: 9 }\n",
            &[]
        ),
        [
            "2:22 providers.ollama.num_ctx: a context holds something | write tokens, such as \
             `32768`, or remove it",
            "3:20 providers.vllm.num_ctx: `num_ctx` means something to Ollama only | remove it",
        ]
    );
}
