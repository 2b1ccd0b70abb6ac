//! Folders that are no artifact: what they hold, and which options have an effect on it.

use std::path::Path;

use super::options::{ExportOptions, OpenOptions};
use crate::artifact::MANIFEST_NAME;
use crate::scorer::Kind;
use crate::scorer::config::{CONFIG_FILE, ConfigFile};
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
        Ok(Some(if is("ForSequenceClassification") {
            Kind::Bert
        } else if is("ForCausalLM") || is("LMHeadModel") {
            Kind::CausalLlm
        } else {
            Kind::Mf
        }))
    }

    /// # Errors
    /// `InvalidArgument` if the options name another kind.
    pub(super) fn check_kind(&self, found: &str) -> Result<()> {
        match &self.kind {
            Some(kind) if kind != found => {
                Err(Error::invalid_argument(format!("kind is {kind:?}, and this artifact's is {found:?}")))
            }
            _ => Ok(()),
        }
    }

    /// Refuses options of exported models that have no effect: those that differ from `kept`.
    pub(super) fn refuse_export_options(&self, kind: Kind, kept: &ExportOptions) -> Result<()> {
        let given = &self.export;
        let named = [
            ("head", given.head != kept.head),
            ("long_prompts", given.long_prompts != kept.long_prompts),
            ("template", given.template != kept.template),
            ("score_tokens", given.score_tokens != kept.score_tokens),
            ("score_threshold", given.score_threshold != kept.score_threshold),
            ("max_new_tokens", given.max_new_tokens != kept.max_new_tokens),
            ("max_tokens", given.max_tokens != kept.max_tokens),
        ];
        match named.iter().find(|(_, without_effect)| *without_effect) {
            Some((name, _)) => {
                let kind = kind.as_str();
                Err(Error::invalid_argument(format!("{name} has no effect on a router of kind {kind:?}")))
            }
            None => Ok(()),
        }
    }
}
