//! What the environment sets. There is nothing else: no configuration file is read, and nothing is kept between processes.

use std::collections::BTreeMap;

use serde::Serialize;

/// Variables that this library reads, then those of ONNX Runtime, CUDA, the tokenizers and the loader.
const VARIABLES: [&str; 12] = [
    "ROUTELLM_ORT_PATH",
    "ORT_DYLIB_PATH",
    "SOURCE_DATE_EPOCH",
    "ORT_DISABLE_TELEMETRY",
    "OMP_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES",
    "CUDA_PATH",
    "TOKENIZERS_PARALLELISM",
    "RAYON_NUM_THREADS",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "RUST_BACKTRACE",
];

/// What the environment sets, of what is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Settings {
    // <faces:record-diagnosis_settings>
    /// The variables that are set, of those that this library, ONNX Runtime or their parts read, with their values.
    pub environment: BTreeMap<String, String>,
    /// The names of the others.
    pub unset: Vec<String>,
    // </faces:record-diagnosis_settings>
}

impl Settings {
    pub(super) fn found() -> Self {
        let mut environment = BTreeMap::new();
        let mut unset = Vec::new();
        for name in VARIABLES {
            match std::env::var_os(name) {
                Some(value) => {
                    environment.insert(name.to_owned(), value.to_string_lossy().into_owned());
                }
                None => unset.push(name.to_owned()),
            }
        }
        Self { environment, unset }
    }
}
