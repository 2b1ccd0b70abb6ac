//! Sparse vectors in a fixed order.

/// Indices and values of the dimensions that are not zero, each index once, in the order in which they were
/// added. Sums over them are taken in that order, so that they have the same bits everywhere.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SparseVector {
    entries: Vec<(u32, f32)>,
}

impl SparseVector {
    /// An empty vector.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a dimension, which must not be there yet.
    #[inline]
    pub fn push(&mut self, index: u32, value: f32) {
        self.entries.push((index, value));
    }

    /// Multiplies every value.
    pub fn scale(&mut self, factor: f32) {
        for (_, value) in &mut self.entries {
            *value *= factor;
        }
    }

    /// Removes every entry and keeps the memory.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Index and value of each entry.
    pub fn iter(&self) -> impl Iterator<Item = (u32, f32)> + '_ {
        self.entries.iter().copied()
    }

    /// `sum(value * weights[index])` in double precision.
    #[inline]
    pub fn dot(&self, weights: &[f32]) -> f64 {
        // Two sums, even and odd entries: half the latency of one chain, and the order is still fixed.
        let mut pairs = self.entries.chunks_exact(2);
        let (mut even, mut odd) = (0.0, 0.0);
        let product = |&(index, value): &(u32, f32)| f64::from(value) * f64::from(weights[index as usize]);
        for pair in pairs.by_ref() {
            even += product(&pair[0]);
            odd += product(&pair[1]);
        }
        even + odd + pairs.remainder().iter().map(product).sum::<f64>()
    }
}
