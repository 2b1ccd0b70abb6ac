//! What lies beside an exported model: `config.json`, tokenizer, prompt files.

use std::path::{Path, PathBuf};

use once_cell::unsync::OnceCell;

pub use super::config::{CONFIG_FILE, ConfigFile, ModelConfig};
use super::model_files::places;
use crate::artifact::Artifact;
use crate::files::Checksums;
use crate::onnx::graph::{Graph, beside};
use crate::tokenize::{TOKENIZER_FILE, TextTokenizer, TokenizerConfig};
use crate::{Error, ErrorKind, Result};

/// The configuration that onnxruntime-genai writes instead.
const GENAI_CONFIG_FILE: &str = "genai_config.json";

/// The files of an exported model: a bare folder, or an artifact, whose files are all listed and verified.
#[derive(Debug)]
pub struct Files<'a> {
    directory: &'a Path,
    artifact: Option<&'a Artifact>,
    config: OnceCell<ModelConfig>,
}

impl<'a> Files<'a> {
    /// The files in a folder.
    pub fn bare(directory: &'a Path) -> Self {
        Self { directory, artifact: None, config: OnceCell::new() }
    }

    /// The files of an artifact.
    ///
    /// # Errors
    /// `Unsupported` for an artifact that is compiled in: a runtime reads files.
    pub fn listed(artifact: &'a Artifact) -> Result<Self> {
        let directory = artifact
            .directory()
            .ok_or_else(|| Error::unsupported("an exported model cannot be compiled in"))?;
        Ok(Self { directory, artifact: Some(artifact), config: OnceCell::new() })
    }

    /// The folder.
    pub fn directory(&self) -> &'a Path {
        self.directory
    }

    /// What tells what the files should contain, if the folder is an artifact's.
    pub fn checksums(&self) -> Option<&dyn Checksums> {
        self.artifact.map(|artifact| artifact as &dyn Checksums)
    }

    /// Path of a file that has to be there.
    ///
    /// # Errors
    /// `InvalidModel` if it is not there or not listed.
    pub fn required(&self, name: &str) -> Result<PathBuf> {
        match self.artifact {
            Some(artifact) => artifact.path_of(name),
            None => self.optional(name).ok_or_else(|| {
                Error::invalid_model(format!(
                    "{}: no such file; an export has it beside the model",
                    self.directory.join(name).display()
                ))
            }),
        }
    }

    /// Path of a file that may be there.
    pub fn optional(&self, name: &str) -> Option<PathBuf> {
        match self.artifact {
            Some(artifact) => artifact.path_of(name).ok(),
            None => Some(self.directory.join(name)).filter(|path| path.is_file()),
        }
    }

    /// Names without their ending of the files in a folder of a bare folder; none in an artifact, which has what it needs.
    pub(crate) fn stems(&self, folder: &str, ending: &str) -> Vec<String> {
        if self.artifact.is_some() {
            return Vec::new();
        }
        let entries = std::fs::read_dir(self.directory.join(folder)).into_iter().flatten();
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        paths
            .filter(|path| path.is_file() && path.extension().is_some_and(|found| found == ending))
            .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
            .collect()
    }

    /// Name from the folder and path of the model: `file` if that is given, else the first of these files that is there,
    /// in the folder or in its `onnx`.
    ///
    /// # Errors
    /// `InvalidModel` naming them all, or a file of its weights that an artifact does not list.
    pub fn model(&self, file: Option<&str>, names: &[&str]) -> Result<(String, PathBuf)> {
        let there = |name: String| {
            let path = self.optional(&name)?;
            Some((name, path))
        };
        let found = match file {
            Some(name) => Some((name.to_owned(), self.required(name)?)),
            None => places(names).find_map(there),
        };
        let (name, path) = found.ok_or_else(|| {
            Error::invalid_model(format!(
                "{}: there is no model in this folder or its folder onnx; looked for {}; the option file \
                 names another one",
                self.directory.display(),
                names.join(", ")
            ))
        })?;
        if let Some(artifact) = self.artifact {
            for weights in Graph::read(&path)?.external_files() {
                let listed = artifact.path_of(&beside(&name, weights))?;
                // The runtime looks for them there, and nowhere else.
                if path.parent().map(|folder| folder.join(weights)) != Some(listed) {
                    return Err(Error::invalid_model(format!(
                        "{}: its weights in {weights:?} are not beside it",
                        path.display()
                    )));
                }
            }
        }
        Ok((name, path))
    }

    /// The files in a folder whose configuration was read already.
    ///
    /// # Errors
    /// `InvalidModel` if it is malformed.
    pub(crate) fn with_config(directory: &'a Path, config: Option<&ConfigFile>) -> Result<Self> {
        let files = Self::bare(directory);
        if let Some(config) = config {
            files.config.get_or_try_init(|| config.model())?;
        }
        Ok(files)
    }

    /// The configuration of the model, read once.
    ///
    /// # Errors
    /// `InvalidModel` if there is none or it is malformed; `Io`.
    pub fn config(&self) -> Result<&ModelConfig> {
        self.config.get_or_try_init(|| {
            let path = match self.optional(CONFIG_FILE).or_else(|| self.optional(GENAI_CONFIG_FILE)) {
                Some(path) => path,
                None => self.required(CONFIG_FILE)?,
            };
            ConfigFile::read(path)?.model()
        })
    }

    /// The tokenizer and its settings, whose vocabulary fits the model's. Tokens that were added to it and that the model
    /// does not know are refused where a text has them.
    ///
    /// # Errors
    /// `InvalidModel` if there is none, it is malformed, or its own vocabulary is larger than the model's; `Io`.
    pub fn tokenizer(&self) -> Result<(TextTokenizer, TokenizerConfig)> {
        let path = self.required(TOKENIZER_FILE)?;
        let mut tokenizer = TextTokenizer::open(&path)?;
        if let Some(size) = self.config()?.vocab_size {
            let end = tokenizer.own_vocabulary_end();
            if end > size {
                return Err(Error::invalid_model(format!(
                    "{}: its largest token id is {}, the model's configuration has a vocabulary of {size}: tokenizer \
                     and model do not belong together",
                    path.display(),
                    end - 1
                )));
            }
            tokenizer.limit(size);
        }
        let settings = match self.optional(TokenizerConfig::FILE) {
            Some(path) => TokenizerConfig::read(&path)?,
            None => TokenizerConfig::default(),
        };
        Ok((tokenizer, settings))
    }

    /// A text file that may be there.
    ///
    /// # Errors
    /// `Io`; `InvalidModel` if it is not UTF-8.
    pub fn text(&self, name: &str) -> Result<Option<String>> {
        let Some(path) = self.optional(name) else { return Ok(None) };
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                Err(Error::new(ErrorKind::InvalidModel, format!("{}: not UTF-8", path.display())))
            }
            Err(error) => Err(Error::io(&path, error)),
        }
    }
}
