//! For tests and benchmarks only: a crate names its operations once ([`Operation`]), [`bench()`] says
//! how long each takes, and [`hold`] that none allocates more than a table allows.
//!
//! Time depends on the machine and is looked at by people; what is allocated is the same everywhere
//! and is held by `cargo test`. Nothing here sets an allocator: what counts is an argument.

mod bounds;

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};

pub use bounds::{Allocated, hold};

/// Something that a crate does, with its input made already.
pub struct Operation {
    /// What is measured, as `what/of what`.
    pub name: String,
    /// Bytes of its input, where a rate says something.
    pub bytes: Option<u64>,
    run: Box<dyn Fn()>,
}

impl Operation {
    /// An operation. What `run` gives is dropped within the measurement, as callers do.
    pub fn new<T>(name: impl Into<String>, run: impl Fn() -> T + 'static) -> Self {
        Self {
            name: name.into(),
            bytes: None,
            run: Box::new(move || {
                black_box(run());
            }),
        }
    }

    /// With the size of its input.
    #[must_use]
    pub fn of(mut self, bytes: usize) -> Self {
        self.bytes = u64::try_from(bytes).ok();
        self
    }

    /// Does it once.
    pub fn run(&self) {
        (self.run)();
    }
}

/// Runs the benchmarks, as the command line says (`cargo bench -- NAME`).
pub fn bench(operations: &[Operation]) {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(1_500))
        .sample_size(50)
        .configure_from_args();
    for operation in operations {
        let (group, part) = operation
            .name
            .split_once('/')
            .unwrap_or((&operation.name, "once"));
        let mut group = criterion.benchmark_group(group);
        if let Some(bytes) = operation.bytes {
            group.throughput(Throughput::Bytes(bytes));
        }
        group.bench_function(part, |bencher| bencher.iter(|| operation.run()));
        group.finish();
    }
    criterion.final_summary();
}
