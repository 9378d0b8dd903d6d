//! `provider_options`: what the caller writes in the provider's own words, merged last.

use serde_json::{Map, Value};

use super::read::is_spelling_of;
use crate::adapter::Target;

/// The caller's options for this dialect and for this provider, in that order.
pub(super) fn options<'a>(
    all: &'a Map<String, Value>,
    target: &Target,
) -> Vec<&'a Map<String, Value>> {
    let own = Some(target.endpoint.provider.as_str()).filter(|name| *name != super::ISSUER);
    [Some(super::ISSUER), own]
        .into_iter()
        .flatten()
        .filter_map(|name| all.get(name)?.as_object())
        .collect()
}

/// Merges objects; `tools` lists are appended to, everything else is replaced. A key in the other
/// spelling (`generation_config`) meets ours, as the API refuses a field given twice.
pub(super) fn into(body: &mut Map<String, Value>, options: &Map<String, Value>) {
    for (key, value) in options {
        let known = body
            .keys()
            .find(|known| is_spelling_of(key, known))
            .cloned()
            .unwrap_or_else(|| key.clone());
        match (body.get_mut(&known), value) {
            (Some(Value::Object(known)), Value::Object(value)) => into(known, value),
            (Some(Value::Array(tools)), Value::Array(more)) if known == "tools" => {
                tools.extend(more.iter().cloned());
            }
            _ => {
                body.insert(known, value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_meet_in_either_spelling_and_tools_are_appended() {
        let mut body = json!({"generationConfig": {"topP": 0.5, "stopSequences": ["a"]},
            "tools": [{"functionDeclarations": []}]});
        let options = json!({"generation_config": {"top_p": 0.9, "stopSequences": ["b"]},
            "tools": [{"googleSearch": {}}], "labels": {"a": "b"}});
        into(body.as_object_mut().unwrap(), options.as_object().unwrap());
        assert_eq!(
            body,
            json!({"generationConfig": {"topP": 0.9, "stopSequences": ["b"]},
                "tools": [{"functionDeclarations": []}, {"googleSearch": {}}],
                "labels": {"a": "b"}})
        );
    }
}
