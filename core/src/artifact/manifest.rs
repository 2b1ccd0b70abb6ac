//! `router.json`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::sha256_hex;
use crate::embed::FeaturizerSpec;
use crate::input::Read;
use crate::{Error, Result};

/// Name of the manifest in its folder.
pub const MANIFEST_NAME: &str = "router.json";

/// Version of the manifest's form. Another one is refused.
pub const FORMAT_VERSION: u32 = 1;

/// Digits in place of the checksum while it is computed.
const NO_CHECKSUM: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What `router.json` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// Name of the router, for people: `default`.
    pub name: String,
    /// Kind of scorer: `linear`, `mf` ...
    pub kind: String,
    /// The candidates.
    pub models: Models,
    /// What turns a prompt into numbers.
    pub featurizer: FeaturizerSpec,
    /// Parameters of the scorer, by its kind.
    pub scorer: Value,
    /// Every other file of the artifact.
    pub files: Vec<FileEntry>,
    /// Score quantiles on a named sample, for the pair of `models`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// What of a chat is read, unless a call says otherwise; the newest user message with text if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Read>,
    /// Data sources with counts and label kinds, tie rule, seed, tool version: for people and audits.
    #[serde(default)]
    pub provenance: Map<String, Value>,
    /// SHA-256 of this text with 64 zeros in this place.
    pub manifest_sha256: String,
}

/// The candidates of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Models {
    /// Name of each candidate, in the order of the scorer's rows.
    pub names: Vec<String>,
    /// The strong model, unless the opener names another.
    pub strong: String,
    /// The weak model, unless the opener names another.
    pub weak: String,
}

/// One file of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Name inside the folder, without any separator.
    pub name: String,
    /// Size.
    pub bytes: u64,
    /// SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// How win rates are distributed on a sample, so that a strong share can be turned into a threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Which prompts, for people.
    pub sample: String,
    /// How many prompts.
    pub count: usize,
    /// Strong share that `route` aims at when the caller names neither threshold nor share, in [0, 1].
    pub default_strong_share: f64,
    /// Win rates at evenly spaced probabilities from 0 to 1, ascending, at least two.
    pub quantiles: Vec<f64>,
}

impl Manifest {
    /// Parses and validates the text of a manifest.
    ///
    /// # Errors
    /// `InvalidModel` if it is malformed, of another version, altered, or contradicts itself.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let invalid = |message: String| Error::invalid_model(message);
        let text = std::str::from_utf8(text).map_err(|error| invalid(error.to_string()))?;
        // The version comes first: a newer form may have fields that this one refuses.
        let any: Value = serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
        match any.get("format_version").and_then(Value::as_u64) {
            Some(version) if version == u64::from(FORMAT_VERSION) => {}
            Some(version) => {
                return Err(invalid(format!(
                    "format_version is {version}, this library reads {FORMAT_VERSION}: use a matching release"
                )));
            }
            None => return Err(invalid("format_version is missing".to_owned())),
        }
        let manifest: Self = serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
        let blank = text.replacen(&manifest.manifest_sha256, NO_CHECKSUM, 1);
        if manifest.manifest_sha256.len() != NO_CHECKSUM.len()
            || sha256_hex(blank.as_bytes()) != manifest.manifest_sha256
        {
            return Err(invalid(
                "the manifest was changed after it was written (its checksum differs)".to_owned(),
            ));
        }
        manifest.validate()?;
        Ok(manifest)
    }

    /// The text of this manifest with its checksum.
    ///
    /// # Errors
    /// `InvalidModel` if it contradicts itself.
    pub fn to_text(&self) -> Result<String> {
        let mut manifest = self.clone();
        NO_CHECKSUM.clone_into(&mut manifest.manifest_sha256);
        manifest.validate()?;
        let text = serde_json::to_string_pretty(&manifest)
            .map_err(|error| Error::invalid_model(error.to_string()))?;
        let digest = sha256_hex(text.as_bytes());
        Ok(text.replacen(NO_CHECKSUM, &digest, 1))
    }

    fn validate(&self) -> Result<()> {
        let invalid = |message: String| Err(Error::invalid_model(message));
        let names = &self.models.names;
        if names.len() < 2 {
            return invalid(format!("models.names has {} entries, expected at least two", names.len()));
        }
        for (i, name) in names.iter().enumerate() {
            if name.is_empty() || name.contains('\0') || names[..i].contains(name) {
                return invalid(format!("models.names: {name:?} is empty, holds NUL or occurs twice"));
            }
        }
        for (role, name) in [("strong", &self.models.strong), ("weak", &self.models.weak)] {
            if !names.contains(name) {
                return invalid(format!("models.{role} is {name:?}, which is not among models.names"));
            }
        }
        if self.models.strong == self.models.weak {
            return invalid(format!("models.strong and models.weak are both {:?}", self.models.weak));
        }
        for file in &self.files {
            let plain = !file.name.is_empty()
                && file.name != "."
                && file.name != ".."
                && file.name != MANIFEST_NAME
                && !file.name.contains(['/', '\\', '\0', ':']);
            if !plain {
                return invalid(format!("files: {:?} is not a plain file name", file.name));
            }
        }
        if let Some(calibration) = &self.calibration {
            let quantiles = &calibration.quantiles;
            let in_range = quantiles.iter().all(|q| (0.0..=1.0).contains(q)) && quantiles.is_sorted();
            if quantiles.len() < 2 || !in_range || !(0.0..=1.0).contains(&calibration.default_strong_share) {
                return invalid(
                    "calibration: quantiles and share must be ascending numbers in [0, 1]".to_owned(),
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::CallerSpec;

    fn manifest() -> Manifest {
        Manifest {
            format_version: FORMAT_VERSION,
            name: "test".into(),
            kind: "mf".into(),
            models: Models { names: vec!["a".into(), "b".into()], strong: "a".into(), weak: "b".into() },
            featurizer: FeaturizerSpec::Caller(CallerSpec { id: "e".into(), dimension: 3 }),
            scorer: Value::Object(Map::new()),
            files: vec![],
            calibration: None,
            read: None,
            provenance: Map::new(),
            manifest_sha256: String::new(),
        }
    }

    #[test]
    fn text_and_manifest_are_one() {
        let text = manifest().to_text().unwrap();
        let read = Manifest::parse(text.as_bytes()).unwrap();
        assert_eq!(read.to_text().unwrap(), text);
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let text = manifest().to_text().unwrap().into_bytes();
        for i in 0..text.len() {
            let mut changed = text.clone();
            changed[i] ^= 1;
            let error = Manifest::parse(&changed).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::InvalidModel, "byte {i}");
        }
    }

    #[test]
    fn contradictions_are_refused() {
        type Change = fn(&mut Manifest);
        let broken: [(&str, Change); 6] = [
            ("at least two", |m| m.models.names.truncate(1)),
            ("occurs twice", |m| m.models.names[1] = "a".into()),
            ("not among", |m| m.models.weak = "c".into()),
            ("both", |m| m.models.weak = "a".into()),
            ("plain file name", |m| {
                m.files.push(FileEntry { name: "../x".into(), bytes: 0, sha256: String::new() });
            }),
            ("ascending", |m| {
                m.calibration = Some(Calibration {
                    sample: "s".into(),
                    count: 1,
                    default_strong_share: 0.5,
                    quantiles: vec![0.5, 0.4],
                });
            }),
        ];
        for (expected, change) in broken {
            let mut manifest = manifest();
            change(&mut manifest);
            let message = manifest.to_text().unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn another_version_is_refused_before_its_fields() {
        let error = Manifest::parse(br#"{"format_version": 2, "new": 1}"#).unwrap_err();
        assert!(error.to_string().contains("this library reads 1"));
        assert!(Manifest::parse(b"{}").is_err());
        assert!(Manifest::parse(b"\xff").is_err());
    }
}
