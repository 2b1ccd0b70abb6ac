//! Writing artifacts.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use safetensors::tensor::TensorView;

use super::commit::{FILES, commit};
use super::manifest::{is_manifest, is_relative};
use super::staging::{Staging, sync_folder, through_links};
use super::{FileEntry, MANIFEST_NAME, Manifest};
use crate::calibrate::{CandidateScores, SCORES_FILE, SCORES_TENSOR, ScoresSpec, TOKENS_TENSOR};
use crate::files::{Tensor, sha256_hex, sha256_of_file, tensor_f64};
use crate::{Error, Result};

/// What the staging folders of artifacts are for.
pub(super) const PURPOSE: &str = "staging";

/// Digits of a hash in the name of a file.
const HASH_DIGITS: usize = 16;

/// Collects the files of an artifact and puts them into a folder at once: until then, and after a crash, the folder has
/// the artifact that it had. Many writers may work on one folder; the last one's artifact stays.
///
/// Only files of artifacts are replaced or removed. Whatever else is in the folder (`.git`, sources, notes) stays.
///
/// Dropping the writer before [`finish`](Self::finish) leaves the folder as it was.
#[derive(Debug)]
pub struct ArtifactWriter {
    destination: PathBuf,
    /// Whether this writer made the folder.
    made: bool,
    /// Made for the first file: a training may take days, and where locks fail, folders of a day are removed.
    staging: Option<Staging>,
    files: Vec<Staged>,
    finished: bool,
}

#[derive(Debug)]
struct Staged {
    entry: FileEntry,
    group: Option<&'static str>,
}

impl ArtifactWriter {
    /// Begins an artifact in the folder `destination`, which may be there or not, hold an artifact or not, and hold
    /// other things too. A symbolic link is written through.
    ///
    /// # Errors
    /// `Io`, with the error of the operating system as its source, if nothing can be written there; `InvalidArgument` if
    /// the destination is a file, has a `router.json` that no version of this library wrote, or holds a model that an
    /// artifact beside it would hide.
    pub fn new(destination: &Path) -> Result<Self> {
        let destination = through_links(destination)?;
        let refused = |what: &str| {
            Err(Error::invalid_argument(format!("{} {what}: it is not overwritten", destination.display())))
        };
        let made = !destination.exists();
        if !made && !destination.is_dir() {
            return refused("is no folder");
        }
        let manifest = destination.join(MANIFEST_NAME);
        match fs::read(&manifest) {
            Ok(text) if !is_manifest(&text) => {
                return refused(&format!("has a {MANIFEST_NAME} that is of something else"));
            }
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if holds_a_model(&destination) {
                    return refused("holds a model of another form, and is no artifact");
                }
            }
            Err(error) => return Err(Error::io(&manifest, error)),
        }
        // A destination that cannot be written is found before the work, not after it.
        let writer = Self { destination, made, staging: None, files: Vec::new(), finished: false };
        Staging::create(&writer.destination, PURPOSE)?;
        Ok(writer)
    }

    /// Adds a file with these contents.
    ///
    /// # Errors
    /// `Io`; `InvalidArgument` for a name that is taken, or leads out of the folder.
    pub fn add(&mut self, name: &str, contents: &[u8]) -> Result<()> {
        self.add_from(name, &mut &*contents)
    }

    /// Adds a file with the contents that `contents` gives.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn add_from(&mut self, name: &str, contents: &mut dyn std::io::Read) -> Result<()> {
        self.stage(name, None, contents)
    }

    /// Adds a file that `write` makes at the path it is given.
    ///
    /// # Errors
    /// What `write` reports; as [`add`](Self::add).
    pub fn add_with(&mut self, name: &str, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let path = self.place(name)?;
        write(&path)?;
        self.record(name, None, &path)
    }

    /// Adds a copy of the file at `from`.
    ///
    /// # Errors
    /// `NotFound` if there is none; as [`add`](Self::add).
    pub fn add_copy(&mut self, name: &str, from: &Path) -> Result<()> {
        let mut file = File::open(from).map_err(|error| Error::io(from, error))?;
        self.add_from(name, &mut file)
    }

    /// Adds scores of candidates, and returns what the calibration in the manifest says of them.
    ///
    /// # Errors
    /// As [`add_tensors`](Self::add_tensors).
    pub fn add_scores(&mut self, scores: &CandidateScores) -> Result<ScoresSpec> {
        let (spec, shape, values) = scores.tensor();
        let mut tensors = vec![(SCORES_TENSOR, tensor_f64(&shape, values))];
        if let Some(tokens) = scores.tokens() {
            tensors.push((TOKENS_TENSOR, tensor_f64(&shape[..1], tokens)));
        }
        self.add_tensors(SCORES_FILE, &tensors)?;
        Ok(spec)
    }

    /// Adds copies of models and of the files of their weights, whose names the models hold: if there is more than one
    /// file, they keep their names, in a folder of their own. `open` gives the contents of each.
    ///
    /// # Errors
    /// What `open` reports; as [`add`](Self::add).
    pub fn add_model(
        &mut self,
        names: &[&str],
        open: impl Fn(&str) -> Result<Box<dyn std::io::Read>>,
    ) -> Result<()> {
        let group = (names.len() > 1).then_some("model");
        names.iter().try_for_each(|name| self.stage(name, group, &mut open(name)?))
    }

    /// Adds a safetensors file.
    ///
    /// # Errors
    /// `Io`; `InvalidModel` if the tensors cannot be serialised.
    pub fn add_tensors(&mut self, name: &str, tensors: &[(&str, Tensor)]) -> Result<()> {
        let invalid = |error: safetensors::SafeTensorError| Error::invalid_model(format!("{name}: {error}"));
        let views = tensors
            .iter()
            .map(|(key, tensor)| {
                let view = TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.bytes);
                Ok((*key, view.map_err(invalid)?))
            })
            .collect::<Result<Vec<_>>>()?;
        let bytes = safetensors::serialize(views, None).map_err(invalid)?;
        self.add(name, &bytes)
    }

    /// Puts the files and the manifest, whose `files` are filled in, into the folder, and removes the files of the
    /// artifact that was there before.
    ///
    /// # Errors
    /// `InvalidModel` if the manifest contradicts itself; `Io`; `ResourceExhausted` if another process holds the folder
    /// at this very step and does not go on.
    pub fn finish(mut self, manifest: &Manifest) -> Result<()> {
        let mut manifest = manifest.clone();
        manifest.files = self.entries();
        let text = manifest.to_text()?;
        let staging = match self.staging.take() {
            Some(staging) => staging,
            None => Staging::create(&self.destination, PURPOSE)?,
        };
        let path = staging.folder().join(MANIFEST_NAME);
        File::create_new(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
            .map_err(|error| Error::io(&path, error))?;
        commit(&self.destination, &staging, &manifest.files)?;
        if let Some(parent) = self.destination.parent().filter(|_| self.made) {
            sync_folder(parent)?;
        }
        self.finished = true;
        Ok(())
    }

    /// The files, each with the path that holds its hash.
    fn entries(&self) -> Vec<FileEntry> {
        let folder_of = |group: &str| {
            let files = self.files.iter().filter(|file| file.group == Some(group));
            let mut lines: Vec<String> =
                files.map(|file| format!("{} {}\n", file.entry.sha256, file.entry.name)).collect();
            lines.sort();
            format!("{group}.{}", &sha256_hex(lines.concat().as_bytes())[..HASH_DIGITS])
        };
        let path_of = |file: &Staged| {
            let FileEntry { name, sha256, .. } = &file.entry;
            if let Some(group) = file.group {
                return format!("{}/{name}", folder_of(group));
            }
            let name = name.rsplit('/').next().unwrap_or_default();
            let hash = &sha256[..HASH_DIGITS];
            match name.rsplit_once('.') {
                Some((stem, extension)) => format!("{stem}.{hash}.{extension}"),
                None => format!("{name}.{hash}"),
            }
        };
        self.files.iter().map(|file| FileEntry { path: Some(path_of(file)), ..file.entry.clone() }).collect()
    }

    /// Where the file `name` is made.
    fn place(&mut self, name: &str) -> Result<PathBuf> {
        if !is_relative(name) || self.files.iter().any(|file| file.entry.name == name) {
            return Err(Error::invalid_argument(format!(
                "{name:?} cannot be the name of a file in an artifact, or is already"
            )));
        }
        let staging = match self.staging.take() {
            Some(staging) => staging,
            None => Staging::create(&self.destination, PURPOSE)?,
        };
        let path = self.staging.insert(staging).folder().join(FILES).join(name);
        let folder = path.parent().unwrap_or(&path);
        fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
        Ok(path)
    }

    fn stage(
        &mut self,
        name: &str,
        group: Option<&'static str>,
        contents: &mut dyn std::io::Read,
    ) -> Result<()> {
        let path = self.place(name)?;
        let mut file = File::create_new(&path).map_err(|error| Error::io(&path, error))?;
        std::io::copy(contents, &mut file).map_err(|error| Error::io(&path, error))?;
        self.record(name, group, &path)
    }

    fn record(&mut self, name: &str, group: Option<&'static str>, path: &Path) -> Result<()> {
        let file = File::open(path).map_err(|error| Error::io(path, error))?;
        file.sync_all().map_err(|error| Error::io(path, error))?;
        let bytes = file.metadata().map_err(|error| Error::io(path, error))?.len();
        let entry =
            FileEntry { name: name.to_owned(), path: None, bytes, sha256: sha256_of_file(path, &file)? };
        self.files.push(Staged { entry, group });
        Ok(())
    }
}

impl Drop for ArtifactWriter {
    fn drop(&mut self) {
        self.staging = None;
        if self.made && !self.finished {
            // Only if nothing came into it meanwhile.
            let _ = fs::remove_dir(&self.destination);
        }
    }
}

/// Whether a folder opens as something that is no artifact: a published checkpoint, or an exported model.
fn holds_a_model(folder: &Path) -> bool {
    let is_model = |entry: fs::DirEntry| {
        let name = entry.file_name();
        name == "model.safetensors" || Path::new(&name).extension().is_some_and(|ending| ending == "onnx")
    };
    folder.join("config.json").is_file() && fs::read_dir(folder).into_iter().flatten().flatten().any(is_model)
}
