//! The journal: what was sent, what came back and what it cost, a line of JSON each. It only grows, and it is the cache too.
//!
//! Whoever drives the requests makes the line of a request durable before the request is sent, and that of its end before the
//! end counts. What a program that was killed had in flight is thus known, and counted as paid.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::batch::Batch;
use super::reply::Completion;
use super::usd::Usd;
use crate::{Error, Result};

/// A line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Line {
    /// A request is about to be sent, and this is the most that it can cost.
    Sent { attempt: u64, job: String, key: String, reserved_usd: Usd },
    /// It was answered, for this amount.
    Done { attempt: u64, job: String, key: String, usd: Usd, completion: Completion },
    /// It ended without an answer that can be used; `sure` if the amount is on the bill, else it may be.
    Failed { attempt: u64, job: String, key: String, usd: Usd, sure: bool, why: String },
    /// These attempts are about to go out as a batch, or, with its id, have.
    Batch { job: String, batch: Batch },
}

impl Line {
    pub(super) fn text(&self) -> Result<String> {
        let text = serde_json::to_string(self).map_err(|error| Error::invalid_argument(error.to_string()))?;
        Ok(text + "\n")
    }
}

/// What a journal says.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    /// The answers, by key.
    pub(super) answers: HashMap<String, Completion>,
    /// What each attempt of the job cost, and whether that is sure.
    pub(super) charges: BTreeMap<u64, (Usd, bool)>,
    /// Attempts of the job that no line ends, with the keys of their requests.
    pub(super) open: BTreeMap<u64, String>,
    /// The batches of the job, by name.
    pub(super) batches: BTreeMap<String, Batch>,
    /// The number of the next attempt.
    pub(super) next: u64,
    /// How many bytes of the journal are whole lines.
    pub(super) whole: usize,
}

impl History {
    /// Reads a journal. What follows its last whole line was cut off by a kill or a full disk, and does not count.
    ///
    /// # Errors
    /// `InvalidArgument` with the line for one that is none of this form.
    pub(super) fn read(bytes: &[u8], job: &str) -> Result<Self> {
        let mut history = Self { next: 1, ..Self::default() };
        history.whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        for (number, line) in bytes[..history.whole].split(|byte| *byte == b'\n').enumerate() {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let line = serde_json::from_slice(line).map_err(|error| {
                Error::invalid_argument(format!(
                    "journal, line {}: {error}; put the journal back as it was, or delete that line: what it says would then \
                     be paid for again",
                    number + 1
                ))
            })?;
            history.take(line, job);
        }
        Ok(history)
    }

    fn take(&mut self, line: Line, current: &str) {
        let (attempt, charge, job) = match line {
            Line::Batch { job, batch } => {
                if job == current {
                    self.batches.insert(batch.name.clone(), batch);
                }
                return;
            }
            Line::Sent { attempt, job, key, reserved_usd } => {
                if job == current {
                    self.open.insert(attempt, key);
                }
                (attempt, (reserved_usd, false), job)
            }
            Line::Done { attempt, job, key, usd, completion } => {
                self.open.remove(&attempt);
                self.answers.insert(key, completion);
                (attempt, (usd, true), job)
            }
            Line::Failed { attempt, job, usd, sure, .. } => {
                self.open.remove(&attempt);
                (attempt, (usd, sure), job)
            }
        };
        if job == current {
            self.charges.insert(attempt, charge);
        }
        self.next = self.next.max(attempt + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Usd {
        text.parse().unwrap()
    }

    #[test]
    fn a_journal_that_was_cut_off_anywhere_is_read() {
        let (job, key) = ("j".to_owned(), "k".to_owned());
        let lines = [
            Line::Sent { attempt: 1, job: job.clone(), key: key.clone(), reserved_usd: usd("0.5") },
            Line::Failed {
                attempt: 1,
                job: job.clone(),
                key: key.clone(),
                usd: usd("0.5"),
                sure: false,
                why: "x".into(),
            },
            Line::Sent { attempt: 2, job: "other".into(), key: "l".into(), reserved_usd: usd("7") },
            Line::Sent { attempt: 3, job: job.clone(), key: key.clone(), reserved_usd: usd("0.5") },
            Line::Done { attempt: 3, job, key, usd: usd("0.25"), completion: Completion::new("é\n") },
        ];
        let text: String = lines.iter().map(|line| line.text().unwrap()).collect();
        for cut in 0..=text.len() {
            let history = History::read(&text.as_bytes()[..cut], "j").unwrap();
            let ledger = crate::augment::ledger::Ledger::new(None, history.charges.clone());
            let (sure, unsure) = (ledger.spent, ledger.uncertain);
            assert_eq!(
                history.whole,
                text.as_bytes()[..cut].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1)
            );
            assert_eq!(history.answers.len(), usize::from(cut == text.len()));
            // Whatever was sent is counted from its line on.
            let whole = text[..history.whole].lines().count();
            assert_eq!(unsure, [usd("0"), usd("0.5"), usd("0.5"), usd("0.5"), usd("1"), usd("0.5")][whole]);
            assert_eq!(sure, if whole == 5 { usd("0.25") } else { Usd::ZERO });
            assert_eq!(history.open.len(), usize::from(whole == 1 || whole == 4));
        }
        assert_eq!(History::read(text.as_bytes(), "j").unwrap().next, 4);
        let error = History::read(b"{}\n", "j").unwrap_err();
        assert!(error.message().contains("journal, line 1"), "{error}");
    }
}
