//! What the options of sessions come to.

use super::SessionOptions;
use crate::names::Spelling;
pub use crate::names::{Preset, Provider};
use crate::{Error, Result};

impl SessionOptions {
    /// # Errors
    /// `InvalidArgument` if a number is out of range, or an option has no effect beside another.
    pub fn check(&self) -> Result<()> {
        self.check_spelled(Spelling::Snake)
    }

    /// As [`check`](Self::check), for callers who spell names so.
    pub(crate) fn check_spelled(&self, spelling: Spelling) -> Result<()> {
        self.check_ranges(spelling)?;
        if self.preset.is_some() && (self.sessions.is_some() || self.intra_threads.is_some()) {
            return Err(Error::invalid_argument(format!(
                "preset sets {}: pass either the preset or the numbers",
                spelling.list(&["sessions", "intra_threads"])
            )));
        }
        if matches!(self.provider, None | Some(Provider::Cpu)) {
            let mut of_gpus = self.given();
            of_gpus.retain(|name| ["device_id", "memory_limit", "tf32"].contains(name));
            let why = "the provider is \"cpu\", pass provider \"cuda\" or \"auto\"";
            return spelling.without_effect(&of_gpus, why).map_or(Ok(()), Err);
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
