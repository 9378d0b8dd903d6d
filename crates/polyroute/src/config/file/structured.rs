//! `structured_output` of a route: how answers in JSON are held to their schema.

use std::borrow::Cow;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

/// How answers in JSON are held to their schema: the route's own, or the one that the caller sends
/// as `response_format`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StructuredOutput {
    /// `pass`: a stream is passed on and judged at its end. `validate`: nothing is sent until the
    /// answer was found valid, and then as it came. `canonical`: the same, with the JSON taken out
    /// of what stands around it and written in one form.
    pub mode: OutputMode,
    /// A JSON schema that every answer of the route has to fit. It is sent to the provider where
    /// the caller asks for none.
    pub schema: Option<InlineSchema>,
    /// The same in a file of its own. A relative path starts at the configuration file's folder.
    pub schema_file: Option<PathBuf>,
    /// What happens to a caller that asks for another schema than the route's: `refuse` (400
    /// `response_format_conflict`), or `allow`, whose answer is held to the caller's schema then.
    #[schemars(with = "Option<CallerSchema>", extend("default" = "refuse"))]
    pub caller_schema: Option<CallerSchema>,
    /// Send the route's schema with `strict: true`, for providers that enforce only what is marked
    /// so. The schema must then be one that they take: closed objects, every key required.
    #[schemars(extend("default" = false))]
    pub strict: Option<bool>,
    /// Send an answer that does not fit back to the model once, with what is wrong with it. It
    /// counts as an attempt, and both answers are accounted. Not for a stream in mode `pass`.
    #[schemars(extend("default" = false))]
    pub repair: Option<bool>,
}

/// What happens to an answer in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutputMode {
    /// Passed on, judged at its end.
    Pass,
    /// Held until it was found valid.
    Validate,
    /// Held until it was found valid, and written in one form.
    Canonical,
}

/// What happens to a caller that asks for another schema than the route's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CallerSchema {
    /// It is told so.
    #[default]
    Refuse,
    /// The caller's schema holds.
    Allow,
}

/// A JSON schema in the file. That it is there is all that is read here: what it says is read
/// from the document itself, whose values are not of one type.
#[derive(Debug, Clone)]
pub struct InlineSchema;

impl<'de> Deserialize<'de> for InlineSchema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl JsonSchema for InlineSchema {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "InlineSchema".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }
}
