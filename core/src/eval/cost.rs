//! Quality against USD: convex hull, AIQ, `RouterArena`'s score, `PerfGain` and `CostSave`.

/// The non-decreasing upper hull of `(cost, quality)` points, by rising cost: what can be had by a coin between two of them,
/// where dearer is never worse. It begins at the cheapest point and ends at the best (`RouterBench`, arXiv 2403.12031,
/// section 3).
///
/// ```
/// use routellm_core::eval::hull;
/// let points = [(1.0, 0.2), (2.0, 0.3), (3.0, 0.8), (4.0, 0.7)];
/// assert_eq!(hull(&points), [(1.0, 0.2), (3.0, 0.8)]);
/// ```
///
/// Points with a number that is not finite are left out.
pub fn hull(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut sorted: Vec<(f64, f64)> =
        points.iter().copied().filter(|point| point.0.is_finite() && point.1.is_finite()).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
    let mut hull: Vec<(f64, f64)> = Vec::new();
    for point in sorted {
        if hull.last().is_some_and(|last| point.1 <= last.1) {
            continue;
        }
        while let [.., before, last] = hull.as_slice() {
            // The last point lies on or below the line from the one before it to the new one.
            let above =
                (last.1 - before.1) * (point.0 - before.0) > (point.1 - before.1) * (last.0 - before.0);
            if above {
                break;
            }
            hull.pop();
        }
        hull.push(point);
    }
    hull
}

/// Average improvement in quality (AIQ of `RouterBench`): the mean of a [`hull`] over costs from `low` to `high`, those of
/// the cheapest and the dearest single model. Beyond the hull's last point its quality stays; before its first one it is
/// a coin between that and no answer, which costs nothing and is worth nothing.
///
/// `None` for an empty hull, and unless `high` is above `low`.
pub fn aiq(hull: &[(f64, f64)], low: f64, high: f64) -> Option<f64> {
    let (first, last) = (hull.first()?, hull.last()?);
    if !(low >= 0.0 && high > low && high.is_finite()) {
        return None;
    }
    let start = (first.0 > 0.0).then_some((0.0, 0.0));
    let end = (high > last.0).then_some((high, last.1));
    let line: Vec<(f64, f64)> = start.into_iter().chain(hull.iter().copied()).chain(end).collect();
    let area: f64 = line
        .windows(2)
        .map(|pair| {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let (from, to) = (x0.max(low), x1.min(high));
            if to <= from {
                return 0.0;
            }
            let at = |x: f64| y0 + (x - x0) / (x1 - x0) * (y1 - y0);
            (to - from) * f64::midpoint(at(from), at(to))
        })
        .sum();
    Some(area / (high - low))
}

/// `RouterArena`'s score (arXiv 2510.00202): `(1 + b) A C / (b A + C)` with `b = 0.1`, the accuracy `A` in [0, 1], and the
/// cost on a logarithmic scale, `C = (log2 200 - log2 c) / (log2 200 - log2 0.0044)`, of `c` USD per 1,000 requests.
///
/// `None` for an accuracy outside [0, 1], and unless the cost is above 0 and at most 200 USD.
pub fn arena_score(accuracy: f64, usd_per_1000: f64) -> Option<f64> {
    const BETA: f64 = 0.1;
    const DEAREST: f64 = 200.0;
    const CHEAPEST: f64 = 0.0044;
    if !((0.0..=1.0).contains(&accuracy) && usd_per_1000 > 0.0 && usd_per_1000 <= DEAREST) {
        return None;
    }
    let dearest = libm::log2(DEAREST);
    let cost = (dearest - libm::log2(usd_per_1000)) / (dearest - libm::log2(CHEAPEST));
    if accuracy == 0.0 || cost == 0.0 {
        return Some(0.0);
    }
    Some((1.0 + BETA) * accuracy * cost / (BETA * accuracy + cost))
}

/// `PerfGain` (`LLMRouterBench`, arXiv 2601.07206): how much better a router's best point is than the best single model,
/// as a share of that. `None` unless the best single model's quality is above 0.
pub fn perf_gain(best: f64, best_single: f64) -> Option<f64> {
    (best_single > 0.0).then(|| best / best_single - 1.0)
}

/// `CostSave` (`LLMRouterBench`): what a router saves of the best single model's cost at the cheapest point that is as good,
/// as a share of that. `None` unless the best single model's cost is above 0.
pub fn cost_save(cheapest: f64, best_single: f64) -> Option<f64> {
    (best_single > 0.0 && cheapest.is_finite()).then(|| 1.0 - cheapest / best_single)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn published_scores() {
        // Rows of RouterArena's leaderboard: accuracy, USD per 1,000 requests, score.
        for (accuracy, cost, score) in
            [(0.6688, 0.15, 0.6689), (0.6809, 0.54, 0.6666), (0.7396, 10.02, 0.6432)]
        {
            assert!((arena_score(accuracy, cost).unwrap() - score).abs() < 2e-4, "{cost}");
        }
        assert_eq!(
            (arena_score(0.5, 0.0), arena_score(1.2, 1.0), arena_score(0.5, 300.0)),
            (None, None, None)
        );
        assert_eq!(arena_score(0.5, 200.0), Some(0.0));
    }

    #[test]
    fn average_over_the_range_of_costs() {
        let line = [(1.0, 0.2), (3.0, 0.8)];
        assert!((aiq(&line, 1.0, 3.0).unwrap() - 0.5).abs() < 1e-12);
        assert!((aiq(&line, 1.0, 5.0).unwrap() - 0.65).abs() < 1e-12);
        assert!((aiq(&line, 0.0, 1.0).unwrap() - 0.1).abs() < 1e-12);
        assert_eq!((aiq(&line, 3.0, 3.0), aiq(&[], 0.0, 1.0)), (None, None));
    }

    #[test]
    fn gains_and_savings() {
        assert!((perf_gain(0.9, 0.75).unwrap() - 0.2).abs() < 1e-12);
        assert!((cost_save(2.0, 8.0).unwrap() - 0.75).abs() < 1e-12);
        assert_eq!((perf_gain(0.1, 0.0), cost_save(0.0, 0.0)), (None, None));
    }

    proptest! {
        /// At the cost of every point, the hull is the best coin between two points that is no dearer.
        #[test]
        fn the_hull_is_the_best_mixture(points in prop::collection::vec((0u8..20, 0u8..20), 1..12)) {
            let points: Vec<(f64, f64)> =
                points.iter().map(|(cost, quality)| (f64::from(*cost), f64::from(*quality))).collect();
            let hull = hull(&points);
            prop_assert!(hull.is_sorted_by(|a, b| a.0 < b.0 && a.1 < b.1));
            for (cost, _) in &points {
                let mut best = f64::NEG_INFINITY;
                for a in points.iter().filter(|a| a.0 <= *cost) {
                    best = best.max(a.1);
                    for b in points.iter().filter(|b| b.0 > *cost) {
                        best = best.max(a.1 + (cost - a.0) / (b.0 - a.0) * (b.1 - a.1));
                    }
                }
                let at = hull.iter().rposition(|point| point.0 <= *cost).unwrap();
                let on = hull.get(at + 1).map_or(hull[at].1, |next| {
                    hull[at].1 + (cost - hull[at].0) / (next.0 - hull[at].0) * (next.1 - hull[at].1)
                });
                prop_assert!((on - best).abs() < 1e-9, "{} {}", on, best);
            }
        }
    }
}
