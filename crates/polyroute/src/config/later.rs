//! Keys of configurations to come: refused with their own words, never ignored.

use super::path::{KeyPath, Segment};

/// Key paths that a later version reads, `*` for any name or place, and what to do until then.
const LATER: &[(&[&str], &str)] = &[
    (
        &["routes", "*", "rules"],
        "list the targets in order: `targets: [first, second]`",
    ),
    (
        &["routes", "*", "when"],
        "list the targets in order: `targets: [first, second]`",
    ),
    (
        &["routes", "*", "require"],
        "list only targets that meet the requirement",
    ),
    (
        &["routes", "*", "resilience"],
        "set `resilience` at the top: it holds for all routes",
    ),
    (
        &["routes", "*", "targets", "*", "when"],
        "remove `when`: targets are tried in order",
    ),
    (
        &["routes", "*", "targets", "*", "weight"],
        "remove `weight`: targets are tried in order",
    ),
    (
        &["targets", "*", "when"],
        "remove `when`: targets are tried in order",
    ),
    (
        &["providers", "*", "limits"],
        "remove it: the provider's own 429 answers are obeyed",
    ),
    (
        &["resilience", "breaker"],
        "remove it: a failing target is left for the next one",
    ),
    (
        &["resilience", "health_check"],
        "remove it: `GET /health/ready` needs no probe",
    ),
    (&["keys", "*", "limits"], "remove it"),
    (&["keys", "*", "budget"], "remove it"),
];

/// Why a key is refused that a later version will know, and what to write now.
pub(crate) fn reason(path: &KeyPath) -> Option<(String, String)> {
    let found = LATER
        .iter()
        .find(|(pattern, _)| matches(pattern, path.segments()))?;
    let name = found.0.last()?;
    Some((
        format!("`{name}` is not supported yet in this version"),
        found.1.to_owned(),
    ))
}

/// Whether a key of a later version is written in place of one that is required now: a route with
/// `rules` has its targets there.
pub(crate) fn stands_for(later: &str, required: &str) -> bool {
    (later, required) == ("rules", "targets")
}

fn matches(pattern: &[&str], path: &[Segment]) -> bool {
    let same = |(step, segment): (&&str, &Segment)| match segment {
        Segment::Key(key) => *step == "*" || *step == key,
        Segment::Index(_) => *step == "*",
    };
    pattern.len() == path.len() && pattern.iter().zip(path).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_later_versions_are_told_from_mistakes() {
        let rules = KeyPath::of("routes").key("chat").key("rules");
        assert!(reason(&rules).unwrap().0.contains("not supported yet"));
        let when = KeyPath::of("routes")
            .key("a")
            .key("targets")
            .index(2)
            .key("when");
        assert!(reason(&when).is_some());
        assert!(reason(&KeyPath::of("rules")).is_none());
    }
}
