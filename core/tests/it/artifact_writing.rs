//! Writing artifacts over others, beside other things, and while others read and write.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use routellm_core::artifact::{Artifact, ArtifactWriter, MANIFEST_NAME, Manifest};
use routellm_core::{ErrorKind, Result, Router};

use crate::support::root;

/// Writes the artifact of `core/default-router` into `out`, with a data file that holds `mark`.
fn write(out: &Path, mark: &str) -> Result<()> {
    let source = root().join("core/default-router");
    let mut manifest = Artifact::open(&source)?.manifest().clone();
    let mut writer = ArtifactWriter::new(out)?;
    for entry in &manifest.files {
        writer.add_copy(&entry.name, &source.join(entry.path()))?;
    }
    writer.add("mark.txt", mark.as_bytes())?;
    mark.clone_into(&mut manifest.name);
    manifest.format_version = routellm_core::artifact::FORMAT_VERSION;
    writer.finish(&manifest)
}

fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The manifest and the files that it lists.
fn listed(folder: &Path) -> BTreeSet<String> {
    let manifest = Manifest::parse(&fs::read(folder.join(MANIFEST_NAME)).unwrap()).unwrap();
    manifest.files.iter().map(|file| file.path().to_owned()).chain([MANIFEST_NAME.to_owned()]).collect()
}

/// The artifact is whole, and of one writer.
fn mark(folder: &Path) -> String {
    let artifact = Artifact::open(folder).unwrap();
    let mark = String::from_utf8(artifact.read("mark.txt").unwrap().into_owned()).unwrap();
    assert_eq!(artifact.manifest().name, mark);
    mark
}

#[test]
fn what_is_not_of_the_artifact_stays() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("repository");
    // The first time, there is no artifact in it yet.
    for name in [".git/objects", "src/deep"] {
        fs::create_dir_all(out.join(name)).unwrap();
    }
    for name in
        [".git/config", "src/deep/main.rs", "LICENSE", "README.md", "weights.safetensors", "notes.txt"]
    {
        fs::write(out.join(name), name).unwrap();
    }
    let before = names(&out);
    for name in ["one", "two", "two", "three"] {
        write(&out, name).unwrap();
        assert_eq!(mark(&out), name);
        let mut expected = before.clone();
        expected.extend(listed(&out));
        assert_eq!(names(&out), expected);
    }
    for name in
        [".git/config", "src/deep/main.rs", "LICENSE", "README.md", "weights.safetensors", "notes.txt"]
    {
        assert_eq!(fs::read_to_string(out.join(name)).unwrap(), name);
    }
    assert!(Router::open(&out).is_ok());
}

#[test]
fn the_files_of_an_artifact_of_the_first_version_go() {
    let folder = tempfile::tempdir().unwrap();
    for name in names(&root().join("core/default-router")) {
        fs::copy(root().join("core/default-router").join(&name), folder.path().join(&name)).unwrap();
    }
    assert!(folder.path().join("weights.safetensors").exists());
    write(folder.path(), "new").unwrap();
    assert_eq!(names(folder.path()), listed(folder.path()));
    assert!(!folder.path().join("weights.safetensors").exists());
}

#[test]
fn what_an_artifact_would_hide_or_replace_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |name: &str, what: &str| {
        let out = folder.path().join(name);
        let before = out.is_dir().then(|| names(&out));
        let error = write(&out, "x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert!(error.to_string().contains(what), "{error}");
        assert_eq!(out.is_dir().then(|| names(&out)), before);
    };
    fs::write(folder.path().join("file"), "x").unwrap();
    refused("file", "no folder");
    for (name, text) in [("web", r#"{"routes": []}"#), ("cut", "{"), ("list", "[]")] {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join(MANIFEST_NAME), text).unwrap();
        refused(name, "something else");
    }
    fs::create_dir(folder.path().join("export")).unwrap();
    for name in ["config.json", "model.onnx"] {
        fs::write(folder.path().join("export").join(name), "{}").unwrap();
    }
    refused("export", "a model of another form");
    // One that was altered is an artifact all the same.
    let out = folder.path().join("altered");
    write(&out, "one").unwrap();
    let text = fs::read_to_string(out.join(MANIFEST_NAME)).unwrap().replace("\"one\"", "\"two\"");
    fs::write(out.join(MANIFEST_NAME), text).unwrap();
    write(&out, "three").unwrap();
    assert_eq!(mark(&out), "three");
}

#[test]
fn names_that_lead_out_of_the_folder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut writer = ArtifactWriter::new(&out).unwrap();
    for name in ["../x", "/x", "", ".", "a/../../x", "a\0", "a\\b"] {
        assert_eq!(writer.add(name, b"x").unwrap_err().kind(), ErrorKind::InvalidArgument, "{name:?}");
    }
    writer.add("twice", b"x").unwrap();
    assert!(writer.add("twice", b"y").is_err());
    drop(writer);
    // Nothing was finished, and nothing is left.
    assert_eq!(names(folder.path()), BTreeSet::new());
}

#[test]
fn files_that_name_each_other_keep_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = Artifact::open(&root().join("core/default-router")).unwrap().manifest().clone();
    let put = |contents: &'static str| {
        let mut writer = ArtifactWriter::new(folder.path()).unwrap();
        writer
            .add_model(&["onnx/model.onnx", "onnx/model.onnx_data"], |name| {
                Ok(Box::new(std::io::Cursor::new(format!("{name} {contents}"))))
            })
            .unwrap();
        writer.add_model(&["single.onnx"], |_| Ok(Box::new(contents.as_bytes()))).unwrap();
        writer.finish(&manifest).unwrap();
        Artifact::open(folder.path()).unwrap()
    };
    let first = put("one");
    let path = first.path_of("onnx/model.onnx").unwrap();
    assert!(path.ends_with("onnx/model.onnx"));
    assert_eq!(first.path_of("onnx/model.onnx_data").unwrap(), path.with_extension("onnx_data"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "onnx/model.onnx one");
    assert_eq!(names(folder.path()).len(), 3);
    let second = put("two");
    assert!(!path.exists() && second.path_of("onnx/model.onnx").unwrap().exists());
    assert_eq!(names(folder.path()).len(), 3);
    // What was opened is read as it was.
    assert_eq!(first.read("onnx/model.onnx").unwrap().as_ref(), b"onnx/model.onnx one");
}

#[cfg(unix)]
#[test]
fn links_are_written_through() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(&at("v1"), "one").unwrap();
    symlink("v1", at("current")).unwrap();
    symlink("v2", at("next")).unwrap();
    write(&at("current"), "two").unwrap();
    write(&at("next"), "three").unwrap();
    for link in ["current", "next"] {
        assert!(fs::symlink_metadata(at(link)).unwrap().is_symlink());
    }
    assert_eq!((mark(&at("v1")), mark(&at("v2"))), ("two".to_owned(), "three".to_owned()));
    // A store that keeps its contents elsewhere and links to them keeps them.
    fs::rename(at("v1").join(MANIFEST_NAME), at("object")).unwrap();
    symlink("../object", at("v1").join(MANIFEST_NAME)).unwrap();
    let object = fs::read(at("object")).unwrap();
    write(&at("v1"), "four").unwrap();
    assert_eq!((mark(&at("v1")), fs::read(at("object")).unwrap()), ("four".to_owned(), object));
}

#[cfg(unix)]
#[test]
fn a_folder_of_the_artifact_that_was_made_a_link_is_not_emptied() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = Artifact::open(&root().join("core/default-router")).unwrap().manifest().clone();
    let out = folder.path().join("out");
    let mut writer = ArtifactWriter::new(&out).unwrap();
    writer.add_model(&["a", "b"], |name| Ok(Box::new(std::io::Cursor::new(name.to_owned())))).unwrap();
    writer.finish(&manifest).unwrap();
    let group = Artifact::open(&out).unwrap().path_of("a").unwrap().parent().unwrap().to_owned();
    fs::rename(&group, folder.path().join("kept")).unwrap();
    std::os::unix::fs::symlink("../kept", &group).unwrap();
    write(&out, "new").unwrap();
    assert_eq!(names(&folder.path().join("kept")).len(), 2);
}

#[cfg(unix)]
#[test]
fn the_number_of_the_operating_system_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    // A parent that is no folder: not even root gets past it.
    let error = ArtifactWriter::new(&file.join("out")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_eq!(error.os_error().and_then(std::io::Error::raw_os_error), Some(libc_enotdir()));
    assert!(error.path().is_some());
}

#[cfg(unix)]
fn libc_enotdir() -> i32 {
    20
}

#[test]
fn leftovers_of_a_killed_writer_go_with_all_that_it_had_published() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "one").unwrap();
    let one = listed(folder.path());
    // Killed between its data files and its manifest: the staging folder, unlocked, says which they are.
    let other = tempfile::tempdir().unwrap();
    write(other.path(), "two").unwrap();
    let staging = folder.path().join(".routellm-0123456789abcdef.staging");
    fs::create_dir_all(staging.join("files")).unwrap();
    fs::write(staging.join("lock"), "").unwrap();
    fs::rename(other.path().join(MANIFEST_NAME), staging.join(MANIFEST_NAME)).unwrap();
    for name in names(other.path()) {
        fs::rename(other.path().join(&name), folder.path().join(&name)).unwrap();
    }
    assert!(names(folder.path()).len() > one.len() + 1);
    assert_eq!(mark(folder.path()), "one");
    write(folder.path(), "three").unwrap();
    assert_eq!(names(folder.path()), listed(folder.path()));
    assert_eq!(mark(folder.path()), "three");
}

#[test]
fn many_writers_and_readers_of_one_folder_all_succeed() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("shared");
    write(&out, "w0").unwrap();
    let (done, read) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert!(mark(&out).starts_with('w'));
                    Router::open(&out).unwrap();
                    read.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let out = &out;
                // Some of them write the same, so that one removes what another is about to name.
                scope.spawn(move || (0..12).for_each(|_| write(out, &format!("w{}", writer % 3)).unwrap()))
            })
            .collect();
        let ended: Vec<_> = writers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::Relaxed);
        assert!(ended.iter().all(std::result::Result::is_ok));
    });
    assert!(read.load(Ordering::Relaxed) > 0);
    assert_eq!(names(&out), listed(&out));
    assert_eq!(names(folder.path()).len(), 1);
    mark(&out);
}
