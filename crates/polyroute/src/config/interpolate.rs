//! `${NAME}` and `${NAME:-default}` in the values of the file.
//!
//! Done on the tree, after parsing: a value can't become YAML, whatever the variable holds.
//! `$${` stands for `${`. A variable that is not set (or empty) and has no default is an error at
//! the place that names it.

use std::collections::HashSet;

use super::env::Environment;
use super::path::KeyPath;
use super::problem::{Origin, Problems, Severity, nearest};
use super::tree::{Kind, Node};

/// Replaces the references in all values. The nodes whose reference could not be resolved are
/// returned; they are to be treated as not written.
pub(crate) fn interpolate(
    root: &mut Node,
    environment: &Environment,
    problems: &mut Problems,
) -> HashSet<usize> {
    let mut pass = Pass {
        environment,
        problems,
        hidden: HashSet::new(),
    };
    pass.node(root, &KeyPath::default());
    pass.hidden
}

struct Pass<'p> {
    environment: &'p Environment,
    problems: &'p mut Problems,
    hidden: HashSet<usize>,
}

impl Pass<'_> {
    fn node(&mut self, node: &mut Node, path: &KeyPath) {
        match &mut node.kind {
            Kind::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.node(item, &path.index(index));
                }
            }
            Kind::Map(entries) => {
                for entry in entries {
                    self.node(&mut entry.value, &path.key(&entry.key));
                }
            }
            Kind::Scalar(scalar) if scalar.text.contains("${") => {
                match expand(&scalar.text, self.environment) {
                    Ok((text, replaced)) => {
                        scalar.text = text;
                        scalar.interpolated = replaced;
                    }
                    Err((reason, suggestion)) => {
                        self.hidden.insert(node.id);
                        let origin = Origin::Spot(path.clone(), node.span);
                        let hint = Some(suggestion);
                        self.problems.push(Severity::Error, origin, reason, hint);
                    }
                }
            }
            Kind::Scalar(_) => {}
        }
    }
}

/// The text with its references replaced, and whether there was one; else reason and suggestion.
fn expand(text: &str, environment: &Environment) -> Result<(String, bool), (String, String)> {
    let mut out = String::with_capacity(text.len());
    let mut replaced = false;
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(literal) = before.strip_suffix('$') {
            out.push_str(literal);
            out.push_str("${");
            rest = after;
            continue;
        }
        out.push_str(before);
        let Some((reference, behind)) = after.split_once('}') else {
            let hint = "write `${NAME}`, or `$${` for the two characters".to_owned();
            return Err(("`${` without its `}`".to_owned(), hint));
        };
        out.push_str(value(reference, environment)?);
        replaced = true;
        rest = behind;
    }
    out.push_str(rest);
    Ok((out, replaced))
}

fn value<'r>(
    reference: &'r str,
    environment: &'r Environment,
) -> Result<&'r str, (String, String)> {
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(word) || name.starts_with(|c: char| c.is_numeric()) {
        let hint = "write `${NAME}` or `${NAME:-default}`, or `$${` for the two characters";
        return Err((
            "this is not the name of a variable".to_owned(),
            hint.to_owned(),
        ));
    }
    if let Some(value) = environment.get(name).or(default) {
        return Ok(value);
    }
    let hint = match nearest(name, environment.names()) {
        Some(found) => format!("did you mean `${{{found}}}`? Or give a default: `${{{name}:-…}}`"),
        None => format!("set it, or give a default: `${{{name}:-…}}`"),
    };
    Err((
        format!("the environment variable `{name}` is not set"),
        hint,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, String> {
        let pairs = [
            ("HOST", "10.0.0.1"),
            ("EMPTY", ""),
            ("EVIL", "a: [1]\n- ${HOST}"),
        ];
        let environment = pairs.into_iter().collect();
        expand(text, &environment)
            .map(|(text, _)| text)
            .map_err(|(reason, _)| reason)
    }

    #[test]
    fn references_are_replaced() {
        assert_eq!(expanded("${HOST}:80").unwrap(), "10.0.0.1:80");
        assert_eq!(expanded("${NOPE:-x}${EMPTY:-y}").unwrap(), "xy");
        assert_eq!(
            expanded("$${HOST} $5 ${HOST}").unwrap(),
            "${HOST} $5 10.0.0.1"
        );
        assert_eq!(expanded("${NOPE:-}").unwrap(), "");
    }

    #[test]
    fn a_value_is_never_read_again() {
        assert_eq!(expanded("${EVIL}").unwrap(), "a: [1]\n- ${HOST}");
    }

    #[test]
    fn what_can_not_be_resolved_is_said() {
        assert_eq!(
            expanded("${NOPE}").unwrap_err(),
            "the environment variable `NOPE` is not set"
        );
        assert_eq!(
            expanded("${EMPTY}").unwrap_err(),
            "the environment variable `EMPTY` is not set"
        );
        assert_eq!(expanded("${HOST").unwrap_err(), "`${` without its `}`");
        for bad in ["${}", "${a b}", "${1A}", "${${HOST}}"] {
            assert_eq!(
                expanded(bad).unwrap_err(),
                "this is not the name of a variable",
                "{bad}"
            );
        }
    }
}
