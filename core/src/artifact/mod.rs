//! Artifacts: a folder with `router.json` and its files, everything that one router needs.
//!
//! `router.json` lists every other file with its size and SHA-256, and carries a checksum of itself, so a
//! missing, altered or exchanged file is refused at opening. An artifact is written to a folder beside its
//! destination and renamed into place: a crash leaves the old one whole.

mod embedded;
mod manifest;
mod tensors;
mod upgrade;
mod write;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub use embedded::default_router;
pub use manifest::{FORMAT_VERSION, FileEntry, MANIFEST_NAME, Manifest, Models};
pub use tensors::Tensors;
pub use upgrade::upgrade;
pub use write::{ArtifactWriter, Tensor, tensor_f32, tensor_f64, tensor_i8};

pub use crate::calibrate::Calibration;
use crate::{Error, ErrorKind, Result};

/// Largest `router.json` that is read.
const MAX_MANIFEST_BYTES: u64 = 16 << 20;

/// Where the files of an artifact are.
#[derive(Debug, Clone)]
enum Source {
    Directory(PathBuf),
    Embedded(&'static [(&'static str, &'static [u8])]),
}

/// An artifact whose manifest and checksums were verified.
#[derive(Debug, Clone)]
pub struct Artifact {
    source: Source,
    manifest: Manifest,
}

impl Artifact {
    /// Opens the artifact in the folder `path` and verifies every file that it lists.
    ///
    /// # Errors
    /// `NotFound` without the folder or its `router.json`; `InvalidModel` if a file is missing, altered or
    /// malformed; `Io`.
    pub fn open(path: &Path) -> Result<Self> {
        let manifest_path = path.join(MANIFEST_NAME);
        let size = std::fs::metadata(&manifest_path).map_err(|error| {
            Error::io(&manifest_path, error).context(format!("{} is no artifact", path.display()))
        })?;
        if size.len() > MAX_MANIFEST_BYTES {
            return Err(Error::invalid_model(format!(
                "{}: {} bytes, more than a manifest can have",
                manifest_path.display(),
                size.len()
            )));
        }
        let text = std::fs::read(&manifest_path).map_err(|error| Error::io(&manifest_path, error))?;
        let manifest = Manifest::parse(&text).map_err(|error| error.context(manifest_path.display()))?;
        let artifact = Self { source: Source::Directory(path.to_path_buf()), manifest };
        for entry in &artifact.manifest.files {
            artifact.verify(entry)?;
        }
        Ok(artifact)
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
            Source::Directory(path) => Some(path),
            Source::Embedded(_) => None,
        }
    }

    /// Contents of the file `name`.
    ///
    /// # Errors
    /// `InvalidModel` if the manifest does not list it; `Io`.
    pub fn read(&self, name: &str) -> Result<Cow<'static, [u8]>> {
        self.entry(name)?;
        match &self.source {
            Source::Embedded(_) => Ok(Cow::Borrowed(self.source.embedded(name)?)),
            Source::Directory(directory) => {
                let path = directory.join(name);
                Ok(Cow::Owned(std::fs::read(&path).map_err(|error| Error::io(&path, error))?))
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
        self.entry(name)?;
        match &self.source {
            Source::Directory(directory) => Ok(directory.join(name)),
            Source::Embedded(_) => Err(Error::unsupported(format!("{name} is compiled in and has no path"))),
        }
    }

    fn entry(&self, name: &str) -> Result<&FileEntry> {
        self.manifest.files.iter().find(|entry| entry.name == name).ok_or_else(|| {
            Error::invalid_model(format!("{MANIFEST_NAME}: this kind of router needs a file {name:?}"))
        })
    }

    fn verify(&self, entry: &FileEntry) -> Result<()> {
        let path = self.path_of(&entry.name)?;
        let damaged = |what: String| {
            Error::invalid_model(format!(
                "{}: {what}; the file was changed after the artifact was written",
                path.display()
            ))
        };
        let link = std::fs::symlink_metadata(&path).map_err(|error| {
            let kind = if error.kind() == std::io::ErrorKind::NotFound {
                ErrorKind::InvalidModel
            } else {
                ErrorKind::Io
            };
            Error::new(kind, format!("{}: {error}; the manifest lists this file", path.display()))
        })?;
        let size = std::fs::metadata(&path).map_err(|error| Error::io(&path, error))?.len();
        if !link.is_file() && !link.file_type().is_symlink() {
            return Err(damaged("not an ordinary file".to_owned()));
        }
        if size != entry.bytes {
            return Err(damaged(format!("{size} bytes, the manifest says {}", entry.bytes)));
        }
        let digest = sha256_of_file(&path)?;
        if digest != entry.sha256 {
            return Err(damaged(format!("SHA-256 {digest}, the manifest says {}", entry.sha256)));
        }
        Ok(())
    }
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

/// SHA-256 of bytes, as 64 lower-case hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn sha256_of_file(path: &Path) -> Result<String> {
    let mut hasher = Sha256::new();
    let mut file = std::fs::File::open(path).map_err(|error| Error::io(path, error))?;
    let mut buffer = vec![0_u8; 1 << 16];
    loop {
        let read = std::io::Read::read(&mut file, &mut buffer).map_err(|error| Error::io(path, error))?;
        if read == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&buffer[..read]);
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(64), |mut out, byte| {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}
