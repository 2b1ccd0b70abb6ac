//! Which of some candidates a policy chooses, by their qualities and costs.

/// A policy for any number of candidates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Choice {
    /// The most `quality - weight x cost`.
    CostWeight(f64),
    /// The cheapest whose quality is at least this, or else the best.
    MinQuality(f64),
}

/// A candidate, as a policy sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rated {
    /// Its place in the artifact.
    pub(crate) index: usize,
    /// In [0, 1]; NaN if nothing is known, which is less than any.
    pub(crate) quality: f64,
    /// USD per 1,000 requests.
    pub(crate) cost: f64,
}

impl Choice {
    /// The chosen one of candidates in the order of the artifact; of equal ones the cheaper, then the first.
    pub(crate) fn choose(self, candidates: impl Iterator<Item = Rated> + Clone) -> Option<Rated> {
        match self {
            Self::CostWeight(weight) => best(candidates, |one| one.quality - weight * one.cost),
            Self::MinQuality(least) => {
                let reaching = candidates.clone().filter(|one| one.quality >= least);
                best(reaching, |one| -one.cost).or_else(|| best(candidates, |one| one.quality))
            }
        }
    }
}

fn best(candidates: impl Iterator<Item = Rated>, worth: impl Fn(Rated) -> f64) -> Option<Rated> {
    let mut chosen: Option<(f64, Rated)> = None;
    for one in candidates {
        let worth = worth(one);
        let worth = if worth.is_nan() { f64::NEG_INFINITY } else { worth };
        if chosen.is_none_or(|(most, known)| worth > most || (worth == most && one.cost < known.cost)) {
            chosen = Some((worth, one));
        }
    }
    chosen.map(|(_, one)| one)
}

/// The smallest weight with which `cost`, a function that does not rise, is at most `budget`: to the last bit, by halving
/// among the numbers from 0 on. `None` if no weight does it.
pub(crate) fn smallest_weight(budget: f64, cost: impl Fn(f64) -> f64) -> Option<f64> {
    if cost(0.0) <= budget {
        return Some(0.0);
    }
    // Numbers from 0 on are in the order of their bits.
    let (mut too_small, mut enough) = (0.0_f64.to_bits(), LARGEST_WEIGHT.to_bits());
    if cost(LARGEST_WEIGHT) > budget {
        return None;
    }
    while too_small + 1 < enough {
        let middle = u64::midpoint(too_small, enough);
        if cost(f64::from_bits(middle)) <= budget { enough = middle } else { too_small = middle }
    }
    Some(f64::from_bits(enough))
}

/// With it only costs count: no price is so small that a quality would outweigh it.
pub(crate) const LARGEST_WEIGHT: f64 = 1e100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::Rng;

    fn candidates(numbers: &[(f64, f64)]) -> Vec<Rated> {
        let rated =
            |(index, (quality, cost)): (usize, &(f64, f64))| Rated { index, quality: *quality, cost: *cost };
        numbers.iter().enumerate().map(rated).collect()
    }

    fn chosen(choice: Choice, numbers: &[(f64, f64)]) -> usize {
        choice.choose(candidates(numbers).into_iter()).unwrap().index
    }

    #[test]
    fn ties_go_to_the_cheaper_and_then_to_the_first() {
        let weight = Choice::CostWeight(0.5);
        assert_eq!(chosen(weight, &[(0.75, 1.0), (0.25, 0.0), (0.5, 0.5)]), 1);
        assert_eq!(chosen(weight, &[(0.5, 1.0), (0.5, 1.0)]), 0);
        assert_eq!(chosen(Choice::CostWeight(0.0), &[(0.5, 3.0), (0.5, 2.0), (0.4, 0.0)]), 1);
        let least = Choice::MinQuality(0.6);
        assert_eq!(chosen(least, &[(0.9, 2.0), (0.6, 1.0), (0.7, 1.0), (0.5, 0.0)]), 1);
        assert_eq!(chosen(least, &[(0.5, 2.0), (0.5, 1.0), (0.4, 0.0)]), 1);
        assert_eq!(chosen(least, &[(f64::NAN, 0.0), (0.1, 9.0)]), 1);
        assert!(weight.choose(std::iter::empty()).is_none());
    }

    #[test]
    fn cost_falls_with_the_weight_and_quality_rises_with_the_least_one() {
        let mut rng = Rng::new(11);
        for _ in 0..500 {
            let numbers: Vec<(f64, f64)> = (0..6).map(|_| (rng.uniform(), rng.uniform())).collect();
            let rated = candidates(&numbers);
            let of = |choice: Choice| choice.choose(rated.iter().copied()).unwrap();
            let weights: Vec<f64> = (0..20).map(|i| f64::from(i) * 0.2).collect();
            let costs: Vec<f64> = weights.iter().map(|w| of(Choice::CostWeight(*w)).cost).collect();
            assert!(costs.windows(2).all(|pair| pair[1] <= pair[0]), "{costs:?}");
            let best = numbers.iter().map(|(quality, _)| *quality).fold(0.0, f64::max);
            let steps: Vec<Rated> =
                (0..=20).map(|i| of(Choice::MinQuality(best * f64::from(i) / 20.0))).collect();
            assert!(steps.windows(2).all(|pair| pair[1].cost >= pair[0].cost), "{steps:?}");
            for (i, one) in steps.iter().enumerate() {
                assert!(one.quality >= (best * i as f64 / 20.0).min(best));
            }
        }
    }

    #[test]
    fn the_weight_is_the_smallest_to_the_last_bit() {
        let mut rng = Rng::new(3);
        for _ in 0..50 {
            let rows: Vec<Vec<Rated>> = (0..40)
                .map(|_| candidates(&(0..4).map(|_| (rng.uniform(), rng.uniform())).collect::<Vec<_>>()))
                .collect();
            let mean = |weight: f64| {
                let cost =
                    |row: &Vec<Rated>| Choice::CostWeight(weight).choose(row.iter().copied()).unwrap().cost;
                rows.iter().map(cost).sum::<f64>() / rows.len() as f64
            };
            let (least, most) = (mean(LARGEST_WEIGHT), mean(0.0));
            let budget = least + (most - least) * rng.uniform();
            let weight = smallest_weight(budget, mean).unwrap();
            assert!(mean(weight) <= budget);
            assert!(weight == 0.0 || mean(weight.next_down()) > budget);
            assert_eq!(smallest_weight(most, mean), Some(0.0));
            assert_eq!(smallest_weight(least * 0.5 - 1e-9, mean), None);
        }
    }
}
