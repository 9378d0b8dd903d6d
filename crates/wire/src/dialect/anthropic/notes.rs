//! What an encoding left out or changed, so that nothing is dropped in silence.

use crate::error::{EncodeError, EncodeErrorCode};

/// Collects the names for `Encoded.dropped` and `Encoded.changed`.
#[derive(Debug)]
pub(super) struct Notes {
    strict: bool,
    dropped: Vec<String>,
    changed: Vec<String>,
}

impl Notes {
    /// `strict` refuses what would be dropped.
    pub(super) const fn new(strict: bool) -> Self {
        Self {
            strict,
            dropped: Vec::new(),
            changed: Vec::new(),
        }
    }

    /// Leaves a field out because of `why`, or refuses it.
    pub(super) fn drop(&mut self, field: &str, why: &str) -> Result<(), EncodeError> {
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

    /// Names a field that a policy of the operator's own leaves out.
    pub(super) fn drop_by_policy(&mut self, field: &str) {
        self.dropped.push(field.to_owned());
    }

    /// Says what a field's value became.
    pub(super) fn change(&mut self, field: &str, value: impl std::fmt::Display) {
        self.changed.push(format!("{field}={value}"));
    }

    /// Both lists, sorted and without repeats.
    pub(super) fn finish(self) -> (Vec<String>, Vec<String>) {
        let tidy = |mut list: Vec<String>| {
            list.sort_unstable();
            list.dedup();
            list
        };
        (tidy(self.dropped), tidy(self.changed))
    }
}

/// A field that can't be sent and can't be left out.
pub(super) fn unsupported(field: &str, message: impl Into<String>) -> EncodeError {
    EncodeError::new(EncodeErrorCode::UnsupportedParameter, field, message)
}

/// Content of a kind that the model can't be sent.
pub(super) fn unsupported_content(field: &str, message: impl Into<String>) -> EncodeError {
    EncodeError::new(EncodeErrorCode::UnsupportedContent, field, message)
}

/// A value that is wrong for every model.
pub(super) fn invalid(field: &str, message: impl Into<String>) -> EncodeError {
    EncodeError::new(EncodeErrorCode::InvalidValue, field, message)
}
