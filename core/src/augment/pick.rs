//! Which prompts to label: those that differ, and those that a router is not sure of.

use crate::features::SparseVector;
use crate::features::hashed::{Hashed, HashedSpec, StatisticsBuilder};
use crate::numeric::Rng;
use crate::{CallOptions, Error, Policy, Result, Router};

/// Binary logarithm of the buckets that words are hashed into.
const BITS: u32 = 16;

/// The scale of the lexical features beside words.
const LEXICAL_SCALE: f32 = 0.1;

/// Picks prompts that differ, by the seeding of k-means++ (Arthur and Vassilvitskii, 2007): each is drawn with a chance that
/// grows with its distance from the nearest one before, one less the cosine of hashed words weighed by how rare they are among
/// these prompts. So the parts of the traffic that many prompts are alike in are asked after less often than by chance, and odd
/// prompts are not all that is asked after, as they are by the farthest one each time.
///
/// With a router the chance also falls the farther the rank of a prompt's win rate is from that of the decision line: squared,
/// from 1 on the line to 0 for all of the prompts away from it.
///
/// Returns indices in the order in which they were picked: the first of them are a pick, too. Fewer than `count` if no others
/// differ from these.
///
/// ```
/// use routellm_core::augment::pick;
/// let prompts = ["Hello!", "Hello!", "Prove that 7 is prime.", "Hello!"];
/// let mut picked = pick(&prompts, 3, None, 1)?;
/// picked.sort_unstable();
/// assert_eq!((picked.len(), picked[picked.len() - 1] >= 2), (2, true));
/// # Ok::<(), routellm_core::Error>(())
/// ```
///
/// # Errors
/// `InvalidArgument` for 0 prompts, and what the router reports for a prompt.
pub fn pick<T: AsRef<str>>(
    prompts: &[T],
    count: usize,
    router: Option<&Router>,
    seed: u64,
) -> Result<Vec<usize>> {
    if count == 0 {
        return Err(Error::invalid_argument("0 prompts are to be picked, expected at least 1"));
    }
    let vectors = vectors(prompts)?;
    let weights = match router {
        Some(router) => near_the_line(prompts, router)?,
        None => vec![1.0; prompts.len()],
    };
    let mut rng = Rng::new(seed);
    let mut dense = vec![0.0_f32; dimension(&vectors)];
    // Before the first one all are as far as can be.
    let mut distances = vec![1.0_f64; prompts.len()];
    let mut picked = Vec::new();
    while picked.len() < count.min(prompts.len()) {
        let total: f64 = distances.iter().zip(&weights).map(|(distance, weight)| distance * weight).sum();
        if total <= 0.0 {
            break;
        }
        let chosen = drawn(&distances, &weights, rng.uniform() * total);
        picked.push(chosen);
        vectors[chosen].iter().for_each(|(index, value)| dense[index as usize] = value);
        for (distance, vector) in distances.iter_mut().zip(&vectors) {
            let cosine = if vector.is_empty() { 0.0 } else { vector.dot(&dense) };
            // What is the same but for rounding is the same.
            let apart = if cosine > 1.0 - 1e-6 { 0.0 } else { 1.0 - cosine.max(0.0) };
            *distance = distance.min(apart);
        }
        vectors[chosen].iter().for_each(|(index, _)| dense[index as usize] = 0.0);
        distances[chosen] = 0.0;
    }
    Ok(picked)
}

/// The place at which the sum of the chances reaches `target`.
fn drawn(distances: &[f64], weights: &[f64], target: f64) -> usize {
    let (mut sum, mut last) = (0.0, 0);
    for (place, (distance, weight)) in distances.iter().zip(weights).enumerate() {
        let chance = distance * weight;
        if chance > 0.0 {
            (sum, last) = (sum + chance, place);
            if sum > target {
                break;
            }
        }
    }
    last
}

fn dimension(vectors: &[SparseVector]) -> usize {
    let indices = vectors.iter().flat_map(SparseVector::iter).map(|(index, _)| index as usize + 1);
    indices.max().unwrap_or(0)
}

/// Hashed words of each prompt, of length 1.
fn vectors<T: AsRef<str>>(prompts: &[T]) -> Result<Vec<SparseVector>> {
    let spec = HashedSpec::new("pick", BITS).lexical_scale(LEXICAL_SCALE);
    let mut builder = StatisticsBuilder::new(spec.canonical.clone(), spec.cap, BITS);
    for prompt in prompts {
        builder.add(prompt.as_ref());
    }
    let hashed = Hashed::new(spec, builder.finish(), None)?;
    let vector = |prompt: &T| {
        hashed.with_sparse(prompt.as_ref(), |sparse, _| {
            let mut vector = sparse.clone();
            let length = vector.iter().map(|(_, value)| f64::from(value).powi(2)).sum::<f64>().sqrt();
            vector.scale(if length > 0.0 { (1.0 / length) as f32 } else { 0.0 });
            vector
        })
    };
    Ok(prompts.iter().map(vector).collect())
}

/// How near each prompt is to the decision line of a router, by rank: 1 on it, 0 where all prompts lie between.
fn near_the_line<T: AsRef<str>>(prompts: &[T], router: &Router) -> Result<Vec<f64>> {
    let line = router.threshold(Policy::Default)?;
    let rates = router.win_rates(prompts.iter().map(AsRef::as_ref), &CallOptions::new())?;
    let mut order: Vec<usize> = (0..rates.len()).collect();
    order.sort_by(|a, b| rates[*a].total_cmp(&rates[*b]).then(a.cmp(b)));
    let below = rates.iter().filter(|rate| **rate < line).count() as f64;
    let mut weights = vec![0.0; rates.len()];
    for (rank, place) in order.into_iter().enumerate() {
        let away = ((rank as f64 + 0.5 - below) / rates.len() as f64).abs();
        weights[place] = (1.0 - away).max(0.0).powi(2);
    }
    Ok(weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOWNS: [&str; 6] = ["Rome", "Oslo", "Lima", "Cairo", "Delhi", "Bonn"];
    const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

    fn prompts() -> Vec<String> {
        // Nine of ten ask for the weather; the others have no word in common.
        let alike = |i: usize| {
            format!("What will the weather be like in {} on {} at noon?", TOWNS[i % 6], DAYS[i % 7])
        };
        let odd = |i: usize| {
            let word = |k: usize| String::from_utf8(vec![b'a' + (i / 10 + k) as u8 % 26; 5]).unwrap();
            format!("{} {}{} {}", word(0), word(7), word(3), word(11))
        };
        (0..200).map(|i| if i % 10 == 0 { odd(i) } else { alike(i) }).collect()
    }

    #[test]
    fn what_differs_is_picked_more_often_than_by_chance() {
        let prompts = prompts();
        let odd = |picked: &[usize]| picked.iter().filter(|place| **place % 10 == 0).count();
        let mut by_pick = 0;
        for seed in 0..20 {
            let picked = pick(&prompts, 20, None, seed).unwrap();
            let mut once = picked.clone();
            once.sort_unstable();
            once.dedup();
            assert_eq!(once.len(), 20);
            assert_eq!(pick(&prompts, 20, None, seed).unwrap(), picked);
            // A smaller pick is the beginning of it.
            assert_eq!(pick(&prompts, 5, None, seed).unwrap(), picked[..5]);
            by_pick += odd(&picked);
        }
        // By chance it would be 2 of 20 each time, 40 in all.
        assert!(by_pick > 60, "{by_pick}");
    }

    #[test]
    fn a_router_draws_it_to_its_line() {
        let router = Router::default_router().unwrap();
        let prompts: Vec<String> = (0..300)
            .map(|i| match i % 3 {
                0 => format!("hi {i}"),
                1 => format!("Explain how tide number {i} follows the moon"),
                _ => format!("Prove that {i} is prime, step by step, and generalise the integral to rings"),
            })
            .collect();
        let line = router.threshold(Policy::Default).unwrap();
        let rates = router.win_rates(prompts.iter().map(String::as_str), &CallOptions::new()).unwrap();
        let below = rates.iter().filter(|rate| **rate < line).count();
        let mut order: Vec<usize> = (0..300).collect();
        order.sort_by(|a, b| rates[*a].total_cmp(&rates[*b]));
        let away = |picked: &[usize]| -> f64 {
            let of = |place: &usize| order.iter().position(|other| other == place).unwrap().abs_diff(below);
            picked.iter().map(of).sum::<usize>() as f64 / picked.len() as f64
        };
        let mean = |router: Option<&Router>| -> f64 {
            (0..10).map(|seed| away(&pick(&prompts, 60, router, seed).unwrap())).sum::<f64>() / 10.0
        };
        let (with, without) = (mean(Some(&router)), mean(None));
        assert!(with < 0.9 * without, "{with} {without}");
    }

    #[test]
    fn all_is_picked_once() {
        let prompts = ["a b", "c d", "", "a b"];
        let mut all = pick(&prompts, 9, None, 3).unwrap();
        all.sort_unstable();
        assert!(all == [0, 1, 2] || all == [1, 2, 3], "{all:?}");
        assert!(pick(&prompts, 0, None, 3).is_err());
        assert!(pick::<&str>(&[], 3, None, 3).unwrap().is_empty());
    }
}
