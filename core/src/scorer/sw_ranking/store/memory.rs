//! The bytes of a store's file: read into memory, or mapped and shared between processes.

use std::fs::File;
use std::io::{self, Read};

use memmap2::Mmap;

pub use crate::names::MapStore;

/// Largest store that [`MapStore::Auto`] reads into memory.
const AUTO_BYTES: u64 = 256_000_000;

fn maps(map: MapStore, bytes: u64) -> bool {
    match map {
        MapStore::Auto => bytes > AUTO_BYTES,
        MapStore::Always => true,
        MapStore::Never => false,
    }
}

/// The bytes of a file.
#[derive(Debug)]
pub(crate) enum Store {
    /// In memory, aligned for numbers of four bytes; the number of bytes is less than that of the words.
    Read(Vec<u32>, usize),
    /// Mapped: whoever writes into the file changes them.
    Mapped(Mmap),
}

impl Store {
    pub(crate) fn open(file: &mut File, map: MapStore) -> io::Result<Self> {
        let bytes = file.metadata()?.len();
        if maps(map, bytes) {
            // SAFETY: a mapping changes if its file is changed in place, which the documentation forbids. All that
            // is used as an index is copied out of it and checked; what is left are numbers, all of whose values are
            // valid.
            #[allow(unsafe_code, reason = "a large store is read in place and shared between processes")]
            return Ok(Self::Mapped(unsafe { Mmap::map(&*file) }?));
        }
        let length = usize::try_from(bytes).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let mut words: Vec<u32> = Vec::new();
        words
            .try_reserve_exact(length.div_ceil(4))
            .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        words.resize(length.div_ceil(4), 0);
        file.read_exact(&mut bytes_of(&mut words)[..length])?;
        Ok(Self::Read(words, length))
    }

    /// All of them.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Read(words, length) => &super::section::word_bytes(words)[..*length],
            Self::Mapped(map) => map,
        }
    }
}

fn bytes_of(words: &mut [u32]) -> &mut [u8] {
    // SAFETY: all bytes are valid for both types, u8 has no alignment, and the length is that of the words.
    #[allow(unsafe_code, reason = "reads a file into memory that is aligned for its numbers")]
    unsafe {
        std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), size_of_val(words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_whole_and_aligned() {
        let folder = tempfile::tempdir().unwrap();
        for length in [0, 1, 3, 4, 5, 1001] {
            let path = folder.path().join(length.to_string());
            let contents: Vec<u8> = (0..length).map(|i| i as u8).collect();
            std::fs::write(&path, &contents).unwrap();
            let store = Store::open(&mut File::open(&path).unwrap(), MapStore::Never).unwrap();
            assert_eq!(store.bytes(), contents);
            assert_eq!(store.bytes().as_ptr().addr() % 4, 0);
        }
    }

    #[test]
    fn only_large_stores_are_mapped_unless_asked_for() {
        assert!(!maps(MapStore::Auto, AUTO_BYTES) && maps(MapStore::Auto, AUTO_BYTES + 1));
        assert!(maps(MapStore::Always, 1) && !maps(MapStore::Never, u64::MAX));
        for (name, map) in
            [("auto", MapStore::Auto), ("always", MapStore::Always), ("never", MapStore::Never)]
        {
            assert_eq!(name.parse::<MapStore>().unwrap(), map);
        }
        assert!("Always".parse::<MapStore>().unwrap_err().to_string().contains("mmap"));
    }
}
