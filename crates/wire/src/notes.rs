//! What an encoding left out or changed, so that nothing is dropped in silence.

use crate::error::{EncodeError, EncodeErrorCode};

/// Why a field is left out where the wire simply has nothing like it.
pub(crate) const NO_EQUIVALENT: &str = "it has no equivalent there";

/// Collects the names for `Encoded.dropped` and `Encoded.changed`.
#[derive(Debug)]
pub(crate) struct Notes {
    strict: bool,
    dropped: Vec<String>,
    changed: Vec<String>,
}

impl Notes {
    /// `strict` refuses what would be dropped.
    pub(crate) const fn new(strict: bool) -> Self {
        Self {
            strict,
            dropped: Vec::new(),
            changed: Vec::new(),
        }
    }

    /// Leaves a field out because of `why`, or refuses it.
    ///
    /// # Errors
    /// Under `strict_params`, with what to do.
    pub(crate) fn drop(&mut self, field: &str, why: &str) -> Result<(), EncodeError> {
        if self.strict {
            return Err(EncodeError::new(
                EncodeErrorCode::UnsupportedParameter,
                field,
                format!("`{field}` can't be sent to this model: {why}. Leave it out."),
            ));
        }
        self.dropped.push(field.to_owned());
        Ok(())
    }

    /// Names a field that is left out and never refused: the operator's policy, or another
    /// provider's state, which is no parameter of the caller's.
    pub(crate) fn forget(&mut self, field: &str) {
        self.dropped.push(field.to_owned());
    }

    /// Says what a field's value became.
    pub(crate) fn change(&mut self, field: &str, value: impl std::fmt::Display) {
        self.changed.push(format!("{field}={value}"));
    }

    /// Both lists, sorted and without repeats.
    pub(crate) fn finish(self) -> (Vec<String>, Vec<String>) {
        let tidy = |mut list: Vec<String>| {
            list.sort_unstable();
            list.dedup();
            list
        };
        (tidy(self.dropped), tidy(self.changed))
    }
}

/// A field that can't be sent and can't be left out.
pub(crate) fn unsupported(field: impl Into<String>, message: impl Into<String>) -> EncodeError {
    EncodeError::new(EncodeErrorCode::UnsupportedParameter, field, message)
}

/// Content of a kind that the model can't be sent.
pub(crate) fn unsupported_content(
    field: impl Into<String>,
    message: impl Into<String>,
) -> EncodeError {
    EncodeError::new(EncodeErrorCode::UnsupportedContent, field, message)
}

/// A value that is wrong for every model.
pub(crate) fn invalid(field: impl Into<String>, message: impl Into<String>) -> EncodeError {
    EncodeError::new(EncodeErrorCode::InvalidValue, field, message)
}
