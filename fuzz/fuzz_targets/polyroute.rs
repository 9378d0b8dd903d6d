//! All targets in one binary, which is linked once: `POLYROUTE_FUZZ` names the one that runs.
#![no_main]

use std::sync::LazyLock;

use polyroute_fuzz::{FuzzTarget, TARGETS};

static TARGET: LazyLock<FuzzTarget> = LazyLock::new(|| {
    let name = std::env::var("POLYROUTE_FUZZ").unwrap_or_default();
    let target = TARGETS.iter().find(|target| target.name == name);
    *target
        .unwrap_or_else(|| panic!("POLYROUTE_FUZZ={name} names no target of scripts/fuzz --list"))
});

libfuzzer_sys::fuzz_target!(init: LazyLock::force(&TARGET), |data: &[u8]| (TARGET.run)(data));
