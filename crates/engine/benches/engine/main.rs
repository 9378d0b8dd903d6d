//! How long decisions take: `cargo bench -p polyroute-engine [-- NAME]`.

mod operations;

fn main() {
    polyroute_measure::bench(&operations::all());
}
