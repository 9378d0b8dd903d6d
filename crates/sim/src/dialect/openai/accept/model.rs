//! What an OpenAI model name says about the parameters that the model takes.
//!
//! Names that are not OpenAI's (Azure deployments, other vendors behind Azure) carry no rules.

/// A model family's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dialect::openai) struct Traits {
    family: Family,
    search: bool,
    responses_only: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    /// `gpt-5` and later that reason, by version.
    Gpt5(u32, u32),
    /// `o1-mini` and `o1-preview`: no system message.
    EarlyO1,
    /// `o1`, `o3`, `o4-mini`, ….
    O,
    /// GPT-3.5, GPT-4, GPT-4o, GPT-4.1 and chat variants of GPT-5.
    Plain,
    /// Nothing is known.
    Other,
}

impl Traits {
    /// Reads a model name; fine-tunes follow their base model.
    pub(in crate::dialect::openai) fn of(name: &str) -> Self {
        let base = name.strip_prefix("ft:").unwrap_or(name);
        Self {
            family: family(base),
            search: base.contains("search"),
            responses_only: is_responses_only(base),
        }
    }

    /// Whether the model reasons, so that it refuses sampling parameters.
    pub(in crate::dialect::openai) fn reasons(&self) -> bool {
        matches!(self.family, Family::Gpt5(..) | Family::EarlyO1 | Family::O)
    }

    /// Whether it reasons when the caller says nothing (GPT-5.1 to 5.5 start at `none`).
    pub(in crate::dialect::openai) fn thinks_by_default(&self) -> bool {
        match self.family {
            Family::Gpt5(major, minor) => {
                (major, minor) < (5, 1) || self.wants_reasoning_off_for_tools()
            }
            Family::EarlyO1 | Family::O => true,
            Family::Plain | Family::Other => false,
        }
    }

    /// GPT-5.1 and later take `none`, and with it sampling parameters.
    pub(in crate::dialect::openai) fn reasoning_can_be_off(&self) -> bool {
        matches!(self.family, Family::Gpt5(major, minor) if (major, minor) >= (5, 1))
    }

    /// Non-reasoning OpenAI models do not know `reasoning_effort` at all.
    pub(in crate::dialect::openai) fn knows_effort(&self) -> bool {
        self.family != Family::Plain
    }

    /// The efforts that the model takes; `None` where nothing is known.
    pub(in crate::dialect::openai) fn efforts(&self) -> Option<&'static [&'static str]> {
        match self.family {
            Family::Gpt5(5, 0) => Some(&["minimal", "low", "medium", "high"]),
            Family::Gpt5(5, 1) => Some(&["none", "low", "medium", "high"]),
            Family::Gpt5(5, 2..=6) => Some(&["none", "low", "medium", "high", "xhigh"]),
            Family::O | Family::EarlyO1 => Some(&["low", "medium", "high"]),
            Family::Gpt5(..) | Family::Plain | Family::Other => None,
        }
    }

    /// GPT-5.4 and later refuse function tools beside an effort on this endpoint.
    pub(in crate::dialect::openai) fn refuses_effort_with_tools(&self) -> bool {
        matches!(self.family, Family::Gpt5(major, minor) if (major, minor) >= (5, 4))
    }

    /// GPT-5.6 and later reason by default and take function tools only with the effort `none`
    /// (BerriAI/litellm#34569).
    pub(in crate::dialect::openai) fn wants_reasoning_off_for_tools(&self) -> bool {
        matches!(self.family, Family::Gpt5(major, minor) if (major, minor) >= (5, 6))
    }

    /// `o1-mini` and `o1-preview` take neither system nor developer messages.
    pub(in crate::dialect::openai) fn refuses_system(&self) -> bool {
        self.family == Family::EarlyO1
    }

    /// Models that the Responses API alone serves.
    pub(in crate::dialect::openai) fn responses_only(&self) -> bool {
        self.responses_only
    }

    /// Only search models take `web_search_options`.
    pub(in crate::dialect::openai) fn searches(&self) -> bool {
        self.search || self.family == Family::Other
    }
}

/// `o1-pro`, `gpt-5.2-pro-2025-12-11`, `gpt-5.1-codex`, `o3-deep-research`.
fn is_responses_only(name: &str) -> bool {
    let ours = matches!(family(name), Family::Gpt5(..) | Family::O);
    ours && (name.split('-').any(|word| matches!(word, "pro" | "codex"))
        || name.contains("deep-research"))
}

fn family(name: &str) -> Family {
    if name.starts_with("o1-mini") || name.starts_with("o1-preview") {
        return Family::EarlyO1;
    }
    let mut letters = name.chars();
    if letters.next() == Some('o') && letters.next().is_some_and(|c| c.is_ascii_digit()) {
        return Family::O;
    }
    if name.starts_with("chatgpt-") {
        return Family::Plain;
    }
    let Some(rest) = name.strip_prefix("gpt-") else {
        return Family::Other;
    };
    let number = rest.split(['-', ':']).next().unwrap_or_default();
    let mut parts = number.split('.');
    let major: Option<u32> = parts.next().and_then(|part| part.parse().ok());
    let minor: u32 = parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
    match major {
        Some(major)
            if (5..10).contains(&major) && !rest.contains("chat") && !rest.contains("search") =>
        {
            Family::Gpt5(major, minor)
        }
        _ => Family::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::Traits;

    #[test]
    fn names_choose_families() {
        for name in [
            "gpt-5",
            "gpt-5-mini-2025-08-07",
            "gpt-5.6-sol",
            "o3-mini",
            "o1",
            "gpt-6.2",
        ] {
            assert!(Traits::of(name).reasons(), "{name}");
        }
        for name in [
            "gpt-4o",
            "gpt-35-turbo",
            "gpt-5-chat-latest",
            "ft:gpt-4.1:org",
            "my-deployment",
        ] {
            assert!(!Traits::of(name).reasons(), "{name}");
        }
        assert!(Traits::of("gpt-5.4-mini").refuses_effort_with_tools());
        assert!(!Traits::of("gpt-5-mini").refuses_effort_with_tools());
        assert!(Traits::of("gpt-5.6-terra").thinks_by_default());
        assert!(!Traits::of("gpt-5.4").thinks_by_default());
        assert!(Traits::of("gpt-4o-search-preview").searches());
        assert!(Traits::of("gpt-5-pro-2025-10-06").responses_only());
        assert!(!Traits::of("gpt-5.4-mini").responses_only());
    }
}
