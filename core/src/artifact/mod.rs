//! Artifacts: a folder with `router.json` and its files, everything that one router needs.
//!
//! `router.json` lists every other file with its size and SHA-256, and carries a checksum of itself, so a
//! missing, altered or exchanged file is refused at opening.
//!
//! The manifest is what makes the files around it an artifact. Data files carry their hash in their names, the manifest
//! is replaced by one rename, and the files of the artifact before are removed after it: a crash leaves the old artifact
//! whole, readers see the old one or the new one, and nothing else in the folder is touched.

mod commit;
mod describe;
mod embedded;
mod manifest;
pub(crate) mod staging;
mod upgrade;
mod write;

use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

pub use describe::describe;
pub use embedded::default_router;
pub use manifest::{FORMAT_VERSION, FileEntry, MANIFEST_NAME, Manifest, Models};
pub use upgrade::upgrade;
pub(crate) use upgrade::{put_manifest, write_whole};
pub use write::ArtifactWriter;

pub use crate::calibrate::Calibration;
use crate::files::Checksums;
pub(crate) use crate::files::sha256_of_file;
pub use crate::files::{Tensor, Tensors, sha256_hex, tensor_f32, tensor_f64, tensor_i8, tensor_u32};
use crate::{Error, ErrorKind, Result};

/// Largest `router.json` that is read.
const MAX_MANIFEST_BYTES: u64 = 16 << 20;

/// How often an artifact is read again because another one took its place meanwhile.
const ATTEMPTS: usize = 64;

/// Where the files of an artifact are.
#[derive(Debug, Clone)]
enum Source {
    /// The folder, and the files in the order of the manifest. They are open, so that their contents can be read after
    /// another artifact took their place.
    Directory(PathBuf, Arc<[Mutex<File>]>),
    Embedded(&'static [(&'static str, &'static [u8])]),
}

/// An artifact whose manifest and checksums were verified.
#[derive(Debug, Clone)]
pub struct Artifact {
    source: Source,
    manifest: Manifest,
}

impl Artifact {
    /// Opens the artifact in the folder `path` and verifies every file that it lists. What [`read`](Self::read) gives
    /// afterwards is of this artifact, also if another one takes its place.
    ///
    /// # Errors
    /// `NotFound` without the folder or its `router.json`; `InvalidModel` if a file is missing, altered or
    /// malformed; `Io`.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, |artifact| Ok(artifact.clone()))
    }

    /// Opens the artifact in the folder `path` and makes something of it and of the files at its paths. If another
    /// artifact takes its place meanwhile, whose writer removes those files, it is done again with that one.
    pub(crate) fn open_with<T>(path: &Path, make: impl Fn(&Self) -> Result<T>) -> Result<T> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let manifest = Self::read_manifest(path)?;
            let read = manifest.manifest_sha256.clone();
            let error = match Self::verified(path, manifest).and_then(|artifact| make(&artifact)) {
                Ok(made) => return Ok(made),
                Err(error) => error,
            };
            let now = Self::read_manifest(path)?;
            // The same artifact may have been replaced twice: then a file that was missing is there.
            let is_back = || {
                let missing =
                    error.os_error().is_some_and(|cause| cause.kind() == std::io::ErrorKind::NotFound);
                missing && now.files.iter().all(|file| path.join(file.path()).exists())
            };
            if attempt == ATTEMPTS || (now.manifest_sha256 == read && !is_back()) {
                return Err(error);
            }
        }
    }

    /// The manifest of the artifact in the folder `path`, whose other files are not looked at.
    ///
    /// # Errors
    /// `NotFound`, `InvalidModel` or `Io`.
    pub(crate) fn read_manifest(path: &Path) -> Result<Manifest> {
        let manifest_path = path.join(MANIFEST_NAME);
        let mut file = File::open(&manifest_path).map_err(|error| {
            Error::io(&manifest_path, error).context(format!("{} is no artifact", path.display()))
        })?;
        let io = |error| Error::io(&manifest_path, error);
        let size = file.metadata().map_err(io)?.len();
        if size > MAX_MANIFEST_BYTES {
            return Err(Error::invalid_model(format!(
                "{}: {size} bytes, more than a manifest can have",
                manifest_path.display(),
            )));
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(io)?;
        Manifest::parse(&text).map_err(|error| error.context(manifest_path.display()))
    }

    fn verified(path: &Path, manifest: Manifest) -> Result<Self> {
        let files = manifest.files.iter().map(|entry| verify(path, entry).map(Mutex::new));
        let files = files.collect::<Result<Vec<_>>>()?;
        Ok(Self { source: Source::Directory(path.to_path_buf(), files.into()), manifest })
    }

    /// An artifact compiled into the library: its bytes cannot change, so nothing is hashed again.
    fn from_embedded(files: &'static [(&'static str, &'static [u8])]) -> Result<Self> {
        let source = Source::Embedded(files);
        let text = source.embedded(MANIFEST_NAME)?;
        Ok(Self { manifest: Manifest::parse(text)?, source })
    }

    /// What `router.json` says.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The folder, or `None` for an artifact that is compiled in.
    pub fn directory(&self) -> Option<&Path> {
        match &self.source {
            Source::Directory(path, _) => Some(path),
            Source::Embedded(_) => None,
        }
    }

    /// Contents of the file `name`.
    ///
    /// # Errors
    /// `InvalidModel` if the manifest does not list it; `Io`.
    pub fn read(&self, name: &str) -> Result<Cow<'static, [u8]>> {
        let (index, entry) = self.entry(name)?;
        match &self.source {
            Source::Embedded(_) => Ok(Cow::Borrowed(self.source.embedded(name)?)),
            Source::Directory(directory, files) => {
                // Reading moves the place in the file, and begins by setting it.
                let mut file = files[index].lock().unwrap_or_else(PoisonError::into_inner);
                let mut contents = Vec::with_capacity(usize::try_from(entry.bytes).unwrap_or(0));
                file.rewind()
                    .and_then(|()| file.read_to_end(&mut contents))
                    .map_err(|error| Error::io(&directory.join(entry.path()), error))?;
                Ok(Cow::Owned(contents))
            }
        }
    }

    /// The tensors of the safetensors file `name`.
    ///
    /// # Errors
    /// `InvalidModel` if the file is not listed or malformed; `Io`.
    pub fn tensors(&self, name: &str) -> Result<Tensors> {
        Tensors::new(self.read(name)?, name)
    }

    /// Path of the file `name`, for readers that need one.
    ///
    /// # Errors
    /// `InvalidModel` if it is not listed; `Unsupported` for an artifact that is compiled in.
    pub fn path_of(&self, name: &str) -> Result<PathBuf> {
        let (_, entry) = self.entry(name)?;
        match &self.source {
            Source::Directory(directory, _) => Ok(directory.join(entry.path())),
            Source::Embedded(_) => Err(Error::unsupported(format!("{name} is compiled in and has no path"))),
        }
    }

    fn entry(&self, name: &str) -> Result<(usize, &FileEntry)> {
        self.manifest.files.iter().enumerate().find(|(_, entry)| entry.name == name).ok_or_else(|| {
            Error::invalid_model(format!("{MANIFEST_NAME}: this kind of router needs a file {name:?}"))
        })
    }
}

impl Checksums for Artifact {
    fn sha256_at(&self, path: &Path) -> Option<&str> {
        let Source::Directory(directory, _) = &self.source else { return None };
        let listed = self.manifest.files.iter().find(|entry| directory.join(entry.path()) == path)?;
        Some(&listed.sha256)
    }
}

/// The file of `entry`, which is what the manifest says.
fn verify(folder: &Path, entry: &FileEntry) -> Result<File> {
    let path = folder.join(entry.path());
    let damaged = |what: String| {
        Error::invalid_model(format!(
            "{}: {what}; the file was changed after the artifact was written",
            path.display()
        ))
    };
    let missing = |error: std::io::Error| {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::InvalidModel,
            _ => ErrorKind::Io,
        };
        Error::io_as(kind, &path, error, "; the manifest lists this file")
    };
    // What is no ordinary file, a pipe for example, would be waited for.
    if !std::fs::metadata(&path).map_err(missing)?.is_file() {
        return Err(damaged("not an ordinary file".to_owned()));
    }
    let file = File::open(&path).map_err(missing)?;
    let size = file.metadata().map_err(|error| Error::io(&path, error))?.len();
    if size != entry.bytes {
        return Err(damaged(format!("{size} bytes, the manifest says {}", entry.bytes)));
    }
    let digest = sha256_of_file(&path, &file)?;
    if digest != entry.sha256 {
        return Err(damaged(format!("SHA-256 {digest}, the manifest says {}", entry.sha256)));
    }
    Ok(file)
}

impl Source {
    fn embedded(&self, name: &str) -> Result<&'static [u8]> {
        let Self::Embedded(files) = self else { return Err(Error::invalid_model("not compiled in")) };
        files
            .iter()
            .find(|(file, _)| *file == name)
            .map(|(_, bytes)| *bytes)
            .ok_or_else(|| Error::invalid_model(format!("the compiled-in artifact has no file {name:?}")))
    }
}
