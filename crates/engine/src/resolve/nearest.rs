//! Names that are spelt like a name that does not exist.

/// Longest name compared, in characters: similarity costs the product of two lengths.
const COMPARED_MAX: usize = 100;

/// Least similarity (0 to 1) of a suggestion.
const SIMILARITY_MIN: f64 = 0.55;

/// The names most like `name`, best first, at most `count`, without repeats. A `provider/` prefix
/// counts as written and as left out.
#[must_use]
pub fn nearest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
    count: usize,
) -> Vec<String> {
    let name: String = name.chars().take(COMPARED_MAX).collect();
    let name = name.to_ascii_lowercase();
    let bare = name.rsplit('/').next().unwrap_or(&name);
    let mut scored: Vec<(f64, &str)> = candidates
        .map(|candidate| {
            let lower = candidate.to_ascii_lowercase();
            let whole = strsim::normalized_damerau_levenshtein(&name, &lower);
            let without_prefix = strsim::normalized_damerau_levenshtein(bare, &lower);
            (whole.max(without_prefix), candidate)
        })
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .collect();
    scored.sort_by(|(one, first), (other, second)| {
        other.total_cmp(one).then_with(|| first.cmp(second))
    });
    scored.dedup_by(|(_, one), (_, other)| one == other);
    scored
        .into_iter()
        .take(count)
        .map(|(_, name)| name.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_find_their_model() {
        let names = ["gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5", "chat", "chat"];
        let find = |name: &str| nearest(name, names.into_iter(), 3);
        assert_eq!(find("gpt-4o-mni"), ["gpt-4o-mini", "gpt-4o"]);
        assert_eq!(find("anthropic/claude-sonet-4-5"), ["claude-sonnet-4-5"]);
        assert_eq!(find("CHAT"), ["chat"]);
        assert_eq!(find("something entirely different"), Vec::<String>::new());
        assert_eq!(find(&"x".repeat(1_000_000)), Vec::<String>::new());
        assert_eq!(find(""), Vec::<String>::new());
    }
}
