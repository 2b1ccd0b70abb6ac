//! What a router decides at once: the rows of one prompt that have one score.

use super::Graded;

/// Rows that are sent together, with the sums of their grades. Oracle and random router decide for these.
#[derive(Debug)]
pub(super) struct Units {
    /// The prompt of each unit.
    pub(super) prompt: Vec<usize>,
    /// How many rows each has.
    pub(super) size: Vec<f64>,
    /// What the strong model gains in each, in all.
    pub(super) gain: Vec<f64>,
    /// Units by falling gain per row.
    best_first: Vec<usize>,
}

impl Units {
    pub(super) fn new(scores: &[f64], graded: &[Graded], group: &[usize]) -> Self {
        let mut rows: Vec<usize> = (0..scores.len()).collect();
        rows.sort_by(|a, b| group[*a].cmp(&group[*b]).then(scores[*a].total_cmp(&scores[*b])).then(a.cmp(b)));
        let (mut prompt, mut size, mut gain) = (Vec::new(), Vec::new(), Vec::new());
        for (at, row) in rows.iter().enumerate() {
            let same = |before: usize| group[before] == group[*row] && scores[before] == scores[*row];
            if at == 0 || !same(rows[at - 1]) {
                prompt.push(group[*row]);
                size.push(0.0);
                gain.push(0.0);
            }
            let last = size.len() - 1;
            size[last] += 1.0;
            gain[last] += graded[*row].strong - graded[*row].weak;
        }
        let mut best_first: Vec<usize> = (0..prompt.len()).collect();
        best_first.sort_by(|a, b| (gain[*b] / size[*b]).total_cmp(&(gain[*a] / size[*a])).then(a.cmp(b)));
        Self { prompt, size, gain, best_first }
    }

    /// Points `(strong share, gained quality)` of an oracle that sends at most so many rows to strong: first those that gain
    /// most, and none that gain nothing.
    pub(super) fn oracle(&self, counts: &[f64], points: &mut Vec<(f64, f64)>) {
        self.in_order(self.best_first.iter().copied(), counts, true, points);
    }

    /// As [`oracle`](Self::oracle), in the given order, whatever is gained.
    pub(super) fn ordered(&self, order: &[usize], counts: &[f64], points: &mut Vec<(f64, f64)>) {
        self.in_order(order.iter().copied(), counts, false, points);
    }

    fn in_order(
        &self,
        order: impl Iterator<Item = usize>,
        counts: &[f64],
        gainful: bool,
        points: &mut Vec<(f64, f64)>,
    ) {
        let total: f64 =
            self.prompt.iter().zip(&self.size).map(|(prompt, size)| counts[*prompt] * size).sum();
        let scale = 1.0 / total;
        let (mut sent, mut gained) = (0.0, 0.0);
        points.clear();
        points.push((0.0, 0.0));
        for unit in order {
            if gainful && self.gain[unit] <= 0.0 {
                break;
            }
            let count = counts[self.prompt[unit]];
            sent += count * self.size[unit];
            gained += count * self.gain[unit];
            points.push((sent * scale, gained * scale));
        }
        if gainful {
            points.push((1.0, gained * scale));
        }
    }
}
