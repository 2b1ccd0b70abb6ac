//! Opening one session on the provider that was asked for.

use std::path::Path;

use ort::ep::cuda::CUDA;
use ort::ep::{ArenaExtendStrategy, ExecutionProvider};
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use super::SessionOptions;
use super::env::Runtime;
use super::options::Provider;
use crate::{Error, ErrorKind, Result};

/// Opens `path` on the provider of `options`, and says which provider it became.
///
/// # Errors
/// `InvalidModel` if the file is no model that the runtime can run; `RuntimeUnavailable` if the provider `cuda`
/// cannot be had.
pub(super) fn open(
    runtime: &Runtime,
    path: &Path,
    options: &SessionOptions,
    intra_threads: usize,
) -> Result<(Session, &'static str)> {
    let on_cpu = || {
        let builder = builder(runtime, intra_threads).map_err(|error| broken(path, &error))?;
        Ok((commit(builder, path)?, Provider::Cpu.name()))
    };
    let provider = options.provider.unwrap_or_default();
    if provider == Provider::Cpu {
        return on_cpu();
    }
    let on_gpu = cuda(runtime, options, intra_threads)
        .map_err(|reason| {
            let reason = reason.trim_end();
            Error::new(
                ErrorKind::RuntimeUnavailable,
                format!(
                    "the provider \"cuda\" was asked for, and ONNX Runtime {} ({}) cannot give it: {reason}. Install \
                     onnxruntime-gpu with its CUDA and cuDNN libraries (Python: pip install \
                     'onnxruntime-gpu[cuda,cudnn]'; elsewhere set ORT_DYLIB_PATH to a GPU build), or use the \
                     provider \"cpu\" or \"auto\"",
                    runtime.info().library.display(),
                    runtime.info().build
                ),
            )
        })
        .and_then(|builder| Ok((commit(builder, path)?, Provider::Cuda.name())));
    match (provider, on_gpu) {
        // A GPU that has no memory left or the wrong driver is as good as none.
        (Provider::Auto, Err(_)) => on_cpu(),
        (_, outcome) => outcome,
    }
}

fn builder(runtime: &Runtime, intra_threads: usize) -> Result<SessionBuilder, ort::Error> {
    Ok(Session::builder(&runtime.environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(intra_threads)?
        .with_intra_op_spinning(false)?)
}

fn cuda(runtime: &Runtime, options: &SessionOptions, threads: usize) -> Result<SessionBuilder, String> {
    match CUDA::is_available() {
        Ok(true) => {}
        Ok(false) => return Err("it was built without CUDA".to_owned()),
        Err(error) => return Err(error.to_string()),
    }
    preload_packages(&runtime.info().library);
    let provider = cuda_provider(options)?;
    builder(runtime, threads)
        .and_then(|builder| Ok(builder.with_execution_providers([provider.build().error_on_failure()])?))
        .map_err(|error| error.to_string())
}

/// The provider with the options that were given.
fn cuda_provider(options: &SessionOptions) -> Result<CUDA, String> {
    let mut provider = CUDA::default()
        // The arena grows by what is asked for: doubling would take memory from other programs on the same GPU.
        .with_arena_extend_strategy(ArenaExtendStrategy::SameAsRequested)
        // By default float32 is computed in TF32 there, and win rates are up to 1e-3 away from the processor's.
        .with_tf32(options.tf32.unwrap_or(false));
    if let Some(device) = options.device_id {
        provider = provider.with_device_id(i32::try_from(device).map_err(|error| error.to_string())?);
    }
    if let Some(limit) = options.memory_limit {
        provider = provider.with_memory_limit(usize::try_from(limit).map_err(|error| error.to_string())?);
    }
    Ok(provider)
}

/// Loads the CUDA libraries that NVIDIA's Python packages put beside onnxruntime-gpu, where nothing else would look for
/// them: `site-packages/nvidia/{cu13,cudnn}/lib` beside `site-packages/onnxruntime/capi`. What is still missing after that,
/// the provider names itself.
fn preload_packages(library: &Path) {
    let Some(site) = library.ancestors().nth(3) else { return };
    let folder = |name: &str| Some(site.join("nvidia").join(name).join("lib")).filter(|path| path.is_dir());
    let (cuda, cudnn) = (folder("cu13"), folder("cudnn"));
    if cuda.is_some() || cudnn.is_some() {
        let _ = ort::ep::cuda::preload_dylibs(cuda.as_deref(), cudnn.as_deref());
    }
}

fn commit(mut builder: SessionBuilder, path: &Path) -> Result<Session> {
    builder.commit_from_file(path).map_err(|error| broken(path, &error))
}

fn broken(path: &Path, error: &ort::Error) -> Error {
    Error::invalid_model(format!("{}: ONNX Runtime cannot open it: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_computes_float32_in_full_unless_it_is_told_otherwise() {
        let set = |tf32: Option<bool>| {
            let options =
                SessionOptions { provider: Some(Provider::Cuda), tf32, ..SessionOptions::default() };
            format!("{:?}", cuda_provider(&options).unwrap())
        };
        for (tf32, value) in [(None, "false"), (Some(false), "false"), (Some(true), "true")] {
            let options = set(tf32);
            let rest = options.split_once("\"use_tf32\"").unwrap_or_else(|| panic!("{options}")).1;
            let found = rest.split('"').nth(1);
            assert_eq!(found, Some(value), "{options}");
        }
    }
}
