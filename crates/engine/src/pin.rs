//! Whether the model that answered is the one that was asked for.
//!
//! The names differ harmlessly most of the time: an alias is answered as the version behind it, a
//! vendor's prefix is left out, Gemini puts `models/` before it. So names are never compared as
//! text alone (wire-protocols §11.3): the catalog says which names are one model. What it can't
//! place is unproven, not drift.

use crate::catalog::{Catalog, Known, Match, bare, is_version};

/// What was asked of a provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The provider's section of the catalog, if it has one.
    pub section: Option<String>,
    /// The model id that went upstream.
    pub model: String,
    /// The configuration pins it.
    pub pinned: bool,
    /// The `system_fingerprint` that the configuration expects.
    pub fingerprint: Option<String>,
}

/// What the answer said of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Served<'a> {
    /// Its `model`; empty where the provider names none.
    pub model: &'a str,
    /// Its `system_fingerprint`.
    pub fingerprint: Option<&'a str>,
}

/// How the model that answered stands to the one that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The same, or a version of it.
    Within,
    /// The answer doesn't say, or the catalog can't place what it says: a deployment's own name, a
    /// name behind the provider's, an alias where a version was asked for.
    Unproven,
    /// Another model, another version, or another fingerprint.
    Drift,
}

/// Holds an answer against what was asked.
#[must_use]
pub fn compare(catalog: &Catalog, asked: &Asked, served: Served<'_>) -> Verdict {
    let version = by_model(catalog, asked, served.model);
    let print = match (asked.fingerprint.as_deref(), served.fingerprint) {
        (None, _) => Verdict::Within,
        (Some(_), None) => Verdict::Unproven,
        (Some(expected), Some(given)) if expected == given => Verdict::Within,
        (Some(_), Some(_)) => Verdict::Drift,
    };
    version.max(print)
}

fn by_model(catalog: &Catalog, asked: &Asked, served: &str) -> Verdict {
    if served.is_empty() {
        return Verdict::Unproven;
    }
    if served == asked.model || same_name(&asked.model, served) {
        return Verdict::Within;
    }
    let section = asked.section.as_deref();
    let listed = |name: &str| catalog.listed(section?, name);
    if is_version_of(served, &asked.model) {
        return Verdict::Within;
    }
    match (listed(&asked.model), listed(served)) {
        (Some(one), Some(other)) if same_entry(&one, &other) => {
            // Two names of one model. Neither tells of a version unless it is one itself.
            match (is_version(&asked.model), is_version(served)) {
                (true, true) => Verdict::Drift,
                (true, false) => Verdict::Unproven,
                (false, _) => Verdict::Within,
            }
        }
        // Such a name stands for no model of its own.
        (Some(one), Some(_)) if !asked.pinned && leads_anywhere(&one, &asked.model) => {
            Verdict::Within
        }
        (Some(_), Some(_)) => Verdict::Drift,
        (Some(one), None) if asked.pinned && one.matched == Match::Listed => {
            behind(&asked.model, served)
        }
        (None, None) if asked.pinned => behind(&asked.model, served),
        (_, _) => Verdict::Unproven,
    }
}

/// A pinned model was answered with a name that no list has. A version of another model is drift;
/// a name that begins as the pin does may be the provider's own for it.
fn behind(asked: &str, served: &str) -> Verdict {
    let stem = |name: &str| -> String {
        let letters = bare(name).chars().filter(char::is_ascii_alphabetic);
        letters.take(4).collect::<String>().to_ascii_lowercase()
    };
    if stem(last(asked)) == stem(last(served)) {
        Verdict::Unproven
    } else {
        Verdict::Drift
    }
}

/// Whether a name leads to another version one day: it says so (`-latest`), the catalog says so,
/// or dated versions of it are listed.
#[must_use]
pub fn floats(catalog: &Catalog, section: Option<&str>, model: &str) -> bool {
    says_latest(model) || section.is_some_and(|section| catalog.floats(section, model))
}

fn says_latest(model: &str) -> bool {
    let name = bare(model);
    name == "latest" || name.ends_with("-latest") || name.ends_with(":latest")
}

/// Whether a name may lead to any model at all, not only to versions of one.
fn leads_anywhere(known: &Known<'_>, model: &str) -> bool {
    says_latest(model) || known.entry.is_some_and(|entry| entry.floats)
}

fn same_entry(one: &Known<'_>, other: &Known<'_>) -> bool {
    match (one.entry, other.entry) {
        (Some(one), Some(other)) => one.id == other.id,
        (_, _) => false,
    }
}

/// Equal but for resource prefixes, a vendor's name before a slash on one side, upper and lower
/// case, and `@` for `-` before a date.
fn same_name(one: &str, other: &str) -> bool {
    let same = |one: &str, other: &str| {
        one.len() == other.len()
            && one.bytes().zip(other.bytes()).all(|(one, other)| {
                one.eq_ignore_ascii_case(&other)
                    || matches!((one, other), (b'@', b'-') | (b'-', b'@'))
            })
    };
    let (one, other) = (bare(one), bare(other));
    let one_has_vendor = one.contains('/') != other.contains('/');
    same(one, other) || (one_has_vendor && same(last(one), last(other)))
}

fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// Whether `served` is `asked` with a version at its end.
fn is_version_of(served: &str, asked: &str) -> bool {
    let (served, asked) = (bare(served), bare(asked));
    let after = |served: &str, asked: &str| {
        let cut = served.len().checked_sub(asked.len())?;
        let (head, tail) = served.split_at_checked(served.len() - cut)?;
        (same_name(head, asked) && crate::catalog::is_version_suffix(tail)).then_some(())
    };
    after(served, asked).is_some() || after(last(served), last(asked)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(section: &str, model: &str, served: &str, pinned: bool) -> Verdict {
        let asked = Asked {
            section: Some(section.to_owned()).filter(|section| !section.is_empty()),
            model: model.to_owned(),
            pinned,
            fingerprint: None,
        };
        let served = Served {
            model: served,
            fingerprint: None,
        };
        compare(&Catalog::embedded(), &asked, served)
    }

    fn all(cases: &[(&str, &str, &str, bool)], expected: Verdict) {
        for (section, asked, served, pinned) in cases {
            assert_eq!(
                verdict(section, asked, served, *pinned),
                expected,
                "{section}: {asked} -> {served}"
            );
        }
    }

    #[test]
    fn section_11_3_the_version_behind_an_alias_is_within() {
        all(
            &[
                ("openai", "gpt-4o", "gpt-4o-2024-08-06", false),
                ("openai", "gpt-3.5-turbo", "gpt-3.5-turbo-0301", false),
                ("openai", "gpt-5.6", "gpt-5.6-sol", false),
                (
                    "anthropic",
                    "claude-sonnet-4-5",
                    "claude-sonnet-4-5-20250929",
                    false,
                ),
                (
                    "openrouter",
                    "anthropic/claude-haiku-4.5",
                    "anthropic/claude-4.5-haiku-20251001",
                    false,
                ),
                ("gemini", "gemini-flash-latest", "gemini-3.6-flash", false),
                ("deepseek", "deepseek-chat", "deepseek-v4-flash", false),
            ],
            Verdict::Within,
        );
    }

    #[test]
    fn a_name_written_another_way_is_within() {
        all(
            &[
                ("gemini", "gemini-2.5-pro", "models/gemini-2.5-pro", true),
                (
                    "vertex",
                    "claude-haiku-4-5@20251001",
                    "claude-haiku-4-5-20251001",
                    true,
                ),
                (
                    "openrouter",
                    "openai/text-embedding-3-small",
                    "text-embedding-3-small",
                    false,
                ),
                ("cerebras", "llama3.3-70b", "llama-3.3-70b", true),
                ("", "Qwen3-32B", "qwen3-32b", true),
            ],
            Verdict::Within,
        );
    }

    #[test]
    fn another_version_than_the_pinned_one_is_drift() {
        all(
            &[
                ("openai", "gpt-4o-2024-05-13", "gpt-4o-2024-08-06", true),
                ("openai", "gpt-4o-2024-08-06", "gpt-4o-2024-11-20", true),
                (
                    "anthropic",
                    "claude-sonnet-4-5-20250929",
                    "claude-sonnet-4-6",
                    true,
                ),
                ("mistral", "mistral-large-2411", "mistral-large-2512", true),
            ],
            Verdict::Drift,
        );
    }

    #[test]
    fn another_model_is_drift_even_without_a_pin() {
        all(
            &[
                ("mistral", "pixtral-12b", "ministral-14b-latest", false),
                (
                    "openai",
                    "gpt-4o-mini-2024-07-18",
                    "gpt-4o-2024-08-06",
                    false,
                ),
            ],
            Verdict::Drift,
        );
    }

    #[test]
    fn a_pinned_alias_that_leads_to_another_model_is_drift() {
        all(
            &[("deepseek", "deepseek-chat", "deepseek-v4-flash", true)],
            Verdict::Drift,
        );
    }

    #[test]
    fn a_pin_answered_by_an_unlisted_stranger_is_drift() {
        all(
            &[
                ("openai", "gpt-4o-2024-08-06", "llama-3-70b", true),
                ("", "our-own-tuning", "gpt-4o", true),
            ],
            Verdict::Drift,
        );
    }

    #[test]
    fn what_no_list_can_place_is_unproven() {
        all(
            &[
                ("openai", "gpt-4o", "", true),
                ("azure", "our-deployment", "gpt-4.1-mini-2025-04-14", false),
                (
                    "bedrock",
                    "anthropic.claude-3-haiku-20240307-v1:0",
                    "claude-3-haiku-48k-20240307",
                    false,
                ),
                ("openai", "gpt-4o-2024-08-06", "gpt-4o", true),
                (
                    "gemini",
                    "gemini-2.5-pro-preview-05-06",
                    "models/gemini-2.5-pro",
                    false,
                ),
                ("", "some-model", "another-model", false),
            ],
            Verdict::Unproven,
        );
    }

    #[test]
    fn a_fingerprint_that_changed_is_drift() {
        let asked = Asked {
            section: Some("openai".to_owned()),
            model: "gpt-4o-2024-08-06".to_owned(),
            pinned: true,
            fingerprint: Some("fp_1".to_owned()),
        };
        let verdict = |fingerprint| {
            let served = Served {
                model: "gpt-4o-2024-08-06",
                fingerprint,
            };
            compare(&Catalog::embedded(), &asked, served)
        };
        assert_eq!(verdict(Some("fp_1")), Verdict::Within);
        assert_eq!(verdict(Some("fp_2")), Verdict::Drift);
        assert_eq!(verdict(None), Verdict::Unproven);
    }

    #[test]
    fn floating_names_are_those_that_can_move() {
        let catalog = Catalog::embedded();
        for (section, name, expected) in [
            ("openai", "gpt-4o", true),
            ("openai", "gpt-4o-2024-08-06", false),
            ("openai", "gpt-3.5-turbo", true),
            ("anthropic", "claude-sonnet-4-5", true),
            ("anthropic", "claude-opus-4-6", false),
            ("anthropic", "claude-3-5-sonnet-latest", true),
            ("gemini", "gemini-flash-latest", true),
            ("mistral", "mistral-large-latest", true),
            ("mistral", "mistral-large-2512", false),
            ("deepseek", "deepseek-chat", true),
            ("groq", "llama-3.3-70b-versatile", false),
            ("openai", "gpt-5.6", false),
        ] {
            assert_eq!(floats(&catalog, Some(section), name), expected, "{name}");
        }
        assert!(floats(&catalog, None, "anything:latest"));
    }

    #[test]
    fn no_recorded_first_party_answer_to_an_alias_was_drift() {
        for (section, asked, served) in [
            (
                "openai",
                "gpt-4o-audio-preview",
                "gpt-4o-audio-preview-2025-06-03",
            ),
            (
                "openai",
                "gpt-4-vision-preview",
                "gpt-4-1106-vision-preview",
            ),
            ("openai", "gpt-4", "gpt-4-0613"),
            ("openai", "davinci-002", "davinci:2023-07-21-v2"),
            (
                "openai",
                "text-embedding-ada-002",
                "text-embedding-ada-002-v2",
            ),
            ("anthropic", "claude-sonnet-4-0", "claude-sonnet-4-20250514"),
            ("openai", "text-moderation-latest", "text-moderation-006"),
        ] {
            assert!(
                verdict(section, asked, served, false) != Verdict::Drift,
                "{asked} -> {served}"
            );
        }
    }
}
