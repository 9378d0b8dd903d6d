//! A catalog file as it is written. Unknown keys are errors: a misspelt price would else be no
//! price. `docs/catalog.md` describes the format.

use std::collections::BTreeMap;

use polyroute_wire::profile::Profile;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::entry::Kind;
use super::provider::Connection;
use super::source::Source;
use crate::price::Prices;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) format: u32,
    pub(super) provider: String,
    pub(super) connection: Option<Connection>,
    pub(super) profile: Option<Profile>,
    pub(super) as_of: String,
    /// Where the figures come from: a key of `sources`, or free text where there are none.
    pub(super) source: String,
    #[serde(default)]
    pub(super) sources: BTreeMap<String, Source>,
    #[serde(default, rename = "note")]
    pub(super) _note: Option<String>,
    #[serde(default)]
    pub(super) extends: Vec<Extends>,
    /// Required unless another section is extended.
    pub(super) fallback: Option<String>,
    #[serde(default)]
    pub(super) families: Vec<FileFamily>,
    #[serde(default)]
    pub(super) models: Vec<FileModel>,
}

/// Another provider's families and models, which this provider has as well.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Extends {
    pub(super) provider: String,
    /// Ids of models that it does not have, as patterns.
    #[serde(default)]
    pub(super) except: Vec<String>,
    /// What all of them take differently here.
    #[serde(default)]
    pub(super) capabilities: Map<String, Value>,
}

/// One parent, or several, the later of which wins.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Parents {
    One(String),
    Several(Vec<String>),
}

impl Parents {
    pub(super) fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileFamily {
    pub(super) name: String,
    pub(super) inherits: Option<Parents>,
    #[serde(default, rename = "match")]
    pub(super) patterns: Vec<String>,
    #[serde(default)]
    pub(super) capabilities: Map<String, Value>,
    #[serde(default, rename = "note")]
    pub(super) _note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileModel {
    pub(super) id: String,
    pub(super) aliases: Option<Vec<String>>,
    pub(super) spellings: Option<Vec<String>>,
    /// Required for a model that no extended section has.
    pub(super) family: Option<String>,
    pub(super) kind: Option<Kind>,
    pub(super) context_window: Option<u64>,
    pub(super) max_output: Option<u64>,
    pub(super) input: Option<Vec<String>>,
    pub(super) output: Option<Vec<String>>,
    #[serde(default)]
    pub(super) regions: Vec<String>,
    pub(super) released: Option<String>,
    pub(super) retires: Option<String>,
    #[serde(default)]
    pub(super) deprecated: bool,
    /// Its name leads to another model one day.
    #[serde(default)]
    pub(super) floats: bool,
    pub(super) note: Option<String>,
    #[serde(default)]
    pub(super) capabilities: Map<String, Value>,
    /// Must be written, if only as `null`: an unknown price is said, not forgotten. Only a model
    /// that an extended section has keeps the price that it has there.
    #[serde(default, deserialize_with = "written")]
    pub(super) prices: Option<Option<Prices>>,
    /// Prices that hold from a day on.
    #[serde(default)]
    pub(super) prices_from: BTreeMap<String, Prices>,
    /// Where single figures come from, where it is not the file's source.
    #[serde(default)]
    pub(super) from: Origins,
}

/// `source` or `source@2026-11-21` for each group of figures.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Origins {
    pub(super) prices: Option<String>,
    /// `context_window` and `max_output`.
    pub(super) limits: Option<String>,
    /// `input` and `output`.
    pub(super) modalities: Option<String>,
    /// `released`, `retires` and `deprecated`.
    pub(super) dates: Option<String>,
}

#[expect(clippy::option_option, reason = "absent and null are different things")]
fn written<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<Prices>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
