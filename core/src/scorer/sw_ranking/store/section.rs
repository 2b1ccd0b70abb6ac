//! Bytes of a store: owned, or a part of its file.

use std::sync::Arc;

use super::memory::Store;

/// One flat section of a store. Numbers in it are little-endian.
#[derive(Debug, Clone)]
pub(crate) enum Section {
    /// Owned bytes.
    Bytes(Vec<u8>),
    /// Owned floats, aligned for use.
    Floats(Vec<f32>),
    /// Owned integers, aligned for use.
    Words(Vec<u32>),
    /// A range of a file.
    Part {
        /// The file, shared by all sections of it.
        store: Arc<Store>,
        /// First byte.
        start: usize,
        /// Number of bytes.
        len: usize,
    },
}

#[cfg(target_endian = "big")]
compile_error!("the stores are little-endian and are read in place");

impl Section {
    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Floats(floats) => float_bytes(floats),
            Self::Words(words) => word_bytes(words),
            Self::Part { store, start, len } => &store.bytes()[*start..start + len],
        }
    }

    /// Whether someone else can change the bytes.
    fn is_mapped(&self) -> bool {
        matches!(self, Self::Part { store, .. } if matches!(**store, Store::Mapped(_)))
    }

    /// The same section in a form whose [`Self::floats`] works: copied only where it is not aligned.
    pub(crate) fn aligned_floats(self) -> Self {
        if bytes_as_floats(self.bytes()).is_some() {
            return self;
        }
        self.copied_floats()
    }

    /// Like [`Self::aligned_floats`], for numbers that are checked: what is checked must not change afterwards.
    pub(crate) fn own_floats(self) -> Self {
        if self.is_mapped() { self.copied_floats() } else { self.aligned_floats() }
    }

    fn copied_floats(&self) -> Self {
        let floats = self.bytes().chunks_exact(4).map(|c| f32::from_le_bytes([c[0], c[1], c[2], c[3]]));
        Self::Floats(floats.collect())
    }

    /// Like [`Self::own_floats`], for [`Self::words`].
    pub(crate) fn own_words(self) -> Self {
        if !self.is_mapped() && bytes_as_words(self.bytes()).is_some() {
            return self;
        }
        let words = self.bytes().chunks_exact(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]]));
        Self::Words(words.collect())
    }

    /// The section as integers. Empty where it is not aligned: see [`Self::own_words`].
    pub(crate) fn words(&self) -> &[u32] {
        match self {
            Self::Words(words) => words,
            other => bytes_as_words(other.bytes()).unwrap_or(&[]),
        }
    }

    /// The section as floats. Empty where it is not aligned: see [`Self::aligned_floats`].
    pub(crate) fn floats(&self) -> &[f32] {
        match self {
            Self::Floats(floats) => floats,
            other => bytes_as_floats(other.bytes()).unwrap_or(&[]),
        }
    }
}

fn float_bytes(floats: &[f32]) -> &[u8] {
    // SAFETY: every byte of an f32 is a valid u8, u8 has no alignment, and the length is that of the floats.
    #[allow(unsafe_code, reason = "reads floats as the bytes that go into a file")]
    unsafe {
        std::slice::from_raw_parts(floats.as_ptr().cast(), size_of_val(floats))
    }
}

pub(super) fn word_bytes(words: &[u32]) -> &[u8] {
    // SAFETY: every byte of a u32 is a valid u8, u8 has no alignment, and the length is that of the words.
    #[allow(unsafe_code, reason = "reads integers as the bytes that go into a file")]
    unsafe {
        std::slice::from_raw_parts(words.as_ptr().cast(), size_of_val(words))
    }
}

fn bytes_as_words(bytes: &[u8]) -> Option<&[u32]> {
    // SAFETY: every four bytes are a valid u32; `align_to` takes care of alignment.
    #[allow(unsafe_code, reason = "reads a mapped store in place")]
    let (before, words, after) = unsafe { bytes.align_to::<u32>() };
    (before.is_empty() && after.is_empty()).then_some(words)
}

fn bytes_as_floats(bytes: &[u8]) -> Option<&[f32]> {
    // SAFETY: every four bytes are a valid f32; `align_to` takes care of alignment.
    #[allow(unsafe_code, reason = "reads a mapped store in place")]
    let (before, floats, after) = unsafe { bytes.align_to::<f32>() };
    (before.is_empty() && after.is_empty()).then_some(floats)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_survive_any_alignment() {
        let floats = vec![1.5_f32, -2.0, 3.25];
        let bytes = float_bytes(&floats).to_vec();
        let section = Section::Bytes(bytes.clone()).aligned_floats();
        assert_eq!(section.floats(), floats);
        assert_eq!(Section::Words(Section::Bytes(bytes.clone()).own_words().words().to_vec()).bytes(), bytes);
        assert!(bytes_as_floats(&bytes[1..]).is_none() && bytes_as_words(&bytes[1..]).is_none());
    }
}
