//! One file a vendor: where it is, how it authenticates, which dialect it speaks. Mostly data.
