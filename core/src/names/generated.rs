// Written by tools/faces/generate.py from core/options.toml: change that.

//! The names that options have as values.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::named;
use crate::{Error, Result};

/// Which mathematics a router follows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mode {
    /// The mathematically right one.
    #[default]
    Exact,
    /// That of lm-sys/RouteLLM, to the digit where that is possible. Routers that know one mode take either.
    Reference,
}

impl Mode {
    /// Every value, in the order of its number.
    pub const ALL: [Self; 2] = [Self::Exact, Self::Reference];

    /// `exact` or `reference`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Reference => "reference",
        }
    }
}

impl FromStr for Mode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        named(&Self::ALL.map(|value| (value.name(), value)), "mode", text)
    }
}

/// What of a chat is its prompt. Of a text all of it is, whatever is read of chats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Read {
    /// The newest user message that has text.
    #[default]
    LastUser,
    /// Every user message that has text, oldest first, joined by newlines.
    AllUser,
    /// Every message that has text, whatever its role, oldest first, joined by newlines and without roles.
    Conversation,
}

impl Read {
    /// Every value, in the order of its number.
    pub const ALL: [Self; 3] = [Self::LastUser, Self::AllUser, Self::Conversation];

    /// `last_user`, `all_user` or `conversation`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LastUser => "last_user",
            Self::AllUser => "all_user",
            Self::Conversation => "conversation",
        }
    }
}

impl FromStr for Read {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        named(&Self::ALL.map(|value| (value.name(), value)), "read", text)
    }
}

/// Where a model runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Provider {
    /// The processor.
    #[default]
    Cpu,
    /// An NVIDIA GPU; an error if it cannot be had.
    Cuda,
    /// An NVIDIA GPU if it can be had, else the processor; the router's information tells which.
    Auto,
}

impl Provider {
    /// Every value, in the order of its number.
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Cuda, Self::Auto];

    /// `cpu`, `cuda` or `auto`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Auto => "auto",
        }
    }
}

impl FromStr for Provider {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        named(&Self::ALL.map(|value| (value.name(), value)), "provider", text)
    }
}

/// Numbers of sessions and threads that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Preset {
    /// One session with a thread for each core, four at most: the shortest time for one caller.
    Latency,
    /// One single-threaded session for each core: most requests a second for many callers.
    Throughput,
}

impl Preset {
    /// Every value, in the order of its number.
    pub const ALL: [Self; 2] = [Self::Latency, Self::Throughput];

    /// `latency` or `throughput`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Throughput => "throughput",
        }
    }
}

impl FromStr for Preset {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        named(&Self::ALL.map(|value| (value.name(), value)), "preset", text)
    }
}

/// What is decided for a prompt that no vote resembles (similarity-weighted ranking only).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OutOfDistribution {
    /// The win rate decides as for any prompt; the decision says that the prompt is far away.
    #[default]
    Ignore,
    /// The strong model.
    Strong,
    /// The weak model.
    Weak,
}

impl OutOfDistribution {
    /// Every value, in the order of its number.
    pub const ALL: [Self; 3] = [Self::Ignore, Self::Strong, Self::Weak];

    /// `ignore`, `strong` or `weak`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::Strong => "strong",
            Self::Weak => "weak",
        }
    }
}

impl FromStr for OutOfDistribution {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        named(&Self::ALL.map(|value| (value.name(), value)), "out_of_distribution", text)
    }
}

/// Whether a store of votes is read into memory when opening, or mapped. A mapped store is shared between processes,
/// and its file must not change while a router has it open: replace it by a rename (as the trainings here do), never
/// overwrite or truncate it in place. A part of a mapped file that is not there any more ends the process with
/// `SIGBUS`, and changed contents change the win rates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MapStore {
    /// Stores of up to 256 MB are read into memory, larger ones mapped.
    #[default]
    Auto,
    /// Mapped, whatever the size.
    Always,
    /// Read into memory, whatever the size.
    Never,
}

impl MapStore {
    /// Every value, in the order of its number.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Always, Self::Never];

    /// `auto`, `always` or `never`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

impl FromStr for MapStore {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        named(&Self::ALL.map(|value| (value.name(), value)), "mmap", text)
    }
}

/// What a call does when a prompt cannot be scored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OnError {
    /// Return the error.
    #[default]
    Raise,
    /// Decide for the strong model, with `fallback` set.
    Strong,
    /// Decide for the weak model, with `fallback` set.
    Weak,
}

impl OnError {
    /// Every value, in the order of its number.
    pub const ALL: [Self; 3] = [Self::Raise, Self::Strong, Self::Weak];

    /// `raise`, `strong` or `weak`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raise => "raise",
            Self::Strong => "strong",
            Self::Weak => "weak",
        }
    }
}

impl FromStr for OnError {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        named(&Self::ALL.map(|value| (value.name(), value)), "on_error", text)
    }
}

/// What becomes of control tokens that a prompt spells out, `[SEP]` or `<|im_end|>` for example.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ControlTokens {
    /// They are control tokens, as tokenizers have it by default and the reference does.
    #[default]
    AsWritten,
    /// They are text as any other, and no prompt can end its turn or begin another one.
    Text,
}

impl ControlTokens {
    /// Every value, in the order of its number.
    pub const ALL: [Self; 2] = [Self::AsWritten, Self::Text];

    /// `as_written` or `text`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AsWritten => "as_written",
            Self::Text => "text",
        }
    }
}

impl FromStr for ControlTokens {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        named(&Self::ALL.map(|value| (value.name(), value)), "control_tokens", text)
    }
}
