//! Runs the tests of this program. A test that calls [`skip`] counts as ignored, not as passed.

use std::panic::{catch_unwind, resume_unwind};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// One function under `#[test]`, which the attribute submits.
pub(crate) struct Test {
    /// With the name of this program in front.
    pub(crate) name: &'static str,
    pub(crate) run: fn(),
}

inventory::collect!(Test);

/// Why a test was left, as the payload of its unwinding.
struct Skip(String);

/// Leaves the test that calls this, on its own thread: what it needs is not there.
///
/// With `ROUTELLM_REQUIRE_ALL=1` the test has failed then, unless the reason names `ROUTELLM_TEST_CUDA`.
pub(crate) fn skip(reason: impl Into<String>) -> ! {
    resume_unwind(Box::new(Skip(reason.into())))
}

fn run(test: &Test, required: bool) -> Result<Completion, Failed> {
    let Err(payload) = catch_unwind(test.run) else { return Ok(Completion::Completed) };
    match payload.downcast::<Skip>() {
        Ok(reason) if required && !reason.0.contains("ROUTELLM_TEST_CUDA") => {
            Err(format!("skipped, and ROUTELLM_REQUIRE_ALL is set: {}", reason.0).into())
        }
        Ok(reason) => Ok(Completion::ignored_with(reason.0)),
        Err(payload) => resume_unwind(payload),
    }
}

/// Runs what the command line asks for. It is that of the standard library's tests.
pub(crate) fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let required = std::env::var_os("ROUTELLM_REQUIRE_ALL").is_some_and(|value| value == "1");
    let mut tests: Vec<&Test> = inventory::iter::<Test>.into_iter().collect();
    tests.sort_by_key(|test| test.name);
    let trials = tests.into_iter().map(|test| {
        let name = test.name.split_once("::").expect("a path has a module").1;
        Trial::ignorable_test(name, move || run(test, required))
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// What this program prints of the tests that `filter` finds, without data, ONNX Runtime and a GPU.
fn alone(filter: &str, required: &str) -> (bool, String) {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .arg(filter)
        .env("ROUTELLM_SHARED", "/nowhere")
        .env("ROUTELLM_REQUIRE_ALL", required)
        .env_remove("ROUTELLM_ORT_PATH")
        .env_remove("ROUTELLM_TEST_CUDA")
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn what_is_missing_is_skipped_and_may_be_demanded() {
    for (filter, name, reason) in [
        ("mf_golden", "mf_golden::", "/nowhere/golden/mf is not there"),
        ("encoder::", "encoder::", "ROUTELLM_ORT_PATH is not set"),
    ] {
        let (ok, text) = alone(filter, "0");
        assert!(ok && text.contains(" 0 passed; 0 failed;") && !text.contains(" 0 ignored;"), "{text}");
        let line = text.lines().find(|line| line.ends_with(&format!("ignored ({reason})"))).unwrap();
        assert!(line.contains(name), "{text}");
        let (ok, text) = alone(filter, "1");
        assert!(!ok && text.contains(" 0 passed;") && text.contains(" 0 ignored;"), "{text}");
        assert!(text.contains(reason), "{text}");
    }
    let (ok, text) = alone("run_on_a_gpu", "1");
    assert!(ok && text.contains(" 0 passed; 0 failed; 1 ignored;"), "{text}");
}
