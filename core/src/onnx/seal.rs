//! What tells that a model's files are still those that were opened: a forked child opens them again.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::graph::Graph;
use crate::files::{Checksums, sha256_of_file};
use crate::{Error, ErrorKind, Result};

/// The files of one model, as they were when it was opened.
#[derive(Debug)]
pub(super) struct Seal {
    files: Vec<SealedFile>,
}

#[derive(Debug)]
struct SealedFile {
    path: PathBuf,
    /// What the manifest says; a bare folder has none.
    sha256: Option<String>,
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Seal {
    /// Of the model at `path`, which `graph` was read from, and the files with its weights.
    ///
    /// # Errors
    /// `NotFound`, `Io`.
    pub(super) fn new(path: &Path, graph: &Graph, listed: Option<&dyn Checksums>) -> Result<Self> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let files = std::iter::once(path.to_path_buf())
            .chain(graph.external_files().map(|name| folder.join(name)))
            .map(|path| {
                let data = std::fs::metadata(&path).map_err(|error| Error::io(&path, error))?;
                Ok(SealedFile {
                    sha256: listed.and_then(|listed| listed.sha256_at(&path)).map(str::to_owned),
                    bytes: data.len(),
                    modified: data.modified().ok(),
                    path,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self { files })
    }

    /// # Errors
    /// `InvalidModel` if a file is gone or another one.
    pub(super) fn check(&self) -> Result<()> {
        self.files.iter().try_for_each(SealedFile::check)
    }
}

impl SealedFile {
    fn check(&self) -> Result<()> {
        let changed = |what: &str| {
            Error::new(
                ErrorKind::InvalidModel,
                format!(
                    "{}: {what} since this router was opened, and a forked process has to open it again: open a router \
                     of the new files",
                    self.path.display()
                ),
            )
        };
        let data = std::fs::metadata(&self.path).map_err(|error| {
            let gone = error.kind() == std::io::ErrorKind::NotFound;
            if gone { changed("the file was removed") } else { Error::io(&self.path, error) }
        })?;
        let same = data.len() == self.bytes
            && match &self.sha256 {
                Some(expected) => {
                    let file = File::open(&self.path).map_err(|error| Error::io(&self.path, error))?;
                    sha256_of_file(&self.path, &file)? == *expected
                }
                None => data.modified().ok() == self.modified,
            };
        if same { Ok(()) } else { Err(changed("the file was changed")) }
    }
}
