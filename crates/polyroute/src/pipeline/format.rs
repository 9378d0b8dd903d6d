//! Which schema an answer is held to: the route's or the caller's.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use polyroute_wire::api_error::ApiError;
use polyroute_wire::json::RawObject;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::output::Rule;
use super::schema::{Schema, Schemas};
use crate::config::settings::{OutputMode, Route, StructuredOutput};

/// The name of a route's schema, which providers want to have one.
const SCHEMA_NAME: &str = "answer";

/// The rules of all routes, and the schemas of recent requests.
#[derive(Debug, Default)]
pub struct Outputs {
    routes: HashMap<String, Ruled>,
    schemas: Schemas,
}

/// The rules of one route.
#[derive(Debug)]
struct Ruled {
    settings: StructuredOutput,
    own: Option<Own>,
}

/// A route's own schema.
#[derive(Debug)]
struct Own {
    source: Arc<Value>,
    schema: Arc<Schema>,
    /// `response_format`, for callers that send none.
    format: String,
}

/// What holds for one request.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// What its answer is held to.
    pub(super) rule: Option<Rule>,
    /// The `response_format` that it must get.
    pub(super) format: Option<String>,
    /// An answer that does not fit is sent back once.
    pub(super) repair: bool,
}

#[derive(Deserialize)]
struct Format<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    json_schema: Option<Named<'a>>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    schema: Option<&'a RawValue>,
}

impl Outputs {
    /// The rules of these routes.
    ///
    /// # Errors
    /// The schema that can't be used, by its route's name; the configuration's check has seen to
    /// it that there is none.
    pub fn new(routes: &[Route]) -> Result<Self, String> {
        let mut outputs = Self::default();
        for route in routes {
            let Some(settings) = &route.structured_output else {
                continue;
            };
            let own = match &settings.schema {
                None => None,
                Some(source) => Some(Own {
                    schema: outputs
                        .schemas
                        .get(source)
                        .map_err(|why| format!("the schema of route `{}`: {why}", route.name))?,
                    format: format_of(source, settings.strict),
                    source: Arc::clone(source),
                }),
            };
            let ruled = Ruled {
                settings: settings.clone(),
                own,
            };
            outputs.routes.insert(route.name.clone(), ruled);
        }
        Ok(outputs)
    }

    /// What holds for a request to this route.
    ///
    /// # Errors
    /// 400 where the caller's schema can't be used, or another one holds here.
    pub(super) fn of(&self, route: Option<&str>, raw: &RawObject<'_>) -> Result<Asked, ApiError> {
        let Some(ruled) = route.and_then(|route| self.routes.get(route)) else {
            return Ok(Asked::default());
        };
        let by = |schema: Arc<Schema>| Asked {
            rule: Some(Rule {
                schema,
                mode: ruled.settings.mode,
                configured: true,
            }),
            format: None,
            repair: ruled.settings.repair,
        };
        let format = raw.get("response_format").filter(|text| *text != "null");
        // What can't be read so is for its reader to explain.
        let format: Option<Format<'_>> = format.and_then(|text| serde_json::from_str(text).ok());
        let kind = format.as_ref().map_or("text", |format| &format.kind);
        match (&ruled.own, kind) {
            (own, "json_schema") => {
                let Some(source) = format.and_then(|format| format.json_schema?.schema) else {
                    return Ok(Asked::default());
                };
                let source: Value =
                    serde_json::from_str(source.get()).map_err(|error| unusable(&error))?;
                match own {
                    Some(own) if *own.source == source => Ok(by(Arc::clone(&own.schema))),
                    Some(_) if !ruled.settings.callers_own => Err(conflict()),
                    _ => self.callers(&source).map(by),
                }
            }
            // Weaker than what the route asks for, or nothing at all.
            (Some(own), _) => Ok(Asked {
                format: Some(own.format.clone()),
                ..by(Arc::clone(&own.schema))
            }),
            (None, "json_object") => self.callers(&json!({"type": "object"})).map(by),
            (None, _) => Ok(Asked::default()),
        }
    }

    /// What an answer is held to where no operator asked for anything, and the target does not
    /// enforce the caller's schema.
    ///
    /// # Errors
    /// Why the schema can't be used, in words for the caller.
    pub(super) fn unenforced(&self, schema: &Value) -> Result<Rule, String> {
        Ok(Rule {
            schema: self.schemas.get(schema).map_err(unusable_words)?,
            mode: OutputMode::Pass,
            configured: false,
        })
    }

    fn callers(&self, schema: &Value) -> Result<Arc<Schema>, ApiError> {
        self.schemas.get(schema).map_err(unusable)
    }
}

fn format_of(schema: &Value, strict: bool) -> String {
    let mut format = json!({
        "type": "json_schema",
        "json_schema": {"name": SCHEMA_NAME, "schema": schema},
    });
    if strict && let Some(named) = format.get_mut("json_schema").and_then(Value::as_object_mut) {
        named.insert("strict".to_owned(), Value::Bool(true));
    }
    format.to_string()
}

fn unusable_words(why: impl std::fmt::Display) -> String {
    format!(
        "Invalid value for `response_format.json_schema.schema`: answers can't be checked by it: {why}."
    )
}

fn unusable(why: impl std::fmt::Display) -> ApiError {
    ApiError::new("invalid_value", unusable_words(why)).with_param("response_format")
}

fn conflict() -> ApiError {
    let message = "This route holds every answer to a JSON schema of its own, and \
                   `response_format` asks for another. Leave it out, or ask the operator to set \
                   `structured_output.caller_schema: allow`.";
    ApiError::new("response_format_conflict", message).with_param("response_format")
}

#[cfg(feature = "structured-output")]
#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(schema: Option<Value>, callers_own: bool) -> Outputs {
        let structured_output = Some(StructuredOutput {
            mode: OutputMode::Canonical,
            schema: schema.map(Arc::new),
            strict: true,
            callers_own,
            repair: true,
        });
        Outputs::new(&[Route {
            name: "r".to_owned(),
            targets: Vec::new(),
            structured_output,
        }])
        .unwrap()
    }

    fn asked(outputs: &Outputs, route: &str, format: &Value) -> Result<Asked, &'static str> {
        let body = json!({"model": route, "response_format": format}).to_string();
        let raw = RawObject::parse(body.as_bytes()).unwrap();
        outputs.of(Some(route), &raw).map_err(|error| error.code)
    }

    fn schema_format(schema: &Value) -> Value {
        json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}})
    }

    #[test]
    fn a_routes_schema_is_sent_where_the_caller_asks_for_less() {
        let own = json!({"type": "object", "required": ["a"]});
        let outputs = outputs(Some(own.clone()), false);
        for format in [
            Value::Null,
            json!({"type": "text"}),
            json!({"type": "json_object"}),
        ] {
            let asked = asked(&outputs, "r", &format).unwrap();
            let sent: Value = serde_json::from_str(&asked.format.unwrap()).unwrap();
            assert_eq!(sent["json_schema"]["schema"], own, "{format}");
            assert_eq!(sent["json_schema"]["strict"], true);
            assert!(asked.repair && asked.rule.is_some());
        }
        // The same schema goes out as the caller wrote it; another one is refused.
        let same = asked(&outputs, "r", &schema_format(&own)).unwrap();
        assert!(same.format.is_none() && same.rule.is_some());
        let other = asked(&outputs, "r", &schema_format(&json!({"type": "array"})));
        assert_eq!(other.unwrap_err(), "response_format_conflict");
    }

    #[test]
    fn a_callers_schema_holds_where_it_may() {
        let array = json!({"type": "array"});
        for outputs in [
            outputs(None, false),
            outputs(Some(json!({"type": "object"})), true),
        ] {
            let asked = asked(&outputs, "r", &schema_format(&array)).unwrap();
            assert!(asked.format.is_none());
            let rule = asked.rule.unwrap();
            assert!(rule.schema.fits(&json!([])).is_ok() && rule.schema.fits(&json!({})).is_err());
        }
        let bad = asked(
            &outputs(None, false),
            "r",
            &schema_format(&json!({"type": 5})),
        );
        assert_eq!(bad.unwrap_err(), "invalid_value");
    }

    #[test]
    fn without_a_schema_there_is_nothing_to_hold_to() {
        let outputs = outputs(None, false);
        for (route, format) in [
            ("r", Value::Null),
            ("r", json!({"type": "text"})),
            ("other", schema_format(&json!({"type": "object"}))),
        ] {
            assert!(asked(&outputs, route, &format).unwrap().rule.is_none());
        }
        let rule = asked(&outputs, "r", &json!({"type": "json_object"}));
        let schema = rule.unwrap().rule.unwrap().schema;
        assert!(schema.fits(&json!({})).is_ok() && schema.fits(&json!([])).is_err());
    }
}
