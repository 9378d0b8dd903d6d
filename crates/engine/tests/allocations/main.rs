//! What decisions allocate, held to `bounds.json`. One test, since a process counts for all
//! of its threads what is made once.

use std::path::Path;

use allocation_counter::measure;
use polyroute_measure::{Allocated, hold};

#[path = "../../benches/engine/operations/mod.rs"]
mod operations;

#[test]
fn no_operation_allocates_more_than_its_bound() {
    let measured: Vec<(String, Allocated)> = operations::all()
        .iter()
        .map(|operation| {
            // Whatever is made once a process is made here.
            operation.run();
            let counted = measure(|| operation.run());
            let allocated = Allocated {
                allocations: counted.count_total,
                bytes: counted.bytes_total,
            };
            (operation.name.clone(), allocated)
        })
        .collect();
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/allocations/bounds.json");
    if let Err(complaints) = hold(Path::new(table), &measured) {
        panic!("{complaints}");
    }
}
