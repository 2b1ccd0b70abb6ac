//! Runs of similar votes: within a run the weights are alike, so one sum of what the store lost corrects all of it.
//!
//! A group is cut in two again and again, where its vectors fall apart most along the direction in which they vary
//! most. Large groups get more runs: every run then stands for about as many votes, wherever it is.

use crate::numeric;
use crate::numeric::{add, dot};

/// Most runs of a store on top of one a group: their residuals cost what as many rows of an `int4` store cost,
/// whatever the number of votes.
const MAX_RUNS: usize = 4608;
/// Steps of the power iteration that finds the direction of a cut, and the most votes that it looks at. The
/// direction need not be exact.
const STEPS: usize = 4;
const SAMPLE: usize = 512;

/// The run of every vote, and the number of runs; `group_of` gives the groups, which are cut only if
/// `cuttable_group` says so. Runs are numbered in the order of the groups.
pub(crate) fn runs(
    unit: &[f32],
    dim: usize,
    group_of: &[u32],
    groups: usize,
    cuttable_group: impl Fn(usize) -> bool,
) -> (Vec<u32>, usize) {
    let mut members = vec![Vec::new(); groups];
    for (row, group) in group_of.iter().enumerate() {
        members[*group as usize].push(row as u32);
    }
    let cuttable: usize = (0..groups).filter(|g| cuttable_group(*g)).map(|g| members[g].len()).sum();
    let most = MAX_RUNS.min(cuttable);
    let mut run_of = vec![0; group_of.len()];
    let mut next = 0;
    for (group, mut rows) in members.into_iter().enumerate() {
        let parts = if cuttable_group(group) { (rows.len() * most / cuttable.max(1)).max(1) } else { 1 };
        split(unit, dim, &mut rows, parts, &mut |part| {
            for row in part {
                run_of[*row as usize] = next;
            }
            next += 1;
        });
    }
    (run_of, next as usize)
}

/// Cuts `rows` into `parts`, at most one a row.
fn split(unit: &[f32], dim: usize, rows: &mut [u32], parts: usize, done: &mut dyn FnMut(&[u32])) {
    if parts <= 1 {
        return done(rows);
    }
    let along = projections(unit, dim, rows);
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_unstable_by(|i, j| along[*i].total_cmp(&along[*j]).then(rows[*i].cmp(&rows[*j])));
    let at = cut(&order.iter().map(|i| along[*i]).collect::<Vec<f32>>());
    let sorted: Vec<u32> = order.into_iter().map(|i| rows[i]).collect();
    rows.copy_from_slice(&sorted);
    // Parts by size, at least one a side and at most one a vote.
    let most = (parts - 1).min(at);
    let least = 1.max(parts.saturating_sub(rows.len() - at));
    let below = ((parts * at + rows.len() / 2) / rows.len()).clamp(least, most);
    let (low, high) = rows.split_at_mut(at);
    split(unit, dim, low, below, done);
    split(unit, dim, high, parts - below, done);
}

/// Where sorted numbers (at least two) fall into two parts with the least squared distances from their means.
fn cut(sorted: &[f32]) -> usize {
    let total: f64 = sorted.iter().map(|x| f64::from(*x)).sum();
    let n = sorted.len() as f64;
    let mut best = (f64::NEG_INFINITY, 1);
    let (mut sum, mut count) = (0.0, 0.0);
    for (i, x) in sorted[..sorted.len() - 1].iter().enumerate() {
        sum += f64::from(*x);
        count += 1.0;
        let between = sum * sum / count + (total - sum) * (total - sum) / (n - count);
        if between > best.0 {
            best = (between, i + 1);
        }
    }
    best.1
}

/// Inner products of the vectors with the direction in which they vary most.
fn projections(unit: &[f32], dim: usize, rows: &[u32]) -> Vec<f32> {
    let vector = |row: &u32| &unit[*row as usize * dim..][..dim];
    let count = rows.len().min(SAMPLE);
    let sample: Vec<&[f32]> = (0..count).map(|i| vector(&rows[i * rows.len() / count])).collect();
    let mut mean = vec![0.0_f32; dim];
    for x in &sample {
        add(&mut mean, 1.0 / count as f32, x);
    }
    let mut direction: Vec<f32> = sample[0].iter().zip(&mean).map(|(x, m)| x - m).collect();
    for _ in 0..STEPS {
        let offset = dot(&mean, &direction);
        let before = direction.clone();
        direction.fill(0.0);
        // The mean has no part in this: the projections add up to zero.
        for x in &sample {
            add(&mut direction, dot(x, &before) - offset, x);
        }
        if numeric::normalize(&mut direction) == 0.0 {
            break;
        }
    }
    rows.iter().map(|row| dot(vector(row), &direction)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_of_one_group_and_of_similar_votes() {
        // Two heaps in each of two groups; the third group is not cut.
        let at = |i: usize| if i.is_multiple_of(2) { [1.0, 0.0] } else { [0.0, 1.0] };
        let unit: Vec<f32> = (0..24).flat_map(at).collect();
        let group_of: Vec<u32> = (0..24).map(|i| i / 8).collect();
        let (run_of, count) = runs(&unit, 2, &group_of, 3, |g| g < 2);
        assert_eq!(count, run_of.iter().max().map_or(0, |r| *r as usize + 1));
        for i in 0..24 {
            for j in 0..i {
                if run_of[i] == run_of[j] {
                    assert_eq!(group_of[i], group_of[j]);
                    assert!(i >= 16 || i % 2 == j % 2, "{i} {j}");
                }
                assert!(group_of[i] == group_of[j] || run_of[i] > run_of[j]);
            }
        }
        assert!(run_of[16..].iter().all(|r| *r as usize == count - 1));
    }

    #[test]
    fn equal_votes_are_cut_too() {
        let (run_of, count) = runs(&[1.0, 0.0].repeat(9), 2, &[0; 9], 1, |_| true);
        assert_eq!((run_of.len(), count), (9, 9));
    }
}
