//! A calibration in a file of its own, beside an artifact that stays as it is.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Calibration;
use crate::files::Json;
use crate::{Error, Result};

/// The form that is written and read.
const FORMAT: u32 = 1;

/// Largest file that is read.
const MAX_BYTES: u64 = 16 << 20;

/// What calls of a calibrated router do that name no policy, where that compares candidates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DefaultPolicy {
    /// As the option `cost_weight` of calls.
    CostWeight(f64),
}

/// The router that a calibration belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct OfRouter {
    /// Checksum of all of the artifact that win rates depend on; `None` for a folder that is no artifact.
    pub sha256: Option<String>,
    /// The strong model.
    pub strong: String,
    /// The weak model.
    pub weak: String,
}

/// A calibration of one router and pair, as a file keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CalibrationFile {
    /// Version of this form.
    pub format: u32,
    /// The router.
    pub router: OfRouter,
    /// The table of win rates.
    pub calibration: Calibration,
    /// The policy of calls that name none, where it compares candidates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_policy: Option<DefaultPolicy>,
    /// What the calibration found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Json>,
}

impl CalibrationFile {
    /// A calibration of this router.
    pub(crate) fn new(router: OfRouter, calibration: Calibration) -> Self {
        Self { format: FORMAT, router, calibration, default_policy: None, report: None }
    }

    /// Reads a file that [`Router::save_calibration`](crate::Router::save_calibration) wrote.
    ///
    /// # Errors
    /// `NotFound` or `Io` for the file; `InvalidModel` for another form.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let size = std::fs::metadata(path).map_err(|error| Error::io(path, error))?.len();
        if size > MAX_BYTES {
            return Err(Error::invalid_model(format!(
                "{}: {size} bytes, more than a calibration can have; pass the file that a calibration wrote",
                path.display()
            )));
        }
        let text = std::fs::read(path).map_err(|error| Error::io(path, error))?;
        Self::from_json(&text).map_err(|error| error.context(path.display()))
    }

    /// Reads what such a file holds.
    ///
    /// # Errors
    /// `InvalidModel` for another form.
    pub fn from_json(text: &[u8]) -> Result<Self> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let invalid = |what: String| {
            Error::invalid_model(format!(
                "no calibration of this release: {what}; write it again by calibrating"
            ))
        };
        let file: Self = serde_json::from_slice(text).map_err(|error| invalid(error.to_string()))?;
        if file.format != FORMAT {
            return Err(invalid(format!("format is {}, expected {FORMAT}", file.format)));
        }
        file.calibration.check().map_err(|what| invalid(format!("calibration: {what}")))?;
        match file.default_policy {
            Some(DefaultPolicy::CostWeight(weight)) if !(weight >= 0.0 && weight.is_finite()) => {
                Err(invalid(format!("cost_weight is {weight}")))
            }
            _ => Ok(file),
        }
    }

    /// # Errors
    /// `InvalidArgument` if it belongs to another router or pair.
    pub(crate) fn check_router(&self, router: &OfRouter) -> Result<()> {
        if self.router == *router {
            return Ok(());
        }
        let what = if self.router.sha256 == router.sha256 {
            format!(
                "of strong={:?}, weak={:?}, and this router has strong={:?}, weak={:?}",
                self.router.strong, self.router.weak, router.strong, router.weak
            )
        } else {
            "of another router (its checksum differs)".to_owned()
        };
        Err(Error::invalid_argument(format!(
            "the calibration is {what}: calibrate this router on the sample"
        )))
    }
}

/// The option `calibration`: the path of such a file, or what stands in it.
impl FromStr for CalibrationFile {
    type Err = Error;

    /// # Errors
    /// As [`read`](Self::read) and [`from_json`](Self::from_json).
    fn from_str(text: &str) -> Result<Self> {
        if text.trim_start().starts_with('{') {
            Self::from_json(text.as_bytes())
        } else {
            Self::read(PathBuf::from(text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_comes_back_and_belongs_to_its_router() {
        let router = OfRouter { sha256: Some("0".repeat(64)), strong: "a".into(), weak: "b".into() };
        let table = Calibration::from_win_rates("s", vec![0.25, 0.5, 0.5]).unwrap();
        let mut file = CalibrationFile::new(router.clone(), table);
        file.default_policy = Some(DefaultPolicy::CostWeight(0.25));
        let text = serde_json::to_string(&file).unwrap();
        let again: CalibrationFile = text.parse().unwrap();
        assert_eq!(again, file);
        again.check_router(&router).unwrap();
        let other = OfRouter { sha256: None, ..router.clone() };
        assert!(again.check_router(&other).unwrap_err().message().contains("another router"));
        let turned = OfRouter { strong: "b".into(), weak: "a".into(), ..router };
        assert!(again.check_router(&turned).unwrap_err().message().contains("strong=\"a\""));
        for (from, to) in
            [("\"format\":1", "\"format\":2"), ("0.25,", "2.5,"), ("0.25}", "-1}"), ("{", "{\"x\":1,")]
        {
            assert!(CalibrationFile::from_json(text.replacen(from, to, 1).as_bytes()).is_err(), "{to}");
        }
        assert!("no/such.json".parse::<CalibrationFile>().is_err());
    }
}
