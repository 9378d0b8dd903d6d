//! From the JSON of a catalog file to what runs.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use polyroute_wire::capability::Capabilities;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::entry::{ModelEntry, PricePeriod};
use super::family::{Family, Pattern, glob};
use super::file::{Extends, File, FileFamily, FileModel};
use super::provider::ProviderEntry;
use super::source::{Sources, Table, is_day};
use super::{Part, Section};

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

/// What families were written to take, by their names.
pub(super) type Written = HashMap<String, Map<String, Value>>;

/// A provider's models, with what other files build on.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) section: Section,
    /// For families that inherit from these.
    pub(super) written: Written,
}

/// Reads one file. `above` are the parts that it may extend and inherit from.
pub(super) fn file(
    provider: &str,
    text: &str,
    above: &[Arc<Part>],
) -> Result<(Loaded, Option<ProviderEntry>), CatalogError> {
    let json = |source| CatalogError::Json {
        provider: provider.to_owned(),
        source,
    };
    let file: File = serde_json::from_str(text).map_err(json)?;
    let mut building = Building {
        provider,
        above,
        built_on: HashMap::new(),
        entry: None,
        section: Section {
            provider: provider.to_owned(),
            as_of: file.as_of.clone(),
            families: Vec::new(),
            fallback: 0,
            models: Vec::new(),
            names: HashMap::new(),
            floating: HashSet::new(),
        },
        written: Written::new(),
        inherited: 0,
    };
    if file.format != FORMAT || file.provider != provider {
        return Err(building.inconsistent(format!(
            "is format {} for `{}`, expected format {FORMAT}",
            file.format, file.provider
        )));
    }
    building.read(file)?;
    building.section.find_floating();
    let loaded = Loaded {
        section: building.section,
        written: building.written,
    };
    Ok((loaded, building.entry))
}

/// A section while it is put together.
struct Building<'a> {
    provider: &'a str,
    above: &'a [Arc<Part>],
    /// Those of `above` that it builds on.
    built_on: HashMap<String, Arc<Loaded>>,
    entry: Option<ProviderEntry>,
    section: Section,
    written: Written,
    /// How many of its models come from other sections.
    inherited: usize,
}

impl Building<'_> {
    fn inconsistent(&self, problem: String) -> CatalogError {
        CatalogError::Inconsistent {
            provider: self.provider.to_owned(),
            problem,
        }
    }

    fn json(&self, source: serde_json::Error) -> CatalogError {
        CatalogError::Json {
            provider: self.provider.to_owned(),
            source,
        }
    }

    fn part(&self, name: &str) -> Result<&Part, CatalogError> {
        let mut above = self.above.iter().map(AsRef::as_ref);
        above
            .find(|part: &&Part| part.provider == name)
            .ok_or_else(|| self.inconsistent(format!("no provider `{name}` above it")))
    }

    fn other(&mut self, name: &str) -> Result<Arc<Loaded>, CatalogError> {
        if let Some(loaded) = self.built_on.get(name) {
            return Ok(Arc::clone(loaded));
        }
        let loaded = self.part(name)?.loaded()?;
        self.built_on.insert(name.to_owned(), Arc::clone(&loaded));
        Ok(loaded)
    }

    fn read(&mut self, file: File) -> Result<(), CatalogError> {
        for extends in &file.extends {
            self.extend(extends)?;
        }
        for family in file.families {
            self.family(family)?;
        }
        if let Some(fallback) = &file.fallback {
            self.section.fallback = self.family_at(fallback)?;
        } else if file.extends.is_empty() {
            return Err(self.inconsistent("has no `fallback`".to_owned()));
        }
        self.index()?;
        self.section.models.reserve_exact(file.models.len());
        let mut table = Table::new(&file.sources, &file.source, &file.as_of);
        for model in file.models {
            let id = model.id.clone();
            let sources = table
                .sources(&model.from)
                .map_err(|problem| self.inconsistent(format!("`{id}`: {problem}")))?;
            self.model(model, sources)?;
        }
        let entry = ProviderEntry::of(self.provider, file.connection, file.profile);
        self.entry = entry.or(self.entry.take());
        Ok(())
    }

    /// Takes over what another section has. A file that extends its own provider is a layer over
    /// what was known of it: it keeps the address, and the names of the families.
    fn extend(&mut self, extends: &Extends) -> Result<(), CatalogError> {
        let loaded = self.other(&extends.provider)?;
        let other = &loaded.section;
        let layer = other.provider == self.provider;
        if layer {
            self.entry = self.part(self.provider)?.entry.clone();
        }
        let here = |name: &str| match layer || name.contains('/') {
            true => name.to_owned(),
            false => format!("{}/{name}", other.provider),
        };
        if self.section.families.is_empty() {
            self.section.fallback = other.fallback;
        }
        for family in &other.families {
            let mut fields = loaded
                .written
                .get(&family.name)
                .cloned()
                .unwrap_or_default();
            fields.extend(extends.capabilities.clone());
            let capabilities = Capabilities::deserialize(Value::Object(fields.clone()))
                .map_err(|e| self.json(e))?;
            let name = here(&family.name);
            self.written.insert(name.clone(), fields);
            self.section.families.push(Family {
                name,
                patterns: family.patterns.clone(),
                capabilities,
            });
        }
        for model in &other.models {
            if extends
                .except
                .iter()
                .any(|pattern| glob(pattern, &model.id))
            {
                continue;
            }
            let mut model = model.clone();
            model.family = here(&model.family);
            if !layer {
                model
                    .taken_from
                    .get_or_insert_with(|| other.provider.clone());
            }
            model.capabilities = self.with(&model.capabilities, &extends.capabilities)?;
            self.section.models.push(model);
        }
        self.inherited = self.section.models.len();
        Ok(())
    }

    fn with(
        &self,
        capabilities: &Capabilities,
        changes: &Map<String, Value>,
    ) -> Result<Capabilities, CatalogError> {
        if changes.is_empty() {
            return Ok(capabilities.clone());
        }
        let mut value = serde_json::to_value(capabilities).map_err(|e| self.json(e))?;
        if let Value::Object(fields) = &mut value {
            fields.extend(changes.clone());
        }
        Capabilities::deserialize(value).map_err(|e| self.json(e))
    }

    fn family_at(&self, name: &str) -> Result<usize, CatalogError> {
        self.section
            .families
            .iter()
            .position(|family| family.name == name)
            .ok_or_else(|| self.inconsistent(format!("no family `{name}`")))
    }

    /// The written fields of a family: of this file, or `provider/family` of one above it.
    fn parent(&mut self, name: &str, child: &str) -> Result<Map<String, Value>, CatalogError> {
        if let Some(fields) = self.written.get(name) {
            return Ok(fields.clone());
        }
        let foreign = name.split_once('/').and_then(|(provider, family)| {
            let other = self.other(provider).ok()?;
            other.written.get(family).cloned()
        });
        foreign.ok_or_else(|| {
            self.inconsistent(format!(
                "family `{child}` inherits from `{name}`, which is not above it"
            ))
        })
    }

    fn family(&mut self, family: FileFamily) -> Result<(), CatalogError> {
        let mut fields = Map::new();
        // Only from those above it, so that there are no circles.
        for parent in family.inherits.iter().flat_map(|parents| parents.names()) {
            fields.extend(self.parent(parent, &family.name)?);
        }
        fields.extend(family.capabilities);
        let capabilities =
            Capabilities::deserialize(Value::Object(fields.clone())).map_err(|e| self.json(e))?;
        let name = family.name;
        if self.written.insert(name.clone(), fields).is_some() {
            return Err(self.inconsistent(format!("family `{name}` is there twice")));
        }
        self.section.families.push(Family {
            name,
            patterns: family.patterns.into_iter().map(Pattern::new).collect(),
            capabilities,
        });
        Ok(())
    }

    /// Enters the names of what was taken over.
    fn index(&mut self) -> Result<(), CatalogError> {
        for index in 0..self.section.models.len() {
            self.enter(index)?;
        }
        Ok(())
    }

    fn enter(&mut self, index: usize) -> Result<(), CatalogError> {
        let Some(model) = self.section.models.get(index) else {
            return Ok(());
        };
        let names = std::iter::once(&model.id)
            .chain(&model.aliases)
            .chain(&model.spellings);
        for name in names {
            let before = self.section.names.insert(name.clone(), index);
            if before.is_some_and(|before| before != index || index >= self.inherited) {
                return Err(CatalogError::Inconsistent {
                    provider: self.provider.to_owned(),
                    problem: format!("`{name}` is listed twice"),
                });
            }
        }
        Ok(())
    }

    fn model(&mut self, model: FileModel, sources: Sources) -> Result<(), CatalogError> {
        self.dates(&model)?;
        let inherited = self
            .section
            .names
            .get(&model.id)
            .copied()
            .filter(|index| *index < self.inherited);
        match inherited {
            Some(index) => self.change(index, model, sources),
            None => self.add(model, sources),
        }
    }

    fn dates(&self, model: &FileModel) -> Result<(), CatalogError> {
        let days = model.released.iter().chain(&model.retires);
        match days
            .chain(model.prices_from.keys())
            .find(|day| !is_day(day))
        {
            Some(day) => Err(self.inconsistent(format!("`{}`: `{day}` is no day", model.id))),
            None => Ok(()),
        }
    }

    /// A model that only this file has.
    fn add(&mut self, model: FileModel, sources: Sources) -> Result<(), CatalogError> {
        let missing = |what: &str| {
            // As serde says it of what is always required.
            self.inconsistent(format!("`{}`: missing field `{what}`", model.id))
        };
        let family = model.family.clone().ok_or_else(|| missing("family"))?;
        if model.prices.is_none() {
            return Err(missing("prices"));
        }
        let at = self.family_at(&family)?;
        let capabilities = self.section.families.get(at);
        let entry = ModelEntry {
            id: model.id.clone(),
            aliases: Vec::new(),
            spellings: Vec::new(),
            kind: model.kind.unwrap_or_default(),
            family,
            capabilities: capabilities
                .map(|family| family.capabilities.clone())
                .unwrap_or_default(),
            input: Vec::new(),
            output: Vec::new(),
            taken_from: None,
            regions: Vec::new(),
            released: None,
            retires: None,
            deprecated: false,
            floats: false,
            note: None,
            prices: Vec::new(),
            sources,
        };
        let entry = self.changed(entry, model)?;
        self.section.models.push(entry);
        self.enter(self.section.models.len() - 1)
    }

    /// A model that was taken over, and of which this file says something else.
    fn change(
        &mut self,
        index: usize,
        model: FileModel,
        sources: Sources,
    ) -> Result<(), CatalogError> {
        let Some(old) = self.section.models.get(index).cloned() else {
            return Ok(());
        };
        if old.id != model.id {
            return Err(self.inconsistent(format!(
                "`{}` is another name of `{}`: write that one",
                model.id, old.id
            )));
        }
        let mut old = old;
        if model.prices.is_some() {
            old.prices = Vec::new();
            old.sources.prices = sources.prices;
        }
        if model.context_window.is_some() || model.max_output.is_some() {
            old.sources.limits = sources.limits;
        }
        if let Some(family) = &model.family {
            let at = self.family_at(family)?;
            if let Some(family) = self.section.families.get(at) {
                let (window, output) =
                    (old.capabilities.context_window, old.capabilities.max_output);
                old.capabilities = family.capabilities.clone();
                old.capabilities.context_window = window;
                old.capabilities.max_output = output;
            }
            old.family.clone_from(family);
        }
        let entry = self.changed(old, model)?;
        if let Some(place) = self.section.models.get_mut(index) {
            *place = entry;
        }
        self.enter(index)
    }

    /// An entry with what the file says of it.
    fn changed(&self, mut entry: ModelEntry, model: FileModel) -> Result<ModelEntry, CatalogError> {
        entry.aliases = model.aliases.unwrap_or(entry.aliases);
        entry.spellings = model.spellings.unwrap_or(entry.spellings);
        entry.kind = model.kind.unwrap_or(entry.kind);
        entry.released = model.released.or(entry.released);
        entry.retires = model.retires.or(entry.retires);
        entry.deprecated |= model.deprecated;
        entry.floats |= model.floats;
        entry.note = model.note.or(entry.note);
        entry.output = model.output.unwrap_or(entry.output);
        if !model.regions.is_empty() {
            entry.regions = model.regions;
        }
        let capabilities = &mut entry.capabilities;
        if let Some(input) = model.input {
            let takes = |medium: &str| input.iter().any(|one| one == medium);
            capabilities.image_input = takes("image");
            capabilities.audio_input = takes("audio");
            capabilities.video_input = takes("video");
            capabilities.pdf_input = takes("pdf");
            entry.input = input;
        }
        capabilities.context_window = model.context_window.or(capabilities.context_window);
        capabilities.max_output = model.max_output.or(capabilities.max_output);
        entry.capabilities = self.with(&entry.capabilities, &model.capabilities)?;
        let first = model.prices.flatten();
        let first = first.map(|prices| PricePeriod { from: None, prices });
        let later = model.prices_from.into_iter();
        let later = later.map(|(from, prices)| PricePeriod {
            from: Some(from),
            prices,
        });
        entry.prices.extend(first.into_iter().chain(later));
        Ok(entry)
    }
}
