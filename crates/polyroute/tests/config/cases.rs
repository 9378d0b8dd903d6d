//! Helpers: load a text with an environment, and findings as one line each.

use std::path::Path;

use polyroute::config::env::Environment;
use polyroute::config::problem::{Report, Severity};
use polyroute::config::{Input, Loaded, load_text};

/// Keys of the three providers.
pub(crate) const KEYS: &[(&str, &str)] = &[
    ("OPENAI_API_KEY", "openai-key-1"),
    ("ANTHROPIC_API_KEY", "anthropic-key-1"),
    ("GEMINI_API_KEY", "gemini-key-1"),
];

pub(crate) fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().copied().collect()
}

/// Loads a text as `test.yaml`.
pub(crate) fn load(text: &str, pairs: &[(&str, &str)]) -> Result<Loaded, Report> {
    let environment = environment(pairs);
    let input = Input {
        file: None,
        listen: None,
        admin: None,
        environment: &environment,
    };
    load_text(Some("test.yaml"), text, Path::new(""), &input)
}

/// The settings of a text that must hold, without a warning.
pub(crate) fn settings(
    text: &str,
    pairs: &[(&str, &str)],
) -> polyroute::config::settings::Settings {
    let loaded = load(text, pairs).unwrap();
    assert_eq!(lines(&loaded.warnings), Vec::<String>::new());
    loaded.settings
}

/// Each finding as `line:column key: reason | suggestion`, warnings marked.
pub(crate) fn lines(report: &Report) -> Vec<String> {
    let line = |finding: &polyroute::config::problem::Finding| {
        let mut out = String::new();
        if finding.severity == Severity::Warning {
            out.push_str("warning ");
        }
        if let Some(place) = finding.place {
            out.push_str(&format!("{}:{} ", place.line, place.column));
        }
        out.push_str(&format!("{}: {}", finding.key, finding.reason));
        if let Some(suggestion) = &finding.suggestion {
            out.push_str(&format!(" | {suggestion}"));
        }
        out
    };
    report.findings.iter().map(line).collect()
}

/// All findings of a text, whether or not it is refused.
pub(crate) fn findings(text: &str, pairs: &[(&str, &str)]) -> Vec<String> {
    match load(text, pairs) {
        Ok(loaded) => lines(&loaded.warnings),
        Err(report) => lines(&report),
    }
}
