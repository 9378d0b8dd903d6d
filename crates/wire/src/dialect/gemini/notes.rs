//! What translation left out or changed, told to the caller and never silent.

use std::collections::HashSet;

use crate::error::{EncodeError, EncodeErrorCode};

/// Collects the names for `Encoded.dropped` and `Encoded.changed`.
pub(super) struct Notes {
    strict: bool,
    dropped: Vec<String>,
    changed: Vec<String>,
}

impl Notes {
    pub(super) const fn new(strict: bool) -> Self {
        Self {
            strict,
            dropped: Vec::new(),
            changed: Vec::new(),
        }
    }

    /// A request field is left out.
    ///
    /// # Errors
    /// Under `strict_params` the request is refused instead.
    pub(super) fn drop(&mut self, name: &str) -> Result<(), EncodeError> {
        if self.strict {
            return Err(EncodeError::new(
                EncodeErrorCode::UnsupportedParameter,
                name,
                format!(
                    "`{name}` has no equivalent at this model. Remove it, or turn \
                     `strict_params` off to have it left out."
                ),
            ));
        }
        self.forget(name);
        Ok(())
    }

    /// State of another provider's answer is not sent on. This is no parameter of the caller's, so
    /// it is never refused.
    pub(super) fn forget(&mut self, name: &str) {
        self.dropped.push(name.to_owned());
    }

    /// A value became another.
    pub(super) fn change(&mut self, name: &str, value: impl std::fmt::Display) {
        self.changed.push(format!("{name}={value}"));
    }

    /// Dropped names, sorted and without repeats, and changes in order without repeats.
    pub(super) fn into_lists(mut self) -> (Vec<String>, Vec<String>) {
        self.dropped.sort_unstable();
        self.dropped.dedup();
        let mut seen = HashSet::new();
        self.changed.retain(|change| seen.insert(change.clone()));
        (self.dropped, self.changed)
    }
}

/// A parameter that leaving out would change the meaning of the request.
pub(super) fn refuse(param: impl Into<String>, message: impl Into<String>) -> EncodeError {
    EncodeError::new(EncodeErrorCode::UnsupportedParameter, param, message)
}

/// Content that the target can't take.
pub(super) fn refuse_content(param: impl Into<String>, message: impl Into<String>) -> EncodeError {
    EncodeError::new(EncodeErrorCode::UnsupportedContent, param, message)
}
