//! Writing artifacts.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::TensorView;

use super::{FileEntry, MANIFEST_NAME, Manifest, sha256_of_file};
use crate::{Error, Result};

/// Type, shape and little-endian bytes of a tensor.
pub type Tensor = (Dtype, Vec<usize>, Vec<u8>);

/// Files that people put beside an artifact; they survive its renewal.
const COMPANIONS: [&str; 3] = ["LICENSE", "NOTICE", "README.md"];

/// Collects the files of an artifact in a folder beside its destination and renames it into place.
///
/// Dropping the writer before [`finish`](Self::finish) leaves the destination as it was.
#[derive(Debug)]
pub struct ArtifactWriter {
    destination: PathBuf,
    staging: PathBuf,
    files: Vec<FileEntry>,
    finished: bool,
}

impl ArtifactWriter {
    /// Begins an artifact that will be the folder `destination`.
    ///
    /// # Errors
    /// `Io`; `InvalidArgument` if the destination is a folder that is not an artifact.
    pub fn new(destination: &Path) -> Result<Self> {
        let destination = std::path::absolute(destination).map_err(|error| Error::io(destination, error))?;
        let foreign = |entry: std::io::Result<fs::DirEntry>| {
            entry.is_ok_and(|entry| !COMPANIONS.iter().any(|name| entry.file_name() == *name))
        };
        let occupied = destination.is_dir()
            && !destination.join(MANIFEST_NAME).is_file()
            && fs::read_dir(&destination).is_ok_and(|mut entries| entries.any(foreign));
        if occupied || destination.is_file() {
            return Err(Error::invalid_argument(format!(
                "{} exists and is no artifact: it is not overwritten",
                destination.display()
            )));
        }
        let (Some(parent), Some(name)) = (destination.parent(), destination.file_name()) else {
            return Err(Error::invalid_argument(format!("{} has no name", destination.display())));
        };
        fs::create_dir_all(parent).map_err(|error| Error::io(parent, error))?;
        let staging = parent.join(format!(".{}.{}.new", name.to_string_lossy(), std::process::id()));
        if staging.exists() {
            fs::remove_dir_all(&staging).map_err(|error| Error::io(&staging, error))?;
        }
        fs::create_dir(&staging).map_err(|error| Error::io(&staging, error))?;
        Ok(Self { destination, staging, files: Vec::new(), finished: false })
    }

    /// Adds a file with these contents.
    ///
    /// # Errors
    /// `Io`.
    pub fn add(&mut self, name: &str, contents: &[u8]) -> Result<()> {
        let path = self.staging.join(name);
        let mut file = fs::File::create_new(&path).map_err(|error| Error::io(&path, error))?;
        file.write_all(contents).and_then(|()| file.sync_all()).map_err(|error| Error::io(&path, error))?;
        self.record(name)
    }

    /// Adds a file that `write` makes at the path it is given.
    ///
    /// # Errors
    /// What `write` reports; `Io`.
    pub fn add_with(&mut self, name: &str, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        write(&self.staging.join(name))?;
        self.record(name)
    }

    /// Adds a copy of the file at `from`.
    ///
    /// # Errors
    /// `NotFound`, `Io`.
    pub fn add_copy(&mut self, name: &str, from: &Path) -> Result<()> {
        fs::copy(from, self.staging.join(name)).map_err(|error| Error::io(from, error))?;
        self.record(name)
    }

    /// Adds a safetensors file.
    ///
    /// # Errors
    /// `Io`; `InvalidModel` if the tensors cannot be serialised.
    pub fn add_tensors(&mut self, name: &str, tensors: &[(&str, Tensor)]) -> Result<()> {
        let invalid = |error: safetensors::SafeTensorError| Error::invalid_model(format!("{name}: {error}"));
        let views = tensors
            .iter()
            .map(|(key, (dtype, shape, data))| {
                Ok((*key, TensorView::new(*dtype, shape.clone(), data).map_err(invalid)?))
            })
            .collect::<Result<Vec<_>>>()?;
        let bytes = safetensors::serialize(views, None).map_err(invalid)?;
        self.add(name, &bytes)
    }

    /// Writes the manifest, whose `files` are filled in, and puts the folder in its place.
    ///
    /// # Errors
    /// `InvalidModel` if the manifest contradicts itself; `Io`.
    pub fn finish(mut self, manifest: &Manifest) -> Result<()> {
        let mut manifest = manifest.clone();
        manifest.files = std::mem::take(&mut self.files);
        let text = manifest.to_text()?;
        self.add(MANIFEST_NAME, text.as_bytes())?;
        // A directory cannot be renamed over one that is not empty: the old one steps aside first.
        let old = self.staging.with_extension("old");
        if old.exists() {
            fs::remove_dir_all(&old).map_err(|error| Error::io(&old, error))?;
        }
        if self.destination.exists() {
            fs::rename(&self.destination, &old).map_err(|error| Error::io(&self.destination, error))?;
        }
        if let Err(error) = fs::rename(&self.staging, &self.destination) {
            // Nothing more can be done if the old one cannot come back either: both still exist.
            let _ = fs::rename(&old, &self.destination);
            return Err(Error::io(&self.destination, error));
        }
        self.finished = true;
        if old.exists() {
            self.keep_companions(&old)?;
            fs::remove_dir_all(&old).map_err(|error| Error::io(&old, error))?;
        }
        Ok(())
    }

    fn keep_companions(&self, old: &Path) -> Result<()> {
        for name in COMPANIONS {
            let from = old.join(name);
            let to = self.destination.join(name);
            if from.is_file() && !to.exists() {
                fs::rename(&from, &to).map_err(|error| Error::io(&from, error))?;
            }
        }
        Ok(())
    }

    fn record(&mut self, name: &str) -> Result<()> {
        let path = self.staging.join(name);
        let bytes = fs::metadata(&path).map_err(|error| Error::io(&path, error))?.len();
        self.files.push(FileEntry { name: name.to_owned(), bytes, sha256: sha256_of_file(&path)? });
        Ok(())
    }
}

impl Drop for ArtifactWriter {
    fn drop(&mut self) {
        if !self.finished {
            // A leftover folder does no harm and is removed by the next writer.
            let _ = fs::remove_dir_all(&self.staging);
        }
    }
}

/// A tensor of `f32` for [`ArtifactWriter::add_tensors`].
pub fn tensor_f32(shape: &[usize], values: &[f32]) -> Tensor {
    (Dtype::F32, shape.to_vec(), values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

/// A tensor of `f64` for [`ArtifactWriter::add_tensors`].
pub fn tensor_f64(shape: &[usize], values: &[f64]) -> Tensor {
    (Dtype::F64, shape.to_vec(), values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

/// A tensor of `i8` for [`ArtifactWriter::add_tensors`].
pub fn tensor_i8(shape: &[usize], values: &[i8]) -> Tensor {
    (Dtype::I8, shape.to_vec(), values.iter().flat_map(|value| value.to_le_bytes()).collect())
}
