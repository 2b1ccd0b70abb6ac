//! The header and the link settings of the shared library.

use std::env;
use std::path::{Path, PathBuf};

include!("ffi/header/generate.rs");

/// The number of the binary interface, as in `ROUTELLM_ABI_VERSION`.
const ABI: u32 = 0;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in ["build.rs", "ffi/src", "ffi/header"] {
        println!("cargo::rerun-if-changed={path}");
    }
    write_header()?;
    link();
    Ok(())
}

/// Writes the header to the build folder, never to the source tree: there a test proves it current.
fn write_header() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let text = generate_header(&root.join("ffi"), &env::var("CARGO_PKG_VERSION")?)?;
    if !text.contains(&format!("#define ROUTELLM_ABI_VERSION {ABI}\n")) {
        return Err(format!("ABI is {ABI} in build.rs, and another number in ffi/src/version.rs").into());
    }
    let folder = Path::new(&env::var("OUT_DIR")?).join("include");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("routellm.h"), text)?;
    Ok(())
}

fn link() {
    match env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("linux" | "android" | "freebsd") => {
            println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libroutellm.so.{ABI}");
            // Threads of ONNX Runtime and handlers of fork outlive a dlclose, which must therefore not unmap the
            // code that they run.
            println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
        }
        Ok("macos") => {
            println!("cargo::rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libroutellm.{ABI}.dylib");
        }
        _ => {}
    }
}
