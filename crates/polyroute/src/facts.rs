//! The memory of what is known of targets: [`Facts::of`] is pure and costs some look-ups, so that
//! its result is kept as long as the snapshot.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use polyroute_engine::facts::Facts;
use polyroute_engine::snapshot::{Snapshot, Target};

/// Most targets that are kept: more than the catalog lists.
const TARGETS_MAX: usize = 4_096;

/// The facts of one snapshot's targets. Reading takes no lock; what is rarely written is copied
/// then.
#[derive(Debug, Default)]
pub struct FactsMemory {
    /// By the target's name.
    kept: ArcSwap<HashMap<String, Arc<Facts>>>,
}

impl FactsMemory {
    /// The facts of a target; `None` if its provider is not there or off.
    #[must_use]
    pub fn of(&self, snapshot: &Snapshot, target: &Target) -> Option<Arc<Facts>> {
        if let Some(facts) = self.kept.load().get(&target.name)
            && facts.target == *target
        {
            return Some(Arc::clone(facts));
        }
        let facts = Arc::new(Facts::of(snapshot, target)?);
        if facts.listed {
            self.keep(&facts);
        }
        Some(facts)
    }

    /// Keeps the facts of a target that answered. What no list tells of is kept only then: names
    /// that callers make up must not fill the memory.
    pub fn answered(&self, facts: &Arc<Facts>) {
        if !facts.listed && !self.kept.load().contains_key(&facts.target.name) {
            self.keep(facts);
        }
    }

    fn keep(&self, facts: &Arc<Facts>) {
        if self.kept.load().len() >= TARGETS_MAX {
            return;
        }
        self.kept.rcu(|kept| {
            let mut kept = HashMap::clone(kept);
            kept.insert(facts.target.name.clone(), Arc::clone(facts));
            kept
        });
    }
}

#[cfg(test)]
mod tests {
    use polyroute_engine::snapshot::Defaults;
    use polyroute_engine::{catalog::Catalog, snapshot::Provider};
    use polyroute_wire::dialect::Dialect;

    use super::*;

    fn snapshot() -> Snapshot {
        Snapshot {
            providers: vec![
                Provider::new("openai", Dialect::OpenAi, true),
                Provider::new("house", Dialect::OpenAi, false),
            ],
            targets: Vec::new(),
            routes: Vec::new(),
            catalog: Catalog::embedded(),
            defaults: Defaults::default(),
        }
    }

    #[test]
    fn what_a_list_tells_of_is_made_once() {
        let (memory, snapshot) = (FactsMemory::default(), snapshot());
        let target = Target::new("openai", "gpt-4o");
        let first = memory.of(&snapshot, &target).unwrap();
        assert_eq!(*first, Facts::of(&snapshot, &target).unwrap());
        assert!(Arc::ptr_eq(&first, &memory.of(&snapshot, &target).unwrap()));
    }

    #[test]
    fn a_made_up_name_is_kept_once_it_has_answered() {
        let (memory, snapshot) = (FactsMemory::default(), snapshot());
        let target = Target::new("house", "tuned-7");
        let first = memory.of(&snapshot, &target).unwrap();
        assert!(!Arc::ptr_eq(
            &first,
            &memory.of(&snapshot, &target).unwrap()
        ));
        memory.answered(&first);
        assert!(Arc::ptr_eq(&first, &memory.of(&snapshot, &target).unwrap()));
        assert!(memory.of(&snapshot, &Target::new("nobody", "m")).is_none());
    }

    #[test]
    fn a_name_with_other_contents_is_another_target() {
        let (memory, snapshot) = (FactsMemory::default(), snapshot());
        let plain = Target::new("openai", "gpt-4o");
        let pinned = Target {
            pin: Some("gpt-4o-2024-08-06".to_owned()),
            ..plain.clone()
        };
        let first = memory.of(&snapshot, &plain).unwrap();
        let other = memory.of(&snapshot, &pinned).unwrap();
        assert_eq!(first.wire.model, "gpt-4o");
        assert_eq!(other.wire.model, "gpt-4o-2024-08-06");
        assert_eq!(memory.of(&snapshot, &plain).unwrap().wire.model, "gpt-4o");
    }

    #[test]
    fn it_is_bounded() {
        let (memory, snapshot) = (FactsMemory::default(), snapshot());
        for number in 0..TARGETS_MAX + 10 {
            let target = Target::new("house", &format!("m{number}"));
            memory.answered(&memory.of(&snapshot, &target).unwrap());
        }
        assert_eq!(memory.kept.load().len(), TARGETS_MAX);
    }
}
