//! Inner products of float rows with queries: 16 lanes over the dimension, folded 8-4-2-1.
//!
//! A tile of rows meets a tile of queries in registers, so a batch reads each row once. Every sum has its
//! own 16 lanes, whatever the tile: alone or in a batch, and on every CPU, the bits are the same. The last,
//! partial 16 dimensions are filled up with zeros.

use crate::numeric::{LANES, fold};
use crate::scorer::sw_ranking::store::quantize::{HALF_SCALE, from_half};

/// A row of numbers that the kernels can read.
pub(crate) trait Lane: Copy + Default {
    fn widen(self) -> f32;
    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code, reason = "implementations load without a bounds check")]
    /// Sixteen numbers as floats.
    ///
    /// # Safety
    /// 16 numbers are readable at `at`.
    unsafe fn load(at: *const Self) -> std::arch::x86_64::__m512;
}

impl Lane for f32 {
    #[inline(always)]
    fn widen(self) -> f32 {
        self
    }
    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code, reason = "a load without a bounds check, in a kernel")]
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn load(at: *const Self) -> std::arch::x86_64::__m512 {
        // SAFETY: the caller's promise.
        unsafe { std::arch::x86_64::_mm512_loadu_ps(at) }
    }
}

/// A number in half precision, times 16.
#[derive(Debug, Clone, Copy, Default)]
#[repr(transparent)]
pub(crate) struct Half(pub(crate) [u8; 2]);

impl Lane for Half {
    #[inline(always)]
    fn widen(self) -> f32 {
        from_half(u16::from_le_bytes(self.0))
    }
    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code, reason = "a load without a bounds check, in a kernel")]
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn load(at: *const Self) -> std::arch::x86_64::__m512 {
        use std::arch::x86_64::{_mm256_loadu_si256, _mm512_cvtph_ps};
        // SAFETY: the caller's promise; 16 halves are 32 bytes, of any alignment. Stored halves are normal
        // or zero, for which this instruction and `from_half` agree.
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(at.cast())) }
    }
}

/// Reads bytes as halves: both have the alignment 1.
pub(crate) fn halves(bytes: &[u8]) -> &[Half] {
    // SAFETY: `Half` is two bytes with no alignment and no invalid value.
    #[allow(unsafe_code, reason = "reads a mapped store in place")]
    let (_, halves, _) = unsafe { bytes.align_to::<Half>() };
    halves
}

/// The portable tile, also compiled for AVX2: `Q` queries against one row.
#[inline(always)]
fn tile_body<T: Lane, const Q: usize>(row: &[T], queries: [&[f32]; Q]) -> [f32; Q] {
    let mut lanes = [[0.0_f32; LANES]; Q];
    let full = row.len() / LANES * LANES;
    for start in (0..full).step_by(LANES) {
        let x: &[T] = &row[start..start + LANES];
        for (lanes, query) in lanes.iter_mut().zip(queries) {
            let query = &query[start..start + LANES];
            for lane in 0..LANES {
                lanes[lane] += x[lane].widen() * query[lane];
            }
        }
    }
    if full < row.len() {
        let mut x = [T::default(); LANES];
        x[..row.len() - full].copy_from_slice(&row[full..]);
        for (lanes, query) in lanes.iter_mut().zip(queries) {
            let query = &query[full..full + LANES];
            for lane in 0..LANES {
                lanes[lane] += x[lane].widen() * query[lane];
            }
        }
    }
    lanes.map(fold)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn tile_avx2<T: Lane, const Q: usize>(row: &[T], queries: [&[f32]; Q]) -> [f32; Q] {
    tile_body(row, queries)
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::{
        __m512, _MM_HINT_T0, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_movehl_ps, _mm_prefetch,
        _mm_shuffle_ps, _mm256_add_ps, _mm256_castpd_ps, _mm256_castps256_ps128, _mm256_extractf128_ps,
        _mm512_add_ps, _mm512_castpd_ps, _mm512_castps_pd, _mm512_castps512_ps256, _mm512_extractf64x4_pd,
        _mm512_loadu_ps, _mm512_mul_ps, _mm512_setzero_ps,
    };

    use super::{LANES, Lane};

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn fold(v: __m512) -> f32 {
        let _ = _mm512_castpd_ps;
        let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(v)));
        let v = _mm256_add_ps(_mm512_castps512_ps256(v), high);
        let v = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
        let v = _mm_add_ps(v, _mm_movehl_ps(v, v));
        _mm_cvtss_f32(_mm_add_ss(v, _mm_shuffle_ps::<1>(v, v)))
    }

    /// `R` rows against `Q` queries. Queries are padded with zeros to a multiple of 16. What lies `ahead` bytes
    /// behind each row is asked for meanwhile, unless that is 0.
    #[target_feature(enable = "avx512f")]
    pub(super) fn tile<T: Lane, const R: usize, const Q: usize>(
        rows: [&[T]; R],
        queries: [&[f32]; Q],
        ahead: usize,
    ) -> [[f32; Q]; R] {
        let dim = rows[0].len();
        assert!(rows.iter().all(|row| row.len() == dim));
        assert!(queries.iter().all(|query| query.len() >= dim.next_multiple_of(LANES)));
        let mut sums = [[_mm512_setzero_ps(); Q]; R];
        let full = dim / LANES * LANES;
        let mut start = 0;
        while start < full {
            if ahead > 0 {
                for row in rows {
                    let at = row.as_ptr().wrapping_add(start).wrapping_byte_add(ahead);
                    _mm_prefetch::<_MM_HINT_T0>(at.cast());
                }
            }
            // SAFETY: `start + 16 <= dim`, and all slices are at least `dim` long.
            #[allow(unsafe_code, reason = "loads without bounds checks, in the innermost loop")]
            unsafe {
                let q: [__m512; Q] = std::array::from_fn(|i| _mm512_loadu_ps(queries[i].as_ptr().add(start)));
                for r in 0..R {
                    let x = T::load(rows[r].as_ptr().add(start));
                    for i in 0..Q {
                        sums[r][i] = _mm512_add_ps(sums[r][i], _mm512_mul_ps(x, q[i]));
                    }
                }
            }
            start += LANES;
        }
        if full < dim {
            for r in 0..R {
                let mut rest = [T::default(); LANES];
                rest[..dim - full].copy_from_slice(&rows[r][full..]);
                // SAFETY: `rest` has 16 numbers, and the queries are padded to a multiple of 16.
                #[allow(unsafe_code, reason = "loads without bounds checks")]
                unsafe {
                    let x = T::load(rest.as_ptr());
                    for i in 0..Q {
                        let q = _mm512_loadu_ps(queries[i].as_ptr().add(full));
                        sums[r][i] = _mm512_add_ps(sums[r][i], _mm512_mul_ps(x, q));
                    }
                }
            }
        }
        let mut out = [[0.0; Q]; R];
        for r in 0..R {
            for i in 0..Q {
                out[r][i] = fold(sums[r][i]);
            }
        }
        out
    }
}

/// Which body to run; the bits are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isa {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// The widest that this CPU has for floats.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx512f") {
                return Self::Avx512;
            }
            if std::arch::is_x86_feature_detected!("avx2") {
                return Self::Avx2;
            }
        }
        Self::Portable
    }
}

/// Rows of this many bytes that fill half of a usual first cache, in fours.
pub(crate) const fn block_rows(row_bytes: usize) -> usize {
    let rows = 24 * 1024 / row_bytes / 4 * 4;
    if rows < 4 { 4 } else { rows }
}

/// Inner products of `rows` (`n x dim`, row-major) with each query (padded with zeros to a multiple of 16):
/// `out[q][i]` for row `i`, divided by `16` for halves.
pub(crate) fn scan<T: Lane>(isa: Isa, rows: &[T], dim: usize, queries: &[&[f32]], out: &mut [&mut [f32]]) {
    let n = rows.len() / dim;
    let mut row = 0;
    #[cfg(target_arch = "x86_64")]
    if isa == Isa::Avx512 {
        row = n / 4 * 4;
        scan_avx512(&rows[..row * dim], dim, queries, out);
    }
    while row < n {
        let x = &rows[row * dim..(row + 1) * dim];
        let mut q = 0;
        while q + 2 <= queries.len() {
            let dots = one_row(isa, x, [queries[q], queries[q + 1]]);
            out[q][row] = dots[0];
            out[q + 1][row] = dots[1];
            q += 2;
        }
        if q < queries.len() {
            out[q][row] = one_row(isa, x, [queries[q]])[0];
        }
        row += 1;
    }
}

/// [`scan`] of a multiple of four rows.
#[cfg(target_arch = "x86_64")]
fn scan_avx512<T: Lane>(rows: &[T], dim: usize, queries: &[&[f32]], out: &mut [&mut [f32]]) {
    let n = rows.len() / dim;
    // Eight queries fit the first cache beside the rows, and then a row that comes from memory meets twice as many.
    let wide = dim <= EIGHT_DIM;
    // A block of rows stays in the first cache while every query passes over it.
    let block = block_rows(dim * size_of::<T>());
    for start in (0..n).step_by(block) {
        let end = n.min(start + block);
        let mut q = 0;
        while q < queries.len() {
            let left = queries.len() - q;
            q += if wide && left >= 8 {
                tiles::<T, 2, 8>(rows, dim, (start, end), queries, q, out)
            } else if left >= 4 {
                tiles::<T, 4, 4>(rows, dim, (start, end), queries, q, out)
            } else {
                tiles::<T, 4, 1>(rows, dim, (start, end), queries, q, out)
            };
        }
    }
}

/// Largest dimension at which eight queries leave half of a usual first cache to the rows.
#[cfg(target_arch = "x86_64")]
const EIGHT_DIM: usize = 768;

/// Bytes between what is read and what is asked for.
#[cfg(target_arch = "x86_64")]
const AHEAD: usize = 16 * 1024;

/// Queries `q..q + Q` against the rows from `start` to `end`, `R` at a time.
#[cfg(target_arch = "x86_64")]
fn tiles<T: Lane, const R: usize, const Q: usize>(
    rows: &[T],
    dim: usize,
    (start, end): (usize, usize),
    queries: &[&[f32]],
    q: usize,
    out: &mut [&mut [f32]],
) -> usize {
    let these: [&[f32]; Q] = std::array::from_fn(|i| queries[q + i]);
    // Arithmetic for many queries hides the rows to come from the CPU's own prefetching: ask for them.
    let ahead = if Q > 1 && q == 0 { AHEAD } else { 0 };
    for first in (start..end).step_by(R) {
        let tile = std::array::from_fn(|r| &rows[(first + r) * dim..(first + r + 1) * dim]);
        // SAFETY: only called from `scan_avx512`, on a CPU that has AVX-512F.
        #[allow(unsafe_code, reason = "calls a function compiled for more CPU features")]
        let dots: [[f32; Q]; R] = unsafe { avx512::tile(tile, these, ahead) };
        for i in 0..Q {
            out[q + i][first..first + R].copy_from_slice(&dots.map(|dots| dots[i]));
        }
    }
    Q
}

fn one_row<T: Lane, const Q: usize>(isa: Isa, row: &[T], queries: [&[f32]; Q]) -> [f32; Q] {
    match isa {
        Isa::Portable => tile_body(row, queries),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `isa` says that the CPU has AVX2.
        #[allow(unsafe_code, reason = "calls a function compiled for more CPU features")]
        Isa::Avx2 => unsafe { tile_avx2(row, queries) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `isa` says that the CPU has AVX-512F.
        #[allow(unsafe_code, reason = "calls a function compiled for more CPU features")]
        Isa::Avx512 => unsafe { avx512::tile([row], queries, 0)[0] },
    }
}

/// Undoes the factor that halves are stored with. A power of two: exact.
pub(crate) fn unscale_halves(dots: &mut [f32]) {
    for dot in dots {
        *dot *= 1.0 / HALF_SCALE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorer::sw_ranking::store::quantize::to_half;
    use proptest::prelude::*;

    fn run<T: Lane>(isa: Isa, rows: &[T], dim: usize, queries: &[Vec<f32>]) -> Vec<Vec<u32>> {
        let n = rows.len() / dim;
        let mut out = vec![vec![0.0; n]; queries.len()];
        let views: Vec<&[f32]> = queries.iter().map(Vec::as_slice).collect();
        scan(isa, rows, dim, &views, &mut out.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>());
        out.into_iter().map(|o| o.into_iter().map(f32::to_bits).collect()).collect()
    }

    proptest! {
        #[test]
        fn every_path_and_batch_gives_the_same_bits(
            dim in 1..70usize, n in 1..11usize, count in 1..14usize, seed in prop::collection::vec(-1f32..1., 1400),
        ) {
            let rows = &seed[..n * dim];
            let queries: Vec<Vec<f32>> = (0..count).map(|q| {
                let mut query: Vec<f32> = (0..dim).map(|i| seed[(q * 131 + i * 7) % seed.len()]).collect();
                query.resize(dim.next_multiple_of(LANES), 0.0);
                query
            }).collect();
            let want = run(Isa::Portable, rows, dim, &queries);
            prop_assert_eq!(&run(Isa::detect(), rows, dim, &queries), &want);
            #[cfg(target_arch = "x86_64")]
            if std::arch::is_x86_feature_detected!("avx2") {
                prop_assert_eq!(&run(Isa::Avx2, rows, dim, &queries), &want);
            }
            for (query, want) in queries.iter().zip(&want) {
                prop_assert_eq!(&run(Isa::detect(), rows, dim, std::slice::from_ref(query))[0], want);
                for (i, row) in rows.chunks_exact(dim).enumerate() {
                    let naive: f64 = row.iter().zip(query).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                    prop_assert!((f64::from(f32::from_bits(want[i])) - naive).abs() < 1e-5);
                }
            }
            let half: Vec<Half> = rows.iter().map(|x| Half(to_half(*x).to_le_bytes())).collect();
            prop_assert_eq!(run(Isa::detect(), &half, dim, &queries), run(Isa::Portable, &half, dim, &queries));
        }
    }
}
