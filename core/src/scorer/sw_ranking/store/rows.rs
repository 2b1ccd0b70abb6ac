//! Rows of vectors in one of the store formats, and the scan over them.

use serde::{Deserialize, Serialize};

use super::quantize::{self, Format};
use super::rotate::Rotation;
use super::section::Section;
use crate::error::{Error, Result};
use crate::numeric::{LANES, parallel_map};
use crate::scorer::sw_ranking::scan::code::{self, CodeQuery};
use crate::scorer::sw_ranking::scan::float::{self, Isa, halves};

/// Largest dimension of an embedding: the integer sums of the kernels are exact up to here.
pub const MAX_DIM: usize = 65_536;

/// How the embeddings of the votes are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum StoreKind {
    /// Single precision: 4 bytes a dimension.
    F32,
    /// Half precision: 2 bytes a dimension.
    F16,
    /// 8 bits a dimension, one scale a row.
    Int8,
    /// 4 bits a dimension, rotated, one scale a row.
    Int4,
    /// 2 bits a dimension, rotated, one scale a row.
    Int2,
}

impl StoreKind {
    /// Every kind, from the largest to the smallest.
    pub const ALL: [Self; 5] = [Self::F32, Self::F16, Self::Int8, Self::Int4, Self::Int2];

    /// The kind with this name: `f32`, `f16`, `int8`, `int4` or `int2`.
    ///
    /// # Errors
    /// `InvalidArgument` for another name.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            Error::invalid_argument(format!("unknown store {name:?}, expected f32, f16, int8, int4 or int2"))
        })
    }

    /// `f32`, `f16`, `int8`, `int4` or `int2`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Int8 => "int8",
            Self::Int4 => "int4",
            Self::Int2 => "int2",
        }
    }

    /// The format of the codes, for the kinds that have codes.
    pub(crate) const fn format(self) -> Option<Format> {
        match self {
            Self::F32 | Self::F16 => None,
            Self::Int8 => Some(Format { bits: 8 }),
            Self::Int4 => Some(Format { bits: 4 }),
            Self::Int2 => Some(Format { bits: 2 }),
        }
    }

    /// Bytes of one row, without its scale.
    pub const fn row_bytes(self, dim: usize) -> usize {
        match self {
            Self::F32 => 4 * dim,
            Self::F16 => 2 * dim,
            Self::Int8 => dim,
            Self::Int4 => dim.div_ceil(2),
            Self::Int2 => dim.div_ceil(4),
        }
    }

    /// How the sums of what a store of this kind lost are stored. The kinds of few bits have many of them.
    pub(crate) const fn residual_kind(self) -> Self {
        if self.rotates() { Self::Int4 } else { Self::Int8 }
    }

    /// Whether vectors are rotated before they are stored.
    pub(crate) const fn rotates(self) -> bool {
        matches!(self, Self::Int4 | Self::Int2)
    }
}

/// `n` vectors of one dimension.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    pub(crate) kind: StoreKind,
    pub(crate) dim: usize,
    pub(crate) n: usize,
    pub(crate) data: Section,
    /// One scale a row for the kinds with codes, else empty.
    pub(crate) scales: Section,
    rotation: Option<Rotation>,
}

/// A query in the form that the rows of one kind are scanned with.
#[derive(Debug, Clone)]
pub(crate) enum RowQuery {
    Floats(Vec<f32>),
    Codes(CodeQuery),
}

impl Rows {
    /// Stores vectors given one after the other.
    pub(crate) fn encode<'a>(
        kind: StoreKind,
        dim: usize,
        seed: u64,
        vectors: impl Iterator<Item = &'a [f32]>,
    ) -> Self {
        let rotation = kind.rotates().then(|| Rotation::new(dim, seed));
        let mut n = 0;
        let (mut floats, mut bytes, mut scales) = (Vec::new(), Vec::new(), Vec::new());
        let mut rotated = vec![0.0; dim];
        for vector in vectors {
            n += 1;
            match kind.format() {
                None if kind == StoreKind::F32 => floats.extend_from_slice(vector),
                None => bytes.extend(vector.iter().flat_map(|x| quantize::to_half(*x).to_le_bytes())),
                Some(format) => {
                    rotated.copy_from_slice(vector);
                    if let Some(rotation) = &rotation {
                        rotation.apply(&mut rotated);
                    }
                    let start = bytes.len();
                    bytes.resize(start + format.row_bytes(dim), 0);
                    scales.push(quantize::encode(format, &rotated, &mut bytes[start..]));
                }
            }
        }
        let data = if kind == StoreKind::F32 { Section::Floats(floats) } else { Section::Bytes(bytes) };
        Self { kind, dim, n, data, scales: Section::Floats(scales), rotation }
    }

    /// Rows over sections that were stored before.
    ///
    /// # Errors
    /// `InvalidModel` if the sections do not have the size that `n` rows need.
    pub(crate) fn from_sections(
        name: &str,
        kind: StoreKind,
        (n, dim): (usize, usize),
        seed: u64,
        data: Section,
        scales: Option<Section>,
    ) -> Result<Self> {
        let want = n.checked_mul(kind.row_bytes(dim));
        if want != Some(data.bytes().len()) {
            return Err(Error::invalid_model(format!(
                "{name}: {n} rows of {dim} dimensions in {} are {want:?} bytes, found {}",
                kind.name(),
                data.bytes().len()
            )));
        }
        let scales = scales.map_or_else(|| Section::Floats(Vec::new()), Section::own_floats);
        let want = if kind.format().is_some() { n } else { 0 };
        if scales.floats().len() != want {
            let found = scales.floats().len();
            return Err(Error::invalid_model(format!("{name}: {want} scales expected, found {found}")));
        }
        if let Some(row) = scales.floats().iter().position(|s| !(s.is_finite() && *s >= 0.0)) {
            return Err(Error::invalid_model(format!("{name}: the scale of row {row} is no number >= 0")));
        }
        let data = if kind == StoreKind::F32 { data.aligned_floats() } else { data };
        let rotation = kind.rotates().then(|| Rotation::new(dim, seed));
        Ok(Self { kind, dim, n, data, scales, rotation })
    }

    /// Prepares a query for [`Self::scan`].
    pub(crate) fn query(&self, query: &[f32]) -> RowQuery {
        match self.kind.format() {
            None => {
                let mut floats = query.to_vec();
                floats.resize(self.dim.next_multiple_of(LANES), 0.0);
                RowQuery::Floats(floats)
            }
            Some(format) => match &self.rotation {
                None => RowQuery::Codes(CodeQuery::new(format, query)),
                Some(rotation) => {
                    let mut rotated = query.to_vec();
                    rotation.apply(&mut rotated);
                    RowQuery::Codes(CodeQuery::new(format, &rotated))
                }
            },
        }
    }

    /// The vector of a row as it is stored, in the space of the embeddings' rotation (for residuals, which
    /// are products with a query that is rotated alike).
    pub(crate) fn decode_rotated(&self, row: usize, x: &mut [f32]) {
        let width = self.kind.row_bytes(self.dim);
        match self.kind.format() {
            None if self.kind == StoreKind::F32 => {
                x.copy_from_slice(&self.data.floats()[row * self.dim..(row + 1) * self.dim]);
            }
            None => {
                let row = &halves(self.data.bytes())[row * self.dim..(row + 1) * self.dim];
                for (x, half) in x.iter_mut().zip(row) {
                    *x = quantize::from_half(u16::from_le_bytes(half.0)) / quantize::HALF_SCALE;
                }
            }
            Some(format) => {
                let codes = &self.data.bytes()[row * width..(row + 1) * width];
                quantize::decode(format, codes, self.scales.floats()[row], x);
            }
        }
    }

    /// Rotates a vector as the stored ones are rotated.
    pub(crate) fn rotate(&self, x: &mut [f32]) {
        if let Some(rotation) = &self.rotation {
            rotation.apply(x);
        }
    }

    /// Inner products of rows `first..first + out[0].len()` with each query, into `out[q]`.
    pub(crate) fn scan(&self, first: usize, queries: &[RowQuery], out: &mut [&mut [f32]]) {
        let count = out.first().map_or(0, |o| o.len());
        let last = first + count;
        let floats = || -> Vec<&[f32]> {
            queries.iter().map(|q| if let RowQuery::Floats(f) = q { f.as_slice() } else { &[] }).collect()
        };
        match self.kind.format() {
            None if self.kind == StoreKind::F32 => {
                let rows = &self.data.floats()[first * self.dim..last * self.dim];
                float::scan(Isa::detect(), rows, self.dim, &floats(), out);
            }
            None => {
                let rows = &halves(self.data.bytes())[first * self.dim..last * self.dim];
                float::scan(Isa::detect(), rows, self.dim, &floats(), out);
                for out in out {
                    float::unscale_halves(out);
                }
            }
            Some(format) => {
                let codes: Vec<&CodeQuery> = queries
                    .iter()
                    .filter_map(|q| if let RowQuery::Codes(c) = q { Some(c) } else { None })
                    .collect();
                let width = format.row_bytes(self.dim);
                let rows = &self.data.bytes()[first * width..last * width];
                let scales = &self.scales.floats()[first..last];
                code::scan(code::detect(), format, rows, width, scales, &codes, out);
            }
        }
    }

    /// [`Self::scan`] over all rows with `threads` threads. Every row is computed by itself: the bits do
    /// not depend on their number. `out` is `queries x n`.
    pub(crate) fn scan_all(&self, queries: &[RowQuery], out: &mut [f32], threads: usize) {
        let mut outs: Vec<&mut [f32]> = out.chunks_exact_mut(self.n.max(1)).collect();
        let threads = threads.clamp(1, self.n.div_ceil(1024).max(1));
        if threads == 1 {
            self.scan(0, queries, &mut outs);
            return;
        }
        let share = self.n.div_ceil(threads);
        let parts = (0..self.n).step_by(share).map(|first| {
            let count = share.min(self.n - first);
            let part = outs.iter_mut().map(|out| {
                let (mine, rest) = std::mem::take(out).split_at_mut(count);
                *out = rest;
                mine
            });
            (first, part.collect::<Vec<_>>())
        });
        parallel_map(parts, |(first, mut part)| self.scan(first, queries, &mut part));
    }
}
