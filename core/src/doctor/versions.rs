//! What runs.

use serde::Serialize;

use crate::artifact::FORMAT_VERSION;

/// The number of the binary interface of C.
pub const C_ABI_VERSION: u32 = 0;

/// What runs: this library, its parts, the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Versions {
    // <faces:record-diagnosis_versions>
    /// The version of this library.
    pub routellm: &'static str,
    /// The number of the binary interface of C.
    pub c_abi: usize,
    /// The version of artifacts that this library writes.
    pub format: usize,
    /// The target that it was compiled for, `x86_64-unknown-linux-gnu`.
    pub target: String,
    /// Whether it was compiled for speed; a development build is many times slower.
    pub optimized: bool,
    /// The version of the crate that calls ONNX Runtime; `None` if it was built without.
    pub ort: Option<&'static str>,
    /// The version of the crate that reads `tokenizer.json`; `None` if it was built without.
    pub tokenizers: Option<&'static str>,
    /// The operating system, its kernel and its C library.
    pub system: String,
    /// The language that calls, with its version; `None` in Rust, C and C++.
    pub language: Option<String>,
    // </faces:record-diagnosis_versions>
}

impl Versions {
    pub(super) fn found() -> Self {
        let onnx = cfg!(feature = "onnx");
        Self {
            routellm: crate::VERSION,
            c_abi: C_ABI_VERSION as usize,
            format: FORMAT_VERSION as usize,
            target: target(),
            optimized: !cfg!(debug_assertions),
            ort: onnx.then_some(ORT),
            tokenizers: onnx.then_some(TOKENIZERS),
            system: system(),
            language: None,
        }
    }
}

/// As `Cargo.lock` pins them: neither crate tells.
const ORT: &str = "2.0.0-rc.15";
const TOKENIZERS: &str = "0.23.2";

/// The target, put together as rustc spells it.
fn target() -> String {
    let vendor = if cfg!(target_vendor = "apple") {
        "apple"
    } else if cfg!(target_vendor = "pc") {
        "pc"
    } else {
        "unknown"
    };
    let system = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
    let c_library = if cfg!(target_env = "gnu") {
        "-gnu"
    } else if cfg!(target_env = "musl") {
        "-musl"
    } else if cfg!(target_env = "msvc") {
        "-msvc"
    } else {
        ""
    };
    format!("{}-{vendor}-{system}{c_library}", std::env::consts::ARCH)
}

fn system() -> String {
    let mut text = std::env::consts::OS.to_owned();
    if let Ok(kernel) = std::fs::read_to_string("/proc/sys/kernel/osrelease") {
        text = format!("{text} {}", kernel.trim());
    }
    if let Some(c_library) = c_library() {
        text = format!("{text}, {c_library}");
    }
    text
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "asks the C library for its version")]
#[allow(clippy::unnecessary_wraps, reason = "other systems have none")]
fn c_library() -> Option<String> {
    // SAFETY: it gives a C string that is valid for ever.
    let version = unsafe { std::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) };
    Some(format!("glibc {}", version.to_string_lossy()))
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn c_library() -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_of_the_crates_are_those_of_the_lock_file() {
        let lock = include_str!("../../../Cargo.lock");
        for (name, version) in [("ort", ORT), ("tokenizers", TOKENIZERS)] {
            assert!(
                lock.contains(&format!("name = \"{name}\"\nversion = \"{version}\"\n")),
                "{name} {version}"
            );
        }
    }

    #[test]
    #[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
    fn the_target_is_spelled_as_the_compiler_does() {
        assert_eq!(target(), "x86_64-unknown-linux-gnu");
        assert!(system().contains("glibc 2."), "{}", system());
    }
}
