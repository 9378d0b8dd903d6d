//! Rules that pick a fault for a request: which requests they look at, and which of those they hit.

use serde::{Deserialize, Serialize};

use super::Fault;
use crate::models::Dialect;
use crate::seed::Dice;

/// A rule. Without `times`, `every`, `probability` and `window` it hits each request that matches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which requests it looks at; all where this is empty.
    #[serde(default, rename = "match")]
    pub matching: Match,
    /// What happens to those that it hits.
    pub fault: Fault,
    /// Hits only the first so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Hits only each so-manieth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// Hits this share of them, 0 to 1, seeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Hits only in this window of time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
}

/// Which requests a rule or a script looks at. A member that is not set matches all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// The instance's name (`/p/<name>/`) or the dialect prefix (`openai` for `/openai/`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The model's name without fault suffix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The wire format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialect: Option<Dialect>,
}

/// A span of time, in seconds since the rule was set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// From here on.
    pub from_s: f64,
    /// To here.
    pub to_s: f64,
}

/// What is known of a request when a rule looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The instance's name.
    pub instance: Option<&'a str>,
    /// The dialect prefix.
    pub prefix: Option<&'a str>,
    /// The model without fault suffix.
    pub model: &'a str,
    /// The wire format.
    pub dialect: Dialect,
}

impl Match {
    /// Whether this request is looked at.
    pub fn takes(&self, subject: &Subject<'_>) -> bool {
        let prefix = self
            .prefix
            .as_deref()
            .map(|prefix| prefix.trim_matches('/'));
        let prefix = prefix.map(|prefix| prefix.strip_prefix("p/").unwrap_or(prefix));
        prefix
            .is_none_or(|prefix| subject.instance == Some(prefix) || subject.prefix == Some(prefix))
            && self
                .model
                .as_deref()
                .is_none_or(|model| model == subject.model)
            && self
                .dialect
                .is_none_or(|dialect| dialect == subject.dialect)
    }
}

/// The rules that are on, with what they have seen so far.
#[derive(Debug)]
pub struct Rules {
    rules: Vec<Active>,
    dice: Dice,
}

#[derive(Debug)]
struct Active {
    rule: Rule,
    seen: u64,
    set_at_ms: u64,
}

impl Rules {
    /// No rules; probabilities will be drawn under this seed.
    pub fn new(seed: u64) -> Self {
        Self {
            rules: Vec::new(),
            dice: Dice::new(seed, &["fault rules"]),
        }
    }

    /// Switches a rule on, after the ones that are on already.
    pub fn add(&mut self, rule: Rule, now_ms: u64) {
        self.rules.push(Active {
            rule,
            seen: 0,
            set_at_ms: now_ms,
        });
    }

    /// Switches all rules off.
    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// The rules that are on.
    pub fn list(&self) -> Vec<Rule> {
        self.rules
            .iter()
            .map(|active| active.rule.clone())
            .collect()
    }

    /// The fault for a request: that of the first rule which hits it. Rules behind that one do
    /// not count the request.
    pub fn choose(&mut self, subject: &Subject<'_>, now_ms: u64) -> Option<Fault> {
        for active in &mut self.rules {
            let rule = &active.rule;
            if !rule.matching.takes(subject) {
                continue;
            }
            let age_s = now_ms.saturating_sub(active.set_at_ms) as f64 / 1_000.0;
            let in_window = rule
                .window
                .is_none_or(|window| (window.from_s..window.to_s).contains(&age_s));
            if !in_window {
                continue;
            }
            active.seen += 1;
            let in_first = rule.times.is_none_or(|times| active.seen <= times);
            let in_turn = rule
                .every
                .is_none_or(|every| active.seen % every.max(1) == 0);
            let drawn = rule
                .probability
                .is_none_or(|share| self.dice.unit() < share);
            if in_first && in_turn && drawn {
                return Some(rule.fault.clone());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Rules {
        let mut rules = Rules::new(1);
        rules.add(serde_json::from_str(text).unwrap(), 0);
        rules
    }

    fn hits(rules: &mut Rules, count: u64) -> Vec<bool> {
        let subject = Subject {
            instance: Some("eu"),
            prefix: Some("openai"),
            model: "gpt-4o",
            dialect: Dialect::Openai,
        };
        (0..count)
            .map(|second| rules.choose(&subject, second * 1_000).is_some())
            .collect()
    }

    #[test]
    fn matches_go_by_prefix_model_and_dialect() {
        for (text, hit) in [
            (r#"{"fault":"hang"}"#, true),
            (r#"{"fault":"hang","match":{"prefix":"eu"}}"#, true),
            (r#"{"fault":"hang","match":{"prefix":"/p/eu"}}"#, true),
            (
                r#"{"fault":"hang","match":{"prefix":"/openai","model":"gpt-4o"}}"#,
                true,
            ),
            (r#"{"fault":"hang","match":{"prefix":"us"}}"#, false),
            (r#"{"fault":"hang","match":{"dialect":"gemini"}}"#, false),
        ] {
            assert_eq!(hits(&mut rules(text), 1), [hit], "{text}");
        }
    }

    #[test]
    fn times_every_and_window_count() {
        let mut first = rules(r#"{"fault":"hang","times":2}"#);
        assert_eq!(hits(&mut first, 4), [true, true, false, false]);
        let mut each = rules(r#"{"fault":"hang","every":2}"#);
        assert_eq!(hits(&mut each, 4), [false, true, false, true]);
        let mut window = rules(r#"{"fault":"hang","window":{"from_s":1,"to_s":3}}"#);
        assert_eq!(hits(&mut window, 4), [false, true, true, false]);
    }

    #[test]
    fn probability_is_seeded_and_about_right() {
        let text = r#"{"fault":"hang","probability":0.25}"#;
        let one = hits(&mut rules(text), 400);
        assert_eq!(one, hits(&mut rules(text), 400));
        let share = one.iter().filter(|hit| **hit).count();
        assert!((60..140).contains(&share), "{share}");
    }

    #[test]
    fn unknown_members_are_refused() {
        assert!(serde_json::from_str::<Rule>(r#"{"fault":"hang","time":2}"#).is_err());
        assert!(serde_json::from_str::<Rule>(r#"{"fault":"hangs"}"#).is_err());
    }
}
