//! What is wrong with a configuration, said once with everything a person needs to mend it.
//!
//! Read [`Finding`] first. [`Report`] holds all findings of one load; how it looks in a terminal
//! is in `render`.

use serde::Serialize;

use super::path::KeyPath;
use super::tree::Span;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// It works, and there is a better way.
    Warning,
}

/// One thing to mend: where, what, why, and what to write instead. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Error or warning.
    pub severity: Severity,
    /// The file, where the finding is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line and column in the file, from 1.
    #[serde(flatten)]
    pub place: Option<Place>,
    /// The key path in the file, the name of the environment variable, or the flag.
    pub key: String,
    /// What is wrong.
    pub reason: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
    /// The written line, secrets masked.
    #[serde(skip)]
    pub excerpt: Option<String>,
}

/// Where in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// How many characters to underline.
    #[serde(skip)]
    pub length: usize,
}

impl From<Span> for Place {
    fn from(span: Span) -> Self {
        Self {
            line: span.line,
            column: span.column,
            length: span.length,
        }
    }
}

/// Everything that one load found, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The findings.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether the configuration is refused.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// How many findings of one kind there are.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    }
}

impl std::error::Error for Report {}

/// A problem while it is collected, before it is tied to the file's text.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) severity: Severity,
    pub(crate) origin: Origin,
    pub(crate) reason: String,
    pub(crate) suggestion: Option<String>,
}

/// What a problem is about.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// A path in the document; the place is looked up in the tree.
    Path(KeyPath),
    /// A path and a place that is known already.
    Spot(KeyPath, Span),
    /// An environment variable.
    Variable(String),
    /// A command-line flag.
    Flag(&'static str),
    /// The file as a whole.
    File,
}

/// The problems found so far.
#[derive(Debug, Default)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl Problems {
    pub(crate) fn error(&mut self, origin: impl Into<Origin>, reason: impl Into<String>) {
        self.push(Severity::Error, origin.into(), reason.into(), None);
    }

    pub(crate) fn advise(
        &mut self,
        origin: impl Into<Origin>,
        reason: impl Into<String>,
        suggestion: impl Into<String>,
    ) {
        self.push(
            Severity::Error,
            origin.into(),
            reason.into(),
            Some(suggestion.into()),
        );
    }

    pub(crate) fn warn(
        &mut self,
        origin: impl Into<Origin>,
        reason: impl Into<String>,
        suggestion: impl Into<String>,
    ) {
        self.push(
            Severity::Warning,
            origin.into(),
            reason.into(),
            Some(suggestion.into()),
        );
    }

    pub(crate) fn push(
        &mut self,
        severity: Severity,
        origin: Origin,
        reason: String,
        suggestion: Option<String>,
    ) {
        self.0.push(Problem {
            severity,
            origin,
            reason,
            suggestion,
        });
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.0
            .iter()
            .any(|problem| problem.severity == Severity::Error)
    }
}

impl From<KeyPath> for Origin {
    fn from(path: KeyPath) -> Self {
        Self::Path(path)
    }
}

impl From<&KeyPath> for Origin {
    fn from(path: &KeyPath) -> Self {
        Self::Path(path.clone())
    }
}

/// The candidate that the reader most likely meant, if one is near: a slip or two of the fingers,
/// or the same beginning.
pub(crate) fn nearest<'a>(
    wanted: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    let score = |candidate: &'a str| {
        let name = candidate.to_lowercase();
        let slips = strsim::osa_distance(&wanted, &name);
        let shorter = wanted.chars().count().min(name.chars().count());
        let similar = strsim::jaro_winkler(&wanted, &name);
        let near = slips < shorter && slips <= (shorter / 3).max(1);
        (near || similar > 0.8).then_some((slips, similar, candidate))
    };
    let best = |a: &(usize, f64, &str), b: &(usize, f64, &str)| {
        a.0.cmp(&b.0).then_with(|| b.1.total_cmp(&a.1))
    };
    candidates
        .into_iter()
        .filter_map(score)
        .min_by(best)
        .map(|(_, _, candidate)| candidate)
}

/// What keys are called elsewhere: in other gateways and in the providers' own SDKs.
const CALLED_ELSEWHERE: &[(&str, &str)] = &[
    ("api_base", "base_url"),
    ("api_key", "credentials"),
    ("api_keys", "credentials"),
    ("endpoint", "base_url"),
    ("key", "credentials"),
    ("keys", "credentials"),
    ("model_name", "name"),
    ("token", "credentials"),
    ("type", "kind"),
    ("url", "base_url"),
    ("virtual_keys", "keys"),
];

/// `did you mean …?`, else the choice where it is short.
pub(crate) fn did_you_mean<'a>(
    wanted: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
    noun: &str,
) -> Option<String> {
    let known = |name: &str| candidates.clone().into_iter().any(|known| known == name);
    let elsewhere = CALLED_ELSEWHERE
        .iter()
        .find(|(called, ours)| *called == wanted && known(ours))
        .map(|(_, ours)| *ours);
    if let Some(found) = elsewhere.or_else(|| nearest(wanted, candidates.clone())) {
        return Some(format!("did you mean `{found}`?"));
    }
    let names: Vec<&str> = candidates.into_iter().collect();
    if names.is_empty() {
        return None;
    }
    let more = if names.len() > 16 { ", …" } else { "" };
    let shown: Vec<String> = names
        .iter()
        .take(16)
        .map(|name| format!("`{name}`"))
        .collect();
    Some(format!("the {noun} are {}{more}", shown.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near_or_absent() {
        let names = ["listen", "admin", "limits"];
        assert_eq!(nearest("lisen", names), Some("listen"));
        assert_eq!(nearest("Listen", names), Some("listen"));
        assert_eq!(nearest("banana", names), None);
        let keys = ["api", "credentials", "base_url", "kind"];
        for (elsewhere, ours) in [
            ("api_key", "credentials"),
            ("url", "base_url"),
            ("type", "kind"),
        ] {
            let hint = did_you_mean(elsewhere, keys, "keys");
            assert_eq!(hint, Some(format!("did you mean `{ours}`?")));
        }
        // Only where there is such a key.
        let hint = did_you_mean("api_key", ["api"], "keys");
        assert_eq!(hint.as_deref(), Some("did you mean `api`?"));
        assert_eq!(nearest("evn", ["file", "env"]), Some("env"));
        assert_eq!(nearest("x", ["a", "b"]), None);
        assert_eq!(
            did_you_mean("banana", names, "keys").unwrap(),
            "the keys are `listen`, `admin`, `limits`"
        );
    }
}
