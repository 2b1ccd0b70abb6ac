//! Checkpoints in the published RouteLLM layout: `config.json` beside `model.safetensors`.

use serde::Deserialize;

use super::bare::Bare;
use crate::artifact::Tensors;
use crate::features::CallerSpec;
use crate::scorer::config::{CONFIG_FILE, ConfigFile};
use crate::scorer::mf::{MfWeights, WEIGHTS_FILE};
use crate::{Error, Result};

/// The pair that the reference routes between unless told otherwise.
pub(super) const DEFAULT_STRONG: &str = "gpt-4-1106-preview";
pub(super) const DEFAULT_WEAK: &str = "mixtral-8x7b-instruct-v0.1";

/// The models of the published checkpoints, in the order of their rows (`MODEL_IDS` of the reference).
pub const REFERENCE_MODELS: [&str; 64] = [
    "RWKV-4-Raven-14B",
    "alpaca-13b",
    "chatglm-6b",
    "chatglm2-6b",
    "chatglm3-6b",
    "claude-1",
    "claude-2.0",
    "claude-2.1",
    "claude-instant-1",
    "codellama-34b-instruct",
    "deepseek-llm-67b-chat",
    "dolly-v2-12b",
    "dolphin-2.2.1-mistral-7b",
    "falcon-180b-chat",
    "fastchat-t5-3b",
    "gemini-pro",
    "gemini-pro-dev-api",
    "gpt-3.5-turbo-0125",
    "gpt-3.5-turbo-0314",
    "gpt-3.5-turbo-0613",
    "gpt-3.5-turbo-1106",
    "gpt-4-0125-preview",
    "gpt-4-0314",
    "gpt-4-0613",
    "gpt-4-1106-preview",
    "gpt4all-13b-snoozy",
    "guanaco-33b",
    "koala-13b",
    "llama-13b",
    "llama-2-13b-chat",
    "llama-2-70b-chat",
    "llama-2-7b-chat",
    "llama2-70b-steerlm-chat",
    "mistral-7b-instruct",
    "mistral-7b-instruct-v0.2",
    "mistral-medium",
    "mixtral-8x7b-instruct-v0.1",
    "mpt-30b-chat",
    "mpt-7b-chat",
    "nous-hermes-2-mixtral-8x7b-dpo",
    "oasst-pythia-12b",
    "openchat-3.5",
    "openchat-3.5-0106",
    "openhermes-2.5-mistral-7b",
    "palm-2",
    "pplx-70b-online",
    "pplx-7b-online",
    "qwen-14b-chat",
    "qwen1.5-4b-chat",
    "qwen1.5-72b-chat",
    "qwen1.5-7b-chat",
    "solar-10.7b-instruct-v1.0",
    "stablelm-tuned-alpha-7b",
    "starling-lm-7b-alpha",
    "stripedhyena-nous-7b",
    "tulu-2-dpo-70b",
    "vicuna-13b",
    "vicuna-33b",
    "vicuna-7b",
    "wizardlm-13b",
    "wizardlm-70b",
    "yi-34b-chat",
    "zephyr-7b-alpha",
    "zephyr-7b-beta",
];

/// `config.json` of `MFModel`.
#[derive(Debug, Deserialize)]
struct Config {
    dim: usize,
    num_models: usize,
    text_dim: usize,
    num_classes: usize,
    use_proj: bool,
}

/// What a published checkpoint holds.
#[derive(Debug)]
pub(super) struct Checkpoint {
    pub(super) weights: MfWeights,
    pub(super) featurizer: CallerSpec,
}

/// Reads a checkpoint.
///
/// # Errors
/// `InvalidModel` if it is malformed; `Unsupported` for a variant that the reference itself cannot score.
pub(super) fn read(folder: &Bare<'_>) -> Result<Checkpoint> {
    let absent;
    let file = if let Some(file) = &folder.config {
        file
    } else {
        // The error says that it is not there.
        absent = ConfigFile::read(folder.path.join(CONFIG_FILE))?;
        &absent
    };
    let path = file.path();
    let config: Config = file.parse().map_err(|error| {
        Error::invalid_model(format!(
            "{}: not the configuration of a RouteLLM MF checkpoint: {error}",
            path.display()
        ))
    })?;
    if !config.use_proj || config.num_classes != 1 {
        return Err(Error::unsupported(format!(
            "{}: use_proj={} and num_classes={}; only checkpoints with a projection and one class can be scored",
            path.display(),
            config.use_proj,
            config.num_classes
        )));
    }
    if config.num_models != REFERENCE_MODELS.len() {
        return Err(Error::invalid_model(format!(
            "{}: num_models is {}; the published layout has {} and does not name its models, so another number \
             needs an artifact",
            path.display(),
            config.num_models,
            REFERENCE_MODELS.len()
        )));
    }
    let path = folder.path.join(WEIGHTS_FILE);
    let bytes = std::fs::read(&path).map_err(|error| Error::io(&path, error))?;
    let tensors = Tensors::new(bytes, path.display().to_string())?;
    let weights = MfWeights::read(&tensors, config.num_models, config.dim, config.text_dim)?;
    // The published ones read text-embedding-3-small; others only tell their dimension.
    let id = if config.text_dim == 1536 { "text-embedding-3-small" } else { "caller" };
    Ok(Checkpoint { weights, featurizer: CallerSpec { id: id.to_owned(), dimension: config.text_dim } })
}
