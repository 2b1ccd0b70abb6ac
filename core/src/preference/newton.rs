//! Newton's method for Bradley-Terry strengths on sufficient statistics.
//!
//! The log likelihood of strengths `e` is `sum w[i][j] ln sigmoid(e[i] - e[j])`, where `w[i][j]` is the
//! weight with which `i` beat `j` (a tie is half a win each way), plus the same terms for duels with an
//! **anchor** of strength 0. It is concave; its maximum is unique up to a shift of all strengths (without
//! an anchor) when the graph of wins is strongly connected.
//!
//! Convergence: the solver stops after the step whose largest component is at most [`STEP`]. Newton's
//! error after a step is of the order of the square of the step before, so what is left is rounding.

#![allow(clippy::needless_range_loop, reason = "indices are those of the matrices in the formulas")]

use crate::error::{Error, ErrorKind, Result};

/// Largest component, in natural units of strength, of a step that ends the iteration.
const STEP: f64 = 1e-9;
/// Steps below this are taken without a check of the slope, which rounding would spoil.
const UNCHECKED: f64 = 1e-5;
/// Largest component of a step: beyond it the quadratic model says nothing, and a longer step can end where every
/// probability is 0 or 1 and the Hessian vanishes.
const LONGEST: f64 = 2.0;
/// Newton needs about 5 steps; hundreds mean that there is no maximum.
const MAX_STEPS: u32 = 200;

/// The duels between `n` items, and of each with the anchor.
#[derive(Clone, Copy)]
pub(crate) struct Duels<'a> {
    /// Number of items.
    pub(crate) n: usize,
    /// `wins[i * n + j]`: weight with which `i` beat `j`. The diagonal is not read.
    pub(crate) wins: &'a [f64],
    /// Per item, the weight of its wins against and of its losses to the anchor.
    pub(crate) anchor: Option<(&'a [f64], &'a [f64])>,
}

/// Buffers that a solve needs, kept between solves.
#[derive(Debug, Default, Clone)]
pub(crate) struct Buffers {
    gradient: Vec<f64>,
    hessian: Vec<f64>,
    step: Vec<f64>,
}

/// Gradient and negative Hessian of the log likelihood at `e`.
fn derivatives(duels: &Duels, e: &[f64], gradient: &mut [f64], hessian: &mut [f64]) {
    let n = duels.n;
    gradient.fill(0.0);
    hessian.fill(0.0);
    for i in 0..n {
        for j in i + 1..n {
            let (win, loss) = (duels.wins[i * n + j], duels.wins[j * n + i]);
            let total = win + loss;
            if total > 0.0 {
                let p = crate::numeric::sigmoid(e[i] - e[j]);
                let g = win - total * p;
                let h = total * p * (1.0 - p);
                gradient[i] += g;
                gradient[j] -= g;
                hessian[i * n + i] += h;
                hessian[j * n + j] += h;
                hessian[i * n + j] -= h;
                hessian[j * n + i] -= h;
            }
        }
    }
    if let Some((wins, losses)) = duels.anchor {
        for i in 0..n {
            let total = wins[i] + losses[i];
            if total > 0.0 {
                let p = crate::numeric::sigmoid(e[i]);
                gradient[i] += wins[i] - total * p;
                hessian[i * n + i] += total * p * (1.0 - p);
            }
        }
    }
    if !anchored(duels) {
        // Without an anchor a shift of all strengths changes nothing: pin it, at the scale of the rest.
        let pin = pin(hessian, n);
        for h in hessian.iter_mut() {
            *h += pin;
        }
    }
}

fn anchored(duels: &Duels) -> bool {
    duels.anchor.is_some_and(|(wins, losses)| wins.iter().chain(losses).any(|w| *w > 0.0))
}

/// The constant that, added to every cell, fixes the mean strength.
fn pin(hessian: &[f64], n: usize) -> f64 {
    let trace: f64 = (0..n).map(|i| hessian[i * n + i]).sum();
    trace / (n * n) as f64
}

/// Replaces the lower triangle of the symmetric `a` by its Cholesky factor. False if it is not positive.
pub(crate) fn cholesky(a: &mut [f64], n: usize) -> bool {
    for j in 0..n {
        let mut diagonal = a[j * n + j];
        for k in 0..j {
            diagonal -= a[j * n + k] * a[j * n + k];
        }
        if diagonal.is_nan() || diagonal <= 0.0 {
            return false;
        }
        let root = diagonal.sqrt();
        a[j * n + j] = root;
        for i in j + 1..n {
            let mut sum = a[i * n + j];
            for k in 0..j {
                sum -= a[i * n + k] * a[j * n + k];
            }
            a[i * n + j] = sum / root;
        }
    }
    true
}

/// Solves `L L' x = b` in place.
pub(crate) fn cholesky_solve(l: &[f64], n: usize, b: &mut [f64]) {
    for i in 0..n {
        let mut sum = b[i];
        for k in 0..i {
            sum -= l[i * n + k] * b[k];
        }
        b[i] = sum / l[i * n + i];
    }
    for i in (0..n).rev() {
        let mut sum = b[i];
        for k in i + 1..n {
            sum -= l[k * n + i] * b[k];
        }
        b[i] = sum / l[i * n + i];
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Shifts the mean to 0.
fn center(values: &mut [f64]) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    for value in values {
        *value -= mean;
    }
}

/// Newton's step, shortened to [`LONGEST`], and its largest component; of mean 0 where the strengths are `free`. The
/// Hessian gives way to its factor. `None` if there is no step.
fn bounded_step(gradient: &[f64], hessian: &mut [f64], free: bool, step: &mut [f64]) -> Option<f64> {
    let n = gradient.len();
    step.copy_from_slice(gradient);
    if !cholesky(hessian, n) {
        return None;
    }
    cholesky_solve(hessian, n, step);
    if free {
        center(step);
    }
    let largest = step.iter().fold(0.0_f64, |m, s| m.max(s.abs()));
    if !largest.is_finite() {
        return None;
    }
    if largest > LONGEST {
        for s in step.iter_mut() {
            *s *= LONGEST / largest;
        }
        return Some(LONGEST);
    }
    Some(largest)
}

/// Moves the strengths `e` from where they are to the maximum, and returns the number of steps. Without an
/// anchor the mean of `e` is kept at 0.
///
/// # Errors
/// `Inference` if there is no maximum, or a weight is not finite.
pub(crate) fn maximize(duels: &Duels, e: &mut [f64], buffers: &mut Buffers) -> Result<u32> {
    let n = duels.n;
    let Buffers { gradient, hessian, step } = buffers;
    gradient.resize(n, 0.0);
    step.resize(n, 0.0);
    hessian.resize(n * n, 0.0);
    let free = !anchored(duels);
    let no_maximum =
        || Error::new(ErrorKind::Inference, "the Bradley-Terry likelihood has no finite maximum");
    derivatives(duels, e, gradient, hessian);
    for count in 1..=MAX_STEPS {
        let largest = bounded_step(gradient, hessian, free, step).ok_or_else(no_maximum)?;
        let mut slope = dot(gradient, step);
        for (e, s) in e.iter_mut().zip(step.iter()) {
            *e += s;
        }
        if largest <= STEP {
            if free {
                center(e);
            }
            return Ok(count);
        }
        derivatives(duels, e, gradient, hessian);
        // The likelihood is concave along the step: halve it until the slope at its end is smaller.
        let mut halvings = 0;
        while largest > UNCHECKED && dot(gradient, step).abs() > 0.9 * slope && halvings < 60 {
            for s in step.iter_mut() {
                *s *= 0.5;
            }
            // The slope is along the step, and so is halved with it.
            slope *= 0.5;
            for (e, s) in e.iter_mut().zip(step.iter()) {
                *e -= s;
            }
            derivatives(duels, e, gradient, hessian);
            halvings += 1;
        }
    }
    Err(no_maximum())
}

/// Inverse information at `e`: the covariance `n x n` of the strengths, of mean zero without an anchor.
pub(crate) fn covariance(duels: &Duels, e: &[f64]) -> Option<Vec<f64>> {
    let n = duels.n;
    let (mut gradient, mut hessian) = (vec![0.0; n], vec![0.0; n * n]);
    derivatives(duels, e, &mut gradient, &mut hessian);
    // The pinned matrix has the eigenvalue pin * n on the vector of ones. `derivatives` has added the pin,
    // which doubles the trace that it was taken from only in that direction.
    let pin = if anchored(duels) { 0.0 } else { pin(&hessian, n) / (1.0 + 1.0 / n as f64) };
    if !cholesky(&mut hessian, n) {
        return None;
    }
    let mut inverse = vec![0.0; n * n];
    for column in 0..n {
        let mut unit = vec![0.0; n];
        unit[column] = 1.0;
        cholesky_solve(&hessian, n, &mut unit);
        for row in 0..n {
            inverse[row * n + column] = unit[row];
        }
    }
    if pin > 0.0 {
        let excess = 1.0 / (pin * (n * n) as f64);
        for c in &mut inverse {
            *c -= excess;
        }
    }
    Some(inverse)
}

/// Strongly connected components of the graph with an edge `i -> j` wherever `edge(i, j)`: the component of
/// each node, numbered from 0.
pub(crate) fn strong_components(n: usize, edge: impl Fn(usize, usize) -> bool) -> Vec<usize> {
    // Kosaraju: nodes by the time at which a first search leaves them, then searches against the edges.
    let mut order = Vec::with_capacity(n);
    let mut seen = vec![false; n];
    for root in 0..n {
        let mut stack = vec![(root, 0)];
        if std::mem::replace(&mut seen[root], true) {
            continue;
        }
        while let Some((node, next)) = stack.pop() {
            match (next..n).find(|j| !seen[*j] && edge(node, *j)) {
                Some(j) => {
                    seen[j] = true;
                    stack.push((node, j + 1));
                    stack.push((j, 0));
                }
                None => order.push(node),
            }
        }
    }
    let mut component = vec![usize::MAX; n];
    let mut count = 0;
    for root in order.into_iter().rev() {
        if component[root] != usize::MAX {
            continue;
        }
        component[root] = count;
        let mut stack = vec![root];
        while let Some(node) = stack.pop() {
            for j in 0..n {
                if component[j] == usize::MAX && edge(j, node) {
                    component[j] = count;
                    stack.push(j);
                }
            }
        }
        count += 1;
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn components_are_found() {
        let edges = [(0, 1), (1, 0), (1, 2), (3, 4), (4, 5), (5, 3)];
        let c = strong_components(7, |i, j| edges.contains(&(i, j)));
        assert!(c[0] == c[1] && c[1] != c[2] && c[3] == c[4] && c[4] == c[5] && c[6] != c[5]);
        assert_eq!(c.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
    }

    /// One heavy win of the weakest over the middle, against a start where it is far behind: full steps from there
    /// overshoot from side to side.
    #[test]
    fn a_single_heavy_upset_converges_from_a_distant_start() {
        for weight in [1.0, 1e2, 1e4, 1e8] {
            let wins = [0.0, 0.5, 0.12, 0.05, 0.0, 0.15, 1e-6, weight, 0.0];
            let mut e = [4.0, 0.0, -4.0];
            let duels = Duels { n: 3, wins: &wins, anchor: None };
            maximize(&duels, &mut e, &mut Buffers::default()).unwrap();
            let (mut g, mut h) = (vec![0.0; 3], vec![0.0; 9]);
            derivatives(&duels, &e, &mut g, &mut h);
            assert!(g.iter().all(|g| g.abs() < 1e-9 * weight.max(1.0)), "{weight}: {e:?} {g:?}");
        }
    }

    proptest! {
        #[test]
        fn the_gradient_vanishes_and_covariance_inverts(
            n in 2..7_usize, seed in prop::collection::vec(0.05f64..50., 49), with_anchor: bool,
        ) {
            let wins: Vec<f64> = seed[..n * n].to_vec();
            let anchor_wins = seed[..n].to_vec();
            let anchor_losses = seed[1..=n].to_vec();
            let anchor = with_anchor.then_some((&anchor_wins[..], &anchor_losses[..]));
            let duels = Duels { n, wins: &wins, anchor };
            let mut e = vec![0.0; n];
            maximize(&duels, &mut e, &mut Buffers::default()).unwrap();
            let (mut g, mut h) = (vec![0.0; n], vec![0.0; n * n]);
            derivatives(&duels, &e, &mut g, &mut h);
            prop_assert!(g.iter().all(|g| g.abs() < 1e-9), "{g:?}");
            if !with_anchor {
                prop_assert!(e.iter().sum::<f64>().abs() < 1e-9);
            }
            // C H C = C holds for the inverse and for the pseudo-inverse alike (the pin vanishes on C).
            let c = covariance(&duels, &e).unwrap();
            let hc = product(&h, &c, n);
            let chc = product(&c, &hc, n);
            for (a, b) in chc.iter().zip(&c) {
                prop_assert!((a - b).abs() < 1e-9 * (1.0 + b.abs()), "{a} {b}");
            }
            if !with_anchor {
                prop_assert!((0..n).all(|i| c[i * n..][..n].iter().sum::<f64>().abs() < 1e-8));
            }
        }
    }

    fn product(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {
        let mut out = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..n {
                out[i * n + j] = (0..n).map(|k| a[i * n + k] * b[k * n + j]).sum();
            }
        }
        out
    }
}
