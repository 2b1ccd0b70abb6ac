//! A featurizer for training, with the files that go into the artifact.

use std::path::{Path, PathBuf};

use crate::artifact::{Artifact, ArtifactWriter, sha256_hex};
use crate::embed::{Featurizer, FeaturizerSpec, OnnxEncoder, OnnxSpec};
use crate::router::{FEATURIZER_FILE, load_featurizer};
use crate::runtime::SessionOptions;
use crate::{Error, Result};

/// A featurizer that gives dense vectors, and where its files are.
#[derive(Debug)]
pub struct Encoder {
    spec: FeaturizerSpec,
    featurizer: Featurizer,
    origin: Origin,
}

#[derive(Debug)]
enum Origin {
    Artifact(Box<Artifact>),
    Directory(PathBuf),
}

impl Encoder {
    /// The featurizer of an artifact.
    ///
    /// # Errors
    /// As opening the artifact's router.
    pub fn from_artifact(artifact: Artifact, session: &SessionOptions) -> Result<Self> {
        let featurizer = load_featurizer(&artifact, session)?;
        let spec = artifact.manifest().featurizer.clone();
        Ok(Self { spec, featurizer, origin: Origin::Artifact(Box::new(artifact)) })
    }

    /// A sentence encoder whose model and tokenizer lie in the folder `directory`.
    ///
    /// # Errors
    /// As [`OnnxEncoder::open`].
    pub fn from_onnx(spec: OnnxSpec, directory: &Path, session: &SessionOptions) -> Result<Self> {
        let featurizer =
            Featurizer::Onnx(Box::new(OnnxEncoder::open(spec.clone(), directory, None, session)?));
        Ok(Self {
            spec: FeaturizerSpec::Onnx(spec),
            featurizer,
            origin: Origin::Directory(directory.to_path_buf()),
        })
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
        for name in self.files() {
            let contents = match &self.origin {
                Origin::Artifact(artifact) => artifact.read(name)?.into_owned(),
                Origin::Directory(directory) => {
                    let path = directory.join(name);
                    std::fs::read(&path).map_err(|error| Error::io(&path, error))?
                }
            };
            identity.push_str(&sha256_hex(&contents));
        }
        Ok(sha256_hex(identity.as_bytes()))
    }

    fn files(&self) -> Vec<&str> {
        match &self.spec {
            FeaturizerSpec::Hashed(_) => vec![FEATURIZER_FILE],
            FeaturizerSpec::Onnx(spec) => vec![spec.model.as_str(), spec.tokenizer.as_str()],
            FeaturizerSpec::Caller(_) | FeaturizerSpec::None => vec![],
        }
    }

    /// Puts its files into an artifact.
    pub(super) fn add_files(&self, writer: &mut ArtifactWriter) -> Result<()> {
        for name in self.files() {
            match &self.origin {
                Origin::Artifact(artifact) => writer.add(name, &artifact.read(name)?)?,
                Origin::Directory(directory) => writer.add_copy(name, &directory.join(name))?,
            }
        }
        Ok(())
    }
}
