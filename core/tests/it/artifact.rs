//! Artifacts on disk: altered, incomplete and interrupted ones.

use std::fs;
use std::path::Path;

use routellm_core::artifact::{Artifact, MANIFEST_NAME};
use routellm_core::{CallOptions, ErrorKind, Router};

use crate::support::{default_router, root};

fn copy_of_default(to: &Path) {
    for entry in fs::read_dir(root().join("core/default-router")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn the_folder_and_the_compiled_in_router_are_one() {
    let folder = tempfile::tempdir().unwrap();
    copy_of_default(folder.path());
    let (a, b) = (Router::open(folder.path()).unwrap(), default_router());
    for prompt in ["", "What is 2+2?", "Prove that there are infinitely many primes."] {
        let options = CallOptions::new();
        assert_eq!(a.route(prompt, &options).unwrap(), b.route(prompt, &options).unwrap());
    }
    assert_eq!(a.info().path.as_deref(), Some(folder.path()));
    assert_eq!(b.info().path, None);
}

#[test]
fn altered_and_missing_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    copy_of_default(folder.path());
    let weights = folder.path().join("weights.safetensors");
    let sound = fs::read(&weights).unwrap();

    let mut altered = sound.clone();
    *altered.last_mut().unwrap() ^= 1;
    fs::write(&weights, &altered).unwrap();
    let error = Router::open(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidModel);
    assert!(
        error.to_string().contains("weights.safetensors") && error.to_string().contains("SHA-256"),
        "{error}"
    );

    fs::write(&weights, &sound[..sound.len() - 4]).unwrap();
    assert!(Router::open(folder.path()).unwrap_err().to_string().contains("the manifest says"));

    fs::remove_file(&weights).unwrap();
    let error = Router::open(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidModel);

    fs::write(&weights, &sound).unwrap();
    assert!(Router::open(folder.path()).is_ok());

    let manifest = folder.path().join(MANIFEST_NAME);
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("\"default_strong_share\": 0.5", "\"default_strong_share\": 0.9"))
        .unwrap();
    let error = Router::open(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidModel);
    assert!(error.to_string().contains("changed"), "{error}");
}

#[test]
fn the_default_artifact_is_small_and_says_where_it_comes_from() {
    let folder = root().join("core/default-router");
    let size: u64 =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!(size <= 4 << 20, "{size} bytes");
    let artifact = Artifact::open(&folder).unwrap();
    let provenance = &artifact.manifest().provenance;
    assert!(provenance.get("/sources/0/rows").unwrap().read::<u64>().unwrap() > 1000);
    let calibration = artifact.manifest().calibration.as_ref().unwrap();
    assert!(calibration.count > 8000 && calibration.sample.contains("Chatbot Arena"));
}

#[test]
fn the_mf_artifact_is_small_and_says_where_it_comes_from() {
    let folder = root().join("artifacts/mf-minilm");
    let size: u64 =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!(size <= 30 << 20, "{size} bytes");
    let artifact = Artifact::open(&folder).unwrap();
    let counts = artifact.manifest().provenance.get("/counts").unwrap();
    let count = |name: &str| counts.get(name).unwrap().read::<u64>().unwrap();
    assert_eq!((count("/votes_read"), count("/votes_dropped_null_winner")), (8272, 3199));
    for name in ["LICENSE", "NOTICE"] {
        assert!(folder.join(name).is_file(), "{name}");
    }
}
