//! What a Claude model name says about the parameters that the model takes.

/// A model family's rules. Names that are not Claude's carry none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Traits {
    family: Family,
    /// Major and minor version; `None` for an unknown name.
    version: Option<(u32, u32)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Opus,
    Sonnet,
    Haiku,
    /// Fable and Mythos.
    Fable,
    Other,
}

impl Traits {
    /// Reads names such as `claude-3-5-haiku-20241022`, `claude-opus-4-8` and `claude-fable-5`.
    pub(super) fn of(name: &str) -> Self {
        let Some(rest) = name.strip_prefix("claude-") else {
            return Self {
                family: Family::Other,
                version: None,
            };
        };
        let family = [
            ("opus", Family::Opus),
            ("sonnet", Family::Sonnet),
            ("haiku", Family::Haiku),
            ("fable", Family::Fable),
            ("mythos", Family::Fable),
        ]
        .into_iter()
        .find(|(word, _)| rest.contains(word))
        .map_or(Family::Other, |(_, family)| family);
        // Dates have eight digits; versions one or two.
        let mut numbers = rest
            .split(['-', '.'])
            .filter(|word| word.len() <= 2)
            .filter_map(|word| word.parse::<u32>().ok());
        let version = numbers
            .next()
            .map(|major| (major, numbers.next().unwrap_or(0)));
        Self { family, version }
    }

    fn at_least(self, major: u32, minor: u32) -> bool {
        self.version
            .is_some_and(|version| version >= (major, minor))
    }

    fn before(self, major: u32, minor: u32) -> bool {
        self.version.is_some_and(|version| version < (major, minor))
    }

    /// From 4.7: sampling parameters are deprecated, `thinking.type: enabled` is refused.
    pub(super) fn adaptive_only(self) -> bool {
        self.at_least(4, 7)
    }

    /// From 4.6: adaptive thinking.
    pub(super) fn knows_adaptive(self) -> bool {
        !self.before(4, 6)
    }

    /// Models before 3.7 do not think.
    pub(super) fn thinks(self) -> bool {
        !self.before(3, 7)
    }

    /// Opus 5.5 and Fable 5.1 always think: no `disabled`, no forced tool.
    pub(super) fn always_thinks(self) -> bool {
        match self.family {
            Family::Opus => self.at_least(5, 5),
            Family::Fable => self.at_least(5, 1),
            Family::Sonnet | Family::Haiku | Family::Other => false,
        }
    }

    /// Sonnet 5.5: `between_tools` takes the place of `disabled`.
    pub(super) fn thinks_between_tools(self) -> bool {
        self.family == Family::Sonnet && self.at_least(5, 5)
    }

    /// From 4.6 the conversation must not end with the assistant's own words.
    pub(super) fn refuses_prefill(self) -> bool {
        self.at_least(4, 6)
    }

    /// From 4.8 a `role: "system"` message may stand inside the conversation.
    pub(super) fn takes_system_turns(self) -> bool {
        !self.before(4, 8)
    }

    /// From 4.1 (Opus) and 4.5 on, temperature and top_p exclude each other.
    pub(super) fn one_sampling_parameter(self) -> bool {
        let first = if self.family == Family::Opus { 1 } else { 5 };
        self.at_least(4, first)
    }

    /// The effort levels that the model takes, as its refusal lists them.
    pub(super) fn efforts(self) -> Option<&'static [&'static str]> {
        match self.version? {
            version if version >= (4, 7) => Some(&["high", "low", "max", "medium", "xhigh"]),
            (4, 6) => Some(&["high", "low", "max", "medium"]),
            (4, 5) if self.family == Family::Opus => Some(&["high", "low", "medium"]),
            _ => Some(&[]),
        }
    }

    /// Structured outputs came with 4.5 and Opus 4.1.
    pub(super) fn takes_format(self) -> bool {
        let first = if self.family == Family::Opus { 1 } else { 5 };
        !self.before(4, first)
    }

    /// The most output tokens of a call, where known.
    pub(super) fn output_max(self) -> Option<u64> {
        let version = self.version?;
        Some(match (self.family, version) {
            (_, version) if version >= (5, 0) => return None,
            (_, version) if version >= (4, 6) => 128_000,
            (Family::Opus, (4, 5)) => 64_000,
            (Family::Opus, (4, _)) => 32_000,
            (_, (4, _)) => 64_000,
            (_, (3, 7)) => 128_000,
            (_, (3, 5)) => 8_192,
            _ => 4_096,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Traits;

    #[test]
    fn names_choose_rules() {
        assert!(!Traits::of("claude-3-5-haiku-20241022").thinks());
        assert!(Traits::of("claude-3-7-sonnet-20250219").thinks());
        assert!(!Traits::of("claude-sonnet-4-5-20250929").refuses_prefill());
        assert!(Traits::of("claude-opus-4-6").refuses_prefill());
        assert!(!Traits::of("claude-sonnet-4-20250514").adaptive_only());
        assert!(Traits::of("claude-fable-5").adaptive_only());
        assert!(Traits::of("claude-opus-5-5").always_thinks());
        assert!(!Traits::of("claude-opus-5").always_thinks());
        assert_eq!(
            Traits::of("claude-3-opus-20240229").output_max(),
            Some(4_096)
        );
        assert_eq!(Traits::of("claude-2.1").output_max(), Some(4_096));
    }
}
