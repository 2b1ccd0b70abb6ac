//! Curves from held-out scores and gold scores.

use super::Curve;
use crate::numeric::sigmoid;
use crate::{Error, Result};

/// From this many rows on a curve is isotonic, below it Platt's, which has two parameters and so overfits less
/// (Niculescu-Mizil and Caruana, 2005, figure 8).
pub const ISOTONIC_ROWS: usize = 1000;

/// A weak pull of Platt's slope towards 0, so that separable data has a finite answer.
const PENALTY: f64 = 1e-6;

/// The curve from what a scorer said of rows that its training had not seen to their gold scores in [0, 1].
///
/// # Errors
/// `InvalidArgument` without rows, or for a number that is not finite or a gold score outside [0, 1].
pub fn fit_curve(inputs: &[f64], gold: &[f64]) -> Result<Curve> {
    if inputs.is_empty() || inputs.len() != gold.len() {
        return Err(Error::invalid_argument(format!(
            "a curve of quality needs rows: {} scores and {} gold scores",
            inputs.len(),
            gold.len()
        )));
    }
    if let Some(bad) = inputs.iter().find(|x| !x.is_finite()) {
        return Err(Error::invalid_argument(format!("a score is {bad}, expected a finite number")));
    }
    if let Some(bad) = gold.iter().find(|y| !(0.0..=1.0).contains(*y)) {
        return Err(Error::invalid_argument(format!("a gold score is {bad}, expected a number in [0, 1]")));
    }
    Ok(if inputs.len() >= ISOTONIC_ROWS { isotonic(inputs, gold) } else { platt(inputs, gold) })
}

/// Rows that are pooled: sums of inputs and gold scores, and their number.
#[derive(Clone, Copy)]
struct Pool {
    input: f64,
    gold: f64,
    count: f64,
}

impl Pool {
    fn mean(self) -> f64 {
        self.gold / self.count
    }
}

/// Pools adjacent violators. A point of the curve is the mean of a pool (Oron and Flournoy, 2017), so that the curve rises
/// where the data do, instead of in steps.
fn isotonic(inputs: &[f64], gold: &[f64]) -> Curve {
    let mut order: Vec<usize> = (0..inputs.len()).collect();
    order.sort_by(|a, b| inputs[*a].total_cmp(&inputs[*b]).then(a.cmp(b)));
    let mut pools: Vec<Pool> = Vec::new();
    let mut rows = order.into_iter().peekable();
    while let Some(row) = rows.next() {
        // Rows of one input are one.
        let mut pool = Pool { input: inputs[row], gold: gold[row], count: 1.0 };
        while let Some(same) = rows.next_if(|next| inputs[*next] == inputs[row]) {
            pool.input += inputs[same];
            pool.gold += gold[same];
            pool.count += 1.0;
        }
        while let Some(last) = pools.pop_if(|last| last.mean() >= pool.mean()) {
            pool.input += last.input;
            pool.gold += last.gold;
            pool.count += last.count;
        }
        pools.push(pool);
    }
    let (mut points, mut qualities) = (Vec::new(), Vec::new());
    for pool in pools {
        let (input, quality) = (pool.input / pool.count, pool.mean().clamp(0.0, 1.0));
        // Means of neighbours may round to one.
        if points.last().is_none_or(|last| *last < input) {
            points.push(input);
            qualities.push(quality);
        }
    }
    Curve::Isotonic { inputs: points, qualities }
}

/// Logistic regression of the gold scores, moved a little towards the middle as Platt does, by Newton's method.
fn platt(inputs: &[f64], gold: &[f64]) -> Curve {
    let rows = inputs.len() as f64;
    let margin = 1.0 / (rows + 2.0);
    let target = |gold: f64| margin + (1.0 - 2.0 * margin) * gold;
    let mean = gold.iter().map(|gold| target(*gold)).sum::<f64>() / rows;
    let flat = Curve::Platt { a: libm::log(mean / (1.0 - mean)), b: 0.0 };
    let center = inputs.iter().sum::<f64>() / rows;
    let spread = (inputs.iter().map(|x| (x - center) * (x - center)).sum::<f64>() / rows).sqrt();
    if !(spread > 0.0 && spread.is_finite()) {
        return flat;
    }
    // In units of the spread, Newton's steps are of one size whatever the scorer's scale.
    let (mut a, mut b) = (libm::log(mean / (1.0 - mean)), 0.0);
    for _ in 0..100 {
        let (mut ga, mut gb, mut haa, mut hab, mut hbb) = (0.0, -PENALTY * b, 0.0, 0.0, PENALTY);
        for (input, gold) in inputs.iter().zip(gold) {
            let x = (input - center) / spread;
            let p = sigmoid(a + b * x);
            let (error, weight) = (target(*gold) - p, p * (1.0 - p));
            ga += error;
            gb += error * x;
            haa += weight;
            hab += weight * x;
            hbb += weight * x * x;
        }
        let determinant = haa * hbb - hab * hab;
        if determinant <= 0.0 {
            break;
        }
        let (da, db) = ((hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant);
        let scale = (5.0 / da.abs().max(db.abs())).min(1.0);
        a += scale * da;
        b += scale * db;
        if da.abs() + db.abs() < 1e-12 {
            break;
        }
    }
    let (a, b) = (a - b * center / spread, b / spread);
    // Where higher scores went with lower gold scores, the score says nothing.
    if b > 0.0 && a.is_finite() && b.is_finite() { Curve::Platt { a, b } } else { flat }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::Rng;

    #[test]
    fn pooling_is_the_best_rising_fit() {
        let Curve::Isotonic { inputs, qualities } =
            isotonic(&[1.0, 2.0, 3.0, 4.0, 5.0, 5.0], &[0.0, 1.0, 0.0, 1.0, 1.0, 0.5])
        else {
            panic!("pooling makes points")
        };
        assert_eq!((inputs, qualities), (vec![1.0, 2.5, 14.0 / 3.0], vec![0.0, 0.5, 2.5 / 3.0]));
    }

    #[test]
    fn both_fits_recover_a_probability() {
        let mut rng = Rng::new(5);
        for rows in [ISOTONIC_ROWS - 1, 20 * ISOTONIC_ROWS] {
            let inputs: Vec<f64> = (0..rows).map(|_| 3.0 + 0.5 * rng.normal()).collect();
            let truth = |x: f64| sigmoid(2.0 * (x - 3.0) - 0.5);
            let gold: Vec<f64> =
                inputs.iter().map(|x| f64::from(u8::from(rng.uniform() < truth(*x)))).collect();
            let curve = fit_curve(&inputs, &gold).unwrap();
            assert_eq!(curve.name(), if rows < ISOTONIC_ROWS { "platt" } else { "isotonic" });
            for x in [2.5, 3.0, 3.5] {
                assert!((curve.quality(x) - truth(x)).abs() < 0.06, "{rows} rows, at {x}");
            }
            let ordered: Vec<f64> = (0..200).map(|i| curve.quality(f64::from(i) * 0.03)).collect();
            assert!(ordered.windows(2).all(|pair| pair[0] <= pair[1]));
        }
    }

    #[test]
    fn what_teaches_nothing_is_a_constant() {
        for (inputs, gold) in [([0.0, 1.0, 2.0], [1.0, 0.5, 0.0]), ([1.0; 3], [0.0, 1.0, 0.5])] {
            let curve = fit_curve(&inputs, &gold).unwrap();
            assert!((curve.quality(0.0) - 0.5).abs() < 1e-12 && curve.quality(9.0) == curve.quality(0.0));
        }
        let sure = fit_curve(&[1.0, 2.0], &[1.0, 1.0]).unwrap().quality(1.0);
        assert!(sure > 0.5 && sure < 1.0);
        assert!(fit_curve(&[], &[]).is_err() && fit_curve(&[f64::NAN], &[0.0]).is_err());
        assert!(fit_curve(&[0.0], &[1.5]).is_err());
    }
}
