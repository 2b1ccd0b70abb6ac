//! What the names of a classifier's outputs say of the sides of a pair.

use super::Head;
use crate::{Error, Result};

/// What the name of an output says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// That the strong model wins.
    Strong,
    /// That neither wins.
    Tie,
    /// That the weak model wins.
    Weak,
    /// That the first or the second one wins, whichever that is.
    A,
    B,
}

/// What may stand beside the name of a side, written together and in lower case.
const BEFORE: [&str; 4] = ["", "winner", "winnermodel", "model"];
const AFTER: [&str; 9] =
    ["", "win", "wins", "model", "modelwin", "modelwins", "isbetter", "preferred", "ispreferred"];

const TIES: [&str; 9] =
    ["tie", "ties", "tied", "draw", "equal", "bothgood", "bothbad", "tiebothbad", "winnertie"];

/// A name without what its writers vary: case, blanks and punctuation.
fn together(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether `label` is `side`, or says that it wins.
fn names(label: &str, side: &str) -> bool {
    !side.is_empty()
        && label
            .match_indices(side)
            .any(|(at, _)| BEFORE.contains(&&label[..at]) && AFTER.contains(&&label[at + side.len()..]))
}

impl Says {
    fn of(label: &str, strong: &str, weak: &str) -> Option<Self> {
        let label = together(label);
        let sides = [
            (together(strong), Self::Strong),
            (together(weak), Self::Weak),
            ("strong".to_owned(), Self::Strong),
            ("weak".to_owned(), Self::Weak),
            ("a".to_owned(), Self::A),
            ("b".to_owned(), Self::B),
        ];
        if TIES.contains(&label.as_str()) {
            return Some(Self::Tie);
        }
        sides.into_iter().find(|(side, _)| names(&label, side)).map(|(_, says)| says)
    }
}

/// Which of three outputs says that the strong model wins: 0, unless `labels` name the sides in another order. For the
/// other heads 0.
///
/// Names that say nothing of sides, as `LABEL_0`, leave the usual order.
///
/// # Errors
/// `InvalidModel` if `labels` contradict the head and do not tell how to read the outputs.
pub(super) fn strong_output(head: Head, labels: &[String], strong: &str, weak: &str) -> Result<usize> {
    let says: Vec<Option<Says>> = labels.iter().map(|label| Says::of(label, strong, weak)).collect();
    let only = |side: Says| {
        let mut found = says.iter().enumerate().filter(|(_, says)| **says == Some(side));
        found.next().filter(|_| found.next().is_none()).map(|(i, _)| i)
    };
    let listed = || labels.iter().map(|label| format!("{label:?}")).collect::<Vec<_>>().join(", ");
    match (head, labels.len()) {
        (Head::ThreeLabels { .. }, 3) => {
            if let (Some(strong), Some(_)) = (only(Says::Strong), only(Says::Weak)) {
                return Ok(strong);
            }
            let usual = [[Says::Strong, Says::A], [Says::Tie, Says::B], [Says::Weak, Says::B]];
            let fits = match says[..] {
                // Votes are often kept in this order.
                [Some(Says::A), ..] => true,
                _ => {
                    says.iter().zip(usual).all(|(says, usual)| says.is_none_or(|says| usual.contains(&says)))
                }
            };
            if fits {
                return Ok(0);
            }
            Err(Error::invalid_model(format!(
                "id2label names the outputs {}, and the head \"three_labels\" reads strong wins, tie, weak wins: it \
                 cannot be told which output is the strong model's. Name them \"strong_wins\", \"tie\" and \
                 \"weak_wins\" in id2label, each where it belongs",
                listed()
            )))
        }
        (Head::Binary { strong_label, .. }, 2) => {
            let told = only(Says::Strong).or(only(Says::Weak).map(|weak| 1 - weak));
            match told {
                Some(told) if told != strong_label => Err(Error::invalid_model(format!(
                    "id2label names the outputs {}, and the head \"binary\" reads output {strong_label} as the strong \
                     model's: pass {{\"kind\": \"binary\", \"strong_label\": {told}}}, or mend id2label",
                    listed()
                ))),
                _ => Ok(0),
            }
        }
        _ => Ok(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &str, labels: &[&str]) -> Result<usize> {
        let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
        strong_output(head.parse().unwrap(), &labels, "gpt-4", "mixtral-8x7b")
    }

    #[test]
    fn names_of_sides_tell_the_order() {
        for (labels, strong) in [
            (["LABEL_0", "LABEL_1", "LABEL_2"], 0),
            (["entailment", "neutral", "contradiction"], 0),
            (["strong_wins", "tie", "weak_wins"], 0),
            (["weak_wins", "tie", "strong_wins"], 2),
            (["Tie", "Weak Wins", "Strong Wins"], 2),
            (["weak", "strong", "tie"], 1),
            (["mixtral-8x7b", "tie", "GPT-4"], 2),
            (["model_a", "tie", "model_b"], 0),
            (["winner_model_a", "winner_model_b", "winner_tie"], 0),
            (["gpt-4 wins", "LABEL_1", "LABEL_2"], 0),
        ] {
            assert_eq!(read("three_labels", &labels).unwrap(), strong, "{labels:?}");
        }
        assert_eq!(read("binary", &["weak", "strong"]).unwrap(), 0);
        assert_eq!(read(r#"{"kind": "binary", "strong_label": 0}"#, &["strong", "weak"]).unwrap(), 0);
        assert_eq!(read("binary", &["LABEL_0", "LABEL_1"]).unwrap(), 0);
        assert_eq!(read("candidates", &["weak", "tie", "strong"]).unwrap(), 0);
    }

    #[test]
    fn names_that_contradict_the_head_are_refused() {
        for labels in [
            ["model_b", "tie", "model_a"],
            ["tie", "LABEL_1", "LABEL_2"],
            ["weak_wins", "LABEL_1", "LABEL_2"],
            ["strong_wins", "strong_wins", "weak_wins"],
        ] {
            let error = read("three_labels", &labels).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::InvalidModel);
            assert!(error.message().contains(labels[0]), "{error}");
        }
        let error = read("binary", &["strong_wins", "weak_wins"]).unwrap_err();
        assert!(error.message().contains(r#""strong_label": 0"#), "{error}");
    }
}
