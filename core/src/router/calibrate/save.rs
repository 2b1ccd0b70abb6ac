//! Keeping a calibration: with the artifact, or in a small file.

use std::fs;
use std::path::Path;

use super::super::Router;
use crate::artifact::{self, Artifact};
use crate::{Error, Result};

impl Router {
    /// Keeps the calibration of a router that was [calibrated](Self::calibrate). Where `path` ends in `.json`, that is a small
    /// file, which the option `calibration` of opening takes. Elsewhere it is a folder: the artifact that this router was opened
    /// from, or a copy of it, gets another `router.json` by one rename, and its other files stay; a folder that is not there,
    /// or is empty, gets a copy of the artifact. The pair of this router is then the artifact's.
    ///
    /// # Errors
    /// `InvalidArgument` for a router that was not calibrated, one of a folder without `router.json`, and a folder that holds
    /// something else; `Io`.
    pub fn save_calibration(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let Some(file) = &self.inner.recalibration else {
            return Err(Error::invalid_argument(
                "this router has the calibration that it was opened with: calibrate it, and save the router that gives",
            ));
        };
        if file.router.sha256.is_none() {
            return Err(Error::invalid_argument(
                "this router was opened from a folder without router.json, to which no calibration can be bound: write an \
                 artifact of it first, and calibrate that",
            ));
        }
        let is_file =
            path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")) && !path.is_dir();
        if is_file {
            let text = serde_json::to_string_pretty(&**file)
                .map_err(|error| Error::invalid_argument(error.to_string()))?;
            return artifact::write_whole(path, &text);
        }
        let own = self.inner.info.path.as_deref();
        let is_empty =
            !path.exists() || fs::read_dir(path).map_err(|error| Error::io(path, error))?.next().is_none();
        let source = match own {
            Some(own) => Artifact::open(own)?,
            None => artifact::default_router()?,
        };
        let target = if is_empty { None } else { Some(Artifact::open(path)?) };
        let base = target.as_ref().unwrap_or(&source);
        if base.manifest().scoring_sha256()? != file.router.sha256.clone().unwrap_or_default() {
            let place = if target.is_some() { path } else { own.unwrap_or(path) };
            return Err(Error::invalid_argument(format!(
                "{} holds another router than the one that was calibrated: name its own folder, or a new one",
                place.display()
            )));
        }
        let mut manifest = base.manifest().clone();
        manifest.models.strong.clone_from(&file.router.strong);
        manifest.models.weak.clone_from(&file.router.weak);
        let before = manifest.calibration.take();
        let table = file.calibration.clone().with_scores_of(before.as_ref());
        manifest.calibration = Some(table);
        manifest.default_policy = file.default_policy;
        artifact::put_manifest(path, &source, target.is_none(), &manifest)
    }
}
