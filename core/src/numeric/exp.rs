//! `exp` as a polynomial of fixed order, which vectorises and gives the same bits on every CPU.

use std::f64::consts::{LN_2, LOG2_E};

/// Adding and subtracting this rounds a double to the nearest integer.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// High part of ln 2, whose product with any exponent is exact, and the rest.
const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Beyond this the result would leave the normal numbers.
const LIMIT: f64 = 700.0;

/// `exp(x)` with a relative error below 1e-15, for `x` clamped to [-700, 700]. NaN stays NaN.
#[inline(always)]
pub(crate) fn exp(x: f64) -> f64 {
    // Comparisons, not `clamp`: they let NaN through and compile to one instruction each.
    let x = if x > LIMIT { LIMIT } else { x };
    let x = if x < -LIMIT { -LIMIT } else { x };
    let shifted = x * LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = (x - k * LN_2_HIGH) - k * LN_2_LOW;
    // Taylor's series to the 13th power in Estrin's scheme; |r| <= ln(2) / 2.
    let r2 = r * r;
    let r4 = r2 * r2;
    let low = (1.0 + r) + r2 * (C[2] + C[3] * r);
    let mid = (C[4] + C[5] * r) + r2 * (C[6] + C[7] * r);
    let high = (C[8] + C[9] * r) + r2 * (C[10] + C[11] * r);
    let top = C[12] + C[13] * r;
    let p = low + r4 * (mid + r4 * (high + r4 * top));
    // The low bits of `shifted` hold the integer; move it into the exponent.
    let scale = f64::from_bits((shifted.to_bits().wrapping_add(1023)) << 52);
    p * scale
}

/// `1 / k!`
const C: [f64; 14] = {
    let mut c = [1.0; 14];
    let mut k = 1;
    while k < 14 {
        c[k] = c[k - 1] / k as f64;
        k += 1;
    }
    c
};

const _: () = assert!(LN_2 - LN_2_HIGH < 1e-9);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn edges() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-1e9), exp(-LIMIT));
        assert_eq!(exp(1e9), exp(LIMIT));
        assert!(exp(LIMIT).is_finite() && exp(-LIMIT) > 0.0);
        assert!(exp(f64::NAN).is_nan());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn agrees_with_libm(x in -690.0..690.0_f64) {
            let want = libm::exp(x);
            prop_assert!((exp(x) - want).abs() <= 1e-15 * want, "{x}: {} {want}", exp(x));
        }
    }
}
