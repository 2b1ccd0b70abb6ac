//! Whether a model could run on a GPU.

use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::dynamic::Library;

/// What is told of a GPU without setting it up: a process that did could not fork any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Gpu {
    // <faces:record-diagnosis_gpu>
    /// Whether the runtime has the provider `cuda`, and a driver is there.
    pub cuda: bool,
    /// The version of the driver in the kernel; `None` if none tells.
    pub driver: Option<String>,
    /// The newest CUDA that the driver knows; `None` without a driver.
    pub cuda_version: Option<String>,
    /// The names of the devices, as the driver in the kernel lists them.
    pub devices: Vec<String>,
    /// Why a model cannot run on one; `None` if nothing is known to be in the way.
    pub problem: Option<String>,
    // </faces:record-diagnosis_gpu>
}

impl Gpu {
    pub(super) fn found(providers: &[String]) -> Self {
        let version = cuda_version();
        let provider = providers.iter().any(|name| name == "CUDAExecutionProvider");
        let problem = match &version {
            Err(reason) => Some(format!("no driver for CUDA: {reason}")),
            Ok(_) if providers.is_empty() => Some("there is no ONNX Runtime".to_owned()),
            Ok(_) if !provider => {
                Some("the ONNX Runtime was built without CUDA: onnxruntime-gpu has it".to_owned())
            }
            Ok(_) => None,
        };
        let proc = Path::new("/proc/driver/nvidia");
        Self {
            cuda: provider && version.is_ok(),
            driver: fs::read_to_string(proc.join("version")).ok().and_then(|text| kernel_driver(&text)),
            cuda_version: version.ok(),
            devices: devices(&proc.join("gpus")),
            problem,
        }
    }
}

/// The newest CUDA that the driver knows.
#[allow(unsafe_code, reason = "asks the driver of CUDA for its version")]
fn cuda_version() -> Result<String, String> {
    type DriverGetVersion = unsafe extern "C" fn(*mut std::ffi::c_int) -> std::ffi::c_int;

    let name = if cfg!(windows) { "nvcuda.dll" } else { "libcuda.so.1" };
    let symbol = Library::open(Path::new(name))?
        .symbol(c"cuDriverGetVersion")
        .ok_or_else(|| format!("{name} has no cuDriverGetVersion"))?;
    // SAFETY: that is the type of this function in every release of CUDA.
    let get = unsafe { std::mem::transmute::<*mut std::ffi::c_void, DriverGetVersion>(symbol) };
    let mut version = 0;
    // SAFETY: the place is writable. The function needs no initialisation.
    let status = unsafe { get(&raw mut version) };
    if status != 0 {
        return Err(format!("cuDriverGetVersion failed with {status}"));
    }
    Ok(format!("{}.{}", version / 1000, version % 1000 / 10))
}

/// `535.129.03` of `NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 ...`.
fn kernel_driver(text: &str) -> Option<String> {
    let is_version = |word: &&str| {
        word.contains('.') && word.chars().all(|letter| letter.is_ascii_digit() || letter == '.')
    };
    text.lines().next()?.split_whitespace().find(is_version).map(str::to_owned)
}

/// The models that the kernel lists, in the order of their addresses.
fn devices(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut folders: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    folders.sort();
    let model =
        |text: String| text.lines().find_map(|line| Some(line.strip_prefix("Model:")?.trim().to_owned()));
    folders.iter().filter_map(|folder| model(fs::read_to_string(folder.join("information")).ok()?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_of_drivers_and_devices_is_read() {
        let text = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023\nGCC version:\n";
        assert_eq!(kernel_driver(text).as_deref(), Some("535.129.03"));
        assert_eq!(kernel_driver("NVRM version: unknown"), None);
        let folder = tempfile::tempdir().unwrap();
        for (address, model) in [("0000:41:00.0", "NVIDIA H100"), ("0000:01:00.0", "Tesla T4")] {
            fs::create_dir(folder.path().join(address)).unwrap();
            let text = format!("Model: \t\t {model}\nIRQ:   16\n");
            fs::write(folder.path().join(address).join("information"), text).unwrap();
        }
        assert_eq!(devices(folder.path()), ["Tesla T4", "NVIDIA H100"]);
        assert!(devices(&folder.path().join("none")).is_empty());
    }

    #[test]
    fn without_a_provider_a_gpu_is_of_no_use_and_the_reason_is_told() {
        let gpu = Gpu::found(&["CPUExecutionProvider".to_owned()]);
        assert!(!gpu.cuda && gpu.problem.is_some(), "{gpu:?}");
    }
}
