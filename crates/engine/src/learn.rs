//! What models were seen to refuse: a parameter that a provider says its model does not take is
//! left out from then on, for a while (wire-protocols §13.6).
//!
//! Read [`teaches`] first: when a refusal teaches. [`Learned`] is the state, changed by pure
//! transitions only; the program keeps it and says what time it is.

use std::collections::BTreeMap;

use polyroute_wire::adapter::Target;
use polyroute_wire::error::{ErrorKind, UpstreamError};
use serde::Serialize;

/// How long a lesson holds: models change what they take.
pub const LESSON_MS: u64 = 24 * 60 * 60 * 1_000;
/// Most models with lessons; beyond them the oldest lesson goes.
pub const MODELS_MAX: usize = 512;
/// Most lessons of one model.
pub const PARAMS_MAX: usize = 16;
/// Longest words of a provider that are kept, in bytes.
const WORDS_BYTES_MAX: usize = 200;

/// Whose lesson it is: a model at a provider, in one version of its API.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Pupil {
    /// The provider's name in the configuration.
    pub provider: String,
    /// The model's id there.
    pub model: String,
    /// The version of the API, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl Pupil {
    /// The model that a target calls.
    #[must_use]
    pub fn of(target: &Target) -> Self {
        Self {
            provider: target.endpoint.provider.clone(),
            model: target.model.clone(),
            version: target.endpoint.api_version.clone(),
        }
    }
}

/// One parameter that a model does not take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lesson {
    /// OpenAI's name of it.
    pub param: &'static str,
    /// When it was learned last, in milliseconds since the Unix epoch.
    pub learned_at_ms: u64,
    /// When it is forgotten.
    pub expires_at_ms: u64,
    /// How often the provider refused it.
    pub count: u64,
    /// The provider's words, without what they quote.
    pub words: String,
}

/// The parameters that a refusal teaches to leave out: those that the provider names as not taken
/// by the model, of those that were sent. Empty where the caller or operator wants a refusal rather
/// than a parameter left out (`strict_params`).
#[must_use]
pub fn teaches(
    error: &UpstreamError,
    target: &Target,
    sent: impl Fn(&str) -> bool,
) -> Vec<&'static str> {
    if error.kind != ErrorKind::UnsupportedParameter || target.policy.strict_params {
        return Vec::new();
    }
    let named = error.unsupported.iter().copied();
    named.filter(|param| sent(param)).collect()
}

/// Everything learned.
#[derive(Debug, Clone, Default)]
pub struct Learned {
    models: BTreeMap<Pupil, Vec<Lesson>>,
}

impl Learned {
    /// Whether there is nothing to look up.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.models.is_empty()
    }

    /// Learns from a refusal at `now_ms`, for [`LESSON_MS`].
    pub fn learn(&mut self, pupil: &Pupil, params: &[&'static str], words: &str, now_ms: u64) {
        self.forget_expired(now_ms);
        if params.is_empty() {
            return;
        }
        if !self.models.contains_key(pupil) && self.models.len() >= MODELS_MAX {
            self.forget_oldest();
        }
        let lessons = self.models.entry(pupil.clone()).or_default();
        for param in params {
            let known = lessons.iter_mut().find(|lesson| lesson.param == *param);
            if let Some(lesson) = known {
                lesson.learned_at_ms = now_ms;
                lesson.expires_at_ms = now_ms.saturating_add(LESSON_MS);
                lesson.count = lesson.count.saturating_add(1);
                lesson.words = redacted(words);
            } else if lessons.len() < PARAMS_MAX {
                lessons.push(Lesson {
                    param,
                    learned_at_ms: now_ms,
                    expires_at_ms: now_ms.saturating_add(LESSON_MS),
                    count: 1,
                    words: redacted(words),
                });
            }
        }
    }

    /// What the target's model does not take at `now_ms`. Nothing where the policy is strict.
    #[must_use]
    pub fn params(&self, target: &Target, now_ms: u64) -> Vec<&'static str> {
        if self.models.is_empty() || target.policy.strict_params {
            return Vec::new();
        }
        let lessons = self.models.get(&Pupil::of(target));
        lessons
            .into_iter()
            .flatten()
            .filter(|lesson| lesson.expires_at_ms > now_ms)
            .map(|lesson| lesson.param)
            .collect()
    }

    /// All lessons that hold at `now_ms`, by provider and model.
    pub fn lessons(&self, now_ms: u64) -> impl Iterator<Item = (&Pupil, &Lesson)> {
        self.models.iter().flat_map(move |(pupil, lessons)| {
            lessons
                .iter()
                .filter(move |lesson| lesson.expires_at_ms > now_ms)
                .map(move |lesson| (pupil, lesson))
        })
    }

    /// Forgets the lessons of `provider` or `provider/model`, or all; how many they were.
    pub fn reset(&mut self, target: Option<&str>) -> usize {
        let before = self.count();
        self.models.retain(|pupil, _| match target {
            None => false,
            Some(target) => {
                let whole = format!("{}/{}", pupil.provider, pupil.model);
                target != pupil.provider && target != whole
            }
        });
        before - self.count()
    }

    fn count(&self) -> usize {
        self.models.values().map(Vec::len).sum()
    }

    fn forget_expired(&mut self, now_ms: u64) {
        self.models.retain(|_, lessons| {
            lessons.retain(|lesson| lesson.expires_at_ms > now_ms);
            !lessons.is_empty()
        });
    }

    fn forget_oldest(&mut self) {
        let newest = |lessons: &[Lesson]| lessons.iter().map(|lesson| lesson.learned_at_ms).max();
        let oldest = self
            .models
            .iter()
            .min_by_key(|(_, lessons)| newest(lessons))
            .map(|(pupil, _)| pupil.clone());
        if let Some(oldest) = oldest {
            self.models.remove(&oldest);
        }
    }
}

/// A provider's words without quoted pieces that are no name of a field: they may be the request's.
fn redacted(words: &str) -> String {
    let mut out = String::new();
    let mut pieces = words.split(['"', '\'', '`']);
    if let Some(first) = pieces.next() {
        out.push_str(first);
    }
    for (at, piece) in pieces.enumerate() {
        let is_name = !piece.is_empty()
            && piece.len() <= 40
            && piece.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.".contains(&byte)
            });
        let quoted = at % 2 == 0;
        out.push('\'');
        out.push_str(if quoted && !is_name { "…" } else { piece });
        if out.len() > WORDS_BYTES_MAX {
            break;
        }
    }
    let end = (0..=WORDS_BYTES_MAX.min(out.len()))
        .rev()
        .find(|at| out.is_char_boundary(*at));
    out.truncate(end.unwrap_or(0));
    out
}

#[cfg(test)]
mod tests {
    use polyroute_wire::adapter::{Endpoint, TranslationPolicy};
    use proptest::prelude::*;

    use super::*;

    fn target(model: &str) -> Target {
        Target {
            endpoint: Endpoint {
                provider: "house".into(),
                ..Endpoint::default()
            },
            model: model.into(),
            ..Target::default()
        }
    }

    fn refusal(params: &[&'static str]) -> UpstreamError {
        let mut error = UpstreamError::new(ErrorKind::UnsupportedParameter, "no");
        error.unsupported = params.to_vec();
        error
    }

    #[test]
    fn a_refusal_teaches_only_what_was_sent_and_only_where_it_may_be_left_out() {
        let sent = |param: &str| param == "seed";
        let taught = teaches(&refusal(&["seed", "user"]), &target("m"), sent);
        assert_eq!(taught, ["seed"]);
        let mut strict = target("m");
        strict.policy = TranslationPolicy {
            strict_params: true,
            ..TranslationPolicy::default()
        };
        assert!(teaches(&refusal(&["seed"]), &strict, sent).is_empty());
        let mut other = refusal(&["seed"]);
        other.kind = ErrorKind::InvalidRequest;
        assert!(teaches(&other, &target("m"), sent).is_empty());
    }

    #[test]
    fn lessons_hold_for_a_day_and_for_their_model_and_version() {
        let mut learned = Learned::default();
        let pupil = Pupil::of(&target("m"));
        learned.learn(&pupil, &["seed"], "no", 1_000);
        learned.learn(&pupil, &["seed"], "still no", 2_000);
        assert_eq!(learned.params(&target("m"), 3_000), ["seed"]);
        assert_eq!(learned.lessons(3_000).next().unwrap().1.count, 2);
        assert!(learned.params(&target("other"), 3_000).is_empty());
        let mut version = target("m");
        version.endpoint.api_version = Some("2026-10-21".into());
        assert!(learned.params(&version, 3_000).is_empty());
        let mut strict = target("m");
        strict.policy.strict_params = true;
        assert!(learned.params(&strict, 3_000).is_empty());
        assert!(learned.params(&target("m"), 2_000 + LESSON_MS).is_empty());
        learned.learn(&Pupil::of(&target("x")), &["user"], "no", 2_000 + LESSON_MS);
        assert_eq!(learned.count(), 1);
    }

    #[test]
    fn lessons_are_forgotten_by_provider_or_model() {
        let mut learned = Learned::default();
        for model in ["a", "b"] {
            learned.learn(&Pupil::of(&target(model)), &["seed", "user"], "no", 1);
        }
        assert_eq!(learned.reset(Some("elsewhere")), 0);
        assert_eq!(learned.reset(Some("house/a")), 2);
        assert_eq!(learned.reset(Some("house")), 2);
        assert!(learned.is_empty());
        assert_eq!(learned.reset(None), 0);
    }

    #[test]
    fn the_number_of_models_is_bounded_and_the_oldest_goes() {
        let mut learned = Learned::default();
        for at in 0..=u64::try_from(MODELS_MAX).unwrap() {
            learned.learn(&Pupil::of(&target(&format!("m{at}"))), &["seed"], "no", at);
        }
        assert_eq!(learned.count(), MODELS_MAX);
        assert!(learned.params(&target("m0"), 600).is_empty());
    }

    #[test]
    fn words_keep_names_and_lose_quotes() {
        assert_eq!(
            redacted("Unsupported value: 'temperature' does not support \"my secret\" with it."),
            "Unsupported value: 'temperature' does not support '…' with it."
        );
    }

    proptest! {
        #[test]
        fn any_words_are_bounded(words in "\\PC{0,400}") {
            prop_assert!(redacted(&words).len() <= WORDS_BYTES_MAX);
        }
    }
}
