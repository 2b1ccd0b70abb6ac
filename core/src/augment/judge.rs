//! An LLM as the judge (the paper's `D_judge`, section 4.1): which requests it takes, and what their answers say of each pair.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answers::{Answers, text_of};
use super::reply::Completion;
use super::request::ChatRequest;
use super::verdict::{JudgeMode, pair_prompt, pair_verdict, score_prompt, score_verdict};
use crate::data::{self, Row, field, prompt};
use crate::preference::{Vote, Winner};
use crate::setters::options_struct;
use crate::{Error, Result};

options_struct! {
    /// How a judge is asked.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub struct JudgeOptions {
        /// The model that judges.
        model: String = String::new(),
        /// How it judges.
        mode: JudgeMode = JudgeMode::Pairwise,
        /// How often it is asked the same, at least 1: more than once tells how much it agrees with itself.
        samples: u32 = 1,
        /// The most tokens of a verdict with its explanation.
        max_tokens: u64 = 1024,
        /// How freely it answers; `null` leaves that to the endpoint.
        temperature: Option<f64> = Some(0.0) => f64,
        /// What the field with the most tokens is called.
        max_tokens_name: String = "max_tokens".to_owned(),
        /// Instructions in place of those of Zheng et al.; they have to ask for the same brackets.
        system: Option<String> = None => String,
        /// The number of its endpoint.
        endpoint: usize = 0,
    }
}

/// Two answers to a prompt.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Pair {
    /// Name of the row; `line N` where the source has none.
    pub id: String,
    /// The prompt.
    pub prompt: String,
    /// The first model.
    pub model_a: String,
    /// The second model.
    pub model_b: String,
    /// The answer of the first model.
    pub answer_a: String,
    /// The answer of the second model.
    pub answer_b: String,
    /// What people have said, where they have.
    pub human: Option<Winner>,
}

impl Pair {
    /// Two answers, each with its model.
    pub fn new(id: impl Into<String>, prompt: impl Into<String>, a: (&str, &str), b: (&str, &str)) -> Self {
        let [model_a, answer_a, model_b, answer_b] = [a.0, a.1, b.0, b.1].map(str::to_owned);
        Self { id: id.into(), prompt: prompt.into(), model_a, model_b, answer_a, answer_b, human: None }
    }

    /// Reads pairs (`.jsonl`, `.csv`, `.parquet`): rows of `prompt`, `model_a`, `model_b`, `answer_a` and `answer_b` (or
    /// `response_a`, `response_b`), and the `winner` by people where it is known.
    ///
    /// # Errors
    /// `NotFound` or `Io` for the file, `InvalidArgument` for a malformed row, with file and line.
    pub fn read(path: impl AsRef<Path>) -> Result<Vec<Self>> {
        let answers = |name| [name, if name == "answer_a" { "response_a" } else { "response_b" }];
        let (a, b) = (answers("answer_a"), answers("answer_b"));
        let needed: data::Needed<'_> = &[&["model_a"], &["model_b"], &a, &b];
        let mut pairs = Vec::new();
        data::each_of_file(path.as_ref(), Some("pairs"), needed, &mut |row| {
            pairs.push(Self::of(row).map_err(|what| row.fault(what))?);
            Ok(())
        })?;
        Ok(pairs)
    }

    /// Reads pairs from JSON lines; `source` is the name that errors give them.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn from_jsonl(lines: &[u8], source: &str) -> Result<Vec<Self>> {
        let mut pairs = Vec::new();
        data::each_of_jsonl(lines, source, &mut |row| {
            pairs.push(Self::of(row).map_err(|what| row.fault(what))?);
            Ok(())
        })?;
        Ok(pairs)
    }

    fn of(row: &Row<'_>) -> Result<Self, String> {
        let text = |names: &[&str]| text_of(row.cells, names);
        let human = match field(row.cells, "winner") {
            Some(data::Json::Text(name)) if !name.is_empty() => {
                Some(Winner::from_name(name).ok_or_else(|| {
                    format!("winner is {name:?}, expected \"model_a\", \"model_b\", \"tie\" or null")
                })?)
            }
            _ => None,
        };
        Ok(Self {
            id: row.id(),
            prompt: prompt(row.cells, false)?,
            model_a: text(&["model_a"])?,
            model_b: text(&["model_b"])?,
            answer_a: text(&["answer_a", "response_a"])?,
            answer_b: text(&["answer_b", "response_b"])?,
            human,
        })
    }

    /// The pair of two models' answers to a prompt; `None` where one has not answered.
    pub fn of_answers(id: &str, prompt: &str, answers: &Answers, a: &str, b: &str) -> Option<Self> {
        let text = |model| answers.get(model, id, prompt);
        Some(Self::new(id, prompt, (a, text(a)?), (b, text(b)?)))
    }
}

impl JudgeOptions {
    /// The requests that a pair takes, in the order in which [`judgement`](Self::judgement) wants their answers: for each sample
    /// the pair in both orders, or each answer.
    ///
    /// # Errors
    /// `InvalidArgument` without a model, and for 0 samples.
    pub fn requests(&self, pair: &Pair) -> Result<Vec<ChatRequest>> {
        if self.model.is_empty() {
            return Err(Error::invalid_argument("the judge has no model; name one"));
        }
        if self.samples == 0 {
            return Err(Error::invalid_argument("samples is 0, expected at least 1"));
        }
        let texts = match self.mode {
            JudgeMode::Pairwise => [
                pair_prompt(&pair.prompt, &pair.answer_a, &pair.answer_b),
                pair_prompt(&pair.prompt, &pair.answer_b, &pair.answer_a),
            ],
            JudgeMode::Score => {
                [&pair.answer_a, &pair.answer_b].map(|answer| score_prompt(&pair.prompt, answer))
            }
        };
        let of_sample = |sample| {
            texts.clone().map(|text| {
                ChatRequest::new(&self.model, text, self.max_tokens)
                    .system(self.system.as_deref().unwrap_or(self.mode.system()))
                    .temperature(self.temperature)
                    .max_tokens_name(&self.max_tokens_name)
                    .endpoint(self.endpoint)
                    .sample(sample)
            })
        };
        Ok((0..self.samples).flat_map(of_sample).collect())
    }

    /// What the judge says of a pair; `None` stands for a request that was not answered.
    pub fn judgement(&self, pair: Pair, answers: &[Option<&Completion>]) -> Judgement {
        let mut verdicts = Vec::with_capacity(answers.len());
        let mut scores = Vec::new();
        let mut unparsed = Vec::new();
        let mut unanswered = 0;
        for couple in answers.chunks(2) {
            match self.mode {
                JudgeMode::Pairwise => {
                    for (order, answer) in couple.iter().enumerate() {
                        let verdict = answer.and_then(|answer| pair_verdict(&answer.text));
                        verdicts
                            .push(verdict.map(|winner| if order == 1 { swapped(winner) } else { winner }));
                    }
                }
                JudgeMode::Score => {
                    let both: Vec<Option<u8>> = couple
                        .iter()
                        .map(|answer| answer.and_then(|answer| score_verdict(&answer.text)))
                        .collect();
                    let verdict = match both[..] {
                        [Some(a), Some(b)] => Some(match a.cmp(&b) {
                            std::cmp::Ordering::Greater => Winner::ModelA,
                            std::cmp::Ordering::Less => Winner::ModelB,
                            std::cmp::Ordering::Equal => Winner::Tie,
                        }),
                        _ => None,
                    };
                    verdicts.push(verdict);
                    scores.push([both.first().copied().flatten(), both.get(1).copied().flatten()]);
                }
            }
            for answer in couple {
                match answer {
                    None => unanswered += 1,
                    Some(answer) if !has_verdict(self.mode, answer) => unparsed.push(answer.text.clone()),
                    Some(_) => {}
                }
            }
        }
        let winner = combined(&verdicts);
        Judgement { pair, mode: self.mode, verdicts, scores, winner, unparsed, unanswered }
    }
}

fn has_verdict(mode: JudgeMode, answer: &Completion) -> bool {
    match mode {
        JudgeMode::Pairwise => pair_verdict(&answer.text).is_some(),
        JudgeMode::Score => score_verdict(&answer.text).is_some(),
    }
}

/// The same verdict, seen from the other order.
const fn swapped(winner: Winner) -> Winner {
    match winner {
        Winner::ModelA => Winner::ModelB,
        Winner::ModelB => Winner::ModelA,
        Winner::Tie => Winner::Tie,
    }
}

/// The winner by several verdicts: whoever has more of them; a tie counts for neither, and as many for each are a tie. `None`
/// without a verdict.
///
/// ```
/// use routellm_core::{augment::combined, preference::Winner::{ModelA, ModelB, Tie}};
/// assert_eq!(combined(&[Some(ModelA), Some(ModelB)]), Some(Tie));
/// assert_eq!(combined(&[Some(Tie), Some(ModelB)]), Some(ModelB));
/// ```
pub fn combined(verdicts: &[Option<Winner>]) -> Option<Winner> {
    let known: Vec<Winner> = verdicts.iter().flatten().copied().collect();
    let count = |wanted| known.iter().filter(|winner| **winner == wanted).count();
    if known.is_empty() {
        return None;
    }
    Some(match count(Winner::ModelA).cmp(&count(Winner::ModelB)) {
        std::cmp::Ordering::Greater => Winner::ModelA,
        std::cmp::Ordering::Less => Winner::ModelB,
        std::cmp::Ordering::Equal => Winner::Tie,
    })
}

/// What a judge says of a pair.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Judgement {
    /// The pair.
    pub pair: Pair,
    /// How it was judged.
    pub mode: JudgeMode,
    /// The verdicts: pairwise in the order (a, b), then in the order (b, a), for each sample; by scores one for each sample.
    /// `None` where a verdict could not be read.
    pub verdicts: Vec<Option<Winner>>,
    /// The scores of both answers, for each sample; none if it was judged pairwise.
    pub scores: Vec<[Option<u8>; 2]>,
    /// The verdicts as one, as [`combined`] makes it of them.
    pub winner: Option<Winner>,
    /// What the judge wrote where no verdict could be read.
    pub unparsed: Vec<String>,
    /// Requests without an answer.
    pub unanswered: usize,
}

impl Judgement {
    /// The row as JSON, in the form of votes by a judge: `verdicts`, and the `winner`, null if there is none.
    pub fn to_json(&self) -> String {
        let names: Vec<Option<&str>> =
            self.verdicts.iter().map(|verdict| verdict.map(Winner::name)).collect();
        let mut row = json!({
            "id": self.pair.id, "prompt": self.pair.prompt, "model_a": self.pair.model_a, "model_b": self.pair.model_b,
            "verdicts": names, "winner": self.winner.map(Winner::name),
        });
        if self.mode == JudgeMode::Score {
            row["scores"] = json!(self.scores);
        }
        row.to_string()
    }

    /// The judgement as a vote; `None` if there is no winner.
    pub fn vote(&self) -> Option<Vote> {
        let pair = &self.pair;
        Some(Vote::new(&pair.id, &pair.prompt, &pair.model_a, &pair.model_b, self.winner?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preference::VoteTable;

    fn pair() -> Pair {
        Pair::new("1", "Hello?", ("big", "Hello!"), ("small", "Go away."))
    }

    #[test]
    fn both_orders_are_asked_and_told_apart() {
        let options = JudgeOptions::new().model("judge".to_owned());
        let requests = options.requests(&pair()).unwrap();
        assert_eq!(requests.len(), 2);
        let place = |request: &ChatRequest, text: &str| request.user.find(text).unwrap();
        assert!(place(&requests[0], "Hello!") < place(&requests[0], "Go away."));
        assert!(place(&requests[1], "Go away.") < place(&requests[1], "Hello!"));
        // It names the first answer each time: that is another model in the second order.
        let says = Completion::new("[[A]]");
        let judgement = options.judgement(pair(), &[Some(&says), Some(&says)]);
        assert_eq!(judgement.verdicts, [Some(Winner::ModelA), Some(Winner::ModelB)]);
        assert_eq!(judgement.winner, Some(Winner::Tie));
        assert_eq!(
            judgement.to_json(),
            r#"{"id":"1","model_a":"big","model_b":"small","prompt":"Hello?","verdicts":["model_a","model_b"],"winner":"tie"}"#
        );
        let none = Completion::new("Both are fine.");
        let judgement = options.judgement(pair(), &[Some(&none), None]);
        assert_eq!((judgement.winner, judgement.unanswered), (None, 1));
        assert_eq!(judgement.unparsed, ["Both are fine."]);
        let votes = VoteTable::from_jsonl(judgement.to_json().as_bytes(), "j").unwrap();
        assert_eq!(votes.counts.dropped_null_winner, 1);
        assert!(JudgeOptions::new().requests(&pair()).is_err());
    }

    #[test]
    fn scores_are_compared() {
        let options = JudgeOptions::new().model("judge".to_owned()).mode(JudgeMode::Score).samples(2);
        assert_eq!(options.requests(&pair()).unwrap().len(), 4);
        let scores = ["[[9]]", "[[3]]", "[[5]]", "five"].map(Completion::new);
        let answers: Vec<Option<&Completion>> = scores.iter().map(Some).collect();
        let judgement = options.judgement(pair(), &answers);
        assert_eq!(judgement.verdicts, [Some(Winner::ModelA), None]);
        assert_eq!(judgement.scores, [[Some(9), Some(3)], [Some(5), None]]);
        assert_eq!(judgement.winner, Some(Winner::ModelA));
        let votes = VoteTable::from_jsonl(judgement.to_json().as_bytes(), "j").unwrap();
        assert_eq!(votes.votes, [judgement.vote().unwrap()]);
    }

    #[test]
    fn a_verdict_is_any_number_of_votes() {
        use Winner::{ModelA, ModelB, Tie};
        // As the recorded verdicts of GPT-4 are combined.
        for (verdicts, winner) in [
            (&[Some(ModelA), Some(Tie)][..], Some(ModelA)),
            (&[Some(Tie), Some(Tie)], Some(Tie)),
            (&[Some(ModelB), Some(ModelA)], Some(Tie)),
            (&[Some(ModelB), None], Some(ModelB)),
            (&[None, None], None),
        ] {
            assert_eq!(combined(verdicts), winner);
        }
    }
}
