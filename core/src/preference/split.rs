//! Parting rows by their prompt.

use sha2::{Digest, Sha256};

use super::{GoldTable, LogTable, VoteTable};
use crate::{Error, Result};

/// Parts rows in two by a hash of their prompt: every row of one prompt is in one part, and rows that join later move none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// Share of the prompts in the second part.
    share: f64,
    seed: u64,
}

impl Split {
    /// About this share of the prompts, in (0, 1), goes to the second part; which ones, the seed says.
    ///
    /// # Errors
    /// `InvalidArgument` for another share.
    pub fn new(share: f64, seed: u64) -> Result<Self> {
        if !(share > 0.0 && share < 1.0) {
            return Err(Error::invalid_argument(format!("share is {share}, expected a number in (0, 1)")));
        }
        Ok(Self { share, seed })
    }

    /// Whether the rows of a prompt are in the second part.
    pub fn holds_out(&self, prompt: &str) -> bool {
        self.holds_out_bytes(prompt.as_bytes())
    }

    /// As [`holds_out`](Self::holds_out), of whatever stands for a prompt.
    pub(crate) fn holds_out_bytes(&self, prompt: &[u8]) -> bool {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_le_bytes());
        hash.update(prompt);
        let mut first = [0; 8];
        first.copy_from_slice(&hash.finalize()[..8]);
        // 53 bits, which a double holds.
        ((u64::from_be_bytes(first) >> 11) as f64) < self.share * (1_u64 << 53) as f64
    }
}

impl VoteTable {
    /// The two parts. What was read and dropped is counted with the first.
    pub fn split(self, by: &Split) -> (Self, Self) {
        let (second, first): (Vec<_>, Vec<_>) =
            self.votes.into_iter().partition(|vote| by.holds_out(&vote.prompt));
        let mut counts = self.counts;
        counts.read -= second.len();
        (Self { votes: first, counts }, Self::new(second))
    }
}

impl GoldTable {
    /// The two parts.
    pub fn split(self, by: &Split) -> (Self, Self) {
        let (second, first): (Vec<_>, Vec<_>) =
            self.rows.into_iter().partition(|row| by.holds_out(&row.prompt));
        let part = |rows| Self { models: self.models.clone(), rows, left_out: self.left_out.clone() };
        (part(first), part(second))
    }
}

impl LogTable {
    /// The two parts.
    pub fn split(self, by: &Split) -> (Self, Self) {
        let (second, first): (Vec<_>, Vec<_>) =
            self.rows.into_iter().partition(|row| by.holds_out(&row.prompt));
        (Self::new(first), Self::new(second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preference::{Vote, Winner};

    #[test]
    fn a_prompt_is_in_one_part_and_stays_there() {
        let split = Split::new(0.25, 7).unwrap();
        let votes = |rows: usize| {
            VoteTable::new(
                (0..rows).map(|i| Vote::new("", format!("p{}", i / 2), "a", "b", Winner::ModelA)).collect(),
            )
        };
        let (first, second) = votes(4000).split(&split);
        assert!((400..600).contains(&(second.votes.len() / 2)), "{}", second.votes.len());
        assert_eq!(first.votes.len() + second.votes.len(), 4000);
        assert_eq!(first.counts.read + second.counts.read, 4000);
        assert!(second.votes.iter().all(|vote| !first.votes.iter().any(|other| other.prompt == vote.prompt)));
        let (_, more) = votes(5000).split(&split);
        assert_eq!(more.votes[..second.votes.len()], second.votes);
        assert_ne!(votes(4000).split(&Split::new(0.25, 8).unwrap()).1, second);
        for share in [0.0, 1.0, -0.1, f64::NAN] {
            assert!(Split::new(share, 7).is_err(), "{share}");
        }
    }
}
