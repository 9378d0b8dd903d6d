//! `provider_options`: what a caller writes in a provider's own words, for one dialect or provider.

use serde_json::{Map, Value};

use crate::adapter::Target;
use crate::error::EncodeError;
use crate::notes::Notes;

/// The options of the caller that are meant for this target: those under the dialect's name, then
/// those under the provider's own, which win.
fn own<'a>(
    options: Option<&'a Map<String, Value>>,
    dialect: &str,
    target: &Target,
) -> Vec<&'a Map<String, Value>> {
    let provider = target.endpoint.provider.as_str();
    [
        Some(dialect),
        Some(provider).filter(|name| *name != dialect),
    ]
    .into_iter()
    .flatten()
    .filter_map(|name| options?.get(name)?.as_object())
    .collect()
}

/// All of those as members of a request's body, less the keys that the request itself sets: the
/// model is a matter of rights, streaming of how the answer is read. The paths of such keys come
/// second.
pub(crate) fn free(
    options: Option<&Map<String, Value>>,
    dialect: &str,
    target: &Target,
    set: &[&str],
) -> (Map<String, Value>, Vec<String>) {
    let mut all = Map::new();
    for own in own(options, dialect, target) {
        merge(&mut all, own);
    }
    let taken = |key: &&&str| all.contains_key(**key);
    let lost: Vec<&str> = set.iter().filter(taken).copied().collect();
    for key in &lost {
        all.shift_remove(*key);
    }
    let path = |key: &str| format!("provider_options.{dialect}.{key}");
    (all, lost.into_iter().map(path).collect())
}

/// The same for a request whose notes say what is left out.
///
/// # Errors
/// A key that is left out where the policy forbids to leave anything out.
pub(crate) fn members(
    options: &Map<String, Value>,
    dialect: &str,
    target: &Target,
    set: &[&str],
    notes: &mut Notes,
) -> Result<Map<String, Value>, EncodeError> {
    let (all, lost) = free(Some(options), dialect, target, set);
    for field in lost {
        notes.drop(&field, "it is set by the request itself")?;
    }
    Ok(all)
}

/// Merges options into a body: objects member by member, `tools` appended, anything else replaced.
pub(crate) fn merge(body: &mut Map<String, Value>, options: &Map<String, Value>) {
    for (key, value) in options {
        match (body.get_mut(key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            (Some(Value::Array(old)), Value::Array(new)) if key == "tools" => {
                old.extend(new.iter().cloned());
            }
            _ => {
                body.insert(key.clone(), value.clone());
            }
        }
    }
}
