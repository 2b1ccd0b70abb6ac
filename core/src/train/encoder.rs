//! A featurizer for training, with the files that go into the artifact.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[cfg(feature = "onnx")]
use serde_json::json;

#[cfg(feature = "onnx")]
use super::frame::members;
use crate::artifact::{Artifact, ArtifactWriter, sha256_hex};
use crate::data;
use crate::features::{CallerSpec, Featurizer, FeaturizerSpec};
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
    /// Embeddings by their prompt.
    Given(HashMap<String, Vec<f32>>),
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

    /// No encoder, but what one gave: each prompt's embedding, of the model `id`. The artifact takes embeddings of that model
    /// only. A prompt that is not among them cannot be embedded.
    ///
    /// # Errors
    /// `InvalidArgument` without an embedding, or for embeddings of different lengths, of none, or that are not finite.
    pub fn from_embeddings(
        id: impl Into<String>,
        embeddings: impl IntoIterator<Item = (String, Vec<f32>)>,
    ) -> Result<Self> {
        let mut known = HashMap::new();
        let mut dimension = 0;
        for (prompt, embedding) in embeddings {
            let wrong = |what: String| {
                let prompt: String = prompt.chars().take(60).collect();
                Err(Error::invalid_argument(format!("the embedding of {prompt:?} {what}")))
            };
            if known.is_empty() {
                dimension = embedding.len();
            }
            if embedding.is_empty() || embedding.len() != dimension {
                return wrong(format!("has {} numbers, expected {dimension}", embedding.len()));
            }
            if let Some(value) = embedding.iter().find(|value| !value.is_finite()) {
                return wrong(format!("holds {value}"));
            }
            known.insert(prompt, embedding);
        }
        if known.is_empty() {
            return Err(Error::invalid_argument("no embeddings are given"));
        }
        let spec = CallerSpec { id: id.into(), dimension };
        Ok(Self {
            spec: FeaturizerSpec::Caller(spec.clone()),
            featurizer: Featurizer::Caller(spec),
            weights: Vec::new(),
            origin: Origin::Given(known),
        })
    }

    /// As [`from_embeddings`](Self::from_embeddings), of a file with a `prompt` and an `embedding`, a list of numbers, in each
    /// row: `.jsonl` or `.ndjson`, `.csv` with lists as JSON, or `.parquet`.
    ///
    /// # Errors
    /// As [`VoteTable::read`](crate::preference::VoteTable::read), and as `from_embeddings`.
    pub fn read_embeddings(id: impl Into<String>, path: impl AsRef<Path>) -> Result<Self> {
        Self::of_place(id, data::Place::File(path.as_ref()))
    }

    /// As [`read_embeddings`](Self::read_embeddings), of JSON lines.
    ///
    /// # Errors
    /// As [`read_embeddings`](Self::read_embeddings).
    pub fn embeddings_jsonl(id: impl Into<String>, lines: &[u8]) -> Result<Self> {
        Self::of_place(id, data::Place::Lines(lines, "embeddings"))
    }

    fn of_place(id: impl Into<String>, place: data::Place<'_>) -> Result<Self> {
        let mut all = Vec::new();
        let needed = [data::PROMPT, &["embedding"][..]];
        place.each("embeddings", &needed, &data::Names::new(), &mut |row| {
            let prompt = data::prompt(row.cells, false).map_err(|what| row.fault(what))?;
            all.push((prompt, embedding(row).map_err(|what| row.fault(what))?));
            Ok(())
        })?;
        Self::from_embeddings(id, all)
    }

    /// Whether its vectors are given.
    pub(super) fn is_given(&self) -> bool {
        matches!(self.origin, Origin::Given(_))
    }

    /// The vector of a prompt, where vectors are given; `None` where an encoder computes them.
    ///
    /// # Errors
    /// `InvalidArgument` for a prompt whose vector is not given.
    pub(super) fn given(&self, prompt: &str) -> Result<Option<&[f32]>> {
        let Origin::Given(known) = &self.origin else { return Ok(None) };
        match known.get(prompt) {
            Some(embedding) => Ok(Some(embedding)),
            None => Err(Error::invalid_argument("it is not among the embeddings that are given")),
        }
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
            Origin::Given(_) => Err(Error::invalid_argument("embeddings that are given have no files")),
        }
    }
}

/// The list of numbers in a row, or in a text of it.
fn embedding(row: &data::Row<'_>) -> Result<Vec<f32>, String> {
    let wrong = || "embedding is no list of numbers".to_owned();
    let parsed;
    let mut value =
        data::field(row.cells, "embedding").ok_or_else(|| data::missing(row.cells, "\"embedding\""))?;
    if let data::Json::Text(text) = value {
        parsed = data::parse(text).map_err(|_| wrong())?;
        value = &parsed;
    }
    let data::Json::List(numbers) = value else { return Err(wrong()) };
    let number = |value: &data::Json| match value {
        data::Json::Number(text) => text.parse().map_err(|_| wrong()),
        _ => Err(wrong()),
    };
    numbers.iter().map(number).collect()
}

/// The files of the model's weights, beside it.
fn weights(name: &str, path: &Path) -> Result<Vec<String>> {
    Ok(Graph::read(path)?.external_files().map(|weights| beside(name, weights)).collect())
}
