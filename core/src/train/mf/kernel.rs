//! The arithmetic of a step, in single precision with one order of summation.
//!
//! Every sum runs over its terms one after the other, by fused multiply-adds, whatever the number of threads and the width
//! of the CPU's registers: tiles only say which sums are computed side by side. So a training has the same bits everywhere.

#![allow(
    clippy::inline_always,
    clippy::needless_range_loop,
    reason = "the body has to be inside each of the functions that are compiled for an instruction set; indices show which lane is which"
)]

use crate::numeric::dispatch;

/// Columns in a unit of the latent space, which every thread has whole ones of.
pub(super) const UNIT: usize = 16;
/// Rows of a tile, and columns of a wide one: as many sums as the widest registers hold.
const ROWS: usize = 8;
const WIDE: usize = 2 * UNIT;

/// What Adam (Kingma and Ba 2015) needs to know of a step; the L2 penalty is coupled, as in `torch.optim.Adam`.
#[derive(Debug, Clone, Copy)]
pub(super) struct AdamStep {
    decay: f32,
    /// The step over the correction of the first moment.
    step: f32,
    /// One over the root of the correction of the second moment.
    root: f32,
}

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f32 = 1e-8;

impl AdamStep {
    /// The step with this number, from 1.
    pub(super) fn new(learning_rate: f64, weight_decay: f64, number: u64) -> Self {
        let number = number as f64;
        let correction = |beta: f64| 1.0 - libm::pow(beta, number);
        Self {
            decay: weight_decay as f32,
            step: (learning_rate / correction(BETA1)) as f32,
            root: (1.0 / correction(BETA2).sqrt()) as f32,
        }
    }
}

/// Parameters with their moments.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Block {
    pub(super) values: Vec<f32>,
    pub(super) first: Vec<f32>,
    pub(super) second: Vec<f32>,
}

impl Block {
    pub(super) fn new(values: Vec<f32>) -> Self {
        let zeros = vec![0.0; values.len()];
        Self { values, first: zeros.clone(), second: zeros }
    }
}

/// Square root of a number that is not negative, to a few units in the last place: the units that take roots and divide are
/// most of Adam's time, and multiplications are not.
#[inline(always)]
fn root(x: f32) -> f32 {
    let half = 0.5 * x;
    // One over the root, to 3 %; each step of Newton's squares the error.
    let mut y = f32::from_bits(0x5f37_59df_u32.wrapping_sub(x.to_bits() >> 1));
    for _ in 0..3 {
        y *= (-(half * y)).mul_add(y, 1.5);
    }
    x * y
}

/// One over a number of at least 1e-8, likewise.
#[inline(always)]
fn reciprocal(x: f32) -> f32 {
    let mut y = f32::from_bits(0x7ef3_11c7_u32.wrapping_sub(x.to_bits()));
    for _ in 0..3 {
        y = y.mul_add((-x).mul_add(y, 1.0), y);
    }
    y
}

#[inline(always)]
fn adam_body(step: AdamStep, gradient: &[f32], values: &mut [f32], first: &mut [f32], second: &mut [f32]) {
    let moments = first.iter_mut().zip(second.iter_mut());
    for ((value, gradient), (m, v)) in values.iter_mut().zip(gradient).zip(moments) {
        let gradient = step.decay.mul_add(*value, *gradient);
        *m = (BETA1 as f32).mul_add(*m, (1.0 - BETA1) as f32 * gradient);
        *v = (BETA2 as f32).mul_add(*v, (1.0 - BETA2) as f32 * gradient * gradient);
        *value = (-step.step * *m).mul_add(reciprocal(root(*v).mul_add(step.root, EPSILON)), *value);
    }
}

dispatch! {
    fn adam_wide(step: AdamStep, gradient: &[f32], values: &mut [f32], first: &mut [f32], second: &mut [f32]) -> () =
        adam_body
}

/// One step of Adam.
pub(super) fn adam(step: AdamStep, gradient: &[f32], block: &mut Block) {
    adam_wide(step, gradient, &mut block.values, &mut block.first, &mut block.second);
}

/// `hidden += e w`: `e` is `rows x d`, `w` `d x width`, `hidden` `rows x width`; `width` is a multiple of [`UNIT`].
#[inline(always)]
fn forward_body(e: &[f32], w: &[f32], width: usize, hidden: &mut [f32]) {
    let rows = hidden.len() / width;
    let mut k = 0;
    while k < width {
        let wide = k + WIDE <= width;
        let mut row = 0;
        while row < rows {
            let many = row + ROWS <= rows;
            match (many, wide) {
                (true, true) => forward_tile::<ROWS, WIDE>(e, row, w, (k, width), hidden),
                (true, false) => forward_tile::<ROWS, UNIT>(e, row, w, (k, width), hidden),
                (false, true) => forward_tile::<1, WIDE>(e, row, w, (k, width), hidden),
                (false, false) => forward_tile::<1, UNIT>(e, row, w, (k, width), hidden),
            }
            row += if many { ROWS } else { 1 };
        }
        k += if wide { WIDE } else { UNIT };
    }
}

#[inline(always)]
fn forward_tile<const R: usize, const K: usize>(
    e: &[f32],
    row: usize,
    w: &[f32],
    (k, width): (usize, usize),
    hidden: &mut [f32],
) {
    let d = w.len() / width;
    // One slice a row, so that the compiler goes along the columns.
    let rows: [&[f32]; R] = std::array::from_fn(|r| &e[(row + r) * d..][..d]);
    let mut sums = [[0.0_f32; K]; R];
    for r in 0..R {
        sums[r].copy_from_slice(&hidden[(row + r) * width + k..][..K]);
    }
    for (j, w) in w.chunks_exact(width).enumerate().take(d) {
        // A copy, which stays in registers while the rows go by.
        let mut columns = [0.0_f32; K];
        columns.copy_from_slice(&w[k..k + K]);
        for r in 0..R {
            let x = rows[r][j];
            for l in 0..K {
                sums[r][l] = x.mul_add(columns[l], sums[r][l]);
            }
        }
    }
    for r in 0..R {
        hidden[(row + r) * width + k..][..K].copy_from_slice(&sums[r]);
    }
}

dispatch! {
    /// `hidden += e w`, of shapes `rows x d`, `d x width` and `rows x width`; `width` is a multiple of [`UNIT`].
    pub(super) fn forward(e: &[f32], w: &[f32], width: usize, hidden: &mut [f32]) -> () = forward_body
}

/// The step of `w`, whose gradient is `e' g`: it is never stored whole.
#[inline(always)]
fn backward_body(
    step: AdamStep,
    transposed: &[f32],
    g: &[f32],
    width: usize,
    w: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
) {
    let batch = g.len() / width;
    let d = transposed.len() / batch;
    let mut row = 0;
    while row < d {
        let many = row + ROWS <= d;
        let mut k = 0;
        while k < width {
            let wide = k + WIDE <= width;
            let place = (row, k, width);
            match (many, wide) {
                (true, true) => backward_tile::<ROWS, WIDE>(step, transposed, g, place, w, first, second),
                (true, false) => backward_tile::<ROWS, UNIT>(step, transposed, g, place, w, first, second),
                (false, true) => backward_tile::<1, WIDE>(step, transposed, g, place, w, first, second),
                (false, false) => backward_tile::<1, UNIT>(step, transposed, g, place, w, first, second),
            }
            k += if wide { WIDE } else { UNIT };
        }
        row += if many { ROWS } else { 1 };
    }
}

#[inline(always)]
fn backward_tile<const R: usize, const K: usize>(
    step: AdamStep,
    transposed: &[f32],
    g: &[f32],
    (row, k, width): (usize, usize, usize),
    w: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
) {
    let batch = g.len() / width;
    let rows: [&[f32]; R] = std::array::from_fn(|r| &transposed[(row + r) * batch..][..batch]);
    let mut sums = [[0.0_f32; K]; R];
    for (i, g) in g.chunks_exact(width).enumerate().take(batch) {
        let mut columns = [0.0_f32; K];
        columns.copy_from_slice(&g[k..k + K]);
        for r in 0..R {
            let x = rows[r][i];
            for l in 0..K {
                sums[r][l] = x.mul_add(columns[l], sums[r][l]);
            }
        }
    }
    for r in 0..R {
        let place = (row + r) * width + k..(row + r) * width + k + K;
        adam_body(step, &sums[r], &mut w[place.clone()], &mut first[place.clone()], &mut second[place]);
    }
}

dispatch! {
    fn backward_wide(
        step: AdamStep,
        transposed: &[f32],
        g: &[f32],
        width: usize,
        w: &mut [f32],
        first: &mut [f32],
        second: &mut [f32]
    ) -> () = backward_body
}

/// The step of rows of `w`, from `row` on, `d` of them: `transposed` is `d x batch`, `g` `batch x width`, and the gradient
/// is their product.
pub(super) fn backward(
    step: AdamStep,
    transposed: &[f32],
    g: &[f32],
    (row, width): (usize, usize),
    block: &mut Block,
) {
    let batch = g.len() / width;
    let place = row * width..row * width + transposed.len() / batch * width;
    let Block { values, first, second } = block;
    backward_wide(
        step,
        transposed,
        g,
        width,
        &mut values[place.clone()],
        &mut first[place.clone()],
        &mut second[place],
    );
}

#[inline(always)]
fn logit_body(c: &[f32], winner: &[f32], loser: &[f32], hidden: &[f32], lanes: &mut [f64; UNIT]) {
    let units = c.chunks_exact(UNIT).zip(hidden.chunks_exact(UNIT));
    let rows = winner.chunks_exact(UNIT).zip(loser.chunks_exact(UNIT));
    for ((c, hidden), (winner, loser)) in units.zip(rows) {
        for l in 0..UNIT {
            lanes[l] += f64::from(c[l]) * f64::from(winner[l] - loser[l]) * f64::from(hidden[l]);
        }
    }
}

dispatch! {
    /// Adds the terms of some units of a logit, `c . ((winner - loser) * hidden)`, by their place in the unit.
    pub(super) fn logit(
        c: &[f32],
        winner: &[f32],
        loser: &[f32],
        hidden: &[f32],
        lanes: &mut [f64; UNIT]
    ) -> () = logit_body
}

#[inline(always)]
fn add_product_body(sum: &mut [f32], factor: f32, x: &[f32], y: &[f32]) {
    for ((sum, x), y) in sum.iter_mut().zip(x).zip(y) {
        *sum = (factor * x).mul_add(*y, *sum);
    }
}

dispatch! {
    /// `sum += factor * x * y`, by element.
    pub(super) fn add_product(sum: &mut [f32], factor: f32, x: &[f32], y: &[f32]) -> () = add_product_body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::Rng;

    fn random(n: usize, rng: &mut Rng) -> Vec<f32> {
        (0..n).map(|_| rng.normal() as f32).collect()
    }

    #[test]
    fn roots_and_reciprocals_are_right_to_rounding() {
        let mut x = 1e-30_f64;
        while x < 1e20 {
            let near = |found: f32, exact: f64| (f64::from(found) / exact - 1.0).abs() < 5e-7;
            let x32 = x as f32;
            assert!(near(root(x32), f64::from(x32).sqrt()), "{x}");
            if x > 1e-8 {
                assert!(near(reciprocal(x32), 1.0 / f64::from(x32)), "{x}");
            }
            x *= 1.37;
        }
        assert_eq!(root(0.0), 0.0);
    }

    /// Shapes with and without whole tiles, against the plain sums, to the bit.
    #[test]
    fn tiles_are_the_plain_sums() {
        let mut rng = Rng::new(5);
        for (rows, d, width) in [(1, 3, 16), (9, 17, 48), (8, 8, 32), (13, 40, 16)] {
            let (e, w) = (random(rows * d, &mut rng), random(d * width, &mut rng));
            let mut hidden = vec![0.0; rows * width];
            forward(&e, &w, width, &mut hidden);
            for row in 0..rows {
                for k in 0..width {
                    let plain = (0..d).fold(0.0_f32, |sum, j| e[row * d + j].mul_add(w[j * width + k], sum));
                    assert_eq!(hidden[row * width + k].to_bits(), plain.to_bits());
                }
            }
            let g = random(rows * width, &mut rng);
            let transposed: Vec<f32> = (0..d * rows).map(|at| e[at % rows * d + at / rows]).collect();
            let step = AdamStep::new(1e-2, 1e-3, 3);
            let mut block = Block::new(w.clone());
            backward(step, &transposed, &g, (0, width), &mut block);
            let mut plain = Block::new(w);
            let gradient: Vec<f32> = (0..d * width)
                .map(|at| {
                    let (j, k) = (at / width, at % width);
                    (0..rows).fold(0.0_f32, |sum, i| e[i * d + j].mul_add(g[i * width + k], sum))
                })
                .collect();
            adam(step, &gradient, &mut plain);
            assert_eq!(block, plain);
        }
    }
}
