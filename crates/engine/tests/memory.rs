//! What the catalog takes of memory: bytes that this thread asks of the allocator, which are the
//! same on every machine. One test, since a process reads the catalog once.

use allocation_counter::measure;
use polyroute_engine::catalog::Catalog;
use polyroute_engine::resolve::{NameRequest, resolve};
use polyroute_engine::snapshot::{Defaults, Dialect, Provider, Snapshot};

const KIB: i64 = 1_024;

fn openai_alone() -> Snapshot {
    Snapshot {
        providers: vec![Provider::new("openai", Dialect::OpenAi, true)],
        targets: Vec::new(),
        routes: Vec::new(),
        catalog: Catalog::embedded(),
        defaults: Defaults::default(),
    }
}

/// The limits leave the data room to double. Before models were read when they are asked for, each
/// of these programs had all of them.
#[test]
fn who_calls_one_provider_has_one_providers_models() {
    let heads = measure(|| drop(Catalog::embedded()));
    assert!((1..128 * KIB).contains(&heads.bytes_current), "{heads:?}");

    let snapshot = openai_alone();
    let warm = measure(|| snapshot.warm());
    assert!(
        (32 * KIB..448 * KIB).contains(&warm.bytes_current),
        "{warm:?}"
    );
    let peak = i64::try_from(warm.bytes_max).unwrap();
    assert!(peak < 1_024 * KIB, "{warm:?}");

    // No request reads more of it, whatever it asks for: only what its answer says is allocated.
    for model in [
        "gpt-4o-mini",
        "gpt-4o-mini-2099-01-01",
        "gpt-99",
        "claude-sonnet-4-5",
        "claude-haiku-4-5@20251001",
        "anthropic/claude-sonnet-4-5",
        "bedrock/anything",
        "openruter/anything",
        "nobody/anything",
    ] {
        let request = NameRequest {
            model,
            ..NameRequest::default()
        };
        let asked = measure(|| drop(resolve(&snapshot, &request)));
        assert!(asked.bytes_max < 8 * 1_024, "{model}: {asked:?}");
        assert_eq!(asked.bytes_current, 0, "{model}: {asked:?}");
    }

    let catalog = Catalog::embedded();
    let all = measure(|| catalog.providers().for_each(|name| catalog.read(name)));
    assert!(
        (1_024 * KIB..6 * 1_024 * KIB).contains(&all.bytes_current),
        "{all:?}"
    );
}
