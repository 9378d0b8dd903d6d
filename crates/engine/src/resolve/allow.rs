//! What a gateway key may use.
//!
//! An entry is a route, a named target, a bare model name, `provider/model`, `provider/*`, any
//! other pattern with `*` over `provider/model`, or `*`. The name of a route stands for the route
//! only, so that a key for the route `gpt-4o` can't reach the model of that name around it.

use super::{How, Listed, NameRequest, Resolved, bare};
use crate::catalog::glob;
use crate::snapshot::Snapshot;

/// Most entries that an error shows.
pub const SHOWN_MAX: usize = 10;

/// The names that one key may use, over one snapshot.
#[derive(Clone, Copy)]
pub(super) struct Allowed<'a> {
    snapshot: &'a Snapshot,
    entries: Option<&'a [String]>,
    listed: Option<Listed<'a>>,
}

/// Whether a key with these entries may use the name. For lists of models; a request goes through
/// [`super::resolve`].
#[must_use]
pub fn permitted(snapshot: &Snapshot, name: &str, entries: Option<&[String]>) -> bool {
    let request = NameRequest {
        model: name,
        allowed: entries,
        ..NameRequest::default()
    };
    super::resolve(snapshot, &request).is_ok()
}

impl<'a> Allowed<'a> {
    pub(super) fn new<'b: 'a>(snapshot: &'b Snapshot, request: &NameRequest<'b>) -> Self {
        Self {
            snapshot,
            entries: request.allowed,
            listed: request.listed,
        }
    }

    /// Whether everything is allowed.
    pub(super) fn all(&self) -> bool {
        self.entries
            .is_none_or(|entries| entries.iter().any(|entry| entry == "*"))
    }

    /// Whether what a name means is allowed.
    pub(super) fn permits(&self, resolved: &Resolved<'_>) -> bool {
        let Some(entries) = self.entries else {
            return true;
        };
        entries.iter().any(|entry| self.covers(entry, resolved))
    }

    fn covers(&self, entry: &str, resolved: &Resolved<'_>) -> bool {
        if entry == "*" {
            return true;
        }
        if let Some(route) = resolved.route {
            return entry == route.name;
        }
        let Some(target) = resolved.targets.first() else {
            return false;
        };
        if resolved.how == How::Target && entry == target.name {
            return true;
        }
        let full = format!("{}/{}", target.provider, target.model);
        if glob(entry, &full) {
            return true;
        }
        // A bare model name, if nothing configured has that name and it means this provider.
        entry == target.model
            && self.snapshot.route(entry).is_none()
            && self.snapshot.target(entry).is_none()
            && self.owner(entry) == Some(target.provider.as_str())
    }

    /// The provider that a bare name goes to by itself.
    fn owner(&self, name: &str) -> Option<&'a str> {
        let snapshot = self.snapshot;
        if let Some((provider, _)) = bare(snapshot, name, self.listed) {
            return Some(provider.name.as_str());
        }
        let mut on = snapshot.on();
        match (on.next(), on.next()) {
            (Some(only), None) => Some(only.name.as_str()),
            _ => None,
        }
    }

    /// The first entries, and how many more there are.
    pub(super) fn shown(&self) -> (Vec<String>, usize) {
        let entries = self.entries.unwrap_or_default();
        let shown: Vec<String> = entries.iter().take(SHOWN_MAX).cloned().collect();
        let more = entries.len() - shown.len();
        (shown, more)
    }
}
