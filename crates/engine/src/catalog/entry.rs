//! One model of the catalog.

use polyroute_wire::capability::Capabilities;
use serde::{Deserialize, Serialize};

use super::source::Sources;
use crate::price::Prices;

/// What a model is called for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Chat completions.
    #[default]
    Chat,
    /// Embeddings.
    Embedding,
    /// Reranking.
    Rerank,
    /// Only the provider's Responses API, which chat requests are translated for, or its
    /// Interactions API, which they can't be sent to.
    Responses,
    /// The old text completions.
    Completion,
    /// Moderations.
    Moderation,
    /// Pictures, sound, video: nothing that a request of ours reaches.
    Other,
}

impl Kind {
    /// What it is called in a message to the caller.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Chat => "a chat model",
            Self::Embedding => "an embeddings model",
            Self::Rerank => "a reranking model",
            Self::Responses => "a model of the Responses API only",
            Self::Completion => "a text completions model",
            Self::Moderation => "a moderation model",
            Self::Other => "no chat or embeddings model",
        }
    }
}

/// A listed model.
#[derive(Debug, Clone)]
pub struct ModelEntry {
    /// Its id at the provider, without a date where the provider has such a name.
    pub id: String,
    /// Its other names there, dated ones included.
    pub aliases: Vec<String>,
    /// Names that people write for it and that the provider does not know: they go upstream as
    /// its id.
    pub spellings: Vec<String>,
    /// What it is called for.
    pub kind: Kind,
    /// The family that its capabilities come from.
    pub family: String,
    /// What it takes, with window and longest answer in tokens where they are known.
    pub capabilities: Capabilities,
    /// What goes in: `text`, `image`, `audio`, `video`, `pdf`.
    pub input: Vec<String>,
    /// What comes out.
    pub output: Vec<String>,
    /// The provider whose file lists it, where another section took it over (azure: openai).
    pub taken_from: Option<String>,
    /// Where it is served, as the provider names its regions, if that is narrower than wherever
    /// the provider is.
    pub regions: Vec<String>,
    /// The day it came out (`2025-08-07`), if known.
    pub released: Option<String>,
    /// The day after which the provider no longer answers for it, if announced.
    pub retires: Option<String>,
    /// The provider no longer lists it, or says that it will go.
    pub deprecated: bool,
    /// Its name stands for whatever the provider thinks current, and leads to another model one
    /// day (`deepseek-chat`).
    pub floats: bool,
    /// What is uncertain about the figures.
    pub note: Option<String>,
    /// Prices, the latest start last; empty if they are unknown.
    pub prices: Vec<PricePeriod>,
    /// Where the figures come from.
    pub sources: Sources,
}

/// Prices that hold from a day on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricePeriod {
    /// First day, `YYYY-MM-DD` in UTC; `None` for ever before.
    pub from: Option<String>,
    /// What is charged.
    pub prices: Prices,
}

impl ModelEntry {
    /// The name to send upstream for a name that found this model.
    #[must_use]
    pub fn upstream_name<'a>(&'a self, name: &'a str) -> &'a str {
        if self.spellings.iter().any(|spelling| spelling == name) {
            &self.id
        } else {
            name
        }
    }

    /// Whether the provider no longer answers for it at that time (seconds since the Unix epoch).
    #[must_use]
    pub fn retired_at(&self, unix_seconds: u64) -> bool {
        let gone = |day_of: &String| *day_of < day(unix_seconds);
        self.retires.as_ref().is_some_and(gone)
    }

    /// Its prices at that time (seconds since the Unix epoch); `None` if they are unknown.
    #[must_use]
    pub fn prices_at(&self, unix_seconds: u64) -> Option<&Prices> {
        prices_at(&self.prices, unix_seconds)
    }
}

/// The prices that hold at that time (seconds since the Unix epoch).
pub(crate) fn prices_at(periods: &[PricePeriod], unix_seconds: u64) -> Option<&Prices> {
    let began = |period: &PricePeriod| {
        let from = period.from.as_ref();
        from.is_none_or(|from| *from <= day(unix_seconds))
    };
    let period = periods.iter().rev().find(|period| began(period));
    period.map(|period| &period.prices)
}

/// The UTC day of a time, `YYYY-MM-DD`, which sorts as text. Days are turned into dates as in
/// Howard Hinnant's `civil_from_days`, for times from 1970 on.
fn day(unix_seconds: u64) -> String {
    const DAYS_PER_ERA: u64 = 146_097;
    // Days since 0000-03-01.
    let days = unix_seconds / 86_400 + 719_468;
    let era = days / DAYS_PER_ERA;
    let day_of_era = days % DAYS_PER_ERA;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_740_787_199, "2025-02-28"),
            (1_798_761_599, "2026-12-31"),
            (1_798_761_600, "2027-01-01"),
        ] {
            assert_eq!(day(seconds), expected);
        }
    }
}
