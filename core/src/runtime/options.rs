//! How sessions are opened.

use std::path::PathBuf;

use crate::{Error, Result};

/// Where a model runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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
    /// `cpu`, `cuda` or `auto`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Auto => "auto",
        }
    }
}

impl std::str::FromStr for Provider {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Cpu, Self::Cuda, Self::Auto].into_iter().find(|provider| provider.name() == text).ok_or_else(
            || {
                Error::invalid_argument(format!(
                    "provider is {text:?}, expected \"cpu\", \"cuda\" or \"auto\""
                ))
            },
        )
    }
}

/// Numbers of sessions and threads that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// One session with a thread for each core, four at most: the shortest time for one caller.
    Latency,
    /// One single-threaded session for each core: most requests a second for many callers.
    Throughput,
}

impl std::str::FromStr for Preset {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "latency" => Ok(Self::Latency),
            "throughput" => Ok(Self::Throughput),
            other => Err(Error::invalid_argument(format!(
                "preset is {other:?}, expected \"latency\" or \"throughput\""
            ))),
        }
    }
}

/// How sessions are opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionOptions {
    /// Path of `libonnxruntime`, or `None` to look for it.
    pub library: Option<PathBuf>,
    /// Where the model runs; the processor if `None`.
    pub provider: Option<Provider>,
    /// Which GPU, from 0; the first if `None`.
    pub device_id: Option<u32>,
    /// Bytes of GPU memory that the sessions' arena may take; no limit of its own if `None`.
    pub memory_limit: Option<u64>,
    /// Whether a GPU may compute float32 in TF32, with 10 bits of mantissa; it does not if `None`.
    pub tf32: Option<bool>,
    /// Number of sessions, each with its own threads and working memory; 1 if `None`.
    pub sessions: Option<usize>,
    /// Threads inside one session; the smaller of the number of cores and 4 if `None`.
    pub intra_threads: Option<usize>,
    /// Numbers of sessions and threads by name, instead of one by one.
    pub preset: Option<Preset>,
    /// How many calls may wait for a session, a batch counting once; any number if `None`. More are refused at once.
    pub max_waiting: Option<usize>,
}

/// Largest number of sessions or threads that is accepted: more is a typing mistake.
const MAX_THREADS: usize = 256;

impl SessionOptions {
    /// # Errors
    /// `InvalidArgument` if a number is 0 or absurd, or an option has no effect beside another.
    pub fn check(&self) -> Result<()> {
        for (name, value) in [("sessions", self.sessions), ("intra_threads", self.intra_threads)] {
            if let Some(value) = value
                && !(1..=MAX_THREADS).contains(&value)
            {
                return Err(Error::invalid_argument(format!(
                    "{name} is {value}, expected 1 to {MAX_THREADS}"
                )));
            }
        }
        if self.preset.is_some() && (self.sessions.is_some() || self.intra_threads.is_some()) {
            return Err(Error::invalid_argument(
                "preset sets sessions and intra_threads: pass either the preset or the numbers",
            ));
        }
        let on_gpu = !matches!(self.provider, None | Some(Provider::Cpu));
        let without_effect = [
            ("device_id and memory_limit have", self.device_id.is_some() || self.memory_limit.is_some()),
            ("tf32 has", self.tf32.is_some()),
        ];
        if let Some((what, _)) = without_effect.iter().find(|(_, given)| *given && !on_gpu) {
            return Err(Error::invalid_argument(format!(
                "{what} no effect on the provider \"cpu\": pass provider \"cuda\" or \"auto\""
            )));
        }
        if self.memory_limit == Some(0) {
            return Err(Error::invalid_argument("memory_limit is 0, expected a number of bytes"));
        }
        Ok(())
    }

    /// Whether every option is at its default.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Number of sessions and threads inside each.
    pub(super) fn counts(&self) -> (usize, usize) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        if self.preset == Some(Preset::Throughput) {
            return (cores, 1);
        }
        (self.sessions.unwrap_or(1), self.intra_threads.unwrap_or(cores.min(4)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_without_effect_are_refused() {
        let refused = [
            SessionOptions { sessions: Some(0), ..SessionOptions::default() },
            SessionOptions { intra_threads: Some(1000), ..SessionOptions::default() },
            SessionOptions { sessions: Some(2), preset: Some(Preset::Latency), ..SessionOptions::default() },
            SessionOptions { device_id: Some(0), ..SessionOptions::default() },
            SessionOptions { tf32: Some(true), ..SessionOptions::default() },
            SessionOptions { tf32: Some(false), provider: Some(Provider::Cpu), ..SessionOptions::default() },
            SessionOptions {
                memory_limit: Some(1),
                provider: Some(Provider::Cpu),
                ..SessionOptions::default()
            },
            SessionOptions {
                memory_limit: Some(0),
                provider: Some(Provider::Cuda),
                ..SessionOptions::default()
            },
        ];
        for options in refused {
            assert!(options.check().is_err(), "{options:?}");
        }
        let gpu = SessionOptions {
            provider: Some(Provider::Auto),
            device_id: Some(1),
            tf32: Some(true),
            ..SessionOptions::default()
        };
        assert!(gpu.check().is_ok());
    }
}
