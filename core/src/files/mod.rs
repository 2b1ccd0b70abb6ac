//! What files of every kind need: their hashes, tensors in them, and JSON.

mod json;
mod tensors;

use std::fs::File;
use std::io::Read;
use std::path::Path;

pub use json::Json;
pub(crate) use json::{from_text, tolerant_json};
use sha2::{Digest, Sha256};
pub use tensors::{Tensor, Tensors, tensor_f32, tensor_f64, tensor_i8, tensor_u32};

use crate::{Error, Result};

/// Whoever knows what files should contain.
pub trait Checksums {
    /// The SHA-256 that the file at `path` should have; `None` if nothing is said of it.
    fn sha256_at(&self, path: &Path) -> Option<&str>;
}

/// SHA-256 of bytes, as 64 lower-case hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn sha256_of_file(path: &Path, mut file: &File) -> Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0_u8; 1 << 16];
    loop {
        let read = file.read(&mut buffer).map_err(|error| Error::io(path, error))?;
        if read == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&buffer[..read]);
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(64), |mut out, byte| {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// What is wrong with a file that Git LFS has not fetched; `None` for any other.
pub(crate) fn unfetched(path: &Path) -> Option<Error> {
    let mut beginning = [0; 24];
    File::open(path).and_then(|mut file| file.read_exact(&mut beginning)).ok()?;
    (&beginning == b"version https://git-lfs.").then(|| {
        Error::invalid_model(format!(
            "{}: a pointer of Git LFS, and not the file itself: fetch that by git lfs pull",
            path.display()
        ))
    })
}
