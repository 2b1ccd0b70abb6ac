//! The reference's optimal curves: what a router could do that knew the grades.

use super::Row;
use crate::eval::Graded;

/// The optimal curve of MMLU and GSM8K: what the weak model solves, and of what only the strong one solves as many prompts as
/// the share pays for, fractions of a prompt included. A prompt is solved at quality 1.
pub fn optimal(graded: &[Graded], strong_share: f64) -> f64 {
    let total = graded.len() as f64;
    let solved = graded.iter().filter(|row| row.weak == 1.0).count() as f64;
    let only_strong = graded.iter().filter(|row| row.weak == 0.0 && row.strong == 1.0).count() as f64;
    (solved + (total * strong_share).min(only_strong)) / total
}

/// The optimal curve of MT-Bench: the strong model for the `int(evaluated * share)` questions that gain most. `questions` has
/// the mean grades of every question, of which the reference evaluates fewer (72 of 80 after decontamination).
pub fn optimal_judged(questions: &[Graded], evaluated: usize, strong_share: f64) -> f64 {
    let mut gains: Vec<f64> = questions.iter().map(|row| row.strong - row.weak).collect();
    gains.sort_by(|a, b| b.total_cmp(a));
    let budget = (evaluated as f64 * strong_share) as usize;
    let weak: f64 = questions.iter().map(|row| row.weak).sum();
    let gained: f64 = gains.iter().take(budget).filter(|gain| **gain > 0.0).sum();
    (weak + gained) / questions.len() as f64
}

/// The grades of each prompt, for the optimal curve of any draw of the prompts.
#[derive(Debug)]
pub(in crate::eval) struct Questions {
    grades: Vec<Graded>,
    /// The prompts by falling gain of the strong model.
    best_first: Vec<usize>,
    /// Whether every answer is right or wrong, as in MMLU and GSM8K; judged otherwise, as in MT-Bench.
    solved: bool,
}

impl Questions {
    /// `group` says the prompt of each row, below `count`; the grades of a prompt are the means over its rows.
    pub(in crate::eval) fn new(graded: &[Graded], group: &[usize], count: usize) -> Self {
        let (mut grades, mut rows) = (vec![Graded::new(0.0, 0.0); count], vec![0.0; count]);
        for (grade, prompt) in graded.iter().zip(group) {
            grades[*prompt].strong += grade.strong;
            grades[*prompt].weak += grade.weak;
            rows[*prompt] += 1.0;
        }
        for (grade, rows) in grades.iter_mut().zip(rows) {
            grade.strong /= rows;
            grade.weak /= rows;
        }
        let right_or_wrong = |grade: f64| grade == 0.0 || grade == 1.0;
        let solved = grades.iter().all(|grade| right_or_wrong(grade.strong) && right_or_wrong(grade.weak));
        let mut best_first: Vec<usize> = (0..count).collect();
        let gain = |prompt: usize| grades[prompt].strong - grades[prompt].weak;
        best_first.sort_by(|a, b| gain(*b).total_cmp(&gain(*a)).then(a.cmp(b)));
        Self { grades, best_first, solved }
    }

    /// The optimal curve at `bins + 1` evenly spaced strong shares, of prompts that occur `counts` times: as [`optimal`], or
    /// as [`optimal_judged`] with the same questions evaluated. The thresholds are NaN.
    pub(in crate::eval) fn optimal_rows(&self, counts: &[f64], bins: usize) -> Vec<Row> {
        let total: f64 = counts.iter().sum();
        let weak: f64 = self.grades.iter().zip(counts).map(|(grade, count)| grade.weak * count).sum();
        let mut next = self
            .best_first
            .iter()
            .map(|prompt| (counts[*prompt], self.grades[*prompt].strong - self.grades[*prompt].weak));
        let (mut left, mut gain, mut taken, mut gained) = (0.0, 0.0, 0.0, 0.0);
        (0..=bins)
            .map(|bin| {
                let share = bin as f64 / bins as f64;
                let budget = if self.solved { total * share } else { (total * share).trunc() };
                while taken < budget {
                    if left == 0.0 {
                        let Some(prompt) = next.next() else { break };
                        (left, gain) = prompt;
                        continue;
                    }
                    if gain <= 0.0 {
                        break;
                    }
                    let part: f64 = f64::min(left, budget - taken);
                    taken += part;
                    left -= part;
                    gained += part * gain;
                }
                Row { threshold: f64::NAN, strong_share: share, quality: (weak + gained) / total }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_of_every_prompt_once_is_the_reference_s() {
        let solved: Vec<Graded> = [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0), (0.0, 0.0)]
            .map(|(s, w)| Graded::new(s, w))
            .into();
        let judged: Vec<Graded> = [(0.9, 0.3), (0.4, 0.8), (0.7, 0.6), (1.0, 0.2), (0.5, 0.5)]
            .map(|(s, w)| Graded::new(s, w))
            .into();
        let group: Vec<usize> = (0..5).collect();
        for row in Questions::new(&solved, &group, 5).optimal_rows(&[1.0; 5], 10) {
            assert!((row.quality - optimal(&solved, row.strong_share)).abs() < 1e-12, "{row:?}");
        }
        for row in Questions::new(&judged, &group, 5).optimal_rows(&[1.0; 5], 10) {
            assert!((row.quality - optimal_judged(&judged, 5, row.strong_share)).abs() < 1e-12, "{row:?}");
        }
        // A prompt that is drawn twice counts twice.
        let twice = Questions::new(&judged, &group, 5).optimal_rows(&[0.0, 1.0, 0.0, 2.0, 0.0], 3);
        assert!((twice[1].quality - (0.8 + 0.2 + 1.0) / 3.0).abs() < 1e-12, "{twice:?}");
    }
}
