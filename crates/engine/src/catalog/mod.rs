//! The catalog: which models exist, what they take, how large their windows are, what they cost.
//!
//! Versioned data, one JSON file a provider (`catalog/*.json`), embedded in the program. What a
//! provider is called and where it is is read at once, its models when they are first asked for.
//! Read [`Catalog`] first. A model that the catalog does not list still gets the
//! capabilities of its family, but no window and no price: unknown is never guessed.

mod entry;
mod family;
mod file;
mod load;
mod owners;
mod part;
mod provider;
mod source;

use std::sync::{Arc, OnceLock};

use polyroute_wire::capability::Capabilities;

pub(crate) use entry::prices_at;
pub use entry::{Kind, ModelEntry, PricePeriod};
pub use load::CatalogError;
pub use provider::{Also, Cloud, Connection, ProviderEntry};
pub use source::{Figure, Source, Sources};

pub(crate) use family::glob;

use crate::price::Prices;
use family::Family;
use owners::Owners;
use part::Part;

/// A provider's file, by its name.
macro_rules! file {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../../../catalog/", $name, ".json")),
        )
    };
}

/// The files. A new provider is its file and its line here; bare model names belong to the first
/// that lists them.
const FILES: &[(&str, &str)] = &[
    file!("openai"),
    file!("anthropic"),
    file!("gemini"),
    file!("mistral"),
    file!("deepseek"),
    file!("groq"),
    file!("cerebras"),
    file!("together"),
    file!("fireworks"),
    file!("perplexity"),
    file!("xai"),
    file!("cohere"),
    file!("qwen"),
    file!("azure"),
    file!("vertex"),
    file!("bedrock"),
    file!("openrouter"),
    file!("ollama"),
    file!("vllm"),
];

/// All known models of all known providers.
#[derive(Debug, Clone)]
pub struct Catalog {
    parts: Vec<Arc<Part>>,
    owners: OnceLock<Owners>,
}

/// One provider's models.
#[derive(Debug)]
struct Section {
    provider: String,
    as_of: String,
    families: Vec<Family>,
    /// Index into `families` for ids that no pattern matches.
    fallback: usize,
    models: Vec<ModelEntry>,
    /// Every id and alias → index into `models`.
    names: std::collections::HashMap<String, usize>,
    /// Names that lead to another version one day.
    floating: std::collections::HashSet<String>,
}

/// How well a name was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// The provider is known but the name looks like nothing of it.
    Fallback,
    /// The name looks like one of a known family: capabilities are known, window and price are
    /// not.
    Family,
    /// A dated version, which is not listed, of a model that is: its window holds, its price is
    /// unknown.
    Dated,
    /// Listed, by id or alias.
    Listed,
}

/// What the catalog knows of one model id.
#[derive(Debug, Clone)]
pub struct Known<'a> {
    /// How well the name was known.
    pub matched: Match,
    /// The provider whose section it was found in.
    pub provider: &'a str,
    /// The listed model: itself, or for [`Match::Dated`] the one that it is a version of.
    pub entry: Option<&'a ModelEntry>,
    /// What it takes, with window and longest answer where they are known.
    pub capabilities: &'a Capabilities,
    /// When this section was last checked against the provider's own pages (`2026-11-21`).
    pub as_of: &'a str,
}

impl<'a> Known<'a> {
    /// Its prices at that time (seconds since the Unix epoch), and when they were last checked;
    /// `None` if they are unknown.
    #[must_use]
    pub fn prices_at(&self, unix_seconds: u64) -> Option<(&'a Prices, &'a str)> {
        match self.matched {
            Match::Listed => {
                let entry = self.entry?;
                let prices = entry.prices_at(unix_seconds)?;
                Some((prices, &entry.sources.prices.as_of))
            }
            Match::Dated | Match::Family | Match::Fallback => None,
        }
    }
}

impl Catalog {
    /// The catalog that is built into the program.
    ///
    /// Tests prove that the embedded files parse; if one did not, its provider would have no models
    /// here, and all its prices would be unknown.
    #[must_use]
    pub fn embedded() -> Arc<Self> {
        static CATALOG: OnceLock<Arc<Catalog>> = OnceLock::new();
        let catalog = CATALOG.get_or_init(|| {
            let parts = FILES.iter();
            let parts = parts.filter_map(|(provider, text)| Part::embedded(provider, text).ok());
            Arc::new(Self::of(parts.map(Arc::new).collect()))
        });
        Arc::clone(catalog)
    }

    const fn of(parts: Vec<Arc<Part>>) -> Self {
        Self {
            parts,
            owners: OnceLock::new(),
        }
    }

    /// This catalog and one more file: a provider of its name is replaced (or changed, if the file
    /// extends it), a new one comes last.
    ///
    /// # Errors
    /// The first thing in the file that is not as it must be.
    pub fn with_file(mut self, text: &str) -> Result<Self, CatalogError> {
        let provider = load::provider_of(text)?;
        let part = Arc::new(Part::read(&provider, text, &self.parts)?);
        let same = |old: &&mut Arc<Part>| old.provider == part.provider;
        match self.parts.iter_mut().find(same) {
            Some(old) => *old = part,
            None => self.parts.push(part),
        }
        Ok(Self::of(self.parts))
    }

    /// Reads a provider's models now, if they have not been: the first look-up would, and what
    /// answers requests should not wait for that.
    pub fn read(&self, provider: &str) {
        let _ = self.section(provider);
    }

    /// The providers whose address is known, in the order of the files.
    pub fn entries(&self) -> impl Iterator<Item = &ProviderEntry> {
        self.parts.iter().filter_map(|part| part.entry.as_ref())
    }

    /// The provider of a name or of another name for it, in any case.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&ProviderEntry> {
        self.entries().find(|entry| entry.answers_to(name))
    }

    /// Reads catalog files: provider name and JSON text.
    ///
    /// # Errors
    /// The first thing in a file that is not as it must be: JSON, unknown keys, duplicate names,
    /// a model without a family, a price that is no decimal.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self, CatalogError> {
        let mut parts = Vec::with_capacity(files.len());
        for (provider, text) in files {
            parts.push(Arc::new(Part::read(provider, text, &parts)?));
        }
        Ok(Self::of(parts))
    }

    /// What is known of `id` at `provider`. `None` if the catalog has no such provider, which is
    /// so for every provider that a configuration makes up.
    #[must_use]
    pub fn lookup(&self, provider: &str, id: &str) -> Option<Known<'_>> {
        self.section(provider).map(|section| section.lookup(id))
    }

    /// As [`Self::lookup`], but only for what is listed, itself or in another version
    /// ([`Match::Listed`], [`Match::Dated`]). Far cheaper for a name that is not.
    #[must_use]
    pub fn listed(&self, provider: &str, id: &str) -> Option<Known<'_>> {
        self.section(provider)?.listed(id)
    }

    /// The first provider that lists that bare name, itself and not in another version. The first
    /// call reads the names of all providers, but nothing else of them.
    #[must_use]
    pub fn owner(&self, name: &str) -> Option<&str> {
        let parts = || self.parts.iter().map(AsRef::as_ref);
        let owners = self.owners.get_or_init(|| Owners::of(parts()));
        let part = self.parts.get(owners.first(name)?)?;
        Some(&part.provider)
    }

    /// The listed models of one provider, in the order of its file.
    pub fn models(&self, provider: &str) -> impl Iterator<Item = &ModelEntry> {
        self.section(provider)
            .into_iter()
            .flat_map(|section| section.models.iter())
    }

    /// Whether a name leads to another version one day: dated versions of it are listed, or the
    /// file says so.
    #[must_use]
    pub fn floats(&self, provider: &str, id: &str) -> bool {
        self.section(provider)
            .is_some_and(|section| section.floating.contains(bare(id)))
    }

    /// The latest dated version of a name that a provider lists.
    #[must_use]
    pub fn latest_version(&self, provider: &str, id: &str) -> Option<&str> {
        let section = self.section(provider)?;
        let names = section.names.keys().filter(|name| {
            let version = name.strip_prefix(bare(id));
            version.is_some_and(is_version_suffix)
        });
        names
            .map(String::as_str)
            .max_by_key(|name| (name.len(), *name))
    }

    /// The family that an id is of at a provider: its entry's, or the one whose pattern fits best,
    /// or the fallback.
    #[must_use]
    pub fn family(&self, provider: &str, id: &str) -> Option<&str> {
        let section = self.section(provider)?;
        if let Some(entry) = section.listed(id).and_then(|known| known.entry) {
            return Some(&entry.family);
        }
        section
            .best_family(id)
            .map(|(family, _)| family.name.as_str())
    }

    /// The providers that have a section.
    pub fn providers(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|part| part.provider.as_str())
    }

    fn section(&self, provider: &str) -> Option<&Section> {
        self.part(provider)?.section()
    }

    fn part(&self, provider: &str) -> Option<&Part> {
        let mut parts = self.parts.iter().map(AsRef::as_ref);
        parts.find(|part: &&Part| part.provider == provider)
    }
}

impl Section {
    fn find_floating(&mut self) {
        let dated = self.names.keys().filter_map(|name| {
            let alias = name.get(..version_at(name)?)?;
            self.names.contains_key(alias).then(|| alias.to_owned())
        });
        let said = self.models.iter().filter(|model| model.floats);
        self.floating = dated.chain(said.map(|model| model.id.clone())).collect();
    }

    fn lookup(&self, id: &str) -> Known<'_> {
        self.listed(id).unwrap_or_else(|| self.unlisted(id))
    }

    fn listed(&self, id: &str) -> Option<Known<'_>> {
        let (matched, entry) = match self.exact(id) {
            Some(entry) => (Match::Listed, entry),
            None => {
                let version = version_of(bare(id)).find_map(|name| self.entry(name))?;
                (Match::Dated, version)
            }
        };
        Some(self.known(matched, Some(entry), &entry.capabilities))
    }

    /// The model that is listed under this id itself, not under a version of it.
    fn exact(&self, id: &str) -> Option<&ModelEntry> {
        let id = bare(id);
        // Vertex AI writes `claude-haiku-4-5@20251001` for what Anthropic calls
        // `claude-haiku-4-5-20251001`.
        let at = || id.contains('@').then(|| self.entry(&id.replace('@', "-")));
        self.entry(id).or_else(|| at().flatten())
    }

    fn entry(&self, name: &str) -> Option<&ModelEntry> {
        self.models.get(*self.names.get(name)?)
    }

    /// The family of an unlisted id, and whether a pattern of it fits.
    fn best_family(&self, id: &str) -> Option<(&Family, bool)> {
        let id = bare(id);
        let best = self
            .families
            .iter()
            .filter_map(|family| Some((family.match_length(id)?, family)))
            .max_by_key(|(length, _)| *length);
        match best {
            Some((_, family)) => Some((family, true)),
            None => Some((self.families.get(self.fallback)?, false)),
        }
    }

    fn unlisted(&self, id: &str) -> Known<'_> {
        match self.best_family(id) {
            Some((family, true)) => self.known(Match::Family, None, &family.capabilities),
            Some((family, false)) => self.known(Match::Fallback, None, &family.capabilities),
            None => self.known(Match::Fallback, None, family::unknown()),
        }
    }

    fn known<'a>(
        &'a self,
        matched: Match,
        entry: Option<&'a ModelEntry>,
        capabilities: &'a Capabilities,
    ) -> Known<'a> {
        Known {
            matched,
            provider: &self.provider,
            entry,
            capabilities,
            as_of: &self.as_of,
        }
    }
}

/// The id without what resource names put before it: `models/` (Gemini, and gateways in front of
/// us), `publishers/google/models/` (Vertex AI), the account and kind of an ARN (Bedrock).
pub(crate) fn bare(id: &str) -> &str {
    if id.starts_with("arn:") {
        return id.rsplit('/').next().unwrap_or(id);
    }
    if id.starts_with("publishers/") {
        return id.split("/models/").nth(1).unwrap_or(id);
    }
    id.strip_prefix("models/").unwrap_or(id)
}

/// Where the version at the end of a name begins: `-2024-08-06`, `-20250929`, `@20250929`, `-002`,
/// `-0613`.
fn version_at(name: &str) -> Option<usize> {
    let tail = name.trim_end_matches(|character: char| {
        character.is_ascii_digit() || character == '-' || character == '@'
    });
    // Trimming took the digits of `claude-opus-4` too.
    (tail.len()..name.len()).find(|at| name.get(*at..).is_some_and(is_version_suffix))
}

/// Whether a name ends with a version.
pub(crate) fn is_version(name: &str) -> bool {
    version_at(name).is_some()
}

/// Whether it is a version of a known shape, with the character before it.
pub(crate) fn is_version_suffix(text: &str) -> bool {
    let Some(version) = text.strip_prefix(['-', '@']) else {
        return false;
    };
    let mut lengths = [0; 3];
    for (at, part) in version.split('-').enumerate() {
        let Some(length) = lengths.get_mut(at) else {
            return false;
        };
        if !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return false;
        }
        *length = part.len();
    }
    matches!(
        lengths,
        [4, 2, 2] | [2, 2, 0] | [2, 4, 0] | [3 | 4 | 6 | 8, 0, 0]
    )
}

/// What an id may be a version of: it without its tag (`qwen3:0.6b`, `…:nitro`), without the date
/// at its end.
fn version_of(id: &str) -> impl Iterator<Item = &str> {
    let untagged = id.rsplit_once(':').map(|(name, _)| name);
    [undated(id), untagged].into_iter().flatten()
}

/// The id without a version at its end: `-2024-08-06`, `-20250929`, `@20250929`, `-002`.
pub(crate) fn undated(id: &str) -> Option<&str> {
    let bare = id.trim_end_matches(|character: char| {
        character.is_ascii_digit() || character == '-' || character == '@'
    });
    let version = id.strip_prefix(bare)?;
    // Trimming took the digits of `claude-opus-4` too: cut only a version of a known shape.
    let shapes: [&[usize]; 3] = [&[4, 2, 2], &[8], &[3]];
    for shape in shapes {
        let length = shape.iter().map(|digits| digits + 1).sum();
        let Some(at) = version.len().checked_sub(length) else {
            continue;
        };
        let parts: Vec<&str> = version.get(at..)?.split(['-', '@']).collect();
        let fits = parts.first().is_some_and(|first| first.is_empty())
            && parts.len() == shape.len() + 1
            && parts
                .iter()
                .skip(1)
                .zip(shape)
                .all(|(part, digits)| part.len() == *digits);
        if fits {
            return id.get(..bare.len() + at);
        }
    }
    None
}

#[cfg(test)]
mod layers;
#[cfg(test)]
mod recordings;
#[cfg(test)]
mod tests;
