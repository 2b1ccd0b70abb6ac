//! What is told of a machine, and what the system said of a library that it cannot load.

use std::fs;
use std::path::Path;
use std::process::Command;

use routellm_core::{Diagnosis, ErrorKind, Router, doctor};
use serde_json::Value;

use crate::support::{needs_onnxruntime, root, tiny_model};

fn json(diagnosis: &Diagnosis) -> Value {
    serde_json::to_value(diagnosis).unwrap()
}

/// Runs one test of this program again, in a process of its own: a runtime is one for the whole process.
fn again(test: &str, library: &Path) -> bool {
    if std::env::var_os("ROUTELLM_TEST_AGAIN").is_some() {
        return false;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env("ROUTELLM_TEST_AGAIN", "1")
        .env("ROUTELLM_ORT_PATH", library)
        .env_remove("ORT_DYLIB_PATH")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    true
}

/// Files that no loader takes, and what the C library of Linux says of them.
fn broken(folder: &Path) -> Vec<(std::path::PathBuf, &'static str)> {
    let mut header = vec![0_u8; 64];
    header[..7].copy_from_slice(b"\x7fELF\x01\x01\x01");
    // A shared object for the i386.
    (header[16], header[18], header[20]) = (3, 3, 1);
    let files: [(&str, &[u8], &str); 3] = [
        ("short.so", b"\x7fELF", "file too short"),
        ("text.so", &[b'x'; 100], "invalid ELF header"),
        ("other.so", &header, "wrong ELF class"),
    ];
    let write = |(name, contents, said): (&str, &[u8], &'static str)| {
        fs::write(folder.join(name), contents).unwrap();
        (folder.join(name), said)
    };
    files.map(write).into()
}

#[test]
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn what_the_system_says_of_a_broken_library_is_told() {
    let folder = tempfile::tempdir().unwrap();
    if again("doctor::what_the_system_says_of_a_broken_library_is_told", &folder.path().join("absent.so")) {
        return;
    }
    for (library, said) in broken(folder.path()) {
        let opened =
            routellm_core::OpenOptions::new().onnxruntime(&library).open(root().join("artifacts/mf-minilm"));
        let error = opened.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RuntimeUnavailable);
        assert!(error.to_string().contains(said), "{error} does not say {said:?}");
    }
    let error = Router::open(root().join("artifacts/mf-minilm")).unwrap_err().to_string();
    assert!(error.contains("No such file or directory"), "{error}");
    // The doctor says the same, and that is no failure.
    let diagnosis = doctor(None);
    assert!(!diagnosis.runtime.found && !diagnosis.runtime.in_use && diagnosis.runtime.version.is_none());
    let looked_at = diagnosis.runtime.looked_at.join("\n");
    assert!(looked_at.contains("ROUTELLM_ORT_PATH") && looked_at.contains("No such file or directory"));
    assert!(diagnosis.gpu.problem.is_some());
}

#[test]
fn the_runtime_is_asked_without_binding_the_process_to_it() {
    needs_onnxruntime();
    let library = std::env::var("ROUTELLM_ORT_PATH").unwrap();
    if again("doctor::the_runtime_is_asked_without_binding_the_process_to_it", Path::new(&library)) {
        return;
    }
    let runtime = doctor(None).runtime;
    assert!(runtime.found && !runtime.in_use, "{runtime:?}");
    assert!(runtime.located.unwrap().contains("ROUTELLM_ORT_PATH"));
    assert!(runtime.version.unwrap().starts_with("1."));
    assert!(runtime.providers.iter().any(|name| name == "CPUExecutionProvider"));
    assert!(routellm_core::onnx::loaded().is_none());
    let _router = Router::open(root().join("artifacts/mf-minilm")).unwrap();
    let runtime = doctor(None).runtime;
    assert!(runtime.found && runtime.in_use, "{runtime:?}");
    assert_eq!(runtime.library.unwrap(), library);
}

#[test]
fn artifacts_are_told_and_never_opened() {
    let compiled_in = doctor(None).artifact;
    assert_eq!((compiled_in.form, compiled_in.checksums), ("compiled_in", Some(true)));
    assert!(compiled_in.path.is_none() && compiled_in.problem.is_none() && compiled_in.bytes > 100_000);
    assert_eq!(compiled_in.candidates.len(), 2);

    let path = root().join("tests/conformance/sw-caller");
    let artifact = doctor(Some(&path)).artifact;
    assert_eq!((artifact.form, artifact.checksums, &artifact.problem), ("artifact", Some(true), &None));
    assert_eq!(artifact.kind.unwrap().as_str(), "sw_ranking");
    assert!(artifact.files > 0 && artifact.candidates.len() >= 2);

    let model = doctor(Some(&tiny_model("bert-tiny"))).artifact;
    assert_eq!((model.form, model.checksums), ("folder", None));
    assert_eq!(model.kind.map(|kind| kind.as_str()), Some("bert"));
    assert!(model.files >= 3 && model.bytes > 0);

    let missing = doctor(Some(Path::new("/nowhere/at/all"))).artifact;
    assert_eq!((missing.form, missing.files), ("missing", 0));
    assert!(missing.problem.unwrap().contains("no such folder"));

    let empty = tempfile::tempdir().unwrap();
    let nothing = doctor(Some(empty.path())).artifact;
    assert_eq!((nothing.form, nothing.kind), ("folder", None));
    assert!(nothing.problem.unwrap().contains("router.json"));
}

#[test]
fn a_damaged_artifact_still_says_what_its_manifest_says() {
    let folder = tempfile::tempdir().unwrap();
    let default = root().join("core/default-router");
    for file in fs::read_dir(default).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    let weights = folder.path().join("weights.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(weights, bytes).unwrap();
    let artifact = doctor(Some(folder.path())).artifact;
    assert_eq!(artifact.checksums, Some(false));
    assert!(artifact.problem.unwrap().contains("weights.safetensors"));
    assert_eq!((artifact.kind.unwrap().as_str(), artifact.candidates.len()), ("linear", 2));
    fs::write(folder.path().join("router.json"), "{").unwrap();
    let artifact = doctor(Some(folder.path())).artifact;
    assert_eq!((artifact.form, artifact.name, artifact.checksums), ("artifact", None, Some(false)));
}

#[test]
fn the_shape_of_a_report_is_stable() {
    let told = json(&doctor(None));
    let parts: Vec<_> = told.as_object().unwrap().keys().map(String::as_str).collect();
    for part in ["artifact", "cpu", "gpu", "runtime", "settings", "versions"] {
        assert!(parts.contains(&part), "{parts:?}");
    }
    assert_eq!(told["versions"]["routellm"], routellm_core::VERSION);
    assert_eq!(told["versions"]["language"], Value::Null);
    assert_eq!(told["cpu"]["architecture"], std::env::consts::ARCH);
    for (name, value) in told["settings"]["environment"].as_object().unwrap() {
        assert_eq!(value, &std::env::var(name).unwrap(), "{name}");
    }
    let unset = told["settings"]["unset"].as_array().unwrap();
    assert!(unset.iter().all(|name| std::env::var_os(name.as_str().unwrap()).is_none()));
}
