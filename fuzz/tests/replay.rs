//! Every unit of the checked-in corpora through its target, as the fuzzing engine would run it, and
//! with its choices varied; and what holds for the targets themselves.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use polyroute_fuzz::{TARGETS, run};

/// All checked-in corpora together, in bytes.
const CORPUS_BYTES_MAX: u64 = 200 * 1024;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn units(target: &str) -> Vec<PathBuf> {
    let folder = root().join("corpus").join(target);
    let files =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = files.flatten().map(|file| file.path()).collect();
    files.sort();
    files
}

fn replay(target: &str, vary: bool) {
    for path in units(target) {
        let unit = fs::read(&path).expect("a unit can be read");
        // The test's output names the last one that was tried.
        println!("{}", path.display());
        run(target, &unit);
        for bit in (0..8).filter(|_| vary && !unit.is_empty()) {
            let mut other = unit.clone();
            other[0] ^= 1 << bit;
            other[unit.len().min(3) - 1] ^= 0x55;
            run(target, &other);
        }
    }
}

macro_rules! replays {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name), !matches!(stringify!($name), "growth" | "config"));
        })*

        #[test]
        fn every_target_is_replayed() {
            let replayed = BTreeSet::from([$(stringify!($name)),*]);
            let known: BTreeSet<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(replayed, known);
        }
    };
}

replays!(
    sse,
    event_stream,
    tap,
    decode_openai,
    decode_responses,
    decode_anthropic,
    decode_gemini,
    decode_cohere,
    decode_cohere_v1,
    decode_ollama,
    decode_bedrock,
    answers,
    errors,
    chat_request,
    endpoint_requests,
    json_edit,
    chat_edit,
    structured,
    schema,
    config,
    credentials,
    words,
    growth,
);

#[test]
fn the_corpora_are_there_and_stay_small() {
    let mut sum = 0;
    for target in TARGETS {
        let units = units(target.name);
        assert!(!units.is_empty(), "{} has no seed", target.name);
        sum += units
            .iter()
            .filter_map(|unit| fs::metadata(unit).ok())
            .map(|it| it.len())
            .sum::<u64>();
    }
    assert!(
        sum <= CORPUS_BYTES_MAX,
        "the corpora hold {sum} bytes: scripts/fuzz --minimise"
    );
}

#[test]
#[should_panic(expected = "no target")]
fn an_unknown_target_is_no_success() {
    run("nothing", b"");
}
