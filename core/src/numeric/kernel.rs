//! Dot products with one fixed order of summation, so that every CPU gives the same bits.
//!
//! Products are summed in 16 lanes over the dimension and the lanes are combined 8-4-2-1, by multiply
//! and add and never by a fused multiply-add. The loop below is compiled once more for each wider
//! instruction set; the order, and so the bits, stay the same. The copies may use the CPU's fused multiply-add, which Rust
//! does only where a body calls `mul_add`: that rounds once on every CPU, in software on those that have no such
//! instruction.

/// Number of partial sums.
pub(crate) const LANES: usize = 16;

/// Declares `$name`, which runs `$body` compiled for the widest instruction set that this CPU has.
macro_rules! dispatch {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty = $body:ident) => {
        $(#[$doc])*
        #[inline]
        $vis fn $name($($arg: $ty),*) -> $ret {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f")]
                fn avx512($($arg: $ty),*) -> $ret {
                    $body($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $ty),*) -> $ret {
                    $body($($arg),*)
                }
                if std::arch::is_x86_feature_detected!("avx512f") {
                    // SAFETY: the CPU has AVX-512F, as checked in the line above.
                    #[allow(unsafe_code, reason = "calls a copy of safe code compiled for more CPU features")]
                    return unsafe { avx512($($arg),*) };
                }
                if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                    // SAFETY: the CPU has AVX2 and FMA, as checked in the line above.
                    #[allow(unsafe_code, reason = "calls a copy of safe code compiled for more CPU features")]
                    return unsafe { avx2($($arg),*) };
                }
            }
            $body($($arg),*)
        }
    };
}

pub(crate) use dispatch;

/// Which copy of each body runs on this CPU.
pub(crate) fn instruction_set() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx512f") {
            return "avx512";
        }
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            return "avx2";
        }
    }
    "baseline"
}

#[inline(always)]
fn dot_f64_body(x: &[f32], w: &[f64]) -> f64 {
    let mut lanes = [0.0_f64; LANES];
    let mut xs = x.chunks_exact(LANES);
    let mut ws = w.chunks_exact(LANES);
    for (x, w) in xs.by_ref().zip(ws.by_ref()) {
        for lane in 0..LANES {
            lanes[lane] += f64::from(x[lane]) * w[lane];
        }
    }
    for ((lane, x), w) in lanes.iter_mut().zip(xs.remainder()).zip(ws.remainder()) {
        *lane += f64::from(*x) * w;
    }
    fold(lanes)
}

/// Combines 16 partial sums: 8 pairs eight apart, then 4, 2 and 1.
#[inline(always)]
pub(crate) fn fold<T: Copy + std::ops::AddAssign>(mut lanes: [T; LANES]) -> T {
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            let other = lanes[lane + width];
            lanes[lane] += other;
        }
        width /= 2;
    }
    lanes[0]
}

dispatch! {
    /// `sum(x[i] * w[i])` in double precision over a single-precision vector. The lengths are equal.
    pub(crate) fn dot_f64(x: &[f32], w: &[f64]) -> f64 = dot_f64_body
}

#[inline(always)]
fn dot_body(x: &[f32], y: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (mut xs, mut ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    for (x, y) in xs.by_ref().zip(ys.by_ref()) {
        for lane in 0..LANES {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    for ((lane, x), y) in lanes.iter_mut().zip(xs.remainder()).zip(ys.remainder()) {
        *lane += x * y;
    }
    fold(lanes)
}

dispatch! {
    /// Inner product, with the same bits on every CPU.
    pub(crate) fn dot(x: &[f32], y: &[f32]) -> f32 = dot_body
}

#[inline(always)]
fn add_body(sum: &mut [f32], factor: f32, x: &[f32]) {
    for (sum, x) in sum.iter_mut().zip(x) {
        *sum += factor * x;
    }
}

dispatch! {
    /// `sum += factor * x`
    pub(crate) fn add(sum: &mut [f32], factor: f32, x: &[f32]) -> () = add_body
}

#[inline(always)]
fn normalize_body(x: &mut [f32]) -> f64 {
    let mut lanes = [0.0_f64; LANES];
    for chunk in x.chunks(LANES) {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(*x) * f64::from(*x);
        }
    }
    let norm = fold(lanes).sqrt();
    if norm > 0.0 {
        for x in x.iter_mut() {
            *x = (f64::from(*x) / norm) as f32;
        }
    }
    norm
}

dispatch! {
    /// Scales `x` to unit length in place and returns its former length; a zero vector stays zero.
    pub(crate) fn normalize(x: &mut [f32]) -> f64 = normalize_body
}

/// `1 / (1 + exp(-x))`, by the same software `exp` on every platform.
#[inline]
pub(crate) fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + libm::exp(-x))
    } else {
        let e = libm::exp(x);
        e / (1.0 + e)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_instruction_set_gives_the_same_bits(x in prop::collection::vec(-1e3f32..1e3, 0..200)) {
            let w: Vec<f64> = x.iter().rev().map(|v| f64::from(*v) / 3.0).collect();
            prop_assert_eq!(dot_f64(&x, &w).to_bits(), dot_f64_body(&x, &w).to_bits());
            let (mut a, mut b) = (x.clone(), x);
            prop_assert_eq!(normalize(&mut a).to_bits(), normalize_body(&mut b).to_bits());
            prop_assert_eq!(a, b);
        }

        #[test]
        fn agrees_with_the_naive_sum(x in prop::collection::vec(-1f32..1., 0..100)) {
            let w: Vec<f64> = x.iter().map(|v| f64::from(*v) + 0.5).collect();
            let naive: f64 = x.iter().zip(&w).map(|(x, w)| f64::from(*x) * w).sum();
            prop_assert!((dot_f64(&x, &w) - naive).abs() < 1e-12);
        }
    }

    #[test]
    fn sigmoid_is_finite_and_symmetric() {
        assert_eq!(sigmoid(0.0), 0.5);
        assert_eq!(sigmoid(1e9), 1.0);
        assert_eq!(sigmoid(-1e9), 0.0);
        assert!((sigmoid(2.0) + sigmoid(-2.0) - 1.0).abs() < 1e-15);
    }
}
