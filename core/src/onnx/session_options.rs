// Written by tools/faces/generate.py from core/options.toml: change that.

//! The options of sessions.

use std::path::PathBuf;

use crate::Result;
use crate::names::range::whole;
use crate::names::{Preset, Provider, Spelling};

/// How ONNX models run: [`into_session`](crate::OpenOptions::into_session) makes them.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct SessionOptions {
    /// The path of `libonnxruntime`. Without it, `ROUTELLM_ORT_PATH`, `ORT_DYLIB_PATH`, a library that the process has
    /// loaded, the language's own package of ONNX Runtime and the system are looked at. Only routers with a model to
    /// run need it.
    pub onnxruntime: Option<PathBuf>,
    /// Where ONNX models run: `cpu` (the default); `cuda`, an NVIDIA GPU, which is `RuntimeUnavailable` if it cannot be
    /// had; or `auto`, a GPU if it can be had and else the processor, and the router's information tells which. A GPU
    /// needs the `libonnxruntime` that was built for it.
    pub provider: Option<Provider>,
    /// Which GPU, from 0; 0 by default. Providers `cuda` and `auto` only.
    pub device_id: Option<u32>,
    /// The bytes of GPU memory that the sessions' arena may take; no limit of its own by default. Providers `cuda` and
    /// `auto` only.
    pub memory_limit: Option<u64>,
    /// Whether a GPU may compute float32 in TF32: faster, with 10 bits of mantissa, so that win rates differ from those
    /// of the processor by about 1e-3. It does not by default. Providers `cuda` and `auto` only.
    pub tf32: Option<bool>,
    /// The numbers of sessions and threads by name: `latency`, one session with a thread for each core, four at most,
    /// or `throughput`, one single-threaded session for each core. It excludes `sessions` and `intra_threads`.
    pub preset: Option<Preset>,
    /// The number of ONNX sessions, which run side by side: 1 to 256, 1 by default.
    pub sessions: Option<usize>,
    /// The number of threads inside one ONNX session: 1 to 256, by default the smaller of the number of cores and 4. A
    /// router with votes reads them with as many, by default with one.
    pub intra_threads: Option<usize>,
    /// How many calls may wait for a session, a batch counting once; any number by default. Beyond it a call is
    /// `ResourceExhausted` at once, or a fallback if `on_error` says so. Routers with sessions only.
    pub max_waiting: Option<usize>,
}

impl SessionOptions {
    /// Names of the options that are given.
    pub(crate) fn given(&self) -> Vec<&'static str> {
        let mut given = Vec::new();
        if self.onnxruntime.is_some() {
            given.push("onnxruntime");
        }
        if self.provider.is_some() {
            given.push("provider");
        }
        if self.device_id.is_some() {
            given.push("device_id");
        }
        if self.memory_limit.is_some() {
            given.push("memory_limit");
        }
        if self.tf32.is_some() {
            given.push("tf32");
        }
        if self.preset.is_some() {
            given.push("preset");
        }
        if self.sessions.is_some() {
            given.push("sessions");
        }
        if self.intra_threads.is_some() {
            given.push("intra_threads");
        }
        if self.max_waiting.is_some() {
            given.push("max_waiting");
        }
        given
    }

    /// # Errors
    /// `InvalidArgument` for a number out of its range.
    pub(crate) fn check_ranges(&self, spelling: Spelling) -> Result<()> {
        whole(spelling.of("memory_limit"), self.memory_limit, (1, None), "a whole number from 1 on")?;
        whole(spelling.of("sessions"), self.sessions, (1, Some(256)), "a whole number from 1 to 256")?;
        whole(
            spelling.of("intra_threads"),
            self.intra_threads,
            (1, Some(256)),
            "a whole number from 1 to 256",
        )?;
        Ok(())
    }
}
