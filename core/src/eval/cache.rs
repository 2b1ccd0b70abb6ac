//! Scores that are kept on disk, by the router and the text.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// A text by its contents.
pub(super) type Key = [u8; 32];

/// The key of a text.
pub(super) fn key(text: &str) -> Key {
    Sha256::digest(text.as_bytes()).into()
}

/// Scores by text, `width` numbers each: of one router, whose identity is in the name of the file.
///
/// The file holds records of 32 bytes of SHA-256 and then the numbers, little-endian. It is replaced by a rename, so that a
/// reader sees all of it or the one before. Two evaluations at a time lose at most what one of them added.
pub(super) struct Cache {
    width: usize,
    known: HashMap<Key, Vec<f64>>,
    /// In the order in which they came, for the file.
    order: Vec<Key>,
    path: Option<PathBuf>,
    changed: bool,
}

impl Cache {
    /// Reads what `folder` has of the router; nothing is kept on disk without a folder.
    ///
    /// # Errors
    /// `Io`, for the folder or a file that is there.
    pub(super) fn open(folder: Option<&Path>, router: &str, width: usize) -> Result<Self> {
        let mut cache = Self { width, known: HashMap::new(), order: Vec::new(), path: None, changed: false };
        let Some(folder) = folder else { return Ok(cache) };
        fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
        let path = folder.join(format!("{router}-{width}.scores"));
        match fs::read(&path) {
            Ok(bytes) => {
                // A rest that is no record is of a file that was damaged: it is scored again.
                for record in bytes.chunks_exact(32 + 8 * width) {
                    let (text, numbers) = record.split_at(32);
                    let numbers = numbers.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes));
                    cache.keep(text.try_into().unwrap_or_default(), numbers.collect());
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io(&path, error)),
        }
        cache.changed = false;
        cache.path = Some(path);
        Ok(cache)
    }

    pub(super) fn get(&self, key: &Key) -> Option<&[f64]> {
        self.known.get(key).map(Vec::as_slice)
    }

    pub(super) fn keep(&mut self, key: Key, numbers: Vec<f64>) {
        debug_assert_eq!(numbers.len(), self.width, "a record has a fixed length");
        if self.known.insert(key, numbers).is_none() {
            self.order.push(key);
            self.changed = true;
        }
    }

    /// Writes what is new. Scores that could not be computed are not kept.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn save(&mut self) -> Result<()> {
        let (Some(path), true) = (&self.path, self.changed) else { return Ok(()) };
        let mut bytes = Vec::with_capacity(self.order.len() * (32 + 8 * self.width));
        for key in &self.order {
            let numbers = &self.known[key];
            if numbers.iter().all(|number| !number.is_nan()) {
                bytes.extend_from_slice(key);
                bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
            }
        }
        let beside = path.with_extension(format!("{}.part", std::process::id()));
        fs::write(&beside, bytes).map_err(|error| Error::io(&beside, error))?;
        fs::rename(&beside, path).map_err(|error| Error::io(path, error))?;
        self.changed = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_there_again() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("a/b");
        let mut cache = Cache::open(Some(&inside), "router", 2).unwrap();
        cache.keep(key("x"), vec![0.25, 1.0]);
        cache.keep(key("y"), vec![f64::NAN, 0.0]);
        cache.save().unwrap();
        let again = Cache::open(Some(&inside), "router", 2).unwrap();
        assert_eq!(again.get(&key("x")), Some(&[0.25, 1.0][..]));
        assert_eq!((again.get(&key("y")), again.get(&key("z"))), (None, None));
        // Another router, or another number of scores, has none of it.
        assert_eq!(Cache::open(Some(&inside), "other", 2).unwrap().get(&key("x")), None);
        assert_eq!(Cache::open(Some(&inside), "router", 1).unwrap().get(&key("x")), None);
        // A file that was cut holds what is whole.
        let path = inside.join("router-2.scores");
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend([1, 2, 3]);
        fs::write(&path, bytes).unwrap();
        assert_eq!(Cache::open(Some(&inside), "router", 2).unwrap().known.len(), 1);
        assert_eq!(fs::read_dir(&inside).unwrap().count(), 1);
    }
}
