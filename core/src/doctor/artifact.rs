//! The artifact that a report is about.

use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::artifact::{Artifact, MANIFEST_NAME, Manifest, default_router};
use crate::router::kind_of_folder;
use crate::scorer::Kind;
use crate::{Error, Result};

/// An artifact, or the folder of a model, and whether it is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ArtifactFound {
    // <faces:record-diagnosis_artifact>
    /// The folder that was asked about; `None` for the router that is compiled in.
    pub path: Option<String>,
    /// What it is: `compiled_in`, `artifact`, `folder` (of a model, without `router.json`) or `missing`.
    pub form: &'static str,
    /// The name that it has; `None` if it has none, or it cannot be read.
    pub name: Option<String>,
    /// The kind of scorer; `None` if that cannot be told.
    pub kind: Option<Kind>,
    /// The version of its form; `None` without `router.json`.
    pub version: Option<usize>,
    /// The names of the candidates.
    pub candidates: Vec<String>,
    /// How many files it has.
    pub files: usize,
    /// How large they are together.
    pub bytes: u64,
    /// Whether every file is as it was written; `None` where there are no checksums.
    pub checksums: Option<bool>,
    /// What is wrong with it; `None` if nothing is.
    pub problem: Option<String>,
    // </faces:record-diagnosis_artifact>
}

impl ArtifactFound {
    fn nothing(form: &'static str) -> Self {
        Self {
            path: None,
            form,
            name: None,
            kind: None,
            version: None,
            candidates: Vec::new(),
            files: 0,
            bytes: 0,
            checksums: None,
            problem: None,
        }
    }

    fn failed(mut self, error: &Error) -> Self {
        self.problem = Some(error.to_string());
        self
    }

    fn described(mut self, manifest: &Manifest) -> Self {
        self.name = Some(manifest.name.clone());
        self.kind = Some(manifest.kind);
        self.version = Some(manifest.format_version as usize);
        self.candidates.clone_from(&manifest.models.names);
        self.files = manifest.files.len();
        self.bytes = manifest.files.iter().map(|file| file.bytes).sum();
        self
    }

    pub(super) fn compiled_in() -> Self {
        let found = Self::nothing("compiled_in");
        match default_router() {
            Ok(artifact) => Self { checksums: Some(true), ..found.described(artifact.manifest()) },
            Err(error) => found.failed(&error),
        }
    }

    pub(super) fn at(path: &Path) -> Self {
        let name = Some(path.display().to_string());
        // What is wrong with a path is for who opens it to say.
        let kind = match kind_of_folder(path) {
            Err(error) if !path.is_dir() => {
                return Self { path: name, ..Self::nothing("missing").failed(&error) };
            }
            kind => kind,
        };
        if path.join(MANIFEST_NAME).exists() {
            return Self { path: name, ..Self::of_artifact(path) };
        }
        Self { path: name, ..Self::of_folder(path, kind) }
    }

    fn of_artifact(path: &Path) -> Self {
        let found = Self::nothing("artifact");
        match Artifact::open(path) {
            Ok(artifact) => Self { checksums: Some(true), ..found.described(artifact.manifest()) },
            // Of a damaged artifact, what its manifest still says.
            Err(error) => {
                let found = match Artifact::read_manifest(path) {
                    Ok(manifest) => found.described(&manifest),
                    Err(_) => found,
                };
                Self { checksums: Some(false), ..found.failed(&error) }
            }
        }
    }

    fn of_folder(path: &Path, kind: Result<Option<Kind>>) -> Self {
        let mut found = Self::nothing("folder");
        // Where exporters put models, too.
        for folder in [path.to_path_buf(), path.join("onnx")] {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            for file in
                entries.filter_map(|entry| fs::metadata(entry.path()).ok()).filter(fs::Metadata::is_file)
            {
                found.files += 1;
                found.bytes += file.len();
            }
        }
        match kind {
            Ok(Some(kind)) => found.kind = Some(kind),
            Ok(None) => {
                found.problem = Some("no router.json, and no model that a router can be made of".to_owned());
            }
            Err(error) => return found.failed(&error),
        }
        found
    }
}
