//! Integration tests of the core, one binary.

mod artifact;
mod conformance;
mod encoder;
mod export_conformance;
mod exports;
mod exports_golden;
mod fuzz_corpus;
mod messages;
mod mf_golden;
mod parsers;
mod preference_golden;
mod refusals;
mod support;
mod sw_conformance;
mod sw_golden;
mod sw_router;
mod training;
