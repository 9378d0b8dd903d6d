//! Cases that cross the files of this dialect.
