//! Artifacts of an older version in today's form.

use std::fs;
use std::io::Write;
use std::path::Path;

use super::{Artifact, FORMAT_VERSION, MANIFEST_NAME, Manifest};
use crate::{Error, Result};

/// Rewrites `router.json` of the artifact in the folder `path` in the form of this release, and returns whether there
/// was anything to do. Its other files stay as they are. A table takes the place of the quantiles of version 1, from
/// which it is made: it has no hash and no date, and its `share_error` says how coarse they were.
///
/// Older artifacts open without this. Releases before this one cannot open what it writes.
///
/// # Errors
/// As [`Artifact::open`]; `Io` if the manifest cannot be replaced, which then is the old one.
pub fn upgrade(path: &Path) -> Result<bool> {
    let artifact = Artifact::open(path)?;
    if artifact.manifest().format_version == FORMAT_VERSION {
        return Ok(false);
    }
    replace_manifest(path, &artifact.manifest().to_text()?)?;
    Ok(true)
}

/// Puts another manifest into the folder `path`: by one rename where the artifact is there already, else with a copy of the
/// files of `source`, the manifest last.
///
/// # Errors
/// `InvalidModel` if the manifest contradicts itself; `Io`.
pub(crate) fn put_manifest(path: &Path, source: &Artifact, copy: bool, manifest: &Manifest) -> Result<()> {
    let text = manifest.to_text()?;
    if !copy {
        return replace_manifest(path, &text);
    }
    for file in &manifest.files {
        let to = path.join(file.path());
        let folder = to.parent().unwrap_or(path);
        fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
        fs::write(&to, source.read(&file.name)?).map_err(|error| Error::io(&to, error))?;
    }
    write_whole(&path.join(MANIFEST_NAME), &text)
}

/// Writes a file by one rename: readers see the old one or the new one.
///
/// # Errors
/// `Io`; then the file is what it was.
pub(crate) fn write_whole(path: &Path, text: &str) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let staging = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let written = fs::File::create(&staging)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&staging, path));
    written.map_err(|error| {
        // A leftover file does no harm.
        let _ = fs::remove_file(&staging);
        Error::io(path, error)
    })
}

/// Puts another text of `router.json` in the place of that in the folder `path`, by one rename.
///
/// # Errors
/// `Io`; then it is the old one.
pub(super) fn replace_manifest(path: &Path, text: &str) -> Result<()> {
    // Through a link: what it points at is renewed.
    let manifest = path.join(MANIFEST_NAME);
    let manifest = fs::canonicalize(&manifest).map_err(|error| Error::io(&manifest, error))?;
    write_whole(&manifest, text)
}
