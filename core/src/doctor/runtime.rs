//! The ONNX Runtime that a router would use.

use serde::Serialize;

/// The ONNX Runtime that a router would use, or where one was looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RuntimeFound {
    // <faces:record-diagnosis_runtime>
    /// Whether there is one that can be used.
    pub found: bool,
    /// Whether this process uses it already.
    pub in_use: bool,
    /// The path of the library; `None` without one.
    pub library: Option<String>,
    /// How it was found: the variable, the package or the system's own path; `None` without one.
    pub located: Option<String>,
    /// Its version; `None` without one.
    pub version: Option<String>,
    /// What it says of its build; `None` without one.
    pub build: Option<String>,
    /// The names of the providers that it was built with, as it spells them.
    pub providers: Vec<String>,
    /// The oldest version that works.
    pub needed: String,
    /// The places that were looked at before it, with what the system said of each.
    pub looked_at: Vec<String>,
    // </faces:record-diagnosis_runtime>
}

#[cfg(feature = "onnx")]
impl RuntimeFound {
    pub(super) fn found() -> Self {
        let probe = crate::onnx::probe();
        let (library, located) = probe.found.as_ref().map(|found| (&found.library, &found.located)).unzip();
        Self {
            found: probe.found.is_some(),
            in_use: probe.in_use,
            library: library.map(|path| path.display().to_string()),
            located: located.cloned(),
            version: probe.found.as_ref().map(|found| found.version.clone()),
            build: probe.found.as_ref().map(|found| found.build.clone()),
            providers: probe.found.map(|found| found.providers).unwrap_or_default(),
            needed: format!("1.{}", crate::onnx::ORT_MINOR_VERSION),
            looked_at: probe.looked_at,
        }
    }
}

#[cfg(not(feature = "onnx"))]
impl RuntimeFound {
    pub(super) fn found() -> Self {
        Self {
            found: false,
            in_use: false,
            library: None,
            located: None,
            version: None,
            build: None,
            providers: Vec::new(),
            needed: "none".to_owned(),
            looked_at: vec!["nowhere: built without the feature onnx".to_owned()],
        }
    }
}
