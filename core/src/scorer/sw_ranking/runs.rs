//! Runs of similar votes: within a run the weights are alike, so one sum of what the store lost corrects all of it.
//!
//! A group is halved again and again along the direction in which its vectors vary most, into runs of nearly equal
//! size. Large groups get more runs: every run then stands for about as many votes, wherever it is.

use super::linear::{add, dot};
use crate::kernel;

/// Most runs of a store on top of one a group: their residuals cost what as many rows of an `int4` store cost,
/// whatever the number of votes.
const MAX_RUNS: usize = 4608;
/// Steps of the power iteration that finds the direction of a cut, and the most votes that it looks at. The
/// direction need not be exact.
const STEPS: usize = 4;
const SAMPLE: usize = 512;

/// The run of every vote, and the number of runs; `group_of` gives the groups, which are cut only if `cut` says
/// so. Runs are numbered in the order of the groups.
pub(crate) fn runs(
    unit: &[f32],
    dim: usize,
    group_of: &[u32],
    groups: usize,
    cut: impl Fn(usize) -> bool,
) -> (Vec<u32>, usize) {
    let mut members = vec![Vec::new(); groups];
    for (row, group) in group_of.iter().enumerate() {
        members[*group as usize].push(row as u32);
    }
    let cuttable: usize = (0..groups).filter(|g| cut(*g)).map(|g| members[g].len()).sum();
    let most = MAX_RUNS.min(cuttable);
    let mut run_of = vec![0; group_of.len()];
    let mut next = 0;
    for (group, mut rows) in members.into_iter().enumerate() {
        let parts = if cut(group) { (rows.len() * most / cuttable.max(1)).max(1) } else { 1 };
        split(unit, dim, &mut rows, parts, &mut |part| {
            for row in part {
                run_of[*row as usize] = next;
            }
            next += 1;
        });
    }
    (run_of, next as usize)
}

/// Cuts `rows` into `parts` of nearly equal size.
fn split(unit: &[f32], dim: usize, rows: &mut [u32], parts: usize, done: &mut dyn FnMut(&[u32])) {
    if parts <= 1 {
        return done(rows);
    }
    let along = projections(unit, dim, rows);
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_unstable_by(|i, j| along[*i].total_cmp(&along[*j]).then(rows[*i].cmp(&rows[*j])));
    let sorted: Vec<u32> = order.into_iter().map(|i| rows[i]).collect();
    rows.copy_from_slice(&sorted);
    let half = parts / 2;
    let (low, high) = rows.split_at_mut(rows.len() * half / parts);
    split(unit, dim, low, half, done);
    split(unit, dim, high, parts - half, done);
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
        if kernel::normalize(&mut direction) == 0.0 {
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
        let at = |i: usize| if i % 2 == 0 { [1.0, 0.0] } else { [0.0, 1.0] };
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
