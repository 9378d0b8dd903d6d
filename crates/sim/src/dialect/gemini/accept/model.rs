//! What a Gemini model name says about thinking.

/// A model's rules. Names without a version (`gemini-flash-latest`) follow the newest rules where
/// these allow more, and carry no refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Traits {
    version: Option<(u32, u32)>,
    pro: bool,
    lite: bool,
    flash: bool,
}

impl Traits {
    /// Reads names such as `gemini-2.5-flash` and `gemini-3.1-pro-preview`.
    pub(super) fn of(name: &str) -> Self {
        let version = name.strip_prefix("gemini-").and_then(|rest| {
            let number = rest.split('-').next().unwrap_or_default();
            let mut parts = number.split('.').map(str::parse::<u32>);
            let major = parts.next()?.ok()?;
            Some((major, parts.next().and_then(Result::ok).unwrap_or(0)))
        });
        Self {
            version,
            pro: name.contains("pro"),
            lite: name.contains("lite"),
            flash: name.contains("flash"),
        }
    }

    fn at_least(self, major: u32, minor: u32) -> bool {
        self.version
            .is_some_and(|version| version >= (major, minor))
    }

    /// Gemini 3: levels instead of budgets, signatures demanded.
    pub(super) fn wants_signatures(self) -> bool {
        self.at_least(3, 0)
    }

    /// `thinkingLevel` came with Gemini 3.
    pub(super) fn takes_level(self) -> bool {
        self.version.is_none() || self.at_least(3, 0)
    }

    /// Gemini 3.7 and 3.8 Flash know no MINIMAL, nor does Pro.
    pub(super) fn refuses_minimal(self) -> bool {
        self.at_least(3, 0) && (self.pro || (self.at_least(3, 7) && self.flash && !self.lite))
    }

    /// Models before 2.5 do not think.
    pub(super) fn thinks(self) -> bool {
        self.version.is_none() || self.at_least(2, 5)
    }

    /// 2.5 Pro cannot stop thinking.
    pub(super) fn always_thinks(self) -> bool {
        self.pro && self.at_least(2, 5)
    }

    /// Whether a call without settings thinks: all but Flash-Lite 2.5 and models before 2.5.
    pub(super) fn thinks_by_default(self) -> bool {
        self.thinks() && !(self.lite && self.version == Some((2, 5)))
    }

    /// The least budget that 2.5 models take, as their refusal names it.
    pub(super) fn budget_min(self) -> f64 {
        match (self.pro, self.lite) {
            (true, _) => 128.0,
            (false, true) => 512.0,
            (false, false) => 0.0,
        }
    }

    /// The largest budget.
    pub(super) fn budget_max(self) -> f64 {
        if self.pro { 32_768.0 } else { 24_576.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::Traits;

    #[test]
    fn names_choose_rules() {
        assert!(Traits::of("gemini-3-flash-preview").wants_signatures());
        assert!(Traits::of("gemini-3.1-pro-preview").takes_level());
        assert!(!Traits::of("gemini-2.5-flash").takes_level());
        assert!(!Traits::of("gemini-2.0-flash-001").thinks());
        assert!(Traits::of("gemini-flash-latest").takes_level());
        assert!(!Traits::of("gemini-flash-latest").wants_signatures());
        assert!(Traits::of("gemini-2.5-pro").always_thinks());
        assert!(Traits::of("gemini-3.7-flash").refuses_minimal());
    }
}
