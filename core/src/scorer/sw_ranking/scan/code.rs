//! Inner products of rows of codes with a query of 16-bit integers.
//!
//! The query is split into two planes of signed bytes, `q = 256 * high + low`, so that the byte products of
//! AVX-512 VNNI and AVX2 apply. All sums are of integers and exact: every path gives the same number.

use super::float::{Isa, block_rows};
use crate::numeric::dispatch;
use crate::scorer::sw_ranking::store::quantize::{CHUNK, Format};

/// Largest magnitude of a query's integer: its high plane then fits a signed byte.
const QUERY_TOP: f32 = 32_512.0;

/// A query as two planes of bytes, in the order in which the codes of a row lie.
#[derive(Debug, Clone, Default)]
pub(crate) struct CodeQuery {
    /// Per chunk and code position in a byte: 64 high parts, then 64 low parts, zero past the row's end.
    planes: Vec<i8>,
    /// Sum of the integers.
    sum: i64,
    /// What one unit of the integers stands for.
    scale: f64,
}

#[inline(always)]
fn round_all_body(query: &[f32], unit: f32, out: &mut [i32]) {
    for (out, v) in out.iter_mut().zip(query) {
        *out = (v / unit).round_ties_even() as i32;
    }
}

dispatch! {
    /// The query in integers of `unit`.
    fn round_all(query: &[f32], unit: f32, out: &mut [i32]) -> () = round_all_body
}

impl CodeQuery {
    pub(crate) fn new(format: Format, query: &[f32]) -> Self {
        let dim = query.len();
        let per = format.per_byte();
        let largest = query.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
        let unit = if largest > 0.0 { largest / QUERY_TOP } else { 1.0 };
        let mut integers = vec![0; dim];
        round_all(query, unit, &mut integers);
        let bytes = format.row_bytes(dim);
        let mut planes = vec![0; bytes.div_ceil(CHUNK) * per * 2 * CHUNK];
        // The order of `Format::place`: within a chunk one code of every byte after the other.
        let mut rest = integers.as_slice();
        for (chunk, planes) in planes.chunks_exact_mut(per * 2 * CHUNK).enumerate() {
            let count = CHUNK.min(bytes - chunk * CHUNK);
            for planes in planes.chunks_exact_mut(2 * CHUNK) {
                let (mine, others) = rest.split_at(count.min(rest.len()));
                rest = others;
                let (high, low) = planes.split_at_mut(CHUNK);
                for ((q, high), low) in mine.iter().zip(high).zip(low) {
                    let h = (q + 128) >> 8;
                    *high = h as i8;
                    *low = (q - (h << 8)) as i8;
                }
            }
        }
        let sum = integers.iter().map(|q| i64::from(*q)).sum();
        Self { planes, sum, scale: f64::from(unit) }
    }

    /// The inner product from the sums of the two planes, for a row with this scale.
    #[inline(always)]
    fn finish(&self, zero: f64, (high, low): (i32, i32), scale: f32) -> f32 {
        let total = 256 * i64::from(high) + i64::from(low);
        ((total as f64 - zero * self.sum as f64) * (f64::from(scale) * self.scale)) as f32
    }
}

fn sums_portable<const BITS: usize>(row: &[u8], planes: &[i8]) -> (i32, i32) {
    let mask = ((1_u32 << BITS) - 1) as u8;
    let per = 8 / BITS;
    let (mut high, mut low) = (0, 0);
    for (codes, planes) in row.chunks(CHUNK).zip(planes.chunks_exact(per * 2 * CHUNK)) {
        for (position, planes) in planes.chunks_exact(2 * CHUNK).enumerate() {
            let (h, l) = planes.split_at(CHUNK);
            for ((code, h), l) in codes.iter().zip(h).zip(l) {
                let code = i32::from(code >> (position * BITS) & mask);
                high += code * i32::from(*h);
                low += code * i32::from(*l);
            }
        }
    }
    (high, low)
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::{
        __m128i, __m256i, __m512i, _mm_add_epi32, _mm_cvtsi128_si64, _mm_loadu_ps, _mm_storeu_ps,
        _mm256_add_epi32, _mm256_add_pd, _mm256_castsi256_si128, _mm256_cvtepi32_pd, _mm256_cvtpd_ps,
        _mm256_cvtps_pd, _mm256_extracti128_si256, _mm256_hadd_epi32, _mm256_mul_pd, _mm256_set1_pd,
        _mm256_sub_pd, _mm512_and_si512, _mm512_castsi512_si256, _mm512_dpbusd_epi32,
        _mm512_extracti64x4_epi64, _mm512_loadu_si512, _mm512_maskz_loadu_epi8, _mm512_set1_epi8,
        _mm512_setzero_si512, _mm512_srli_epi16,
    };

    use super::CHUNK;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn unpack<const BITS: usize>(codes: __m512i, position: usize) -> __m512i {
        match (BITS, position) {
            (8, _) => codes,
            (4, 0) => _mm512_and_si512(codes, _mm512_set1_epi8(15)),
            (4, _) => _mm512_and_si512(_mm512_srli_epi16::<4>(codes), _mm512_set1_epi8(15)),
            (_, 0) => _mm512_and_si512(codes, _mm512_set1_epi8(3)),
            (_, 1) => _mm512_and_si512(_mm512_srli_epi16::<2>(codes), _mm512_set1_epi8(3)),
            (_, 2) => _mm512_and_si512(_mm512_srli_epi16::<4>(codes), _mm512_set1_epi8(3)),
            _ => _mm512_and_si512(_mm512_srli_epi16::<6>(codes), _mm512_set1_epi8(3)),
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx2")]
    fn halve(v: __m512i) -> __m256i {
        _mm256_add_epi32(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64::<1>(v))
    }

    /// Sums of all lanes of both.
    #[inline]
    #[target_feature(enable = "avx512f,avx2")]
    fn reduce(high: __m512i, low: __m512i) -> (i32, i32) {
        let pairs = _mm256_hadd_epi32(halve(high), halve(low));
        let pairs = _mm256_hadd_epi32(pairs, pairs);
        let both = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256::<1>(pairs));
        let both = _mm_cvtsi128_si64(both);
        (both as i32, (both >> 32) as i32)
    }

    /// Sums of all lanes of four vectors.
    #[inline]
    #[target_feature(enable = "avx512f,avx2")]
    fn reduce4(v: [__m512i; 4]) -> __m128i {
        let a = _mm256_hadd_epi32(halve(v[0]), halve(v[1]));
        let b = _mm256_hadd_epi32(halve(v[2]), halve(v[3]));
        let c = _mm256_hadd_epi32(a, b);
        _mm_add_epi32(_mm256_castsi256_si128(c), _mm256_extracti128_si256::<1>(c))
    }

    /// Four rows, one after the other in `rows`, against one query: the finished inner products, by the same
    /// exact integers and the same operations on doubles as [`super::CodeQuery::finish`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,avx")]
    pub(super) fn four<const BITS: usize>(
        rows: &[u8],
        row_bytes: usize,
        scales: &[f32],
        query: &super::CodeQuery,
        zero: f64,
        out: &mut [f32],
    ) {
        let per = 8 / BITS;
        let stride = per * 2 * CHUNK;
        let chunks = row_bytes.div_ceil(CHUNK);
        assert!(rows.len() >= 4 * row_bytes && scales.len() >= 4 && out.len() >= 4);
        assert!(query.planes.len() >= chunks * stride);
        let mut high = [_mm512_setzero_si512(); 4];
        let mut low = [_mm512_setzero_si512(); 4];
        for chunk in 0..chunks {
            let left = row_bytes - chunk * CHUNK;
            let mut codes = [_mm512_setzero_si512(); 4];
            for (r, codes) in codes.iter_mut().enumerate() {
                // SAFETY: full chunks lie inside the row; of the last one only the bytes that exist are read.
                #[allow(unsafe_code, reason = "loads without bounds checks, in the innermost loop")]
                unsafe {
                    let at = rows.as_ptr().add(r * row_bytes + chunk * CHUNK);
                    *codes = if left >= CHUNK {
                        _mm512_loadu_si512(at.cast())
                    } else {
                        _mm512_maskz_loadu_epi8((1 << left) - 1, at.cast())
                    };
                }
            }
            for position in 0..per {
                // SAFETY: the planes are long enough, as asserted above.
                #[allow(unsafe_code, reason = "loads without bounds checks, in the innermost loop")]
                let (h, l) = unsafe {
                    let at = query.planes.as_ptr().add(chunk * stride + position * 2 * CHUNK);
                    (_mm512_loadu_si512(at.cast()), _mm512_loadu_si512(at.add(CHUNK).cast()))
                };
                for r in 0..4 {
                    let codes = unpack::<BITS>(codes[r], position);
                    high[r] = _mm512_dpbusd_epi32(high[r], codes, h);
                    low[r] = _mm512_dpbusd_epi32(low[r], codes, l);
                }
            }
        }
        let high = _mm256_mul_pd(_mm256_cvtepi32_pd(reduce4(high)), _mm256_set1_pd(256.0));
        let total = _mm256_add_pd(high, _mm256_cvtepi32_pd(reduce4(low)));
        let centred = _mm256_sub_pd(total, _mm256_set1_pd(zero * query.sum as f64));
        // SAFETY: four scales are readable and four results writable, as asserted above.
        #[allow(unsafe_code, reason = "loads and stores without bounds checks, in the innermost loop")]
        unsafe {
            let scale = _mm256_cvtps_pd(_mm_loadu_ps(scales.as_ptr()));
            let scale = _mm256_mul_pd(scale, _mm256_set1_pd(query.scale));
            _mm_storeu_ps(out.as_mut_ptr(), _mm256_cvtpd_ps(_mm256_mul_pd(centred, scale)));
        }
    }

    /// One row against `Q` queries.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2")]
    pub(super) fn sums<const BITS: usize, const Q: usize>(row: &[u8], planes: [&[i8]; Q]) -> [(i32, i32); Q] {
        let per = 8 / BITS;
        let stride = per * 2 * CHUNK;
        assert!(planes.iter().all(|p| p.len() >= row.len().div_ceil(CHUNK) * stride));
        let mut high = [_mm512_setzero_si512(); Q];
        let mut low = [_mm512_setzero_si512(); Q];
        let chunks = row.len().div_ceil(CHUNK);
        for chunk in 0..chunks {
            let left = row.len() - chunk * CHUNK;
            // SAFETY: full chunks lie inside the row; of the last one only the bytes that exist are read.
            #[allow(unsafe_code, reason = "loads without bounds checks, in the innermost loop")]
            let codes = unsafe {
                let at = row.as_ptr().add(chunk * CHUNK);
                if left >= CHUNK {
                    _mm512_loadu_si512(at.cast())
                } else {
                    _mm512_maskz_loadu_epi8((1 << left) - 1, at.cast())
                }
            };
            for position in 0..per {
                let codes = unpack::<BITS>(codes, position);
                let offset = chunk * stride + position * 2 * CHUNK;
                for i in 0..Q {
                    // SAFETY: the planes are long enough, as asserted above.
                    #[allow(unsafe_code, reason = "loads without bounds checks, in the innermost loop")]
                    let (h, l) = unsafe {
                        let at = planes[i].as_ptr().add(offset);
                        (_mm512_loadu_si512(at.cast()), _mm512_loadu_si512(at.add(CHUNK).cast()))
                    };
                    high[i] = _mm512_dpbusd_epi32(high[i], codes, h);
                    low[i] = _mm512_dpbusd_epi32(low[i], codes, l);
                }
            }
        }
        std::array::from_fn(|i| reduce(high[i], low[i]))
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m256i, _mm_add_epi32, _mm_cvtsi32_si128, _mm_cvtsi128_si64, _mm_loadu_si128, _mm256_add_epi32,
        _mm256_and_si256, _mm256_castsi256_si128, _mm256_cvtepi8_epi16, _mm256_cvtepu8_epi16,
        _mm256_extracti128_si256, _mm256_hadd_epi32, _mm256_loadu_si256, _mm256_madd_epi16,
        _mm256_maddubs_epi16, _mm256_set1_epi8, _mm256_set1_epi16, _mm256_setzero_si256, _mm256_srl_epi16,
    };

    use super::CHUNK;

    /// 32 codes (in bytes) times 32 bytes of a plane, in 8 sums.
    ///
    /// # Safety
    /// 32 bytes are readable at both addresses.
    #[allow(unsafe_code, reason = "loads without bounds checks, in the innermost loop")]
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn products<const BITS: usize>(codes: *const u8, shift: i32, plane: *const i8) -> __m256i {
        // SAFETY: the caller's promise.
        unsafe {
            if BITS == 8 {
                // Byte products would saturate at 16 bits: widen first.
                let half = |at: usize| {
                    let c = _mm256_cvtepu8_epi16(_mm_loadu_si128(codes.add(at).cast()));
                    let p = _mm256_cvtepi8_epi16(_mm_loadu_si128(plane.add(at).cast()));
                    _mm256_madd_epi16(c, p)
                };
                _mm256_add_epi32(half(0), half(16))
            } else {
                // Two products of at most 15 * 128 stay within 16 bits.
                let mask = _mm256_set1_epi8((1 << BITS) - 1);
                let codes = _mm256_srl_epi16(_mm256_loadu_si256(codes.cast()), _mm_cvtsi32_si128(shift));
                let pairs =
                    _mm256_maddubs_epi16(_mm256_and_si256(codes, mask), _mm256_loadu_si256(plane.cast()));
                _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn sums<const BITS: usize>(row: &[u8], planes: &[i8]) -> (i32, i32) {
        let per = 8 / BITS;
        let stride = per * 2 * CHUNK;
        assert!(planes.len() >= row.len().div_ceil(CHUNK) * stride);
        let (mut high, mut low) = (_mm256_setzero_si256(), _mm256_setzero_si256());
        let mut rest = [0_u8; CHUNK];
        for (chunk, codes) in row.chunks(CHUNK).enumerate() {
            let codes = if codes.len() == CHUNK {
                codes.as_ptr()
            } else {
                rest[..codes.len()].copy_from_slice(codes);
                rest.as_ptr()
            };
            for position in 0..per {
                let plane = planes[chunk * stride + position * 2 * CHUNK..][..2 * CHUNK].as_ptr();
                let shift = (position * BITS) as i32;
                for at in [0, 32] {
                    // SAFETY: 64 codes lie at `codes`, and twice 64 bytes at `plane`.
                    #[allow(unsafe_code, reason = "loads without bounds checks, in the innermost loop")]
                    unsafe {
                        let h = products::<BITS>(codes.add(at), shift, plane.add(at));
                        high = _mm256_add_epi32(high, h);
                        let l = products::<BITS>(codes.add(at), shift, plane.add(CHUNK + at));
                        low = _mm256_add_epi32(low, l);
                    }
                }
            }
        }
        let pairs = _mm256_hadd_epi32(high, low);
        let pairs = _mm256_hadd_epi32(pairs, pairs);
        let both = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256::<1>(pairs));
        let both = _mm_cvtsi128_si64(both);
        (both as i32, (both >> 32) as i32)
    }
}

/// The widest instruction set that this CPU has for codes.
pub(crate) fn detect() -> Isa {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx512vnni")
            && std::arch::is_x86_feature_detected!("avx512bw")
            && std::arch::is_x86_feature_detected!("avx512f")
        {
            return Isa::Avx512;
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            return Isa::Avx2;
        }
    }
    Isa::Portable
}

/// Inner products of rows of codes with each query: `out[q][i]` for row `i`.
pub(crate) fn scan(
    isa: Isa,
    format: Format,
    rows: &[u8],
    row_bytes: usize,
    scales: &[f32],
    queries: &[&CodeQuery],
    out: &mut [&mut [f32]],
) {
    match format.bits {
        8 => scan_bits::<8>(isa, rows, row_bytes, scales, format.zero(), queries, out),
        4 => scan_bits::<4>(isa, rows, row_bytes, scales, format.zero(), queries, out),
        _ => scan_bits::<2>(isa, rows, row_bytes, scales, format.zero(), queries, out),
    }
}

fn scan_bits<const BITS: usize>(
    isa: Isa,
    rows: &[u8],
    row_bytes: usize,
    scales: &[f32],
    zero: f64,
    queries: &[&CodeQuery],
    out: &mut [&mut [f32]],
) {
    match isa {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `isa` says that the CPU has AVX-512 F, BW and VNNI.
        #[allow(unsafe_code, reason = "calls a function compiled for more CPU features")]
        Isa::Avx512 => unsafe { scan_avx512::<BITS>(rows, row_bytes, scales, zero, queries, out) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `isa` says that the CPU has AVX2.
        #[allow(unsafe_code, reason = "calls a function compiled for more CPU features")]
        Isa::Avx2 => unsafe { scan_avx2::<BITS>(rows, row_bytes, scales, zero, queries, out) },
        Isa::Portable => {
            for (i, row) in rows.chunks_exact(row_bytes).enumerate() {
                for (query, out) in queries.iter().zip(out.iter_mut()) {
                    out[i] = query.finish(zero, sums_portable::<BITS>(row, &query.planes), scales[i]);
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2")]
fn scan_avx512<const BITS: usize>(
    rows: &[u8],
    row_bytes: usize,
    scales: &[f32],
    zero: f64,
    queries: &[&CodeQuery],
    out: &mut [&mut [f32]],
) {
    let n = scales.len();
    let full = n / 4 * 4;
    // A block of rows stays in the first cache while every query passes over it.
    let block = block_rows(row_bytes);
    for start in (0..full).step_by(block) {
        let end = full.min(start + block);
        for (query, out) in queries.iter().zip(out.iter_mut()) {
            for first in (start..end).step_by(4) {
                let four = &rows[first * row_bytes..(first + 4) * row_bytes];
                let out = &mut out[first..first + 4];
                avx512::four::<BITS>(four, row_bytes, &scales[first..first + 4], query, zero, out);
            }
        }
    }
    for i in full..n {
        let row = &rows[i * row_bytes..(i + 1) * row_bytes];
        for (query, out) in queries.iter().zip(out.iter_mut()) {
            let [sums] = avx512::sums::<BITS, 1>(row, [&query.planes]);
            out[i] = query.finish(zero, sums, scales[i]);
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn scan_avx2<const BITS: usize>(
    rows: &[u8],
    row_bytes: usize,
    scales: &[f32],
    zero: f64,
    queries: &[&CodeQuery],
    out: &mut [&mut [f32]],
) {
    for (i, row) in rows.chunks_exact(row_bytes).enumerate() {
        for (query, out) in queries.iter().zip(out.iter_mut()) {
            out[i] = query.finish(zero, avx2::sums::<BITS>(row, &query.planes), scales[i]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorer::sw_ranking::store::quantize::{decode, encode};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_path_gives_the_same_bits_and_the_right_number(
            dim in 1..700usize, kind in 0..3usize, count in 1..7usize, seed in prop::collection::vec(-1f32..1., 6300),
        ) {
            let format = Format { bits: [8, 4, 2][kind] };
            let width = format.row_bytes(dim);
            let n = 9;
            let mut rows = vec![0; n * width];
            let mut scales = vec![0.0; n];
            for i in 0..n {
                scales[i] = encode(format, &seed[i * dim..(i + 1) * dim], &mut rows[i * width..(i + 1) * width]);
            }
            let queries: Vec<Vec<f32>> =
                (0..count).map(|q| (0..dim).map(|i| seed[(q * 977 + i * 3 + 5) % seed.len()]).collect()).collect();
            let codes: Vec<CodeQuery> = queries.iter().map(|q| CodeQuery::new(format, q)).collect();
            let views: Vec<&CodeQuery> = codes.iter().collect();
            let run = |isa: Isa, views: &[&CodeQuery]| {
                let mut out = vec![vec![0.0_f32; n]; views.len()];
                scan(isa, format, &rows, width, &scales, views, &mut out.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>());
                out
            };
            let want = run(Isa::Portable, &views);
            prop_assert_eq!(&run(detect(), &views), &want);
            #[cfg(target_arch = "x86_64")]
            if std::arch::is_x86_feature_detected!("avx2") {
                prop_assert_eq!(&run(Isa::Avx2, &views), &want);
            }
            prop_assert_eq!(&run(detect(), &views[..1])[0], &want[0]);
            for (query, want) in queries.iter().zip(&want) {
                for i in 0..n {
                    let mut x = vec![0.0; dim];
                    decode(format, &rows[i * width..(i + 1) * width], scales[i], &mut x);
                    let naive: f64 = x.iter().zip(query).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                    let size: f64 = x.iter().map(|a| f64::from(a.abs())).sum();
                    // The query is rounded to 16 bits.
                    prop_assert!((f64::from(want[i]) - naive).abs() < size * 2e-5 + 1e-6, "{} {naive}", want[i]);
                }
            }
        }
    }

    #[test]
    fn the_largest_sums_do_not_overflow() {
        let format = Format { bits: 8 };
        let dim = 65_536;
        let row = vec![255_u8; dim];
        let query = CodeQuery::new(format, &vec![1.0; dim]);
        let mut out = [0.0];
        for isa in [Isa::Portable, detect()] {
            scan(isa, format, &row, dim, &[1.0], &[&query], &mut [&mut out]);
            assert!((out[0] / (127.0 * 65_536.0) - 1.0).abs() < 1e-6, "{isa:?} {}", out[0]);
        }
    }
}
