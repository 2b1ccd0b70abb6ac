//! `router.json`.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::calibrate::{Calibration, DefaultPolicy, SCORES_FILE};
use crate::candidates::{self, Candidate};
use crate::features::FeaturizerSpec;
use crate::files::{Json, sha256_hex};
use crate::input::Read;
use crate::names::Kind;
use crate::quality::QualityFit;
use crate::{Error, Result};

/// Name of the manifest in its folder.
pub const MANIFEST_NAME: &str = "router.json";

/// Version of the manifest's form that is written. Version 1 to this one are read, others refused.
pub const FORMAT_VERSION: u32 = 2;
/// In version 1 files have no `path`, and the calibration was a list of quantiles: reading makes a table of them.
const OLDEST_VERSION: u32 = 1;

const READABLE: std::ops::RangeInclusive<u64> = OLDEST_VERSION as u64..=FORMAT_VERSION as u64;

/// Digits in place of the checksum while it is computed.
const NO_CHECKSUM: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What `router.json` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Manifest {
    /// [`FORMAT_VERSION`], or the older one that was read.
    pub format_version: u32,
    /// Name of the router, for people: `default`.
    pub name: String,
    /// Kind of scorer.
    pub kind: Kind,
    /// The candidates.
    pub models: Models,
    /// What is known about some of the candidates, beside their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// The tokens of an answer, on average, for expected costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_output_tokens: Option<f64>,
    /// What makes qualities of the candidates' scores; without it a quality is an expected win rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qualities: Option<QualityFit>,
    /// What turns a prompt into numbers.
    pub featurizer: FeaturizerSpec,
    /// Parameters of the scorer, by its kind.
    pub scorer: Json,
    /// Every other file of the artifact.
    pub files: Vec<FileEntry>,
    /// Win rates on a named sample, for the pair of `models`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// The policy of calls that name none, where it compares candidates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_policy: Option<DefaultPolicy>,
    /// What of a chat is read, unless a call says otherwise; the newest user message with text if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Read>,
    /// Data sources with counts and label kinds, tie rule, seed, tool version: for people and audits. An object.
    #[serde(default = "Json::object", deserialize_with = "object")]
    pub provenance: Json,
    /// SHA-256 of this text with 64 zeros in this place.
    pub manifest_sha256: String,
}

fn object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
    Map::deserialize(deserializer).map(Json::of_members)
}

/// Why the text of a manifest could not be read: a newer form may have fields and kinds that this release does not know,
/// so that those explain it better than `error`.
fn unreadable(text: &str, error: &serde_json::Error) -> Error {
    #[derive(Deserialize)]
    struct Head {
        format_version: u64,
        #[serde(default)]
        kind: Value,
        #[serde(default)]
        manifest_sha256: Value,
    }
    let Ok(head) = serde_json::from_str::<Head>(text) else {
        return Error::invalid_model("format_version is missing");
    };
    if !READABLE.contains(&head.format_version) {
        return other_version(head.format_version);
    }
    let unknown = head.kind.as_str().and_then(|kind| kind.parse::<Kind>().err());
    match (unknown, head.manifest_sha256.as_str()) {
        (Some(unknown), Some(sha256)) => check_unaltered(text, sha256).err().unwrap_or(unknown),
        _ => Error::invalid_model(error.to_string()),
    }
}

/// The files that a manifest lists, also of a kind that this library does not know. Of one that was altered nothing is
/// known.
pub(super) fn listed_files(text: &[u8]) -> Vec<FileEntry> {
    #[derive(Deserialize)]
    struct Listed {
        format_version: u64,
        files: Vec<FileEntry>,
        manifest_sha256: String,
    }
    let Ok(text) = std::str::from_utf8(text) else { return Vec::new() };
    let Ok(Listed { format_version, files, manifest_sha256 }) = serde_json::from_str(text) else {
        return Vec::new();
    };
    let ours = READABLE.contains(&format_version) && check_unaltered(text, &manifest_sha256).is_ok();
    if ours && files.iter().all(FileEntry::is_sound) { files } else { Vec::new() }
}

/// # Errors
/// `InvalidModel` if the checksum of a manifest is not that of its text.
fn check_unaltered(text: &str, sha256: &str) -> Result<()> {
    let blank = text.replacen(sha256, NO_CHECKSUM, 1);
    if sha256.len() == NO_CHECKSUM.len() && sha256_hex(blank.as_bytes()) == sha256 {
        return Ok(());
    }
    Err(Error::invalid_model("the manifest was changed after it was written (its checksum differs)"))
}

fn other_version(version: u64) -> Error {
    Error::invalid_model(format!(
        "format_version is {version}, this library reads {OLDEST_VERSION} to {FORMAT_VERSION}: use a matching release"
    ))
}

/// The candidates of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
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
#[non_exhaustive]
pub struct FileEntry {
    /// What readers ask for: `weights.safetensors`.
    pub name: String,
    /// Where it is in the folder: `weights.0123456789abcdef.safetensors`, or, for files that name each other,
    /// `model.0123456789abcdef/model.onnx`, with a part of a hash of the contents. Without it, the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Size.
    pub bytes: u64,
    /// SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

impl FileEntry {
    /// Where the file is, relative to the folder of the artifact.
    pub fn path(&self) -> &str {
        self.path.as_deref().unwrap_or(&self.name)
    }

    /// Whether name and path lead to a file of an artifact, and to nothing else.
    fn is_sound(&self) -> bool {
        let hash = |part: &str| part.len() == 16 && part.bytes().all(|digit| digit.is_ascii_hexdigit());
        match &self.path {
            // Only a name with a hash in it is ours to remove some day.
            Some(path) => {
                let first = path.split('/').next().unwrap_or_default();
                is_relative(&self.name) && is_relative(path) && first.split('.').any(hash)
            }
            None => is_relative(&self.name) && !self.name.contains('/') && self.name != MANIFEST_NAME,
        }
    }
}

/// Whether a name leads to a file below the folder that it is relative to.
pub(super) fn is_relative(name: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    !name.contains(['\\', '\0', ':']) && name.split('/').all(plain)
}

/// Whether this is a manifest of some version of this library, whole or altered.
pub(super) fn is_manifest(text: &[u8]) -> bool {
    let text = serde_json::from_slice::<Value>(text).unwrap_or_default();
    text.get("format_version").is_some_and(Value::is_u64) && text.get("manifest_sha256").is_some()
}

impl Manifest {
    /// Parses and validates the text of a manifest.
    ///
    /// # Errors
    /// `InvalidModel` if it is malformed, of another version, altered, or contradicts itself; `Unsupported` for a kind of
    /// scorer that this library does not know.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let invalid = |message: String| Error::invalid_model(message);
        let text = std::str::from_utf8(text).map_err(|error| invalid(error.to_string()))?;
        // Read once: opening the default router is mostly this.
        let manifest: Self = serde_json::from_str(text).map_err(|error| unreadable(text, &error))?;
        let version = u64::from(manifest.format_version);
        if !READABLE.contains(&version) {
            return Err(other_version(version));
        }
        let quantiles = manifest.calibration.as_ref().is_some_and(Calibration::is_of_quantiles);
        if manifest.calibration.is_some() && quantiles != (manifest.format_version == OLDEST_VERSION) {
            return Err(invalid(
                "calibration: quantiles belong to format_version 1, a table to later ones".to_owned(),
            ));
        }
        check_unaltered(text, &manifest.manifest_sha256)?;
        manifest.validate()?;
        Ok(manifest)
    }

    /// The text of this manifest with its checksum, in the form of [`FORMAT_VERSION`].
    ///
    /// # Errors
    /// `InvalidModel` if it contradicts itself.
    pub fn to_text(&self) -> Result<String> {
        let mut manifest = self.clone();
        manifest.format_version = FORMAT_VERSION;
        NO_CHECKSUM.clone_into(&mut manifest.manifest_sha256);
        manifest.validate()?;
        let text = serde_json::to_string_pretty(&manifest)
            .map_err(|error| Error::invalid_model(error.to_string()))?;
        let digest = sha256_hex(text.as_bytes());
        Ok(text.replacen(NO_CHECKSUM, &digest, 1))
    }

    /// SHA-256 of all that win rates depend on: kind, candidates, featurizer, scorer and their files. Prices and calibrations,
    /// which change without them, are not in it.
    pub(crate) fn scoring_sha256(&self) -> Result<String> {
        let files: Vec<(&str, &str)> = (self.files.iter())
            .filter(|file| file.name != SCORES_FILE)
            .map(|file| (file.name.as_str(), file.sha256.as_str()))
            .collect();
        let parts = (self.kind, &self.models.names, &self.featurizer, &self.scorer, files);
        let text = serde_json::to_string(&parts).map_err(|error| Error::invalid_model(error.to_string()))?;
        Ok(sha256_hex(text.as_bytes()))
    }

    /// SHA-256 of all that the vectors of a sentence encoder depend on: its parameters and its files. `None` without one.
    #[cfg(feature = "eval")]
    pub(crate) fn encoder_sha256(&self) -> Option<String> {
        let FeaturizerSpec::Onnx(spec) = &self.featurizer else { return None };
        // Weights that lie outside of the model are named after it.
        let is_its = |name: &str| name.starts_with(&spec.model) || name == spec.tokenizer;
        let files: Vec<(&str, &str)> = (self.files.iter())
            .filter(|file| is_its(&file.name))
            .map(|file| (file.name.as_str(), file.sha256.as_str()))
            .collect();
        let text = serde_json::to_string(&(spec, files)).ok()?;
        Some(sha256_hex(text.as_bytes()))
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
            if !file.is_sound() {
                return invalid(format!(
                    "files: {:?} at {:?} is not a file of an artifact",
                    file.name,
                    file.path()
                ));
            }
        }
        if let Err(error) = candidates::described(names, &self.candidates, &[]) {
            return invalid(error.message().to_owned());
        }
        if let Some(Err(error)) = self.mean_output_tokens.map(candidates::check_output_tokens) {
            return invalid(error.message().to_owned());
        }
        if let Some(Err(what)) = self.qualities.as_ref().map(|fit| fit.check(names.len())) {
            return invalid(format!("qualities: {what}"));
        }
        if let Some(Err(what)) = self.calibration.as_ref().map(Calibration::check) {
            return invalid(format!("calibration: {what}"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::CallerSpec;

    fn manifest() -> Manifest {
        Manifest {
            format_version: FORMAT_VERSION,
            name: "test".into(),
            kind: Kind::Mf,
            models: Models { names: vec!["a".into(), "b".into()], strong: "a".into(), weak: "b".into() },
            candidates: Vec::new(),
            mean_output_tokens: None,
            qualities: None,
            featurizer: FeaturizerSpec::Caller(CallerSpec { id: "e".into(), dimension: 3 }),
            scorer: Json::object(),
            files: vec![],
            calibration: None,
            default_policy: None,
            read: None,
            provenance: Json::object(),
            manifest_sha256: String::new(),
        }
    }

    fn file(name: &str, path: Option<&str>) -> FileEntry {
        FileEntry { name: name.into(), path: path.map(str::to_owned), bytes: 0, sha256: String::new() }
    }

    #[test]
    fn files_are_inside_the_folder_and_named_by_a_hash() {
        for (name, path) in [
            ("weights.safetensors", None),
            ("weights.safetensors", Some("weights.0123456789abcdef.safetensors")),
            ("model.onnx", Some("model.0123456789abcdef/model.onnx")),
            ("onnx/model.onnx", Some("model.0123456789abcdef/onnx/model.onnx")),
        ] {
            assert!(file(name, path).is_sound(), "{name} {path:?}");
        }
        for (name, path) in [
            ("", None),
            ("..", None),
            ("router.json", None),
            ("a/b", None),
            ("a\\b", None),
            ("c:b", None),
            ("/etc/passwd", None),
            ("a\0", None),
            ("config", Some(".git/config")),
            ("config", Some("0123456789abcdef/../.git/config")),
            ("config", Some("/0123456789abcdef/config")),
            ("config", Some("src/0123456789abcdef")),
            ("config", Some("0123456789abcdeg")),
            ("../config", Some("config.0123456789abcdef")),
        ] {
            assert!(!file(name, path).is_sound(), "{name} {path:?}");
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
        let broken: [(&str, Change); 10] = [
            ("does not know", |m| m.candidates.push(Candidate::new("c"))),
            ("is there twice", |m| m.candidates = vec![Candidate::new("a"), Candidate::new("a")]),
            ("mean_output_tokens", |m| m.mean_output_tokens = Some(-1.0)),
            ("0 curves for 2", |m| {
                m.qualities = Some(QualityFit::new(crate::quality::FitInput::Score, 1, vec![]));
            }),
            ("at least two", |m| m.models.names.truncate(1)),
            ("occurs twice", |m| m.models.names[1] = "a".into()),
            ("not among", |m| m.models.weak = "c".into()),
            ("both", |m| m.models.weak = "a".into()),
            ("not a file of an artifact", |m| m.files.push(file("../x", None))),
            ("ascending", |m| {
                let mut table = Calibration::from_win_rates("s", vec![0.4, 0.5]).unwrap();
                table.win_rates.reverse();
                m.calibration = Some(table);
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
    fn an_unknown_kind_is_unsupported_where_the_text_is_whole() {
        let mut manifest = manifest();
        manifest.files.push(file("weights", Some("weights.0123456789abcdef")));
        let text = manifest.to_text().unwrap().replacen(r#""kind": "mf""#, r#""kind": "random""#, 1);
        let error = Manifest::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::InvalidModel, "{error}");
        let sealed: Value = serde_json::from_str(&text).unwrap();
        let old = sealed["manifest_sha256"].as_str().unwrap();
        let blank = text.replacen(old, NO_CHECKSUM, 1);
        let whole = blank.replacen(NO_CHECKSUM, &sha256_hex(blank.as_bytes()), 1);
        let error = Manifest::parse(whole.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Unsupported, "{error}");
        assert!(error.message().starts_with(r#"kind is "random"; this library knows "linear""#), "{error}");
        // Who replaces it can still tell its files from others.
        assert_eq!(listed_files(whole.as_bytes()), manifest.files);
        assert!(listed_files(text.as_bytes()).is_empty() && listed_files(b"{}").is_empty());
    }

    #[test]
    fn another_version_is_refused_before_its_fields() {
        for version in ["0", "3", "4294967297", "18446744073709551616"] {
            let text = format!(r#"{{"format_version": {version}, "new": 1}}"#);
            let error = Manifest::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("this library reads 1 to 2") || error.contains("missing"), "{error}");
        }
        assert!(Manifest::parse(b"{}").is_err());
        assert!(Manifest::parse(b"\xff").is_err());
    }
}
