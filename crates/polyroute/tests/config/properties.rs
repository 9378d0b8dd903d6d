//! Arbitrary text never panics, and whatever is wrong has a place inside the text.

use proptest::prelude::*;

use crate::cases::{KEYS, load};

/// Pieces that a configuration is made of, so that random texts get past the parser.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "server:",
        "listen:",
        "keys:",
        "providers:",
        "openai:",
        "targets:",
        "routes:",
        "use:",
        "name:",
        "secret:",
        "credentials:",
        "resilience:",
        "timeouts:",
        "total:",
        "headers:",
        "\n",
        "\n  ",
        "\n    ",
        "\n  - ",
        " ",
        "[",
        "]",
        "{",
        "}",
        ",",
        ": ",
        "- ",
        "a",
        "5s",
        "64MiB",
        "openai/x",
        "${A}",
        "${A:-b}",
        "$${",
        "${",
        "'",
        "\"",
        "&x",
        "*x",
        "!t",
        "|",
        ">",
        "<<:",
        "#",
        "\t",
        "---\n",
        "~",
        "é",
        "\u{0}",
        "\u{7f}",
        "null",
        "true",
        "0",
        "-1",
    ];
    prop_oneof![8 => prop::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => ".{0,8}"]
}

fn check(text: &str) {
    let Err(report) = load(text, KEYS) else {
        return;
    };
    assert!(report.has_errors());
    for finding in &report.findings {
        let Some(place) = finding.place else { continue };
        assert!(place.line >= 1 && place.column >= 1);
        let breaks = text.matches(['\n', '\r']).count();
        assert!(place.line <= breaks + 1, "{finding:?}\n{text:?}");
    }
    assert!(!report.to_text(true).is_empty());
    assert!(report.to_json().is_object());
}

proptest! {
    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_pieces_are_answered(pieces in prop::collection::vec(piece(), 0..40)) {
        check(&pieces.concat());
    }
}

#[test]
fn deep_nesting_is_refused() {
    for text in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
    ] {
        let report = load(&text, KEYS).unwrap_err();
        assert_eq!(report.findings.len(), 1);
    }
}
