//! One provider's part of the catalog. Its head, which configurations ask for, is read at once; its
//! models when they are first asked for, since most programs call few of the providers.

use std::sync::{Arc, OnceLock};

use serde::Deserialize;

use super::load::{self, CatalogError, Loaded};
use super::provider::{Connection, ProviderEntry};
use super::{Catalog, Section};

/// A provider's part.
#[derive(Debug)]
pub(super) struct Part {
    /// Its name.
    pub(super) provider: String,
    /// How the provider is reached; `None` where the file only lists models.
    pub(super) entry: Option<ProviderEntry>,
    models: Models,
}

/// Where its models are.
#[derive(Debug)]
enum Models {
    /// In the program, as text, and read once they were asked for. `None` if the text is no good,
    /// which tests rule out.
    Embedded {
        text: &'static str,
        section: OnceLock<Option<Box<Section>>>,
    },
    /// Read.
    Read(Arc<Loaded>),
}

impl Part {
    /// The head of a file that is built into the program.
    pub(super) fn embedded(provider: &str, text: &'static str) -> Result<Self, CatalogError> {
        #[derive(Deserialize)]
        struct Head {
            connection: Option<Connection>,
            profile: Option<polyroute_wire::profile::Profile>,
        }
        let head: Head = serde_json::from_str(text).map_err(|source| CatalogError::Json {
            provider: provider.to_owned(),
            source,
        })?;
        Ok(Self {
            provider: provider.to_owned(),
            entry: ProviderEntry::of(provider, head.connection, head.profile),
            models: Models::Embedded {
                text,
                section: OnceLock::new(),
            },
        })
    }

    /// A file that is read as a whole. `above` are the parts that it may build on.
    pub(super) fn read(
        provider: &str,
        text: &str,
        above: &[Arc<Self>],
    ) -> Result<Self, CatalogError> {
        let (loaded, entry) = load::file(provider, text, above)?;
        Ok(Self {
            provider: provider.to_owned(),
            entry,
            models: Models::Read(Arc::new(loaded)),
        })
    }

    /// Its models, which are read now if they have not been.
    pub(super) fn section(&self) -> Option<&Section> {
        match &self.models {
            Models::Embedded { text, section } => section
                .get_or_init(|| Some(Box::new(self.load(text).ok()?.section)))
                .as_deref(),
            Models::Read(loaded) => Some(&loaded.section),
        }
    }

    /// Its file, if that is built into the program.
    pub(super) const fn text(&self) -> Option<&'static str> {
        match &self.models {
            Models::Embedded { text, .. } => Some(text),
            Models::Read(_) => None,
        }
    }

    /// Its models if they have been read.
    pub(super) fn section_if_read(&self) -> Option<&Section> {
        match &self.models {
            Models::Embedded { section, .. } => section.get()?.as_deref(),
            Models::Read(loaded) => Some(&loaded.section),
        }
    }

    /// Its models with what another part needs to build on them. A part of the program's is read
    /// anew for that: little is built on others, and what only serves to build should not stay.
    pub(super) fn loaded(&self) -> Result<Arc<Loaded>, CatalogError> {
        match &self.models {
            Models::Embedded { text, .. } => self.load(text).map(Arc::new),
            Models::Read(loaded) => Ok(Arc::clone(loaded)),
        }
    }

    fn load(&self, text: &str) -> Result<Loaded, CatalogError> {
        // What is built into the program knows nothing of the files that came later.
        let embedded = Catalog::embedded();
        let above = embedded
            .parts
            .iter()
            .take_while(|part| part.provider != self.provider);
        let above: Vec<_> = above.cloned().collect();
        Ok(load::file(&self.provider, text, &above)?.0)
    }
}
