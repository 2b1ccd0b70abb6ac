//! Logistic regression in one variable: the link from a gap to a win rate.

use crate::numeric::sigmoid;
use crate::scorer::Link;
use crate::{Error, Result};

/// A weak pull of the slope towards 0, so that separable data has a finite answer.
const PENALTY: f64 = 1e-6;

/// Fits `P(strong is better) = sigmoid(a + b gap)` by Newton's method, to a step below 1e-12.
///
/// # Errors
/// `InvalidArgument` if the labels are all equal, or if a larger gap makes "strong is better" less likely:
/// then the gaps predict nothing.
pub fn fit_link(gaps: &[f64], strong_is_better: &[bool]) -> Result<Link> {
    let targets: Vec<f64> = strong_is_better.iter().map(|label| f64::from(u8::from(*label))).collect();
    fit_link_to(gaps, &targets)
}

/// As [`fit_link`], to how likely the strong model is the better one on each prompt, in [0, 1].
///
/// # Errors
/// As [`fit_link`].
pub(super) fn fit_link_to(gaps: &[f64], targets: &[f64]) -> Result<Link> {
    let positive: f64 = targets.iter().sum();
    if positive == 0.0 || positive == targets.len() as f64 {
        return Err(Error::invalid_argument(format!(
            "strong is better on {positive} of {} prompts: both outcomes are needed to learn from",
            targets.len()
        )));
    }
    let (mut a, mut b) = (0.0, 0.0);
    for _ in 0..100 {
        let (mut ga, mut gb, mut haa, mut hab, mut hbb) = (0.0, -PENALTY * b, 0.0, 0.0, PENALTY);
        for (gap, target) in gaps.iter().zip(targets) {
            let p = sigmoid(a + b * gap);
            let error = target - p;
            let weight = p * (1.0 - p);
            ga += error;
            gb += error * gap;
            haa += weight;
            hab += weight * gap;
            hbb += weight * gap * gap;
        }
        let determinant = haa * hbb - hab * hab;
        if determinant <= 0.0 {
            break;
        }
        let (da, db) = ((hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant);
        // A full step from far away can overshoot; gaps lie within a few units, so slopes of 20 are large.
        let scale = (20.0 / da.abs().max(db.abs())).min(1.0);
        a += scale * da;
        b += scale * db;
        if da.abs() + db.abs() < 1e-12 {
            break;
        }
    }
    if !(b > 0.0 && a.is_finite() && b.is_finite()) {
        return Err(Error::invalid_argument(
            "nothing was learned: for prompts that the training has not seen, what it predicts does not tell where the \
             strong model is needed; more gold rows are needed, or rows whose prompts differ more",
        ));
    }
    Ok(Link { a, b })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::Rng;

    #[test]
    fn recovers_the_parameters() {
        let mut rng = Rng::new(3);
        let gaps: Vec<f64> = (0..20_000).map(|_| rng.normal() * 0.3).collect();
        let labels: Vec<bool> = gaps.iter().map(|gap| rng.uniform() < sigmoid(-1.5 + 4.0 * gap)).collect();
        let link = fit_link(&gaps, &labels).unwrap();
        assert!((link.a + 1.5).abs() < 0.06 && (link.b - 4.0).abs() < 0.2, "{link:?}");
    }

    #[test]
    fn hopeless_data_is_refused() {
        assert!(fit_link(&[0.1, 0.2], &[true, true]).is_err());
        assert!(fit_link(&[0.1, 0.2, 0.3, 0.4], &[true, true, false, false]).is_err());
    }
}
