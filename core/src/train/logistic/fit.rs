//! Logistic regression with an L2 penalty, by Newton's method with conjugate gradients.

#![allow(
    clippy::inline_always,
    reason = "the body has to be inside each of the functions that are compiled for an instruction set"
)]

use crate::numeric::{dispatch, dot_f64, sigmoid};

/// Rows to learn from: some rows of a matrix of features, each with what it says and how much that counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    pub(super) numbers: Vec<usize>,
    /// P(positive), in [0, 1].
    pub(super) targets: Vec<f64>,
    /// Of mean 1.
    pub(super) weights: Vec<f64>,
}

impl Rows {
    pub(super) fn push(&mut self, number: usize, target: f64, weight: f64) {
        self.numbers.push(number);
        self.targets.push(target);
        self.weights.push(weight);
    }

    /// The same rows with weights of mean 1.
    pub(super) fn scaled(mut self) -> Self {
        let mean = self.weights.iter().sum::<f64>() / self.weights.len() as f64;
        self.weights.iter_mut().for_each(|weight| *weight /= mean);
        self
    }

    /// The same rows, with targets drawn in by half a row, as Platt's calibration does: rows that are all right have a
    /// finite logit then.
    pub(super) fn drawn_in(mut self) -> Self {
        let count = self.targets.len() as f64;
        self.targets.iter_mut().for_each(|target| *target = (count * *target + 0.5) / (count + 1.0));
        self
    }

    /// Rows that `keep` says, and the others.
    pub(super) fn parted(&self, keep: impl Fn(usize) -> bool) -> (Self, Self) {
        let (mut kept, mut rest) = (Self::default(), Self::default());
        for ((number, target), weight) in self.numbers.iter().zip(&self.targets).zip(&self.weights) {
            let part = if keep(*number) { &mut kept } else { &mut rest };
            part.push(*number, *target, *weight);
        }
        (kept, rest)
    }

    /// Mean target by weight.
    pub(super) fn mean(&self) -> f64 {
        let sum: f64 = self.targets.iter().zip(&self.weights).map(|(target, weight)| target * weight).sum();
        sum / self.weights.iter().sum::<f64>()
    }
}

/// `logit = intercept + weights . x`
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Logistic {
    pub(super) weights: Vec<f64>,
    pub(super) intercept: f64,
}

/// Largest component of the gradient a row, at which it stops.
const TOLERANCE: f64 = 1e-9;
const MAX_STEPS: usize = 60;
const MAX_INNER: usize = 200;

#[inline(always)]
fn add_wide_body(sum: &mut [f64], factor: f64, x: &[f32]) {
    for (sum, x) in sum.iter_mut().zip(x) {
        *sum += factor * f64::from(*x);
    }
}

dispatch! { fn add_wide(sum: &mut [f64], factor: f64, x: &[f32]) -> () = add_wide_body }

/// The cross entropy of a target at a logit.
pub(super) fn loss(logit: f64, target: f64) -> f64 {
    let softplus =
        if logit > 0.0 { logit + libm::log1p(libm::exp(-logit)) } else { libm::log1p(libm::exp(logit)) };
    softplus - target * logit
}

/// A problem: `sum of weight * loss + penalty / 2 |weights|^2`, whose intercept is free.
struct Problem<'a> {
    features: &'a [f32],
    dim: usize,
    rows: &'a Rows,
    penalty: f64,
}

impl Problem<'_> {
    fn row(&self, number: usize) -> &[f32] {
        &self.features[number * self.dim..][..self.dim]
    }

    fn logits(&self, at: &Logistic) -> Vec<f64> {
        self.rows.numbers.iter().map(|number| at.logit(self.row(*number))).collect()
    }

    fn value(&self, at: &Logistic, logits: &[f64]) -> f64 {
        let losses = logits.iter().zip(&self.rows.targets).zip(&self.rows.weights);
        losses.map(|((logit, target), weight)| weight * loss(*logit, *target)).sum::<f64>()
            + self.penalty / 2.0 * at.weights.iter().map(|w| w * w).sum::<f64>()
    }

    /// `sum of factor * (x, 1)`, one factor for each row.
    fn transposed(&self, factors: impl Iterator<Item = f64>) -> Logistic {
        let mut sum = Logistic { weights: vec![0.0; self.dim], intercept: 0.0 };
        for (number, factor) in self.rows.numbers.iter().zip(factors) {
            add_wide(&mut sum.weights, factor, self.row(*number));
            sum.intercept += factor;
        }
        sum
    }

    fn gradient(&self, at: &Logistic, logits: &[f64]) -> Logistic {
        let rows = logits.iter().zip(&self.rows.targets).zip(&self.rows.weights);
        let mut gradient =
            self.transposed(rows.map(|((logit, target), weight)| weight * (sigmoid(*logit) - target)));
        gradient.weights.iter_mut().zip(&at.weights).for_each(|(g, w)| *g += self.penalty * w);
        gradient
    }

    /// The Hessian times `x`.
    fn curve(&self, curvature: &[f64], x: &Logistic) -> Logistic {
        let along = self.rows.numbers.iter().zip(curvature);
        let mut product =
            self.transposed(along.map(|(number, curvature)| curvature * x.logit(self.row(*number))));
        product.weights.iter_mut().zip(&x.weights).for_each(|(p, w)| *p += self.penalty * w);
        product
    }

    /// Newton's step, to the precision that the gradient is worth.
    fn step(&self, gradient: &Logistic, logits: &[f64]) -> Logistic {
        let curvature: Vec<f64> = logits
            .iter()
            .zip(&self.rows.weights)
            .map(|(logit, weight)| {
                let p = sigmoid(*logit);
                (weight * p * (1.0 - p)).max(1e-12)
            })
            .collect();
        let mut step = Logistic { weights: vec![0.0; self.dim], intercept: 0.0 };
        let mut residual = gradient.times(-1.0);
        let mut direction = residual.clone();
        let mut squared = residual.dot(&residual);
        let start = squared.sqrt();
        let goal = start * (start / self.rows.numbers.len() as f64).sqrt().min(0.1);
        for _ in 0..MAX_INNER {
            if squared.sqrt() <= goal {
                break;
            }
            let product = self.curve(&curvature, &direction);
            let length = squared / direction.dot(&product);
            step.add(length, &direction);
            residual.add(-length, &product);
            let next = residual.dot(&residual);
            let ratio = next / squared;
            squared = next;
            direction = {
                let mut new = residual.clone();
                new.add(ratio, &direction);
                new
            };
        }
        step
    }
}

impl Logistic {
    pub(super) fn logit(&self, x: &[f32]) -> f64 {
        self.intercept + dot_f64(x, &self.weights)
    }

    fn times(&self, factor: f64) -> Self {
        let weights = self.weights.iter().map(|w| factor * w).collect();
        Self { weights, intercept: factor * self.intercept }
    }

    fn add(&mut self, factor: f64, other: &Self) {
        self.weights.iter_mut().zip(&other.weights).for_each(|(w, other)| *w += factor * other);
        self.intercept += factor * other.intercept;
    }

    fn dot(&self, other: &Self) -> f64 {
        self.weights.iter().zip(&other.weights).map(|(a, b)| a * b).sum::<f64>()
            + self.intercept * other.intercept
    }

    fn largest(&self) -> f64 {
        self.weights.iter().fold(self.intercept.abs(), |most, w| most.max(w.abs()))
    }

    /// Fits `rows` of `features`, `dim` numbers each, from `start` on.
    pub(super) fn fit(features: &[f32], dim: usize, rows: &Rows, penalty: f64, start: Option<&Self>) -> Self {
        let problem = Problem { features, dim, rows, penalty };
        // Bounded away from 0 and 1, where there is no finite intercept.
        let mean = rows.mean().clamp(1e-6, 1.0 - 1e-6);
        let flat = || Self { weights: vec![0.0; dim], intercept: libm::log(mean / (1.0 - mean)) };
        let mut at = start.cloned().unwrap_or_else(flat);
        let mut logits = problem.logits(&at);
        let mut value = problem.value(&at, &logits);
        for _ in 0..MAX_STEPS {
            let gradient = problem.gradient(&at, &logits);
            if gradient.largest() <= TOLERANCE * rows.numbers.len() as f64 {
                break;
            }
            let step = problem.step(&gradient, &logits);
            let slope = gradient.dot(&step);
            let mut length = 1.0;
            let moved = loop {
                let mut next = at.clone();
                next.add(length, &step);
                let next_logits = problem.logits(&next);
                let next_value = problem.value(&next, &next_logits);
                if next_value <= value + 1e-4 * length * slope {
                    break Some((next, next_logits, next_value));
                }
                length /= 2.0;
                if length < 1e-6 {
                    // What is left is rounding.
                    break None;
                }
            };
            let Some(moved) = moved else { break };
            (at, logits, value) = moved;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::Rng;

    #[test]
    fn the_gradient_vanishes_at_the_solution() {
        let mut rng = Rng::new(2);
        let (n, dim) = (300, 17);
        let features: Vec<f32> = (0..n * dim).map(|_| rng.normal() as f32).collect();
        let mut rows = Rows::default();
        for row in 0..n {
            let logit = f64::from(features[row * dim]) * 2.0 - 0.5;
            let target = if row % 5 == 0 { 0.5 } else { f64::from(u8::from(rng.uniform() < sigmoid(logit))) };
            rows.push(row, target, 0.5 + rng.uniform());
        }
        let rows = rows.scaled();
        let fit = Logistic::fit(&features, dim, &rows, 3.0, None);
        // Computed the plain way.
        let mut gradient: Vec<f64> = fit.weights.iter().map(|w| 3.0 * w).collect();
        let mut intercept = 0.0;
        for row in 0..n {
            let x = &features[row * dim..][..dim];
            let logit: f64 =
                fit.intercept + x.iter().zip(&fit.weights).map(|(x, w)| f64::from(*x) * w).sum::<f64>();
            let error = rows.weights[row] * (sigmoid(logit) - rows.targets[row]);
            gradient.iter_mut().zip(x).for_each(|(g, x)| *g += error * f64::from(*x));
            intercept += error;
        }
        assert!(gradient.iter().chain([&intercept]).all(|g| g.abs() < 1e-6), "{gradient:?} {intercept}");
        assert!(fit.weights[0] > 1.0 && fit.weights[1].abs() < 0.5);
        // From elsewhere it comes to the same place.
        let again = Logistic::fit(
            &features,
            dim,
            &rows,
            3.0,
            Some(&Logistic { weights: vec![0.3; dim], intercept: 1.0 }),
        );
        assert!(again.weights.iter().zip(&fit.weights).all(|(a, b)| (a - b).abs() < 1e-6));
    }

    #[test]
    fn equal_targets_have_a_finite_answer() {
        let mut rows = Rows::default();
        (0..3).for_each(|row| rows.push(row, 1.0, 1.0));
        let fit = Logistic::fit(&[1.0, 2.0, 3.0], 1, &rows, 1.0, None);
        assert!(fit.intercept.is_finite() && sigmoid(fit.logit(&[2.0])) > 0.999);
    }
}
