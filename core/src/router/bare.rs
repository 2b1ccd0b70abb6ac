//! Folders that are no artifact: what they hold, and which options have an effect on it.

use std::path::Path;

use crate::artifact::MANIFEST_NAME;
use crate::options::OpenOptions;
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

    /// Refuses options of exported models that have no effect: all but those of `read`.
    pub(super) fn refuse_export_options(&self, kind: Kind, read: &[&str]) -> Result<()> {
        self.session.check_spelled(self.spelling)?;
        let mut given = self.export.given();
        given.retain(|name| !read.contains(name));
        let why = format!("this is a router of kind {:?}", kind.as_str());
        self.spelling.without_effect(&given, &why).map_or(Ok(()), Err)
    }
}
