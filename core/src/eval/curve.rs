//! Quality against strong share: one point for each distinct score.

use serde::Serialize;

use super::Prices;
use crate::{Error, Result};

/// How well both models answered one prompt, in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Graded {
    /// Quality of the strong model's answer.
    pub strong: f64,
    /// Quality of the weak model's answer.
    pub weak: f64,
}

impl Graded {
    /// The quality of the strong and of the weak model's answer.
    pub const fn new(strong: f64, weak: f64) -> Self {
        Self { strong, weak }
    }
}

/// Share of prompts sent to strong, and the mean quality that this gives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Point {
    /// In [0, 1].
    pub strong_share: f64,
    /// Mean quality.
    pub quality: f64,
}

/// A gap of mean qualities below this is rounding: both models are equally good.
const NO_GAP: f64 = 1e-12;

/// Quality against strong share, from all weak to all strong (section 3.1 of the paper).
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    points: Vec<Point>,
    /// Mean USD per request at each point; empty where nothing is said of cost.
    costs: Vec<f64>,
}

impl Curve {
    /// The curve of `scores` (higher is sent to strong first) over `graded` prompts.
    ///
    /// # Errors
    /// `InvalidArgument` if the lengths differ, there is no prompt, or a score or quality is not a number.
    pub fn new(scores: &[f64], graded: &[Graded]) -> Result<Self> {
        check(scores, graded)?;
        Ok(Order::new(scores, graded, None).curve())
    }

    /// A curve through these points, by rising strong share from 0 to 1.
    pub(super) fn from_points(points: Vec<Point>) -> Self {
        Self { points, costs: Vec::new() }
    }

    /// The points, by rising strong share.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Mean USD per request at each point; empty where nothing is said of cost.
    pub(super) fn costs(&self) -> &[f64] {
        &self.costs
    }

    /// Mean quality of the weak model alone.
    pub fn weak_quality(&self) -> f64 {
        self.points[0].quality
    }

    /// Mean quality of the strong model alone.
    pub fn strong_quality(&self) -> f64 {
        self.points[self.points.len() - 1].quality
    }

    /// What the strong model gains over the weak one. NaN unless it is better: then there is no gap to recover.
    pub(super) fn gap(&self) -> f64 {
        let gap = self.strong_quality() - self.weak_quality();
        if gap > NO_GAP { gap } else { f64::NAN }
    }

    /// Performance gap recovered: 0 at the weak model's quality, 1 at the strong model's. NaN unless the strong model is
    /// the better one: with the gap's sign turned, a good router would seem a bad one.
    pub fn pgr(&self, quality: f64) -> f64 {
        (quality - self.weak_quality()) / self.gap()
    }

    /// Area under the curve: mean quality over all strong shares, by trapezoids.
    pub fn auc(&self) -> f64 {
        area(self.points.windows(2).map(|pair| {
            let width = pair[1].strong_share - pair[0].strong_share;
            (width, pair[0].quality, pair[1].quality)
        }))
    }

    /// Average performance gap recovered: the integral of PGR over the strong share, by trapezoids. A random
    /// router has 0.5. NaN unless the strong model is the better one.
    pub fn apgr(&self) -> f64 {
        self.pgr(self.auc())
    }

    /// Call-performance threshold: the smallest strong share, in [0, 1], at which PGR reaches `level`
    /// (0.5 for CPT(50%)). NaN if it never does, or unless the strong model is the better one.
    pub fn cpt(&self, level: f64) -> f64 {
        let place = self.reaches(level);
        Self::between(place, |point| self.points[point].strong_share)
    }

    /// Where PGR first reaches `level`: a point, and how far on the way to the next.
    fn reaches(&self, level: f64) -> Option<(usize, f64)> {
        let target = self.weak_quality() + level * self.gap();
        if target.is_nan() {
            return None;
        }
        self.reaches_quality(target)
    }

    /// Where the quality first reaches `target`: a point, and how far on the way to the next.
    pub(super) fn reaches_quality(&self, target: f64) -> Option<(usize, f64)> {
        // Sums that differ by their rounding are one quality.
        let target = target - NO_GAP * target.abs().max(1.0) * 1e-2;
        let at = self.points.iter().position(|point| point.quality >= target)?;
        if at == 0 {
            return Some((0, 0.0));
        }
        let (from, to) = (self.points[at - 1].quality, self.points[at].quality);
        Some((at - 1, ((target - from) / (to - from)).clamp(0.0, 1.0)))
    }

    /// What `value` has at a place between two points. NaN for none.
    pub(super) fn between(place: Option<(usize, f64)>, value: impl Fn(usize) -> f64) -> f64 {
        let Some((point, fraction)) = place else { return f64::NAN };
        let from = value(point);
        if fraction == 0.0 { from } else { from + fraction * (value(point + 1) - from) }
    }

    /// Mean quality at a strong share: that of a coin between the two points beside it.
    pub fn quality_at(&self, strong_share: f64) -> f64 {
        let mut qualities = [0.0];
        self.qualities_at(&[strong_share], &mut qualities);
        qualities[0]
    }

    /// As [`quality_at`](Self::quality_at), for rising shares.
    pub(super) fn qualities_at(&self, shares: &[f64], qualities: &mut [f64]) {
        let mut next = 1;
        for (share, quality) in shares.iter().zip(qualities) {
            while next + 1 < self.points.len() && self.points[next].strong_share < *share {
                next += 1;
            }
            let (from, to) = (self.points[next - 1], self.points[next]);
            let width = to.strong_share - from.strong_share;
            let fraction = if width > 0.0 { (share - from.strong_share) / width } else { 1.0 };
            *quality = from.quality + fraction.clamp(0.0, 1.0) * (to.quality - from.quality);
        }
    }
}

/// Sum of trapezoids `(width, left, right)`.
fn area(trapezoids: impl Iterator<Item = (f64, f64, f64)>) -> f64 {
    trapezoids.map(|(width, left, right)| width * (left + right) / 2.0).sum()
}

/// Refuses what no curve can be drawn of.
///
/// # Errors
/// `InvalidArgument`, naming the first prompt that is wrong.
pub(super) fn check(scores: &[f64], graded: &[Graded]) -> Result<()> {
    if scores.len() != graded.len() || scores.is_empty() {
        return Err(Error::invalid_argument(format!(
            "{} scores for {} graded prompts: one each, and at least one, are needed",
            scores.len(),
            graded.len()
        )));
    }
    if let Some(i) = scores.iter().position(|score| score.is_nan()) {
        return Err(Error::invalid_argument(format!(
            "score {i} is NaN: give every prompt a score, or leave it out"
        )));
    }
    if let Some(i) = graded.iter().position(|row| !row.strong.is_finite() || !row.weak.is_finite()) {
        return Err(Error::invalid_argument(format!(
            "the grades of prompt {i} are {} and {}: leave out prompts that are not graded",
            graded[i].strong, graded[i].weak
        )));
    }
    Ok(())
}

/// Indices by descending score; equal scores by their index.
pub(super) fn descending(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    order
}

/// Rows in the order in which they are sent to strong, sorted once: a draw of the bootstrap only weighs them anew.
#[derive(Debug)]
pub(super) struct Order {
    /// Which row each place has.
    pub(super) rows: Vec<usize>,
    /// The score of each place, descending.
    pub(super) scores: Vec<f64>,
    /// For each place, whether it is the last of its score: rows of one score are sent together.
    last: Vec<bool>,
    weak: Vec<f64>,
    gain: Vec<f64>,
    /// USD of the weak model, and what the strong one costs more; empty where nothing is said of cost.
    cost: Vec<(f64, f64)>,
}

impl Order {
    pub(super) fn new(scores: &[f64], graded: &[Graded], costs: Option<&dyn Fn(usize) -> Prices>) -> Self {
        let rows = descending(scores);
        let scores: Vec<f64> = rows.iter().map(|i| scores[*i]).collect();
        Self {
            last: (0..rows.len()).map(|at| scores.get(at + 1) != Some(&scores[at])).collect(),
            weak: rows.iter().map(|i| graded[*i].weak).collect(),
            gain: rows.iter().map(|i| graded[*i].strong - graded[*i].weak).collect(),
            cost: costs.map_or_else(Vec::new, |costs| {
                let of = |prices: Prices| (prices.weak, prices.strong - prices.weak);
                rows.iter().map(|i| of(costs(*i))).collect()
            }),
            rows,
            scores,
        }
    }

    /// The curve of the rows themselves.
    pub(super) fn curve(&self) -> Curve {
        let mut curve = Curve { points: Vec::new(), costs: Vec::new() };
        self.draw(&vec![1.0; self.rows.len()], &mut curve);
        curve
    }

    /// An empty curve for [`draw`](Self::draw) to fill.
    pub(super) fn room(&self) -> Curve {
        Curve { points: Vec::with_capacity(self.rows.len() + 1), costs: Vec::new() }
    }

    /// The curve of rows that occur `weights` times each, by place.
    pub(super) fn draw(&self, weights: &[f64], curve: &mut Curve) {
        let (mut total, mut quality) = (0.0, 0.0);
        for (weight, weak) in weights.iter().zip(&self.weak) {
            total += weight;
            quality += weight * weak;
        }
        let scale = 1.0 / total;
        curve.points.clear();
        curve.points.push(Point { strong_share: 0.0, quality: quality * scale });
        let mut sent = 0.0;
        for ((weight, gain), last) in weights.iter().zip(&self.gain).zip(&self.last) {
            sent += weight;
            quality += weight * gain;
            if *last {
                curve.points.push(Point { strong_share: sent * scale, quality: quality * scale });
            }
        }
        // Not a rounding below it.
        if let Some(end) = curve.points.last_mut() {
            end.strong_share = 1.0;
        }
        self.draw_costs(weights, scale, &mut curve.costs);
    }

    fn draw_costs(&self, weights: &[f64], scale: f64, costs: &mut Vec<f64>) {
        costs.clear();
        if self.cost.is_empty() {
            return;
        }
        let mut cost: f64 = weights.iter().zip(&self.cost).map(|(weight, cost)| weight * cost.0).sum();
        costs.push(cost * scale);
        for ((weight, more), last) in weights.iter().zip(&self.cost).zip(&self.last) {
            cost += weight * more.1;
            if *last {
                costs.push(cost * scale);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::bootstrap;
    use crate::numeric::Rng;

    fn graded(pairs: &[(u8, u8)]) -> Vec<Graded> {
        pairs.iter().map(|(s, w)| Graded::new(f64::from(*s), f64::from(*w))).collect()
    }

    #[test]
    fn known_values() {
        // One prompt needs the strong model; the others do not care.
        let prompts = graded(&[(1, 0), (1, 1), (0, 0), (1, 1)]);
        let first = Curve::new(&[0.9, 0.1, 0.2, 0.3], &prompts).unwrap();
        assert_eq!((first.weak_quality(), first.strong_quality()), (0.5, 0.75));
        assert!((first.apgr() - 0.875).abs() < 1e-12);
        assert!((first.cpt(0.5) - 0.125).abs() < 1e-12);
        let last = Curve::new(&[0.0, 0.1, 0.2, 0.3], &prompts).unwrap();
        assert!((last.apgr() - 0.125).abs() < 1e-12);
        assert!((last.cpt(0.5) - 0.875).abs() < 1e-12);
    }

    #[test]
    fn equal_scores_are_a_random_router() {
        let prompts = graded(&[(1, 0), (1, 1), (0, 0), (0, 1), (1, 0)]);
        let curve = Curve::new(&[0.5; 5], &prompts).unwrap();
        assert!((curve.apgr() - 0.5).abs() < 1e-12);
        assert!((curve.cpt(0.8) - 0.8).abs() < 1e-12);
        assert_eq!(curve.points().len(), 2);
    }

    #[test]
    fn ties_equal_the_mean_over_their_orders() {
        let prompts = graded(&[(1, 0), (0, 1), (1, 0)]);
        let tied = Curve::new(&[0.7, 0.7, 0.1], &prompts).unwrap().apgr();
        let one = Curve::new(&[0.8, 0.7, 0.1], &prompts).unwrap().apgr();
        let other = Curve::new(&[0.7, 0.8, 0.1], &prompts).unwrap().apgr();
        assert!((tied - f64::midpoint(one, other)).abs() < 1e-12);
    }

    #[test]
    fn a_dented_curve_crosses_where_it_first_does() {
        let prompts = graded(&[(1, 0), (0, 1), (1, 0), (1, 0)]);
        let curve = Curve::new(&[0.9, 0.8, 0.7, 0.6], &prompts).unwrap();
        assert!((curve.cpt(0.5) - 0.25).abs() < 1e-12);
    }

    #[test]
    fn intervals_hold_the_value_and_shrink() {
        let mut rng = Rng::new(11);
        let make = |n: usize, rng: &mut Rng| -> (Vec<f64>, Vec<Graded>) {
            (0..n)
                .map(|_| {
                    let x = rng.uniform();
                    let strong = f64::from(u8::from(rng.uniform() < 0.8));
                    let weak = f64::from(u8::from(rng.uniform() < 0.8 - 0.4 * x));
                    (x, Graded { strong, weak })
                })
                .unzip()
        };
        let mut widths = Vec::new();
        for n in [200, 3200] {
            let (scores, prompts) = make(n, &mut rng);
            let curve = Curve::new(&scores, &prompts).unwrap();
            let interval = bootstrap(&scores, &prompts, 400, 1, Curve::apgr).unwrap();
            assert!(interval.low < curve.apgr() && curve.apgr() < interval.high);
            widths.push(interval.high - interval.low);
            let again = bootstrap(&scores, &prompts, 400, 1, Curve::apgr).unwrap();
            assert_eq!(again, interval);
        }
        assert!(widths[1] < widths[0] / 2.5);
    }

    #[test]
    fn bad_input_is_refused() {
        assert!(Curve::new(&[], &[]).is_err());
        assert!(Curve::new(&[0.1], &[]).is_err());
        assert!(Curve::new(&[f64::NAN], &graded(&[(1, 0)])).is_err());
    }
}
