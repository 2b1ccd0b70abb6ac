//! From floats to the codes of a store, and back.
//!
//! A code `c` of `b` bits stands for `(c - zero) * scale`, with one scale a row. The scale is such that the
//! inner product of a vector with its quantised form is the vector's squared length: that keeps the
//! estimate of `q . x` unbiased along `x`.

/// Bytes that are worked on at once: a row is cut into chunks of this many, the last may be shorter.
pub(crate) const CHUNK: usize = 64;

/// A format of unsigned codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Format {
    /// Bits a code: 8, 4 or 2.
    pub(crate) bits: usize,
}

impl Format {
    /// Codes a byte.
    pub(crate) const fn per_byte(self) -> usize {
        8 / self.bits
    }

    /// The code that stands for zero.
    pub(crate) const fn zero(self) -> f64 {
        match self.bits {
            8 => 128.0,
            4 => 7.5,
            _ => 1.5,
        }
    }

    /// Bytes a row.
    pub(crate) const fn row_bytes(self, dim: usize) -> usize {
        dim.div_ceil(self.per_byte())
    }

    /// Where the code of a dimension lies: byte, and shift in it. Within a chunk of `B` bytes the first `B`
    /// dimensions are the lowest bits, the next `B` the bits above: a vector register of bytes is unpacked
    /// by shifts alone, and dimensions stay in order.
    pub(crate) fn place(self, dim: usize, width: usize) -> (usize, usize) {
        let per = self.per_byte();
        let chunk = width / (CHUNK * per);
        let base = chunk * CHUNK;
        let bytes = CHUNK.min(self.row_bytes(dim) - base);
        let inside = width - base * per;
        (base + inside % bytes, self.bits * (inside / bytes))
    }
}

/// Steps between levels that are tried, in units of the standard deviation of a coordinate, around the best
/// ones for normally distributed coordinates.
const STEPS_4: [f64; 7] = [0.26, 0.29, 0.32, 0.335, 0.36, 0.40, 0.45];
const STEPS_2: [f64; 6] = [0.80, 0.90, 1.0, 1.1, 1.2, 1.35];

/// Writes the codes of `x` into `row` (zeroed, [`Format::row_bytes`] long) and returns the scale.
pub(crate) fn encode(format: Format, x: &[f32], row: &mut [u8]) -> f32 {
    let zero = format.zero();
    let top = f64::from((1_u32 << format.bits) - 1);
    let square: f64 = x.iter().map(|v| f64::from(*v) * f64::from(*v)).sum();
    if square == 0.0 {
        return 0.0;
    }
    let code = |v: f32, step: f64| (f64::from(v) / step + zero).round().clamp(0.0, top);
    let fit = |step: f64| {
        let (mut xc, mut cc) = (0.0, 0.0);
        for v in x {
            let c = code(*v, step) - zero;
            xc += f64::from(*v) * c;
            cc += c * c;
        }
        (xc, cc)
    };
    let step = if format.bits == 8 {
        f64::from(x.iter().fold(0.0_f32, |m, v| m.max(v.abs()))) / 127.0
    } else {
        let deviation = (square / x.len() as f64).sqrt();
        let steps: &[f64] = if format.bits == 4 { &STEPS_4 } else { &STEPS_2 };
        let cosine = |step: &f64| {
            let (xc, cc) = fit(step * deviation);
            xc * xc / cc
        };
        let best = steps
            .iter()
            .copied()
            .map(|s| (cosine(&s), s))
            .fold((0.0, 1.0), |a, b| if b.0 > a.0 { b } else { a });
        best.1 * deviation
    };
    for (i, v) in x.iter().enumerate() {
        let (byte, shift) = format.place(x.len(), i);
        row[byte] |= (code(*v, step) as u8) << shift;
    }
    let (xc, _) = fit(step);
    (square / xc) as f32
}

/// The vector that a row of codes stands for.
pub(crate) fn decode(format: Format, row: &[u8], scale: f32, x: &mut [f32]) {
    let mask = (1_u32 << format.bits) - 1;
    let dim = x.len();
    for (i, x) in x.iter_mut().enumerate() {
        let (byte, shift) = format.place(dim, i);
        let code = u32::from(row[byte]) >> shift & mask;
        *x = ((f64::from(code) - format.zero()) * f64::from(scale)) as f32;
    }
}

/// Factor before conversion to half precision: a unit vector's small coordinates then stay normal numbers.
pub(crate) const HALF_SCALE: f32 = 16.0;

/// `x * 16` in half precision, rounded to nearest even; what would be subnormal becomes zero, so that no CPU
/// needs a slow path. `|x|` is at most 1.
pub(crate) fn to_half(x: f32) -> u16 {
    let bits = (x * HALF_SCALE).to_bits();
    let sign = (bits >> 16 & 0x8000) as u16;
    let magnitude = bits & 0x7fff_ffff;
    // Round the 13 dropped bits to nearest even, then move the exponent's bias from 127 to 15.
    let rounded = (magnitude + 0xfff + (magnitude >> 13 & 1)) >> 13;
    if rounded < (113 << 10) { sign } else { sign | (rounded - (112 << 10)) as u16 }
}

/// The number that a normal half or a zero stands for, still times 16. Plain arithmetic: it vectorises.
#[inline(always)]
pub(crate) fn from_half(half: u16) -> f32 {
    let magnitude = f32::from_bits(u32::from(half & 0x7fff) << 13) * f32::from_bits((127 + 112) << 23);
    f32::from_bits(magnitude.to_bits() | u32::from(half & 0x8000) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn halves_are_within_half_a_unit(x in -1f32..1.) {
            let back = from_half(to_half(x)) / HALF_SCALE;
            prop_assert!((back - x).abs() <= x.abs() / 2048.0 + 4e-6, "{x} {back}");
        }

        #[test]
        fn every_place_is_used_once(dim in 1..600usize, kind in 0..3usize) {
            let format = Format { bits: [8, 4, 2][kind] };
            let mut seen = std::collections::HashSet::new();
            for i in 0..dim {
                let (byte, shift) = format.place(dim, i);
                prop_assert!(byte < format.row_bytes(dim) && shift + format.bits <= 8);
                prop_assert!(seen.insert((byte, shift)));
            }
        }

        #[test]
        fn the_product_with_itself_is_kept(x in prop::collection::vec(-1f32..1., 2..300), kind in 0..3usize) {
            let format = Format { bits: [8, 4, 2][kind] };
            let square: f64 = x.iter().map(|v| f64::from(*v) * f64::from(*v)).sum();
            prop_assume!(square > 1e-3);
            let mut row = vec![0; format.row_bytes(x.len())];
            let scale = encode(format, &x, &mut row);
            let mut back = vec![0.0; x.len()];
            decode(format, &row, scale, &mut back);
            let product: f64 = x.iter().zip(&back).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            prop_assert!((product / square - 1.0).abs() < 1e-5, "{product} {square}");
            if kind == 0 {
                prop_assert!(x.iter().zip(&back).all(|(a, b)| (a - b).abs() < 0.02));
            }
        }
    }

    #[test]
    fn a_zero_vector_has_the_scale_zero() {
        let format = Format { bits: 4 };
        assert_eq!(encode(format, &[0.0; 10], &mut [0; 5]), 0.0);
    }
}
