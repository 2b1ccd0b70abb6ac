//! k-means over unit vectors, by Lloyd's iterations on a sample.

use crate::error::Result;
use crate::numeric::{SplitMix, parallel_map};
use crate::scorer::sw_ranking::store::rows::{RowQuery, Rows, StoreKind};

/// Vectors per cluster that the iterations look at; the rest is assigned once, at the end.
const SAMPLE: usize = 48;

/// The nearest centroid of each vector. `centroids` is `k x dim`; a block of vectors meets all centroids
/// while it is in the cache.
pub(crate) fn assign(vectors: &[f32], dim: usize, centroids: &[f32], threads: usize, out: &mut [u32]) {
    const BLOCK: usize = 64;
    let k = centroids.len() / dim;
    let half_norms: Vec<f32> =
        centroids.chunks_exact(dim).map(|c| c.iter().map(|x| x * x).sum::<f32>() / 2.0).collect();
    let rows = Rows::encode(StoreKind::F32, dim, 0, centroids.chunks_exact(dim));
    let share = out.len().div_ceil(threads.max(1)).next_multiple_of(BLOCK);
    parallel_map(vectors.chunks(share * dim).zip(out.chunks_mut(share)), |(vectors, out)| {
        let mut dots = vec![0.0; BLOCK * k];
        for (vectors, out) in vectors.chunks(BLOCK * dim).zip(out.chunks_mut(BLOCK)) {
            let queries: Vec<RowQuery> = vectors.chunks_exact(dim).map(|v| rows.query(v)).collect();
            rows.scan_all(&queries, &mut dots[..out.len() * k], 1);
            for (dots, out) in dots.chunks_exact(k).zip(out) {
                let mut best = (f32::NEG_INFINITY, 0);
                for (c, (dot, half)) in dots.iter().zip(&half_norms).enumerate() {
                    if dot - half > best.0 {
                        best = (dot - half, c as u32);
                    }
                }
                *out = best.1;
            }
        }
    });
}

/// `k` centroids of the vectors, `k x dim`. `step` is called after each iteration and may stop the work.
pub(crate) fn centroids(
    vectors: &[f32],
    dim: usize,
    k: usize,
    iterations: usize,
    random: &mut SplitMix,
    threads: usize,
    step: &mut dyn FnMut(usize) -> Result<()>,
) -> Result<Vec<f32>> {
    let n = vectors.len() / dim;
    let mut order: Vec<usize> = (0..n).collect();
    let sample_size = n.min(k * SAMPLE);
    for i in 0..sample_size {
        order.swap(i, i + random.below(n - i));
    }
    let sample: Vec<f32> =
        order[..sample_size].iter().flat_map(|i| vectors[i * dim..(i + 1) * dim].iter().copied()).collect();
    let mut centroids = sample[..k * dim].to_vec();
    let mut nearest = vec![0_u32; sample_size];
    for iteration in 0..iterations {
        assign(&sample, dim, &centroids, threads, &mut nearest);
        let mut sums = vec![0.0_f64; k * dim];
        let mut counts = vec![0_usize; k];
        for (vector, c) in sample.chunks_exact(dim).zip(&nearest) {
            let c = *c as usize;
            counts[c] += 1;
            for (sum, x) in sums[c * dim..(c + 1) * dim].iter_mut().zip(vector) {
                *sum += f64::from(*x);
            }
        }
        for c in 0..k {
            let centroid = &mut centroids[c * dim..(c + 1) * dim];
            if counts[c] == 0 {
                // An empty cluster starts again at a vector of the sample.
                let i = random.below(sample_size);
                centroid.copy_from_slice(&sample[i * dim..(i + 1) * dim]);
            } else {
                for (x, sum) in centroid.iter_mut().zip(&sums[c * dim..]) {
                    *x = (sum / counts[c] as f64) as f32;
                }
            }
        }
        step(iteration)?;
    }
    Ok(centroids)
}
