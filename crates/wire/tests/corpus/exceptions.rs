//! Recorded exchanges that a check does not hold for, each with its reason. At most one entry in a
//! hundred may stand here.

/// Entry, check, reason.
pub(crate) const EXCEPTIONS: &[(&str, &str, &str)] = &[];
