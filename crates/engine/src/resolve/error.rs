//! Why a name means nothing that the caller may use, and what to do about it.

/// Most names that an error suggests.
pub const SUGGESTIONS_MAX: usize = 3;

/// Why a name means nothing that the caller may use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// No route, target or known model has this name.
    #[error(
        "no route, target or model is called `{name}`{}; write `provider/model` for a model that is not in the catalog",
        did_you_mean(nearest)
    )]
    NotFound {
        /// The name.
        name: String,
        /// Similar names that exist, at most [`SUGGESTIONS_MAX`].
        nearest: Vec<String>,
    },
    /// It exists, but the key may not use it.
    #[error("this key may not use `{name}`; it may use: {}", list(allowed, *more))]
    Denied {
        /// The name.
        name: String,
        /// What the key may use, at most [`super::SHOWN_MAX`].
        allowed: Vec<String>,
        /// How many more there are.
        more: usize,
    },
    /// The provider is known but not on.
    #[error(
        "provider `{provider}` is not on: set its API key variable or add it to `providers`{}",
        did_you_mean(nearest)
    )]
    ProviderOff {
        /// The provider.
        provider: String,
        /// Providers that are on, or similar names.
        nearest: Vec<String>,
    },
    /// A service whose API Polyroute does not speak.
    #[error("the API of `{provider}` is not spoken here; `polyroute models` lists the providers")]
    NotSpoken {
        /// The provider.
        provider: String,
    },
    /// No name at all.
    #[error("`model` is empty: name a route, a target or a model")]
    Empty,
}

impl ResolveError {
    /// The HTTP status for the caller.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::NotFound { .. } | Self::ProviderOff { .. } => 404,
            Self::Denied { .. } => 403,
            Self::NotSpoken { .. } | Self::Empty => 400,
        }
    }

    /// The stable `code` of the error object.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "model_not_found",
            Self::Denied { .. } => "model_not_allowed",
            Self::ProviderOff { .. } => "provider_not_on",
            Self::NotSpoken { .. } => "provider_not_supported",
            Self::Empty => "invalid_value",
        }
    }
}

fn did_you_mean(names: &[String]) -> String {
    match names {
        [] => String::new(),
        names => format!(" (did you mean {}?)", list(names, 0)),
    }
}

fn list(names: &[String], more: usize) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match more {
        0 => quoted.join(", "),
        more => format!("{} and {more} more", quoted.join(", ")),
    }
}
