//! Bins for win rates: the tenths of the calibration sample, so that live traffic that is like it has a tenth in each.

use routellm_core::Router;

use crate::metrics::BINS;

/// Lower ends of all bins but the first, and the shares that the calibration sample has in the bins; `None` without a
/// calibration.
pub(super) fn expected_shares(router: &Router) -> Option<([f64; BINS - 1], [f64; BINS])> {
    let share = |bin: usize| router.share(1.0 - bin as f64 / BINS as f64);
    let inner: Vec<(f64, f64)> = (1..BINS).map(share).collect::<Result<_, _>>().ok()?;
    let above = |bin: usize| match bin {
        0 => 1.0,
        BINS => 0.0,
        bin => inner[bin - 1].1,
    };
    let ends = std::array::from_fn(|bin| inner[bin].0);
    Some((ends, std::array::from_fn(|bin| above(bin) - above(bin + 1))))
}

/// The bin of a win rate.
pub(super) fn bin(ends: &[f64; BINS - 1], win_rate: f64) -> usize {
    ends.partition_point(|end| *end <= win_rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_of_the_default_router_have_a_tenth_each() {
        let router = Router::default_router().unwrap();
        let (ends, shares) = expected_shares(&router).unwrap();
        assert!(ends.is_sorted());
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(shares.iter().all(|share| (share - 0.1).abs() < 0.01), "{shares:?}");
        assert_eq!((bin(&ends, 0.0), bin(&ends, 1.0)), (0, BINS - 1));
        assert_eq!(bin(&ends, ends[4]), 5);
    }
}
