//! The moment at which an artifact becomes another one.
//!
//! Data files come first, under names that hold their hash, so that they never take the place of other contents. Then
//! one rename replaces the manifest. Only then do the files go that nothing names any more: those of the manifest before,
//! and those of runs that were killed on the way. Everything else in the folder is not ours.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::manifest::listed_files;
use super::staging::{Leftover, Staging, is_old, sync_folder};
use super::write::PURPOSE;
use super::{FileEntry, MANIFEST_NAME};
use crate::{Error, ErrorKind, Result};

/// The file that is locked for this moment, and gone after it.
const LOCK: &str = ".routellm-commit.lock";
/// How long another run may take for it, a few renames, before this one gives up.
const PATIENCE: Duration = Duration::from_mins(2);
/// In a staging folder: the manifest that its own will replace.
const PREVIOUS: &str = "previous.json";
/// In a staging folder: the files, by their names.
pub(super) const FILES: &str = "files";

/// Puts the files of `staging` and its manifest, which names them, into `destination`.
///
/// # Errors
/// `Io`, and then the destination has the manifest that it had; `ResourceExhausted` if another run holds the folder.
pub(super) fn commit(destination: &Path, staging: &Staging, files: &[FileEntry]) -> Result<()> {
    let lock = CommitLock::take(destination)?;
    let manifest = destination.join(MANIFEST_NAME);
    let previous = match fs::read(&manifest) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(Error::io(&manifest, error)),
    };
    if let Some(text) = &previous {
        // Whoever finds this run killed then knows which files nothing names any more.
        let copy = staging.folder().join(PREVIOUS);
        fs::write(&copy, text).map_err(|error| Error::io(&copy, error))?;
    }
    let mut added = Vec::new();
    let outcome = publish(destination, staging, files, &mut added);
    if outcome.is_err() {
        remove(destination, &added);
    }
    outcome?;
    // The artifact is there: what cannot be removed costs room and nothing else.
    let mut gone: Vec<PathBuf> = previous.iter().flat_map(|text| files_of(text)).collect();
    let leftovers = Leftover::all(destination, PURPOSE);
    for folder in leftovers.iter().map(Leftover::folder) {
        for name in [MANIFEST_NAME, PREVIOUS] {
            gone.extend(fs::read(folder.join(name)).iter().flat_map(|text| files_of(text)));
        }
    }
    // Where locks fail, another run may have come first, or be about to name a file that was new a moment ago.
    let current = fs::read(&manifest).map(|text| files_of(&text)).unwrap_or_default();
    let kept: HashSet<PathBuf> = files.iter().map(|file| file.path().into()).chain(current).collect();
    gone.retain(|file| !kept.contains(file) && (lock.held() || is_old(&destination.join(file))));
    remove(destination, &gone);
    Ok(())
}

fn publish(
    destination: &Path,
    staging: &Staging,
    files: &[FileEntry],
    added: &mut Vec<PathBuf>,
) -> Result<()> {
    let mut folders = HashSet::new();
    for file in files {
        let to = destination.join(file.path());
        if let Some(folder) = to.parent().filter(|folder| *folder != destination) {
            fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
            folders.insert(folder.to_owned());
        }
        // A file of this name has these contents, or is damaged.
        let is_new = fs::symlink_metadata(&to).is_err();
        fs::rename(staging.folder().join(FILES).join(&file.name), &to)
            .map_err(|error| Error::io(&to, error))?;
        if is_new {
            added.push(file.path().into());
        }
    }
    for folder in folders.iter().map(PathBuf::as_path).chain([destination]) {
        sync_folder(folder)?;
    }
    let manifest = destination.join(MANIFEST_NAME);
    fs::rename(staging.folder().join(MANIFEST_NAME), &manifest)
        .map_err(|error| Error::io(&manifest, error))?;
    // The rename is done: an error from here on would say that it is not.
    let _ = sync_folder(destination);
    Ok(())
}

/// Where the files are that a manifest lists.
fn files_of(manifest: &[u8]) -> Vec<PathBuf> {
    listed_files(manifest).iter().map(|file| file.path().into()).collect()
}

/// Removes files of artifacts, and their folders if nothing else is in them.
fn remove(destination: &Path, files: &[PathBuf]) {
    for file in files {
        let folders = || file.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
        // A folder that someone made a link of leads to what is not ours.
        let linked =
            |folder: &Path| fs::symlink_metadata(destination.join(folder)).is_ok_and(|at| at.is_symlink());
        if folders().any(linked) {
            continue;
        }
        let _ = fs::remove_file(destination.join(file));
        for folder in folders() {
            let _ = fs::remove_dir(destination.join(folder));
        }
    }
}

/// Keeps other runs from the same moment in the same folder.
#[derive(Debug)]
struct CommitLock {
    path: PathBuf,
    /// None where locks fail: the order of the steps then keeps artifacts whole, and only old files are removed.
    file: Option<File>,
}

impl CommitLock {
    fn take(destination: &Path) -> Result<Self> {
        let path = destination.join(LOCK);
        let begun = Instant::now();
        loop {
            let file = match Self::open(&path) {
                Ok(file) => file,
                // Another user's; the folder itself can be written, or the next step says so.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    return Ok(Self { path, file: None });
                }
                Err(error) => return Err(Error::io(&path, error)),
            };
            match file.try_lock() {
                // Whoever had it before removed it.
                Ok(()) if !is_at(&file, &path) => continue,
                Ok(()) => return Ok(Self { path, file: Some(file) }),
                Err(TryLockError::Error(_)) => return Ok(Self { path, file: None }),
                Err(TryLockError::WouldBlock) => {}
            }
            if begun.elapsed() > PATIENCE {
                return Err(Error::new(
                    ErrorKind::ResourceExhausted,
                    format!(
                        "{}: another run has been writing this artifact for {PATIENCE:?}",
                        destination.display()
                    ),
                ));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn open(path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        match options.open(path) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => File::open(path),
            outcome => outcome,
        }
    }

    fn held(&self) -> bool {
        self.file.is_some()
    }
}

impl Drop for CommitLock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
        if let Some(file) = &self.file {
            // Closing is not enough: a process that was forked meanwhile has the file open too.
            let _ = file.unlock();
        }
    }
}

/// Whether an open file is the one at `path`.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |found: fs::Metadata| (found.dev(), found.ino());
    file.metadata().map(identity).ok() == fs::symlink_metadata(path).map(identity).ok()
}

/// Whether an open file is the one at `path`.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}
