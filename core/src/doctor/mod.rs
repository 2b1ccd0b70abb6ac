//! What a report of a defect has to say: what was found of the runtime, the GPU, the artifact and the settings.

mod artifact;
mod cpu;
mod gpu;
mod runtime;
mod settings;
mod versions;

use std::path::Path;

use serde::Serialize;

pub use artifact::ArtifactFound;
pub use cpu::Cpu;
pub use gpu::Gpu;
pub use runtime::RuntimeFound;
pub use settings::Settings;
pub use versions::{C_ABI_VERSION, Versions};

/// What was found on this machine. No prompt is in it; paths and the values of some variables are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Diagnosis {
    // <faces:record-diagnosis>
    /// What runs.
    pub versions: Versions,
    /// The ONNX Runtime that a router would use.
    pub runtime: RuntimeFound,
    /// Whether a model could run on a GPU.
    pub gpu: Gpu,
    /// What the rest runs on.
    pub cpu: Cpu,
    /// The artifact that was asked about, or the one that is compiled in.
    pub artifact: ArtifactFound,
    /// What the environment sets.
    pub settings: Settings,
    // </faces:record-diagnosis>
}

/// Looks around, as a report of a defect needs it, and never fails: what is missing or broken is what is told.
///
/// `artifact` is the folder of an artifact or of a model; without one it is about the router that is compiled in. No
/// router is opened and no model loaded. The ONNX Runtime that a router would use is loaded to be asked for its version,
/// and stays so; the process is not bound to it by that. Of a GPU, only what the driver tells without being set up.
pub fn doctor(artifact: Option<&Path>) -> Diagnosis {
    // First, because looking for the runtime may set a variable.
    let settings = Settings::found();
    let runtime = RuntimeFound::found();
    Diagnosis {
        versions: Versions::found(),
        gpu: Gpu::found(&runtime.providers),
        runtime,
        cpu: Cpu::found(),
        artifact: artifact.map_or_else(ArtifactFound::compiled_in, ArtifactFound::at),
        settings,
    }
}
