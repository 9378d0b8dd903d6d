//! Tests of the dialect as a whole; rules of one file are tested beside it.
