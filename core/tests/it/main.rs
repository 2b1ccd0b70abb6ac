//! Integration tests of the core, one binary.

mod artifact;
mod conformance;
mod constant;
mod encoder;
mod export_conformance;
mod exports;
mod exports_golden;
mod fuzz_corpus;
mod mf_golden;
mod parsers;
mod preference_golden;
mod refusals;
mod shares;
mod support;
mod sw_conformance;
mod sw_golden;
mod sw_router;
mod training;
