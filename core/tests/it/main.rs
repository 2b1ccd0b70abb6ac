//! Integration tests of the core, one binary.

// `#[test]` of every module.
#[macro_use]
extern crate routellm_test;

mod artifact;
mod artifact_writing;
mod augment;
mod busy;
mod calibrate;
mod calibrate_halvings;
mod candidates;
mod classifier_outputs;
mod conformance;
mod constant;
mod control_tokens;
mod doctor;
mod encoder;
mod eval_golden;
mod evaluation;
mod export_conformance;
mod exports;
mod exports_folders;
mod exports_golden;
mod forms;
mod fuzz_corpus;
mod harness;
mod hooks;
mod messages;
mod mf_golden;
mod names;
mod onnx_files;
mod parsers;
mod preference_golden;
mod refusals;
mod shares;
mod support;
mod sw_conformance;
mod sw_files;
mod sw_golden;
mod sw_router;
mod train_selection;
mod train_spec;
mod trainers;
mod training;

fn main() -> std::process::ExitCode {
    harness::main()
}
