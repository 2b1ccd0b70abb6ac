//! Embeddings that were computed before, by the text they belong to.
//!
//! Embedding is what a build spends its time on. A cache file keeps the vectors of all prompts seen, so
//! adding votes embeds the new prompts only. It holds no text: the key is a hash of the encoder's identity
//! and the prompt.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use sha2::{Digest, Sha256};

use crate::artifact::staging::replace_file;
use crate::error::{Error, Result};

/// Name of the encoder in the file's metadata.
const ENCODER: &str = "routellm.encoder";
/// Bytes of a key: half of a SHA-256.
const KEY: usize = 16;

/// Embeddings of one encoder by the prompt they belong to.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingCache {
    encoder: String,
    dim: usize,
    keys: HashMap<[u8; KEY], usize>,
    vectors: Vec<f32>,
}

impl EmbeddingCache {
    /// An empty cache for an encoder, named by whatever identifies it (its checksum, say), of `dim` dimensions.
    ///
    /// # Errors
    /// `InvalidArgument` for a dimension of 0.
    pub fn new(encoder: impl Into<String>, dim: usize) -> Result<Self> {
        if dim == 0 {
            return Err(Error::invalid_argument("embeddings of 0 dimensions"));
        }
        Ok(Self { encoder: encoder.into(), dim, keys: HashMap::new(), vectors: Vec::new() })
    }

    fn key(&self, prompt: &str) -> [u8; KEY] {
        let mut hash = Sha256::new();
        hash.update((self.encoder.len() as u64).to_le_bytes());
        hash.update(self.encoder.as_bytes());
        hash.update(prompt.as_bytes());
        let mut key = [0; KEY];
        key.copy_from_slice(&hash.finalize()[..KEY]);
        key
    }

    /// Number of embeddings.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no embedding.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The embedding of a prompt, if it is known.
    pub fn get(&self, prompt: &str) -> Option<&[f32]> {
        let row = *self.keys.get(&self.key(prompt))?;
        Some(&self.vectors[row * self.dim..(row + 1) * self.dim])
    }

    /// Keeps the embedding of a prompt; a known prompt's is replaced.
    ///
    /// # Errors
    /// `InvalidArgument` for a wrong dimension.
    pub fn insert(&mut self, prompt: &str, embedding: &[f32]) -> Result<()> {
        if embedding.len() != self.dim {
            return Err(Error::invalid_argument(format!(
                "embedding has {} dimensions, this cache keeps {}",
                embedding.len(),
                self.dim
            )));
        }
        let next = self.keys.len();
        let row = *self.keys.entry(self.key(prompt)).or_insert(next);
        if row == next {
            self.vectors.extend_from_slice(embedding);
        } else {
            self.vectors[row * self.dim..(row + 1) * self.dim].copy_from_slice(embedding);
        }
        Ok(())
    }

    /// Writes the cache, which takes the place of `path` when it is whole. A symbolic link is written through.
    ///
    /// # Errors
    /// `Io` where the operating system refuses.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let mut keys = vec![0_u8; self.keys.len() * KEY];
        for (key, row) in &self.keys {
            keys[row * KEY..(row + 1) * KEY].copy_from_slice(key);
        }
        let bytes: Vec<u8> = self.vectors.iter().flat_map(|x| x.to_le_bytes()).collect();
        let failed = |e| Error::tensors(path, e);
        let views = [
            ("keys", TensorView::new(Dtype::U8, vec![self.len(), KEY], &keys).map_err(failed)?),
            ("embeddings", TensorView::new(Dtype::F32, vec![self.len(), self.dim], &bytes).map_err(failed)?),
        ];
        let info = [(ENCODER.to_owned(), self.encoder.clone())].into();
        replace_file(path, |path| {
            safetensors::serialize_to_file(views, Some(info), path).map_err(|e| Error::tensors(path, e))
        })
    }

    /// Reads a cache that [`Self::write`] wrote for this encoder and dimension.
    ///
    /// # Errors
    /// `NotFound` or `Io` for the file; `InvalidModel` if it is no such file; `InvalidArgument` if it belongs to
    /// another encoder or dimension.
    pub fn read(path: impl AsRef<Path>, encoder: &str, dim: usize) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|e| Error::io(path, e))?;
        let bad = |what: String| Error::invalid_model(format!("{}: {what}", path.display()));
        let file = safetensors::SafeTensors::deserialize(&bytes).map_err(|e| bad(e.to_string()))?;
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).map_err(|e| bad(e.to_string()))?;
        let of = header.metadata().as_ref().and_then(|m| m.get(ENCODER)).cloned();
        let of = of.ok_or_else(|| bad("no embedding cache".to_owned()))?;
        let (Ok(keys), Ok(vectors)) = (file.tensor("keys"), file.tensor("embeddings")) else {
            return Err(bad("no keys or no embeddings".to_owned()));
        };
        let n = keys.shape().first().copied().unwrap_or(0);
        let found = vectors.shape().get(1).copied().unwrap_or(0);
        if keys.dtype() != Dtype::U8
            || vectors.dtype() != Dtype::F32
            || keys.shape() != [n, KEY]
            || vectors.shape() != [n, found]
        {
            return Err(bad("keys and embeddings do not fit".to_owned()));
        }
        if of != encoder || found != dim {
            return Err(Error::invalid_argument(format!(
                "{}: embeddings of {of:?} with {found} dimensions, expected {encoder:?} with {dim}",
                path.display()
            )));
        }
        let mut cache = Self::new(of, dim)?;
        for (row, key) in keys.data().chunks_exact(KEY).enumerate() {
            let mut fixed = [0; KEY];
            fixed.copy_from_slice(key);
            if cache.keys.insert(fixed, row).is_some() {
                return Err(bad(format!("key {row} is repeated")));
            }
        }
        cache.vectors =
            vectors.data().chunks_exact(4).map(|c| f32::from_le_bytes([c[0], c[1], c[2], c[3]])).collect();
        Ok(cache)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn embeddings_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.safetensors");
        let mut cache = EmbeddingCache::new("encoder", 2).unwrap();
        cache.insert("a", &[1.0, 2.0]).unwrap();
        cache.insert("b", &[3.0, 4.0]).unwrap();
        cache.insert("a", &[5.0, 6.0]).unwrap();
        assert!(cache.insert("c", &[1.0]).is_err());
        cache.write(&path).unwrap();
        let read = EmbeddingCache::read(&path, "encoder", 2).unwrap();
        assert_eq!(read, cache);
        assert_eq!(read.get("a"), Some(&[5.0, 6.0][..]));
        assert_eq!((read.get("c"), read.len()), (None, 2));
        for (encoder, dim) in [("other", 2), ("encoder", 3)] {
            assert_eq!(
                EmbeddingCache::read(&path, encoder, dim).unwrap_err().kind(),
                ErrorKind::InvalidArgument
            );
        }
        std::fs::write(&path, b"junk").unwrap();
        assert_eq!(EmbeddingCache::read(&path, "encoder", 2).unwrap_err().kind(), ErrorKind::InvalidModel);
    }
}
