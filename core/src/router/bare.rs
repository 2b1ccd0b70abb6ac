//! Folders that are no artifact: what they hold, and which options have an effect on it.

use std::path::{Component, Path};

use serde_json::{Map, Value};

use crate::artifact::MANIFEST_NAME;
use crate::onnx::graph::Graph;
use crate::options::OpenOptions;
use crate::scorer::Kind;
use crate::scorer::config::{CONFIG_FILE, ConfigFile};
use crate::scorer::model_files::{CLASSIFIERS, DECODERS, places};
use crate::{Error, Result};

/// Kinds that a folder without `router.json` may have.
const BARE_KINDS: [Kind; 3] = [Kind::Bert, Kind::CausalLlm, Kind::Mf];

/// A folder that is no artifact, with its `config.json` if there is one.
#[derive(Debug)]
pub(super) struct Bare<'a> {
    pub(super) path: &'a Path,
    pub(super) config: Option<ConfigFile>,
}

impl<'a> Bare<'a> {
    /// # Errors
    /// `Io`.
    pub(super) fn read(path: &'a Path) -> Result<Self> {
        let config = path.join(CONFIG_FILE);
        Ok(Self { path, config: config.is_file().then(|| ConfigFile::read(config)).transpose()? })
    }

    /// Its name.
    pub(super) fn name(&self) -> String {
        self.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }
}

/// What the model in `folder` is, by its outputs and its `settings`, which name no class that tells.
fn kind_by_model(
    folder: &Path,
    file: Option<&str>,
    settings: &Map<String, Value>,
    architectures: &[String],
) -> Result<Kind> {
    let config = folder.join(CONFIG_FILE);
    let named = match architectures {
        [] => "names no architecture".to_owned(),
        names => format!("names the architecture {}", names.join(", ")),
    };
    let names: Vec<&str> = DECODERS.into_iter().chain(CLASSIFIERS).collect();
    let names = places(&names).map(|name| folder.join(name));
    let Some(path) = file.map(|file| folder.join(file)).into_iter().chain(names).find(|path| path.is_file())
    else {
        return Err(Error::invalid_model(format!(
            "{}: it {named} and has no num_models and text_dim as a RouteLLM MF checkpoint has, and there is no exported \
             model beside it: it cannot be told what this folder is",
            config.display()
        )));
    };
    let graph = Graph::read(&path)?;
    let labelled =
        ["id2label", "num_labels"].iter().any(|name| settings.get(*name).is_some_and(|x| !x.is_null()));
    if graph.outputs().iter().any(|output| output.name.starts_with("present")) {
        return Ok(Kind::CausalLlm);
    }
    let logits = match graph.outputs() {
        [only] => Some(only),
        outputs => outputs.iter().find(|output| output.name == "logits"),
    };
    if let Some(logits) = logits {
        let is_named = logits.name == "logits";
        match logits.dims.as_deref() {
            Some([_] | [_, _]) if is_named || labelled => return Ok(Kind::Bert),
            None if labelled => return Ok(Kind::Bert),
            Some([_, _, last]) if is_named => {
                let vocabulary = settings.get("vocab_size").and_then(Value::as_u64);
                let one_for_each_token = last.is_some() && *last == vocabulary;
                // Models that fill gaps or label tokens have outputs of this form too.
                let family = settings.get("model_type").and_then(Value::as_str).unwrap_or_default();
                let encoder = family.contains("bert") || ["electra", "mpnet"].contains(&family);
                if !encoder && (one_for_each_token || !labelled) {
                    return Ok(Kind::CausalLlm);
                }
            }
            _ => {}
        }
    }
    let outputs: Vec<&str> = graph.outputs().iter().map(|output| output.name.as_str()).collect();
    Err(Error::invalid_argument(format!(
        "kind is needed: {} {named}, and the outputs of {} ({}) do not tell a sequence classifier from a causal language \
         model. Pass kind \"bert\" or \"causal_llm\"",
        config.display(),
        path.display(),
        outputs.join(", ")
    )))
}

impl OpenOptions {
    /// What a folder is: what the options say, or else its `config.json`.
    pub(super) fn kind_of(&self, folder: &Bare<'_>) -> Result<Option<Kind>> {
        if let Some(kind) = &self.kind {
            return BARE_KINDS.into_iter().find(|known| known.as_str() == kind).map(Some).ok_or_else(|| {
                Error::invalid_argument(format!(
                    "kind is {kind:?}, and {} has no {MANIFEST_NAME}: expected \"bert\", \"causal_llm\" or \"mf\"",
                    folder.path.display()
                ))
            });
        }
        let Some(config) = &folder.config else { return Ok(None) };
        let architectures = config.architectures();
        let is = |suffix: &str| architectures.iter().any(|name| name.ends_with(suffix));
        if is("ForSequenceClassification") {
            return Ok(Some(Kind::Bert));
        }
        if is("ForCausalLM") || is("LMHeadModel") {
            return Ok(Some(Kind::CausalLlm));
        }
        let settings = config.object()?;
        // Fields of the published layout that no other configuration has.
        if ["num_models", "text_dim", "use_proj"].iter().any(|name| settings.contains_key(*name)) {
            return Ok(Some(Kind::Mf));
        }
        self.check_file(folder)?;
        kind_by_model(folder.path, self.export.file.as_deref(), &settings, &architectures).map(Some)
    }

    /// # Errors
    /// `InvalidArgument` if the model's file that the options name is none in the folder.
    pub(super) fn check_file(&self, folder: &Bare<'_>) -> Result<()> {
        let Some(file) = &self.export.file else { return Ok(()) };
        let inside = Path::new(file).components().all(|part| matches!(part, Component::Normal(_)));
        if file.is_empty() || !inside || !folder.path.join(file).is_file() {
            return Err(Error::invalid_argument(format!(
                "file is {file:?}, expected the path of a model in {}, as \"onnx/model_fp16.onnx\"",
                folder.path.display()
            )));
        }
        Ok(())
    }

    /// # Errors
    /// `InvalidArgument` if the options name another kind.
    pub(super) fn check_kind(&self, found: Kind) -> Result<()> {
        match &self.kind {
            Some(kind) if kind != found.as_str() => Err(Error::invalid_argument(format!(
                "kind is {kind:?}, and this artifact's is {:?}",
                found.as_str()
            ))),
            _ => Ok(()),
        }
    }

    /// Refuses options of exported models that have no effect: all but those of `read`.
    pub(super) fn refuse_export_options(&self, kind: Kind, read: &[&str]) -> Result<()> {
        self.session.check_spelled(self.spelling)?;
        let mut given = self.export.given();
        given.retain(|name| !read.contains(name));
        let why = format!("this is a router of kind {:?}", kind.as_str());
        self.spelling.without_effect(&given, &why).map_or(Ok(()), Err)
    }
}
