//! How far a strong share is known: of all requests, and of some further ones.
//!
//! A threshold that was taken from a sample of `n` independent prompts sends a share of all prompts to strong that has
//! a beta distribution (order statistics; Jeffreys' for a threshold that lies between), and the number among `m` further
//! prompts is beta-binomial. Prompts that come in groups (the same question again, nearly or to the letter) tell less
//! than as many others: both numbers are divided by the design effect, the variance of the share over groups by what it would
//! be of independent prompts (Kish, 1965).

use serde::{Deserialize, Serialize};

/// The probability that an interval leaves out on each side.
const TAIL: f64 = 0.025;

/// Further requests beyond which the distribution of their share is not computed any finer.
const MOST: f64 = (1_u64 << 20) as f64;

/// A 95 % interval of a share, a quality or another number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Bounds {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Bounds {
    /// From `low` to `high`.
    pub const fn new(low: f64, high: f64) -> Self {
        Self { low, high }
    }

    /// Whether a number lies in it, the ends included.
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// By how much grouping widens the variance of a share: 1 for prompts that are all different, and at least that. `sent` says
/// of each prompt whether it is sent to strong, `groups` to which group it belongs, in numbers from 0 on.
pub fn design_effect(sent: &[bool], groups: &[usize]) -> f64 {
    let count = groups.iter().max().map_or(0, |last| last + 1);
    let (mut sizes, mut strong) = (vec![0.0_f64; count], vec![0.0_f64; count]);
    for (group, sent) in groups.iter().zip(sent) {
        sizes[*group] += 1.0;
        strong[*group] += f64::from(u8::from(*sent));
    }
    let filled = sizes.iter().filter(|size| **size > 0.0).count() as f64;
    let n: f64 = sizes.iter().sum();
    if filled < 2.0 {
        // One group tells as much as one prompt.
        return n.max(1.0);
    }
    let share = strong.iter().sum::<f64>() / n;
    let independent = share * (1.0 - share) / n;
    if independent == 0.0 {
        // Nothing varies: as if whole groups went to one side, which is the most that grouping can do.
        return sizes.iter().map(|size| size * size).sum::<f64>() / n;
    }
    let grouped: f64 = sizes.iter().zip(&strong).map(|(size, strong)| (strong - share * size).powi(2)).sum();
    (grouped / (n * n) * (filled / (filled - 1.0)) / independent).max(1.0)
}

/// The 95 % interval of the share of all prompts, of which `reached` of `n` were sent to strong.
pub fn share_interval(reached: f64, n: f64, design_effect: f64) -> Bounds {
    let (a, b) = parameters(reached, n, design_effect);
    let low = if reached <= 0.0 { 0.0 } else { beta_quantile(a, b, TAIL) };
    let high = if reached >= n { 1.0 } else { beta_quantile(a, b, 1.0 - TAIL) };
    Bounds { low, high }
}

/// The 95 % prediction interval of the share of `further` more prompts, of which `reached` of `n` were sent to strong.
pub fn prediction_interval(reached: f64, n: f64, design_effect: f64, further: u64) -> Bounds {
    let (a, b) = parameters(reached, n, design_effect);
    let m = (further as f64 / design_effect).clamp(1.0, MOST).round();
    let (low, high) = beta_binomial(a, b, m as usize);
    // To shares that so many requests can have, outward.
    let all = further as f64;
    Bounds {
        low: (low as f64 / m * all).floor() / all,
        high: ((high as f64 / m * all).ceil() / all).min(1.0),
    }
}

fn parameters(reached: f64, n: f64, design_effect: f64) -> (f64, f64) {
    (reached / design_effect + 0.5, (n - reached) / design_effect + 0.5)
}

/// The largest number below which a beta-binomial variable is with a probability of at most [`TAIL`], and the smallest above
/// which it is.
fn beta_binomial(a: f64, b: f64, m: usize) -> (usize, usize) {
    let all = m as f64;
    // Logarithms, because the ends underflow; each from the one before by the ratio of neighbours.
    let mut logs = Vec::with_capacity(m + 1);
    let mut log = 0.0;
    logs.push(log);
    for x in 0..m {
        let x = x as f64;
        log += libm::log((all - x) / (x + 1.0) * (a + x) / (b + all - x - 1.0));
        logs.push(log);
    }
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let masses: Vec<f64> = logs.into_iter().map(|log| libm::exp(log - most)).collect();
    let allowed = TAIL * masses.iter().sum::<f64>();
    let (mut low, mut below) = (0, 0.0);
    while low < m && below + masses[low] <= allowed {
        below += masses[low];
        low += 1;
    }
    let (mut high, mut above) = (m, 0.0);
    while high > 0 && above + masses[high] <= allowed {
        above += masses[high];
        high -= 1;
    }
    (low, high)
}

/// The `q`-quantile of a beta distribution, by halving.
fn beta_quantile(a: f64, b: f64, q: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if incomplete_beta(a, b, middle) < q { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The regularized incomplete beta function, by Lentz's continued fraction (Numerical Recipes, section 6.4).
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // The fraction converges fast on this side of the mean only.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(b, a, 1.0 - x);
    }
    let front = libm::exp(
        libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * libm::log(x) + b * libm::log1p(-x),
    );
    let away_from_0 = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let (mut c, mut d) = (1.0, 1.0 / away_from_0(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    // The number of steps grows with the root of the parameters.
    for step in 1..100_000_u32 {
        let m = f64::from(step);
        for term in [
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)),
        ] {
            d = 1.0 / away_from_0(1.0 + term * d);
            c = away_from_0(1.0 + term / c);
            fraction *= c * d;
        }
        if (c * d - 1.0).abs() < 1e-14 {
            break;
        }
    }
    front * fraction / a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::Rng;

    #[test]
    fn quantiles_invert_the_distribution() {
        for (a, b, q) in [(0.5, 10.5, 0.975), (20.5, 80.5, 0.025), (0.5, 0.5, 0.4), (4000.5, 9000.5, 0.975)] {
            assert!((incomplete_beta(a, b, beta_quantile(a, b, q)) - q).abs() < 1e-9, "{a} {b} {q}");
        }
        // The uniform distribution, and that of the arcsine: I_x(1/2, 1/2) = 2/pi asin(sqrt(x)).
        assert!((beta_quantile(1.0, 1.0, 0.3) - 0.3).abs() < 1e-12);
        let x = 0.2_f64;
        let arcsine = 2.0 / std::f64::consts::PI * libm::asin(x.sqrt());
        assert!((incomplete_beta(0.5, 0.5, x) - arcsine).abs() < 1e-12);
        // I_x(2, 3) = 6x^2 - 8x^3 + 3x^4.
        let x: f64 = 0.3;
        assert!(
            (incomplete_beta(2.0, 3.0, x) - (6.0 * x * x - 8.0 * x.powi(3) + 3.0 * x.powi(4))).abs() < 1e-14
        );
    }

    #[test]
    fn a_uniform_prior_predicts_every_number_alike() {
        // a = b = 1: each of 0 to m has the probability 1 / (m + 1).
        assert_eq!(beta_binomial(1.0, 1.0, 99), (2, 97));
        assert_eq!(beta_binomial(1.0, 1.0, 1), (0, 1));
    }

    #[test]
    fn intervals_narrow_with_both_numbers_and_hold_the_share() {
        let width = |bounds: Bounds| bounds.high - bounds.low;
        let near = prediction_interval(200.0, 1000.0, 1.0, 1000);
        assert!(near.contains(0.2) && width(near) > width(share_interval(200.0, 1000.0, 1.0)));
        assert!(width(prediction_interval(200.0, 1000.0, 1.0, 100)) > width(near));
        assert!(width(prediction_interval(200.0, 1000.0, 4.0, 1000)) > 1.8 * width(near));
        assert!(width(prediction_interval(200.0, 1000.0, 1.0, 10_000_000)) < width(near));
        assert_eq!(share_interval(0.0, 50.0, 1.0).low, 0.0);
        assert_eq!(share_interval(50.0, 50.0, 1.0).high, 1.0);
    }

    #[test]
    fn groups_that_go_together_count_as_one() {
        let mut rng = Rng::new(7);
        let different: Vec<bool> = (0..4000).map(|_| rng.uniform() < 0.3).collect();
        let alone: Vec<usize> = (0..4000).collect();
        assert!((design_effect(&different, &alone) - 1.0).abs() < 0.01);
        let repeated: Vec<bool> = different.iter().flat_map(|sent| [*sent; 5]).collect();
        let groups: Vec<usize> = (0..20_000).map(|i| i / 5).collect();
        assert!((design_effect(&repeated, &groups) - 5.0).abs() < 0.05);
        assert_eq!(design_effect(&[true; 10], &[0; 10]), 10.0);
        assert_eq!(design_effect(&[true; 4], &[0, 0, 1, 1]), 2.0);
    }
}
