//! Which rows run together.

/// How rows may share a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchLimits {
    /// Largest number of rows in a batch; 1 runs every row alone.
    pub(crate) rows: usize,
    /// Largest number of tokens in a batch, padding included.
    pub(crate) padded_tokens: usize,
}

/// Parts rows of these lengths into batches: longest first, rows of like length together, none above the limits
/// (a row that is longer than they allow runs alone), and at least `workers` batches where there are rows enough.
///
/// A batch costs its number of rows times its longest row. Starting with the longest, the last batches to finish
/// are short ones, so that no session waits long for another.
pub(crate) fn plan(lengths: &[usize], limits: BatchLimits, workers: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&row| (std::cmp::Reverse(lengths[row]), row));
    let rows = limits.rows.min(lengths.len().div_ceil(workers.max(1))).max(1);
    let mut batches: Vec<Vec<usize>> = Vec::new();
    // Tokens of the rows in the last batch, and of its longest row.
    let (mut filled, mut longest) = (0, 0);
    for row in order {
        let length = lengths[row];
        if let Some(batch) = batches.last_mut() {
            let padded = (batch.len() + 1) * longest;
            // Padding is work for nothing: an eighth is about what a batch saves on short rows.
            let wasted = padded - (filled + length);
            if batch.len() < rows && padded <= limits.padded_tokens && wasted * 8 <= padded {
                batch.push(row);
                filled += length;
                continue;
            }
        }
        batches.push(vec![row]);
        (filled, longest) = (length, length);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: BatchLimits = BatchLimits { rows: 8, padded_tokens: 64 };

    #[test]
    fn rows_of_like_length_come_together_within_the_limits() {
        let batches = plan(&[4, 30, 5, 29, 100, 4], LIMITS, 1);
        assert_eq!(batches, [vec![4], vec![1, 3], vec![2, 0], vec![5]]);
        assert_eq!(plan(&[], LIMITS, 2), Vec::<Vec<usize>>::new());
        let alone = plan(&[3, 3, 3], BatchLimits { rows: 1, padded_tokens: 64 }, 1);
        assert_eq!(alone, [vec![0], vec![1], vec![2]]);
    }

    #[test]
    fn every_worker_gets_something() {
        assert_eq!(plan(&[5, 5, 5, 5], LIMITS, 2), [vec![0, 1], vec![2, 3]]);
        assert_eq!(plan(&[5, 5], LIMITS, 4), [vec![0], vec![1]]);
    }

    proptest::proptest! {
        #[test]
        fn each_row_is_in_one_batch_and_limits_hold(
            lengths in proptest::collection::vec(1_usize..200, 0..100), workers in 1_usize..5,
        ) {
            let batches = plan(&lengths, LIMITS, workers);
            let mut rows: Vec<usize> = batches.iter().flatten().copied().collect();
            rows.sort_unstable();
            proptest::prop_assert_eq!(rows, (0..lengths.len()).collect::<Vec<_>>());
            for batch in batches {
                let longest = batch.iter().map(|&row| lengths[row]).max().unwrap_or(0);
                proptest::prop_assert!(batch.len() == 1 || batch.len() * longest <= LIMITS.padded_tokens);
                proptest::prop_assert!(batch.len() <= LIMITS.rows);
            }
        }
    }
}
