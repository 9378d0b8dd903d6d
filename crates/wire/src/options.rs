//! `provider_options`: what a caller writes in a provider's own words, for one dialect or provider.

use serde_json::{Map, Value};

use crate::adapter::Target;

/// The options of the caller that are meant for this target: those under the dialect's name, then
/// those under the provider's own, which win.
pub(crate) fn own<'a>(
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
