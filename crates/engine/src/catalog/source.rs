//! Where a figure comes from, and when it was read there.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Deserialize;

use super::file::Origins;

/// A page or list that figures were read from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What it is called.
    pub title: String,
    /// Where it is, if it can be visited.
    pub url: Option<String>,
    /// The day on which it was read (`2026-11-21`).
    pub read: String,
}

/// The origin of one figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// The source's key in its file.
    pub key: String,
    /// What the source is called.
    pub title: String,
    /// Where it is.
    pub url: Option<String>,
    /// The day on which the figure was last checked there.
    pub as_of: String,
}

/// The origins of a model's figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// Of its prices.
    pub prices: Arc<Figure>,
    /// Of window and longest answer.
    pub limits: Arc<Figure>,
    /// Of what goes in and comes out.
    pub modalities: Arc<Figure>,
    /// Of release, deprecation and retirement.
    pub dates: Arc<Figure>,
}

/// The sources of a file, and the references to them that were met: most models share theirs.
pub(super) struct Table<'a> {
    sources: &'a BTreeMap<String, Source>,
    /// The key, or free text, that figures without one of their own come from.
    default: &'a str,
    /// The day of free text.
    as_of: &'a str,
    met: HashMap<String, Arc<Figure>>,
}

impl<'a> Table<'a> {
    pub(super) fn new(
        sources: &'a BTreeMap<String, Source>,
        default: &'a str,
        as_of: &'a str,
    ) -> Self {
        Self {
            sources,
            default,
            as_of,
            met: HashMap::new(),
        }
    }

    /// The origins of a model.
    ///
    /// # Errors
    /// The key that no source has, or the date that is none.
    pub(super) fn sources(&mut self, written: &Origins) -> Result<Sources, String> {
        Ok(Sources {
            prices: self.figure(written.prices.as_deref())?,
            limits: self.figure(written.limits.as_deref())?,
            modalities: self.figure(written.modalities.as_deref())?,
            dates: self.figure(written.dates.as_deref())?,
        })
    }

    fn figure(&mut self, reference: Option<&str>) -> Result<Arc<Figure>, String> {
        let reference = reference.unwrap_or(self.default);
        if let Some(figure) = self.met.get(reference) {
            return Ok(Arc::clone(figure));
        }
        let figure = Arc::new(self.read(reference)?);
        self.met.insert(reference.to_owned(), Arc::clone(&figure));
        Ok(figure)
    }

    fn read(&self, reference: &str) -> Result<Figure, String> {
        if self.sources.is_empty() && reference == self.default {
            return Ok(Figure {
                key: "file".to_owned(),
                title: reference.to_owned(),
                url: None,
                as_of: self.as_of.to_owned(),
            });
        }
        let (key, checked) = match reference.rsplit_once('@') {
            Some((key, day)) => (key, Some(day)),
            None => (reference, None),
        };
        let source = self
            .sources
            .get(key)
            .ok_or_else(|| format!("no source `{key}`"))?;
        let as_of = checked.unwrap_or(&source.read);
        if !is_day(as_of) {
            return Err(format!("source `{reference}`: `{as_of}` is no day"));
        }
        Ok(Figure {
            key: key.to_owned(),
            title: source.title.clone(),
            url: source.url.clone(),
            as_of: as_of.to_owned(),
        })
    }
}

/// Whether it is written as a day is: `2026-11-21`.
pub(super) fn is_day(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}
