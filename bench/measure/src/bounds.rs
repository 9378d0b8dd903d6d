//! What operations may allocate: a checked-in table of bounds.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// What an operation allocated in all, whatever of it was freed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allocated {
    /// How often the allocator was asked; growing a buffer counts.
    pub allocations: u64,
    /// For how many bytes.
    pub bytes: u64,
}

/// The most that an operation may allocate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bound {
    allocations_max: u64,
    bytes_max: u64,
}

impl Bound {
    /// What was measured and a tenth more.
    const fn over(measured: Allocated) -> Self {
        Self {
            allocations_max: measured.allocations + measured.allocations.div_ceil(10),
            bytes_max: measured.bytes + measured.bytes.div_ceil(10),
        }
    }

    const fn holds(self, measured: Allocated) -> bool {
        measured.allocations <= self.allocations_max && measured.bytes <= self.bytes_max
    }
}

/// Holds what was measured against the table at `path`: JSON, by the operations' names. With
/// `POLYROUTE_BLESS` in the environment the table is written anew instead.
///
/// # Errors
/// Every operation that is above its bound or has none, every bound without an operation, and how
/// to write the table anew; a table that can't be read or written.
pub fn hold(path: &Path, measured: &[(String, Allocated)]) -> Result<(), String> {
    if std::env::var_os("POLYROUTE_BLESS").is_some() {
        return std::fs::write(path, table(measured)?)
            .map_err(|error| format!("{}: {error}", path.display()));
    }
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
    let bounds: BTreeMap<String, Bound> =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let complaints = complaints(&bounds, measured);
    if complaints.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{complaints}Find out why before you allow it (CONTRIBUTING.md, \"What it costs\"). To write \
         the bounds anew from what is measured now, plus a tenth, run this test with \
         POLYROUTE_BLESS=1: it writes {}",
        path.display()
    ))
}

/// The table for these measurements, one line an operation.
fn table(measured: &[(String, Allocated)]) -> Result<String, String> {
    let mut lines = Vec::with_capacity(measured.len());
    for (name, measured) in measured {
        let name = serde_json::to_string(name).map_err(|error| error.to_string())?;
        let Bound {
            allocations_max,
            bytes_max,
        } = Bound::over(*measured);
        lines.push(format!(
            "  {name}: {{\"allocations_max\": {allocations_max}, \"bytes_max\": {bytes_max}}}"
        ));
    }
    Ok(format!("{{\n{}\n}}\n", lines.join(",\n")))
}

fn complaints(bounds: &BTreeMap<String, Bound>, measured: &[(String, Allocated)]) -> String {
    let mut text = String::new();
    for (name, measured) in measured {
        let Allocated { allocations, bytes } = measured;
        let said = match bounds.get(name) {
            Some(bound) if bound.holds(*measured) => continue,
            Some(bound) => format!(
                "may make {} of {} bytes",
                bound.allocations_max, bound.bytes_max
            ),
            None => "has no bound".to_owned(),
        };
        let _ = writeln!(
            text,
            "`{name}` makes {allocations} allocations of {bytes} bytes in all, and {said}."
        );
    }
    for name in bounds.keys() {
        if !measured.iter().any(|(known, _)| known == name) {
            let _ = writeln!(text, "`{name}` has a bound and is not measured.");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(name: &str, allocations: u64, bytes: u64) -> (String, Allocated) {
        (name.to_owned(), Allocated { allocations, bytes })
    }

    fn complaints_of(table_of: &[(String, Allocated)], now: &[(String, Allocated)]) -> String {
        let bounds = serde_json::from_str(&table(table_of).unwrap()).unwrap();
        complaints(&bounds, now)
    }

    #[test]
    fn a_tenth_more_is_allowed_and_no_more() {
        let before = [measured("a", 10, 1_000), measured("b", 0, 0)];
        assert_eq!(complaints_of(&before, &before), "");
        let grown = [measured("a", 11, 1_100), measured("b", 0, 0)];
        assert_eq!(complaints_of(&before, &grown), "");
        let more = [measured("a", 12, 1_000), measured("b", 0, 0)];
        assert_eq!(
            complaints_of(&before, &more),
            "`a` makes 12 allocations of 1000 bytes in all, and may make 11 of 1100 bytes.\n"
        );
        let larger = [measured("a", 10, 1_101), measured("b", 1, 1)];
        assert_eq!(complaints_of(&before, &larger).lines().count(), 2);
    }

    #[test]
    fn an_operation_without_a_bound_and_a_bound_without_one_are_named() {
        let text = complaints_of(&[measured("a \"1\"", 1, 1)], &[measured("b", 1, 1)]);
        assert!(text.contains("`b` makes 1 allocations of 1 bytes in all, and has no bound"));
        assert!(text.contains("`a \"1\"` has a bound and is not measured"));
    }
}
