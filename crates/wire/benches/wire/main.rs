//! How long the translation takes: `cargo bench -p polyroute-wire [-- NAME]`.

mod operations;

fn main() {
    polyroute_measure::bench(&operations::all());
}
