//! The noise on the embeddings: standard normal numbers by their place, so that any thread can make any of them.

#![allow(
    clippy::inline_always,
    reason = "the body has to be inside each of the functions that are compiled for an instruction set"
)]

use crate::numeric::dispatch;

/// Numbers that are made together.
pub(super) const TOGETHER: usize = 32;

/// Mixes 32 bits (the finaliser `lowbias32` of Chris Wellons).
#[inline(always)]
const fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

/// A key of the numbers of a step.
pub(super) fn key(seed: u64, step: u64) -> (u32, u32) {
    let mut state = crate::numeric::SplitMix(seed ^ step.wrapping_mul(0xd6e8_feb8_6659_fd93));
    let key = state.next();
    (key as u32, (key >> 32) as u32)
}

/// Natural logarithm of a normal positive number, to two units in the last place: the exponent, and a polynomial on
/// `sqrt(1/2) ..= sqrt(2)` (Cephes, `logf`).
#[inline(always)]
fn ln(x: f32) -> f32 {
    let bits = x.to_bits();
    let exponent = bits.wrapping_sub(0x3f35_04f3).cast_signed() >> 23;
    let m = f32::from_bits(bits.wrapping_sub((exponent << 23).cast_unsigned())) - 1.0;
    let terms = [
        -0.115_146_1,
        0.116_769_99,
        -0.124_201_41,
        0.142_493_23,
        -0.166_680_57,
        0.200_007_14,
        -0.249_999_94,
        0.333_333_3_f32,
    ];
    let mut sum = 0.070_376_836_f32;
    for term in terms {
        sum = sum.mul_add(m, term);
    }
    let square = m * m;
    (exponent as f32).mul_add(std::f32::consts::LN_2, m + (-0.5_f32).mul_add(square, sum * m * square))
}

/// Box and Muller: a radius from one number, an angle from another, whose two lowest bits say the quadrant.
#[inline(always)]
fn normals_body(out: &mut [f32; TOGETHER], key: (u32, u32), place: u32, scale: f32) {
    let (cosines, sines) = out.split_at_mut(TOGETHER / 2);
    for l in 0..TOGETHER / 2 {
        let at = place.wrapping_add(l as u32);
        let radius = mix(mix(at ^ key.0).wrapping_add(key.1));
        let angle = mix(mix(at.wrapping_add(16) ^ key.0).wrapping_add(key.1));
        // In (0, 1), 24 bits.
        let uniform = ((radius >> 8).cast_signed() as f32 + 0.5) / 16_777_216.0;
        let radius = (-2.0 * ln(uniform)).sqrt() * scale;
        // Within an eighth of a turn to either side.
        let part = (angle >> 2).cast_signed() as f32 / 1_073_741_824.0 - 0.5;
        let x = part * std::f32::consts::FRAC_PI_2;
        let x2 = x * x;
        let sine =
            x * (-1.951_529_6e-4_f32).mul_add(x2, 8.332_161e-3).mul_add(x2, -1.666_665_5e-1).mul_add(x2, 1.0);
        let cosine = (2.443_315_7e-5_f32)
            .mul_add(x2, -1.388_731_6e-3)
            .mul_add(x2, 4.166_664_6e-2)
            .mul_add(x2, -0.5)
            .mul_add(x2, 1.0);
        let (first, second) = if angle & 1 == 1 { (cosine, sine) } else { (sine, cosine) };
        // A half turn changes both signs.
        let sign = (angle & 2) << 30;
        cosines[l] = f32::from_bits((radius * first).to_bits() ^ sign);
        sines[l] = f32::from_bits((radius * second).to_bits() ^ sign);
    }
}

#[inline(always)]
fn add_body(out: &mut [f32], key: (u32, u32), place: u32, scale: f32) {
    let mut noise = [0.0_f32; TOGETHER];
    for (block, out) in out.chunks_mut(TOGETHER).enumerate() {
        normals_body(&mut noise, key, place.wrapping_add((block * TOGETHER) as u32), scale);
        for (out, noise) in out.iter_mut().zip(&noise) {
            *out += noise;
        }
    }
}

dispatch! {
    /// Adds normal numbers of standard deviation `scale` to `out`: those of the place of its first element, a multiple of
    /// [`TOGETHER`], and of the places after it.
    pub(super) fn add(out: &mut [f32], key: (u32, u32), place: u32, scale: f32) -> () = add_body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_normal_and_depend_on_their_place_alone() {
        let mut all = vec![0.0; 200_000];
        add(&mut all, key(7, 1), 0, 1.0);
        let mut part = vec![0.0; 50];
        add(&mut part, key(7, 1), 640, 1.0);
        assert_eq!(part, all[640..690]);
        let n = all.len() as f64;
        let moment = |power: i32| all.iter().map(|x| f64::from(*x).powi(power)).sum::<f64>() / n;
        assert!(moment(1).abs() < 0.01 && (moment(2) - 1.0).abs() < 0.01 && (moment(4) - 3.0).abs() < 0.06);
        for (limit, share) in [(1.0, 0.682_69), (2.0, 0.954_5), (3.0, 0.997_3)] {
            let inside = all.iter().filter(|x| f64::from(x.abs()) < limit).count() as f64 / n;
            assert!((inside - share).abs() < 0.004, "{limit}: {inside}");
        }
        // Neither neighbours, nor the halves of a block, nor the next step's are alike.
        let mut next = vec![0.0; all.len()];
        add(&mut next, key(7, 2), 0, 1.0);
        for (lag, other) in [(1, &all), (16, &all), (32, &all), (0, &next)] {
            let sum: f64 = all.iter().zip(&other[lag..]).map(|(x, y)| f64::from(x * y)).sum();
            assert!((sum / n).abs() < 0.01, "{lag}");
        }
    }

    #[test]
    fn the_logarithm_is_one() {
        for i in 1..20_000_u16 {
            let x = f32::from(i) / 20_000.0;
            assert!(
                (f64::from(ln(x)) - libm::log(f64::from(x))).abs()
                    < 3e-7 * libm::log(f64::from(x)).abs().max(1.0)
            );
        }
    }
}
