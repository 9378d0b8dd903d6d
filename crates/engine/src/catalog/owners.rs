//! Whose model a bare name is, over all providers, without reading all of their models.

use std::borrow::Cow;

use serde::Deserialize;

use super::family::glob;
use super::{Catalog, Part, bare};

/// Every listed name, with the first provider that lists it.
#[derive(Debug, Clone)]
pub(super) struct Owners {
    /// Sorted by name. The number is the provider's place in the catalog.
    names: Box<[(Cow<'static, str>, u16)]>,
}

/// The names in a file.
#[derive(Deserialize)]
struct Names<'a> {
    #[serde(default, borrow)]
    extends: Vec<Extended<'a>>,
    #[serde(default, borrow)]
    models: Vec<Named<'a>>,
}

/// What a file takes over.
#[derive(Deserialize)]
struct Extended<'a> {
    provider: &'a str,
    #[serde(default, borrow)]
    except: Vec<&'a str>,
}

/// One model's names.
#[derive(Deserialize)]
struct Named<'a> {
    id: &'a str,
    #[serde(default, borrow)]
    aliases: Vec<&'a str>,
    #[serde(default, borrow)]
    spellings: Vec<&'a str>,
}

impl Owners {
    pub(super) fn of<'p>(parts: impl Iterator<Item = &'p Part>) -> Self {
        let mut names = Vec::new();
        for (place, part) in (0_u16..).zip(parts) {
            match (part.section_if_read(), part.text()) {
                (Some(section), _) => {
                    let own = section.names.keys();
                    names.extend(own.map(|name| (Cow::Owned(name.clone()), place)));
                }
                (None, Some(text)) => {
                    let models = models(text).into_iter();
                    names.extend(models.flat_map(|model| {
                        let others = model.aliases.into_iter().chain(model.spellings);
                        let all = std::iter::once(model.id).chain(others);
                        all.map(move |name| (Cow::Borrowed(name), place))
                    }));
                }
                (None, None) => {}
            }
        }
        names.sort_unstable();
        names.dedup_by(|second, first| second.0 == first.0);
        Self {
            names: names.into_boxed_slice(),
        }
    }

    /// The place of the first provider that lists a name.
    pub(super) fn first(&self, name: &str) -> Option<usize> {
        let name = bare(name);
        // As in `Section::exact`.
        let dashed = name.contains('@').then(|| name.replace('@', "-"));
        let written = [Some(name), dashed.as_deref()];
        let places = written.into_iter().flatten().filter_map(|name| {
            let at = self
                .names
                .binary_search_by(|(known, _)| (**known).cmp(name));
            Some(usize::from(self.names.get(at.ok()?)?.1))
        });
        places.min()
    }
}

/// The models of a file that is built into the program, with those that it takes over.
fn models(text: &'static str) -> Vec<Named<'static>> {
    let Ok(file) = serde_json::from_str::<Names<'static>>(text) else {
        return Vec::new();
    };
    let mut all = file.models;
    for extended in file.extends {
        let embedded = Catalog::embedded();
        let other = embedded.part(extended.provider).and_then(Part::text);
        let taken = other.map(models).into_iter().flatten();
        all.extend(taken.filter(|model| {
            let mut except = extended.except.iter();
            !except.any(|pattern| glob(pattern, model.id))
        }));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_whose_section_lists_it_first() {
        let unread = Owners::of(Catalog::embedded().parts.iter().map(AsRef::as_ref));
        let read = Catalog::parse(super::super::FILES).unwrap();
        let mut names = 0;
        for part in &read.parts {
            for name in part.section().unwrap().names.keys() {
                let lists = |part: &Part| part.section().unwrap().exact(name).is_some();
                let first = read.parts.iter().position(|part| lists(part));
                assert_eq!(unread.first(name), first, "{name}");
                names += 1;
            }
        }
        assert!(names > 1_500, "{names}");
        for name in ["claude-haiku-4-5@20251001", "models/gemini-2.5-pro"] {
            assert!(unread.first(name).is_some(), "{name}");
        }
        assert_eq!(unread.first("nobodys-model"), None);
    }
}
