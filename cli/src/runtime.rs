//! The ONNX Runtime that was installed beside the command.

use std::fs;
use std::path::{Path, PathBuf};

use routellm_core::onnx::set_package_library;

/// The router of this name that was installed beside the command as a Python package, `routellm-rs-mf-minilm` for `mf-minilm`.
pub(crate) fn bundled(name: &str) -> Option<PathBuf> {
    let program = std::env::current_exe().and_then(fs::canonicalize).ok()?;
    let package = format!("routellm_rs_{}", name.replace('-', "_"));
    let pythons = fs::read_dir(program.parent()?.parent()?.join("lib")).ok()?;
    let folders = pythons.filter_map(|entry| Some(entry.ok()?.path().join("site-packages").join(&package)));
    folders.map(|folder| folder.join("artifact")).find(|folder| folder.is_dir())
}

/// Tells the core where Python's package `onnxruntime` keeps its library, if it is in the same environment as the command.
pub(crate) fn find() {
    // A link to the command, as `pipx` makes them, is not where its environment is.
    let program = std::env::current_exe().and_then(fs::canonicalize).ok();
    let found = program.as_deref().and_then(Path::parent).and_then(Path::parent).and_then(in_environment);
    let place = "the Python package onnxruntime beside the command";
    match found {
        Some(library) => {
            let description = format!("{} ({place})", library.display());
            set_package_library(Some(library), description);
        }
        None => set_package_library(None, format!("{place}: not installed")),
    }
}

/// The library in the folder of a Python environment.
fn in_environment(folder: &Path) -> Option<PathBuf> {
    let pythons = fs::read_dir(folder.join("lib")).ok()?;
    let mut libraries: Vec<PathBuf> = pythons
        .filter_map(|entry| fs::read_dir(entry.ok()?.path().join("site-packages/onnxruntime/capi")).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with("libonnxruntime.so"))
        })
        .collect();
    libraries.sort();
    libraries.pop()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_of_an_environment_is_found() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(in_environment(folder.path()), None);
        let capi = folder.path().join("lib/python3.12/site-packages/onnxruntime/capi");
        fs::create_dir_all(&capi).unwrap();
        fs::create_dir_all(folder.path().join("lib/pkgconfig")).unwrap();
        assert_eq!(in_environment(folder.path()), None);
        for name in [
            "onnxruntime_pybind11_state.so",
            "libonnxruntime.so.1.32.0",
            "libonnxruntime_providers_shared.so",
        ] {
            fs::write(capi.join(name), "").unwrap();
        }
        assert_eq!(in_environment(folder.path()), Some(capi.join("libonnxruntime.so.1.32.0")));
    }
}
