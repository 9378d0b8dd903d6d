//! How findings look: for a person in a terminal, and as JSON. Also what keeps secrets out of
//! the lines that are shown.

use std::fmt::{self, Write};

use serde_json::{Value, json};

use super::path::{KeyPath, Segment};
use super::problem::{Finding, Place, Report, Severity};
use super::tree::{self, Kind, Node};

/// What the credentials of well-known vendors begin with.
const SECRET_PREFIXES: &[&str] = &[
    "sk-", "sk_", "pk-", "gsk_", "xai-", "AIza", "pplx-", "hf_", "csk-", "fw_", "AKIA", "Bearer ",
];
/// The widest excerpt, in characters.
const EXCERPT_MAX: usize = 160;

impl Report {
    /// All findings for a terminal, and a line of counts at the end.
    #[must_use]
    pub fn to_text(&self, colour: bool) -> String {
        let paint = Paint { colour };
        let mut out = String::new();
        for finding in &self.findings {
            out.push_str(&paint.finding(finding));
            out.push('\n');
        }
        if !self.findings.is_empty() {
            let (errors, warnings) = (self.count(Severity::Error), self.count(Severity::Warning));
            out.push_str(&format!(
                "{}, {}\n",
                many(errors, "error"),
                many(warnings, "warning")
            ));
        }
        out
    }

    /// All findings for a program.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "ok": !self.has_errors(),
            "errors": self.count(Severity::Error),
            "warnings": self.count(Severity::Warning),
            "findings": self.findings,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text(false))
    }
}

fn many(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

/// Writes with or without colours.
struct Paint {
    colour: bool,
}

impl Paint {
    fn dye(&self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn finding(&self, finding: &Finding) -> String {
        let (word, code) = match finding.severity {
            Severity::Error => ("error", "1;31"),
            Severity::Warning => ("warning", "1;33"),
        };
        let mut out = String::new();
        let reason = self.dye("1", &visible(&finding.reason));
        // Writing to a String can't fail.
        let _ = writeln!(
            out,
            "{}{} {reason}",
            self.dye(code, word),
            self.dye("1", ":")
        );
        let number = finding
            .place
            .map(|place| place.line.to_string())
            .unwrap_or_default();
        let margin = " ".repeat(number.len());
        let arrow = self.dye("1;34", "-->");
        let _ = writeln!(out, "{margin}{arrow} {}", visible(&whereabouts(finding)));
        if let (Some(place), Some(line)) = (finding.place, &finding.excerpt) {
            let bar = self.dye("1;34", "|");
            let (line, before) = crop(line, place);
            let width = line
                .chars()
                .count()
                .saturating_sub(before)
                .clamp(1, place.length.max(1));
            let carets = self.dye(code, &"^".repeat(width));
            let _ = writeln!(out, "{margin} {bar}");
            let _ = writeln!(out, "{} {bar} {line}", self.dye("1;34", &number));
            let _ = writeln!(out, "{margin} {bar} {}{carets}", " ".repeat(before));
        }
        if let Some(suggestion) = &finding.suggestion {
            let help = self.dye("1", "help:");
            let _ = writeln!(
                out,
                "{margin} {} {help} {}",
                self.dye("1;34", "="),
                visible(suggestion)
            );
        }
        out
    }
}

/// `polyroute.yaml:3:5 (routes.chat)`, or the variable or flag.
fn whereabouts(finding: &Finding) -> String {
    let mut out = finding.file.clone().unwrap_or_default();
    if let Some(place) = finding.place {
        out.push_str(&format!(":{}:{}", place.line, place.column));
    }
    match (out.is_empty(), finding.key.is_empty()) {
        (_, true) => out,
        (true, false) => finding.key.clone(),
        (false, false) => format!("{out} ({})", finding.key),
    }
}

/// Control characters of the file must not reach the terminal.
fn visible(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// The part of a long line around the place, and how many characters stand before the carets.
fn crop(line: &str, place: Place) -> (String, usize) {
    let column = place.column.saturating_sub(1);
    let skip = if column > EXCERPT_MAX / 2 {
        column.saturating_sub(EXCERPT_MAX / 4)
    } else {
        0
    };
    let shown: String = line.chars().skip(skip).take(EXCERPT_MAX).collect();
    (
        visible(&shown.replace('\t', " ")),
        column.saturating_sub(skip),
    )
}

/// Whether a word is most likely a credential.
pub(crate) fn looks_secret(word: &str) -> bool {
    SECRET_PREFIXES
        .iter()
        .any(|prefix| word.starts_with(prefix))
        || word.chars().count() > 80
}

/// The lines of the file as they may be shown.
pub(crate) struct Excerpts<'t> {
    lines: Vec<&'t str>,
    /// Stretches of the text that hold secrets; `None` where the text has no tree.
    masks: Option<Vec<Mask>>,
}

/// From and behind: line and column from 1.
struct Mask {
    from: (usize, usize),
    behind: (usize, usize),
}

impl<'t> Excerpts<'t> {
    pub(crate) fn new(text: &'t str, root: Option<&Node>) -> Self {
        let masks = root.map(|root| {
            let mut masks = Vec::new();
            mask(root, &KeyPath::default(), &mut masks);
            masks
        });
        Self {
            lines: tree::lines(text).collect(),
            masks,
        }
    }

    /// A line, from 1, with its secrets starred.
    pub(crate) fn line(&self, number: usize) -> Option<String> {
        let line = self.lines.get(number.checked_sub(1)?)?;
        let Some(masks) = &self.masks else {
            return Some(star_words(line, true));
        };
        let hidden = |column: usize| {
            masks
                .iter()
                .any(|mask| mask.from <= (number, column) && (number, column) < mask.behind)
        };
        let starred: String = line
            .chars()
            .enumerate()
            .map(|(place, c)| {
                if hidden(place.saturating_add(1)) && !c.is_whitespace() {
                    '*'
                } else {
                    c
                }
            })
            .collect();
        // A comment is not in the tree, and may hold an old key.
        let comment = if starred.starts_with('#') {
            Some(0)
        } else {
            starred.find(" #")
        };
        let (code, comment) = starred.split_at(comment.unwrap_or(starred.len()));
        Some(star_words(code, false) + &star_words(comment, true))
    }
}

/// Stars the words that look like credentials; `strict`: also those that might be one, for a text
/// whose structure is unknown.
fn star_words(line: &str, strict: bool) -> String {
    let word = |c: char| c.is_alphanumeric() || "_-+/=.~".contains(c);
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find(word) {
        let (before, tail) = rest.split_at(start);
        let (text, behind) = tail.split_at(tail.find(|c| !word(c)).unwrap_or(tail.len()));
        out.push_str(before);
        let mixed =
            text.chars().any(|c| c.is_ascii_digit()) && text.chars().any(char::is_alphabetic);
        if looks_secret(text) || (strict && mixed && text.chars().count() >= 12) {
            out.extend(text.chars().map(|_| '*'));
        } else {
            out.push_str(text);
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// Collects the stretches that hold secrets.
fn mask(node: &Node, path: &KeyPath, masks: &mut Vec<Mask>) {
    match &node.kind {
        Kind::List(items) => {
            for (index, item) in items.iter().enumerate() {
                mask(item, &path.index(index), masks);
            }
        }
        Kind::Map(entries) => {
            for entry in entries {
                let path = path.key(&entry.key);
                mask(&entry.value, &path, masks);
                let from = (entry.key_span.line, entry.key_span.column);
                if holds_secret(&path.parent()) && holds_secret(&path) {
                    let behind = (from.0, from.1.saturating_add(entry.key_span.length));
                    masks.push(Mask { from, behind });
                }
            }
        }
        Kind::Scalar(scalar) => {
            // A URL may hold a password, or a key in its query.
            let loaded_url = scalar.text.contains("://") && scalar.text.contains(['@', '?']);
            if holds_secret(path) || loaded_url || stands_for_section(path) {
                masks.push(Mask {
                    from: (node.span.line, node.span.column),
                    behind: node.end,
                });
            }
        }
    }
}

/// Whether text stands where `keys`, `providers` or one of them should have its own keys:
/// somebody may have written the credential right there.
fn stands_for_section(path: &KeyPath) -> bool {
    let mut keys = path.segments().iter().filter_map(|segment| match segment {
        Segment::Key(key) => Some(key.as_str()),
        Segment::Index(_) => None,
    });
    match keys.next() {
        Some("keys") => keys.next().is_none(),
        Some("providers") => keys.nth(1).is_none(),
        _ => false,
    }
}

/// Keys of `keys` and `providers` whose values are no secrets.
const OPEN_KEYS: &[&str] = &[
    "name",
    "routes",
    "tags",
    "kind",
    "dialect",
    "api",
    "base_url",
    "api_version",
    "num_ctx",
    "region",
    "agreements",
    "organization",
    "project",
    "location",
    "credentials_file",
    "surface",
    "deployments",
    "think_tags",
    "http2",
    "models",
    "limits",
];
/// Sections without secrets.
const OPEN_SECTIONS: &[&str] = &[
    "server",
    "targets",
    "routes",
    "resilience",
    "translation",
    "media",
];

/// Whether what stands at a path is, or may be meant as, a credential: all but what is known to
/// be none.
pub(crate) fn holds_secret(path: &KeyPath) -> bool {
    let mut keys = path.segments().iter().filter_map(|segment| match segment {
        Segment::Key(key) => Some(key.as_str()),
        Segment::Index(_) => None,
    });
    let section = keys.next();
    let own = match section {
        Some("keys") => keys.next(),
        Some("providers") => keys.nth(1),
        other => return other.is_some_and(|section| !OPEN_SECTIONS.contains(&section)),
    };
    let is_reference = matches!(
        (own, keys.next()),
        (Some("secret" | "credentials"), Some("env" | "file"))
    );
    own.is_some_and(|own| !OPEN_KEYS.contains(&own)) && !is_reference
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, line: usize) -> String {
        let (root, _) = tree::parse(text);
        Excerpts::new(text, root.as_ref()).line(line).unwrap()
    }

    #[test]
    fn secrets_are_starred_where_they_stand() {
        assert_eq!(
            shown("keys:\n  - {name: a, secret: hunter2, x: 1}\n", 2),
            "  - {name: a, secret: *******, x: *}"
        );
        assert_eq!(
            shown("providers: {a: {api_key: abc, region: eu}}", 1),
            "providers: {a: {api_key: ***, region: eu}}"
        );
        assert_eq!(
            shown("providers: {a: {credentials: [b, {env: NAME}]}}", 1),
            "providers: {a: {credentials: [*, {env: NAME}]}}"
        );
        assert_eq!(
            shown("routes: a # was abcdef12345678", 1),
            "routes: a # was **************"
        );
        assert_eq!(shown("routes: a\rkeys: b\r\nx: y", 2), "keys: *");
        assert_eq!(shown("routes: sk-abc def", 1), "routes: ****** def");
        let long = "providers: {a: {credentials: [\"ab\n  cd\", {bad: 1}]}}";
        assert_eq!(shown(long, 2), "  ***, {***: *}]}}");
        assert_eq!(
            shown("targets: {a: {use: openai/gpt-4o-2024-11-20}}", 1),
            "targets: {a: {use: openai/gpt-4o-2024-11-20}}"
        );
    }

    #[test]
    fn a_line_without_a_tree_shows_no_long_word_with_digits() {
        assert_eq!(shown("a: [abcdef123456, chat", 1), "a: [************, chat");
    }

    #[test]
    fn a_finding_reads_like_a_compiler_s() {
        let finding = Finding {
            severity: Severity::Error,
            file: Some("polyroute.yaml".to_owned()),
            place: Some(Place {
                line: 12,
                column: 3,
                length: 5,
            }),
            key: "server.lisen".to_owned(),
            reason: "no".to_owned(),
            suggestion: Some("did you mean `listen`?".to_owned()),
            excerpt: Some("  lisen: x".to_owned()),
        };
        let report = Report {
            findings: vec![finding],
        };
        let expected = "error: no\n  --> polyroute.yaml:12:3 (server.lisen)\n   |\n12 |   lisen: x\n   |   ^^^^^\n   = help: did you mean `listen`?\n\n1 error, 0 warnings\n";
        assert_eq!(report.to_text(false), expected);
        assert!(report.to_text(true).contains("\u{1b}[1;31merror"));
    }
}
