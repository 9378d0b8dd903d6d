//! From the JSON of a catalog file to what runs. Unknown keys are errors: a misspelt price would
//! else be no price.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use polyroute_wire::capability::Capabilities;
use polyroute_wire::profile::Profile;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Section;
use super::entry::{Kind, ModelEntry, PricePeriod};
use super::family::{Family, Pattern};
use super::provider::{Connection, ProviderEntry};
use crate::price::Prices;

/// The version of the file format that this program reads.
const FORMAT: u32 = 1;

/// What is wrong with a catalog file.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Not JSON, or not of the expected shape.
    #[error("catalog of `{provider}`: {source}")]
    Json {
        /// Whose file.
        provider: String,
        /// Where and why.
        source: serde_json::Error,
    },
    /// The parts do not fit together.
    #[error("catalog of `{provider}`: {problem}")]
    Inconsistent {
        /// Whose file.
        provider: String,
        /// What does not fit.
        problem: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    provider: String,
    connection: Option<Connection>,
    #[serde(default)]
    profile: Profile,
    as_of: String,
    #[serde(rename = "source")]
    _source: String,
    fallback: String,
    families: Vec<FileFamily>,
    #[serde(default)]
    models: Vec<FileModel>,
}

/// Whose file it is.
pub(super) fn provider_of(text: &str) -> Result<String, CatalogError> {
    #[derive(Deserialize)]
    struct Head {
        provider: String,
    }
    let head: Head = serde_json::from_str(text).map_err(|source| CatalogError::Json {
        provider: "?".to_owned(),
        source,
    })?;
    Ok(head.provider)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileFamily {
    name: String,
    inherits: Option<String>,
    #[serde(default, rename = "match")]
    patterns: Vec<String>,
    #[serde(default)]
    capabilities: Map<String, Value>,
    #[serde(default, rename = "note")]
    _note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileModel {
    id: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    spellings: Vec<String>,
    family: String,
    #[serde(default)]
    kind: Kind,
    context_window: Option<u64>,
    max_output: Option<u64>,
    #[serde(default)]
    input: Vec<String>,
    #[serde(default)]
    output: Vec<String>,
    released: Option<String>,
    retires: Option<String>,
    note: Option<String>,
    /// Must be written, if only as `null`: an unknown price is said, not forgotten.
    #[serde(deserialize_with = "Option::deserialize")]
    prices: Option<Prices>,
    /// Prices that hold from a day on.
    #[serde(default)]
    prices_from: BTreeMap<String, Prices>,
}

/// Reads one file.
pub(super) fn section(provider: &str, text: &str) -> Result<Section, CatalogError> {
    let inconsistent = |problem: String| CatalogError::Inconsistent {
        provider: provider.to_owned(),
        problem,
    };
    let json = |source| CatalogError::Json {
        provider: provider.to_owned(),
        source,
    };
    let file: File = serde_json::from_str(text).map_err(json)?;
    if file.format != FORMAT || file.provider != provider {
        return Err(inconsistent(format!(
            "is format {} for `{}`, expected format {FORMAT}",
            file.format, file.provider
        )));
    }
    let families = families(file.families, &json, &inconsistent)?;
    let place = |name: &str| {
        families
            .iter()
            .position(|family| family.name == name)
            .ok_or_else(|| inconsistent(format!("no family `{name}`")))
    };
    let fallback = place(&file.fallback)?;
    let mut models = Vec::with_capacity(file.models.len());
    let mut names = HashMap::with_capacity(file.models.len() * 2);
    for model in file.models {
        let family = place(&model.family)?;
        let index = models.len();
        for name in std::iter::once(&model.id)
            .chain(&model.aliases)
            .chain(&model.spellings)
        {
            if names.insert(name.clone(), index).is_some() {
                return Err(inconsistent(format!("`{name}` is listed twice")));
            }
        }
        let capabilities = families
            .get(family)
            .map(|family| family.capabilities.clone());
        models.push(entry(model, capabilities.unwrap_or_default()));
    }
    let entry = file.connection.map(|connection| ProviderEntry {
        name: file.provider.clone(),
        connection,
        profile: Arc::new(file.profile),
    });
    Ok(Section {
        provider: file.provider,
        entry,
        as_of: file.as_of,
        families,
        fallback,
        models,
        names,
    })
}

fn families(
    written: Vec<FileFamily>,
    json: &dyn Fn(serde_json::Error) -> CatalogError,
    inconsistent: &dyn Fn(String) -> CatalogError,
) -> Result<Vec<Family>, CatalogError> {
    let mut merged: HashMap<String, Map<String, Value>> = HashMap::new();
    let mut families = Vec::with_capacity(written.len());
    for family in written {
        let mut fields = match &family.inherits {
            None => Map::new(),
            // Only from one above it, so that there are no circles.
            Some(parent) => merged.get(parent).cloned().ok_or_else(|| {
                inconsistent(format!(
                    "family `{}` inherits from `{parent}`, which is not above it",
                    family.name
                ))
            })?,
        };
        fields.extend(family.capabilities);
        let capabilities: Capabilities =
            serde_json::from_value(Value::Object(fields.clone())).map_err(json)?;
        if merged.insert(family.name.clone(), fields).is_some() {
            return Err(inconsistent(format!(
                "family `{}` is there twice",
                family.name
            )));
        }
        families.push(Family {
            name: family.name,
            patterns: family.patterns.into_iter().map(Pattern::new).collect(),
            capabilities,
        });
    }
    Ok(families)
}

fn entry(model: FileModel, mut capabilities: Capabilities) -> ModelEntry {
    capabilities.context_window = model.context_window;
    capabilities.max_output = model.max_output;
    let first = model
        .prices
        .map(|prices| PricePeriod { from: None, prices });
    let later = model
        .prices_from
        .into_iter()
        .map(|(from, prices)| PricePeriod {
            from: Some(from),
            prices,
        });
    ModelEntry {
        id: model.id,
        aliases: model.aliases,
        spellings: model.spellings,
        kind: model.kind,
        family: model.family,
        capabilities,
        input: model.input,
        output: model.output,
        released: model.released,
        retires: model.retires,
        note: model.note,
        prices: first.into_iter().chain(later).collect(),
    }
}
