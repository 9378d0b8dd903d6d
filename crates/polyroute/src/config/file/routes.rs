//! The `routes` section: aliases, lists, and the long form.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{StructuredOutput, Target};
use crate::config::de::advice;

/// What answers to a name: targets in order, the next one is the fallback.
#[derive(Debug, Clone, Default)]
pub struct Route {
    /// The targets, first choice first.
    pub targets: Vec<RouteTarget>,
    /// How the targets are ordered.
    pub strategy: Option<Strategy>,
    /// How answers in JSON are held to their schema.
    pub structured_output: Option<Box<StructuredOutput>>,
    /// Written as one name or a bare list: the targets stand at the route itself, not below
    /// `targets`.
    pub shorthand: bool,
}

/// One target of a route.
#[derive(Debug, Clone)]
pub enum RouteTarget {
    /// `provider/model`, or the name of a target.
    Name(String),
    /// A target written in place.
    Inline(Box<Target>),
}

/// How the targets of a route are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// As written.
    Ordered,
}

/// The long form.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
struct LongRoute {
    /// The targets, first choice first; the next one is the fallback.
    targets: Vec<RouteTarget>,
    /// How the targets are ordered.
    strategy: Option<Strategy>,
    /// How answers in JSON are held to their schema. Without it only what the provider does not
    /// enforce is checked, as in mode `pass`.
    structured_output: Option<Box<StructuredOutput>>,
}

impl<'de> Deserialize<'de> for Route {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Route;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`provider/model`, a list of targets, or `targets: […]`")
            }

            fn visit_unit<E: Error>(self) -> Result<Route, E> {
                Ok(Route::default())
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Route, E> {
                let targets = vec![RouteTarget::Name(name.to_owned())];
                Ok(Route {
                    targets,
                    shorthand: true,
                    ..Route::default()
                })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Route, A::Error> {
                let targets = Vec::deserialize(SeqAccessDeserializer::new(list))?;
                Ok(Route {
                    targets,
                    shorthand: true,
                    ..Route::default()
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Route, A::Error> {
                let long = LongRoute::deserialize(MapAccessDeserializer::new(map))?;
                let LongRoute {
                    targets,
                    strategy,
                    structured_output,
                } = long;
                Ok(Route {
                    targets,
                    strategy,
                    structured_output,
                    shorthand: false,
                })
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl<'de> Deserialize<'de> for RouteTarget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = RouteTarget;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`provider/model`, the name of a target, or `{ use: provider/model }`")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<RouteTarget, E> {
                Ok(RouteTarget::Name(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RouteTarget, A::Error> {
                let target = Target::deserialize(MapAccessDeserializer::new(map))?;
                Ok(RouteTarget::Inline(Box::new(target)))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl<'de> Deserialize<'de> for Strategy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        const ADVICE: &str = "write `strategy: ordered`, or leave it out";
        impl<'de> Visitor<'de> for Reader {
            type Value = Strategy;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`ordered`")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Strategy, E> {
                match name {
                    "ordered" => Ok(Strategy::Ordered),
                    _ => Err(advice(
                        "strategies other than `ordered` are not supported yet in this version",
                        ADVICE,
                    )),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Strategy, A::Error> {
                Err(advice(
                    "weighted strategies are not supported yet in this version",
                    ADVICE,
                ))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl JsonSchema for Route {
    fn schema_name() -> Cow<'static, str> {
        "Route".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let target = generator.subschema_for::<RouteTarget>();
        let long = LongRoute::json_schema(generator);
        json_schema!({
            "description": "What answers to a name: one target, a list in order (the next one is \
                            the fallback), or the long form.",
            "anyOf": [
                { "type": "string", "minLength": 1 },
                { "type": "array", "items": target, "minItems": 1 },
                long,
            ],
        })
    }
}

impl JsonSchema for RouteTarget {
    fn schema_name() -> Cow<'static, str> {
        "RouteTarget".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let target = generator.subschema_for::<Target>();
        json_schema!({
            "description": "`provider/model`, the name of a target, or a target written in place.",
            "anyOf": [{ "type": "string", "minLength": 1 }, target],
        })
    }
}

impl JsonSchema for Strategy {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Strategy".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": ["ordered"], "default": "ordered" })
    }
}
