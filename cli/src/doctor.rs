//! `routellm doctor`.

use std::path::PathBuf;

use routellm_core::Result;
use routellm_core::doctor::{Diagnosis, doctor};

use crate::output::Output;

/// Say what was found: runtime, GPU, versions, an artifact and whether it is whole, settings.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  routellm doctor\n  routellm doctor my-router --json")]
pub(crate) struct Doctor {
    /// The folder of an artifact or of a model; the router that is compiled in without it.
    artifact: Option<PathBuf>,
}

impl Doctor {
    pub(crate) fn run(self, output: &mut Output) -> Result<()> {
        let found = doctor(self.artifact.as_deref());
        if output.is_json() { output.json(&found) } else { tell(&found, output) }
    }
}

fn tell(found: &Diagnosis, output: &mut Output) -> Result<()> {
    let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    let Diagnosis { versions, runtime, gpu, cpu, artifact, settings, .. } = found;
    let whole = match artifact.checksums {
        Some(true) => "every file is as it was written",
        Some(false) => "files differ from what was written",
        None => "no checksums",
    };
    let path = artifact.path.as_ref().map_or_else(|| "compiled in".to_owned(), |path| path.clone());
    let mut facts = vec![
        (
            "routellm",
            format!("{} (artifacts of form {}, {})", versions.routellm, versions.format, versions.target),
        ),
        ("system", versions.system.clone()),
        (
            "processor",
            format!("{} {}, {} cores, {}", cpu.architecture, or_none(&cpu.model), cpu.cores, cpu.kernel),
        ),
        (
            "artifact",
            format!("{path}: {}, {} files, {} bytes, {whole}", artifact.form, artifact.files, artifact.bytes),
        ),
        ("candidates", artifact.candidates.join(", ")),
        (
            "onnxruntime",
            match &runtime.library {
                Some(library) => format!("{} {}", or_none(&runtime.version), library),
                None => format!("none ({} or newer is needed by routers with a model)", runtime.needed),
            },
        ),
        ("gpu", if gpu.cuda { gpu.devices.join(", ") } else { or_none(&gpu.problem) }),
    ];
    facts.extend(artifact.problem.iter().map(|problem| ("problem", problem.clone())));
    if runtime.library.is_none() {
        facts.extend(runtime.looked_at.iter().map(|place| ("looked at", place.clone())));
    }
    facts.extend(settings.environment.iter().map(|(name, value)| ("set", format!("{name}={value}"))));
    output.facts(&facts)
}
