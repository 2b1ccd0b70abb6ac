//! Which of two models is the weaker one, for ties that count as its win.

use crate::Result;
use crate::preference::{GoldTable, ModelIndex, VoteTable, Winner};
use crate::scorer::Pair;

/// What is known of how good models are.
pub(super) struct Weaker {
    pair: Pair,
    /// The share of what each could win that it won, a tie being half.
    shares: Vec<f64>,
}

impl Weaker {
    /// # Errors
    /// `InvalidArgument` for a model that is not among `models`.
    pub(super) fn new(
        models: &ModelIndex,
        votes: Option<&VoteTable>,
        gold: Option<&GoldTable>,
        pair: Pair,
    ) -> Result<Self> {
        let (mut won, mut played) = (vec![0.0; models.len()], vec![0.0; models.len()]);
        for vote in votes.iter().flat_map(|table| &table.votes) {
            let share = match (vote.p_model_a, vote.winner) {
                (Some(p), _) => p,
                (None, Winner::ModelA) => 1.0,
                (None, Winner::ModelB) => 0.0,
                (None, Winner::Tie) => 0.5,
            };
            for (model, share) in [(&vote.model_a, share), (&vote.model_b, 1.0 - share)] {
                let number = models.number(model)?;
                won[number] += share * vote.weight;
                played[number] += vote.weight;
            }
        }
        if let Some(gold) = gold {
            let numbers = gold.models.names().iter().map(|name| models.number(name));
            for (column, number) in numbers.enumerate() {
                let number = number?;
                won[number] += gold.rows.iter().map(|row| row.weight * row.scores[column]).sum::<f64>();
                played[number] += gold.rows.iter().map(|row| row.weight).sum::<f64>();
            }
        }
        let shares = won.iter().zip(&played).map(|(won, played)| won / f64::max(*played, f64::MIN_POSITIVE));
        Ok(Self { pair, shares: shares.collect() })
    }

    /// 1 if the first of two models is the weaker one, whose win a tie is; 0 if the second is. Of the pair it is the weak
    /// model, of any others the one that won the smaller share of what it could; of equal ones, it is half a win each way.
    pub(super) fn wins(&self, a: usize, b: usize) -> f64 {
        let Pair { strong, weak } = self.pair;
        let order = if (a, b) == (weak, strong) {
            std::cmp::Ordering::Less
        } else if (a, b) == (strong, weak) {
            std::cmp::Ordering::Greater
        } else {
            self.shares[a].total_cmp(&self.shares[b])
        };
        match order {
            std::cmp::Ordering::Less => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Greater => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preference::Vote;

    #[test]
    fn the_pair_decides_and_then_the_share_of_wins() {
        let models = ModelIndex::new(["a", "b", "c", "d"]).unwrap();
        let vote = |a: &str, b: &str, winner| Vote::new("", "", a, b, winner);
        let votes = VoteTable::new(vec![
            vote("a", "b", Winner::ModelA),
            vote("c", "b", Winner::Tie),
            vote("d", "b", Winner::Tie),
        ]);
        let weaker = Weaker::new(&models, Some(&votes), None, Pair { strong: 1, weak: 0 }).unwrap();
        // The pair is the other way round than the votes.
        assert_eq!((weaker.wins(0, 1), weaker.wins(1, 0)), (1.0, 0.0));
        assert_eq!((weaker.wins(0, 2), weaker.wins(1, 2), weaker.wins(2, 3)), (0.0, 1.0, 0.5));
    }
}
