//! A featurizer for training, with the files that go into the artifact.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[cfg(feature = "onnx")]
use serde_json::json;

#[cfg(feature = "onnx")]
use super::frame::members;
use crate::artifact::{Artifact, ArtifactWriter, sha256_hex};
use crate::features::{Featurizer, FeaturizerSpec};
#[cfg(feature = "onnx")]
use crate::features::{OnnxEncoder, OnnxSpec};
#[cfg(feature = "onnx")]
use crate::files::Json;
use crate::onnx::SessionOptions;
use crate::onnx::graph::{Graph, beside};
use crate::pipeline::{FEATURIZER_FILE, load_featurizer};
#[cfg(feature = "onnx")]
use crate::scorer::model_files::places;
use crate::{Error, Result};

/// A featurizer that gives dense vectors, and where its files are.
#[derive(Debug)]
pub struct Encoder {
    spec: FeaturizerSpec,
    featurizer: Featurizer,
    /// The files of its model's weights, if they are not in the model's own.
    weights: Vec<String>,
    origin: Origin,
}

#[derive(Debug)]
enum Origin {
    Artifact(Box<Artifact>),
    Directory(PathBuf),
}

impl Encoder {
    /// The featurizer of the artifact in the folder `path`, which may become another artifact meanwhile.
    ///
    /// # Errors
    /// As opening the artifact's router.
    pub fn open(path: &Path, session: &SessionOptions) -> Result<Self> {
        Artifact::open_with(path, |artifact| Self::from_artifact(artifact.clone(), session))
    }

    /// The featurizer of an artifact.
    ///
    /// # Errors
    /// As opening the artifact's router.
    pub fn from_artifact(artifact: Artifact, session: &SessionOptions) -> Result<Self> {
        let featurizer = load_featurizer(&artifact, session)?;
        let spec = artifact.manifest().featurizer.clone();
        let weights = match &spec {
            FeaturizerSpec::Onnx(spec) => weights(&spec.model, &artifact.path_of(&spec.model)?)?,
            _ => Vec::new(),
        };
        Ok(Self { spec, featurizer, weights, origin: Origin::Artifact(Box::new(artifact)) })
    }

    /// A sentence encoder whose model and tokenizer lie in the folder `directory`. A model that is not there may lie in
    /// its folder `onnx`.
    ///
    /// # Errors
    /// As [`OnnxEncoder::open`].
    #[cfg(feature = "onnx")]
    pub fn from_onnx(mut spec: OnnxSpec, directory: &Path, session: &SessionOptions) -> Result<Self> {
        let found = places(&[&spec.model]).find(|place| directory.join(place).is_file());
        spec.model = found.unwrap_or(spec.model);
        let featurizer = Featurizer::Encoder(Arc::new(OnnxEncoder::open(spec.clone(), directory, session)?));
        let weights = weights(&spec.model, &directory.join(&spec.model))?;
        Ok(Self {
            spec: FeaturizerSpec::Onnx(spec),
            featurizer,
            weights,
            origin: Origin::Directory(directory.to_path_buf()),
        })
    }

    /// As [`from_onnx`](Self::from_onnx), with the parameters as a JSON object. The names of the files are `model.onnx` and
    /// `tokenizer.json`, and 16,384 bytes of a text from its beginning are read, unless it says otherwise.
    ///
    /// # Errors
    /// `InvalidArgument` for parameters that are wrong or unknown; as [`from_onnx`](Self::from_onnx).
    #[cfg(feature = "onnx")]
    pub fn from_parameters(directory: &Path, parameters: &Json, session: &SessionOptions) -> Result<Self> {
        let mut all = members([
            ("model", json!("model.onnx")),
            ("tokenizer", json!("tokenizer.json")),
            ("cap", json!({ "max_bytes": 16_384, "side": "head" })),
        ]);
        all.extend(parameters.clone().into_members().unwrap_or_default());
        let spec = Json::of_members(all).read().map_err(|error| error.context("encoder"))?;
        Self::from_onnx(spec, directory, session)
    }

    /// Its parameters.
    pub fn spec(&self) -> &FeaturizerSpec {
        &self.spec
    }

    /// Ready for use.
    pub fn featurizer(&self) -> &Featurizer {
        &self.featurizer
    }

    /// What tells its vectors from those of another encoder: its parameters and the contents of its files.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn identity(&self) -> Result<String> {
        let mut identity =
            serde_json::to_string(&self.spec).map_err(|error| Error::invalid_model(error.to_string()))?;
        let own = match &self.spec {
            FeaturizerSpec::Hashed(_) => vec![FEATURIZER_FILE],
            FeaturizerSpec::Onnx(spec) => vec![spec.model.as_str(), spec.tokenizer.as_str()],
            FeaturizerSpec::Caller(_) | FeaturizerSpec::None => vec![],
        };
        for name in own.into_iter().chain(self.weights.iter().map(String::as_str)) {
            let mut contents = Vec::new();
            self.file(name)?.read_to_end(&mut contents).map_err(|error| Error::io(Path::new(name), error))?;
            identity.push_str(&sha256_hex(&contents));
        }
        Ok(sha256_hex(identity.as_bytes()))
    }

    /// Puts its files into an artifact.
    pub(super) fn add_files(&self, writer: &mut ArtifactWriter) -> Result<()> {
        match &self.spec {
            FeaturizerSpec::Hashed(_) => writer.add_from(FEATURIZER_FILE, &mut self.file(FEATURIZER_FILE)?),
            FeaturizerSpec::Onnx(spec) => {
                let model = self.weights.iter().map(String::as_str).chain([spec.model.as_str()]);
                writer.add_model(&model.collect::<Vec<_>>(), |name| self.file(name))?;
                writer.add_from(&spec.tokenizer, &mut self.file(&spec.tokenizer)?)
            }
            FeaturizerSpec::Caller(_) | FeaturizerSpec::None => Ok(()),
        }
    }

    fn file(&self, name: &str) -> Result<Box<dyn Read>> {
        match &self.origin {
            Origin::Artifact(artifact) => Ok(Box::new(Cursor::new(artifact.read(name)?))),
            Origin::Directory(directory) => {
                let path = directory.join(name);
                Ok(Box::new(File::open(&path).map_err(|error| Error::io(&path, error))?))
            }
        }
    }
}

/// The files of the model's weights, beside it.
fn weights(name: &str, path: &Path) -> Result<Vec<String>> {
    Ok(Graph::read(path)?.external_files().map(|weights| beside(name, weights)).collect())
}
