//! From votes and gold rows to an artifact.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Comparison, MfFit, MfOptions, fit};
use crate::artifact::{ArtifactWriter, FORMAT_VERSION, Manifest, Models, tensor_f32};
use crate::calibrate::{Calibration, CandidateScores, hash_of_prompts};
use crate::features::Features;
use crate::files::Json;
use crate::input::Read;
use crate::preference::{GoldTable, VoteTable, Winner};
use crate::scorer::mf::{MfScorer, WEIGHTS_FILE};
use crate::scorer::{Kind, Pair};
use crate::train::embeddings::Embeddings;
use crate::train::{Encoder, ProgressFn};
use crate::{Error, Result};

/// Options of [`train`] beside those of the fit.
#[derive(Debug, Clone, PartialEq)]
pub struct MfTraining {
    /// Name of the artifact.
    pub name: String,
    /// The optimisation.
    pub fit: MfOptions,
    /// Day of the calibration sample, `2026-01-31`; today (UTC) without it.
    pub calibration_date: Option<String>,
    /// What of a chat the router reads, unless it is told otherwise.
    pub read: Option<Read>,
}

/// Trains on votes and gold rows for the pair (`strong`, `weak`) and writes the artifact `out`, with the
/// encoder's files, calibrated on the prompts `calibration` (or on the training prompts).
///
/// Ties and comparisons of a model with itself are dropped and counted, as in the reference; of gold rows, one
/// comparison is made for each two models of which one was right.
///
/// # Errors
/// `InvalidArgument` for unknown models or without comparisons; `Unsupported` if the encoder's features are
/// not dense; what the encoder reports; `Cancelled`; `Io`.
#[allow(clippy::too_many_arguments, reason = "each is one thing that the caller decides")]
pub fn train(
    out: &Path,
    votes: Option<&VoteTable>,
    gold: Option<&GoldTable>,
    pair: (&str, &str),
    encoder: &Encoder,
    calibration: Option<(&str, &[String])>,
    training: &MfTraining,
    sources: Map<String, Value>,
    progress: &mut ProgressFn<'_>,
) -> Result<MfFit> {
    let data = Data::collect(votes, gold, pair)?;
    // A destination that cannot be written is found before the work, not after it.
    let mut writer = ArtifactWriter::new(out)?;
    let calibration_prompts = calibration.map_or(&[][..], |(_, prompts)| prompts);
    let total = data.prompts.len() + calibration_prompts.len();
    let mut embeddings = Embeddings::new(encoder, "matrix factorization", None)?;
    let training_prompts = data.prompts.iter().map(String::as_str);
    let (values, _) = embeddings.of(training_prompts, (0, total), progress)?;
    let text_dim = encoder.spec().dimension();
    let fit = fit(data.names.len(), &values, text_dim, &data.comparisons, &training.fit, None, progress)?;

    let index = |name: &str| data.names.iter().position(|known| known == name).unwrap_or(0);
    let bound = Pair { strong: index(pair.0), weak: index(pair.1) };
    let scorer = MfScorer::new(&fit.weights, bound)?;
    let (sample, prompts) = calibration.unwrap_or(("the prompts of the training data", &data.prompts));
    let values = match calibration {
        Some(_) => {
            embeddings.of(prompts.iter().map(String::as_str), (data.prompts.len(), total), progress)?.0
        }
        None => values,
    };
    let rows: Vec<Features<'_>> = values.chunks_exact(text_dim).map(Features::Dense).collect();
    let rates = rows.iter().map(|row| scorer.win_rate(*row)).collect::<Result<Vec<_>>>()?;
    let mut table = Calibration::from_win_rates(sample, rates)?
        .taken_from(hash_of_prompts(prompts))
        .dated(training.calibration_date.as_deref())?;
    // Of two candidates there is one pair.
    if data.names.len() > 2 {
        let mut scores = CandidateScores::new();
        for place in CandidateScores::places(rows.len()) {
            scores.push(&scorer.candidate_scores(rows[place])?);
        }
        table.scores = Some(writer.add_scores(&scores)?);
    }
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        name: training.name.clone(),
        kind: Kind::Mf,
        models: Models { names: data.names.clone(), strong: pair.0.to_owned(), weak: pair.1.to_owned() },
        featurizer: encoder.spec().clone(),
        scorer: Json::object(),
        files: Vec::new(),
        calibration: Some(table),
        read: training.read,
        provenance: data.provenance(&training.fit, &fit, sources).into(),
        manifest_sha256: String::new(),
    };
    let weights = &fit.weights;
    writer.add_tensors(
        WEIGHTS_FILE,
        &[
            ("P.weight", tensor_f32(&[weights.models, weights.dim], &weights.p)),
            ("text_proj.0.weight", tensor_f32(&[weights.dim, weights.text_dim], &weights.w)),
            ("classifier.0.weight", tensor_f32(&[1, weights.dim], &weights.c)),
        ],
    )?;
    encoder.add_files(&mut writer)?;
    writer.finish(&manifest)?;
    Ok(fit)
}

/// Comparisons of votes and gold rows over one list of models and distinct prompts.
struct Data {
    names: Vec<String>,
    prompts: Vec<String>,
    comparisons: Vec<Comparison>,
    counts: BTreeMap<&'static str, usize>,
}

impl Data {
    fn collect(votes: Option<&VoteTable>, gold: Option<&GoldTable>, pair: (&str, &str)) -> Result<Self> {
        let mut names: Vec<String> = votes
            .iter()
            .flat_map(|table| &table.votes)
            .flat_map(|vote| [vote.model_a.clone(), vote.model_b.clone()])
            .chain(gold.iter().flat_map(|table| table.models.names().iter().cloned()))
            .collect();
        names.sort();
        names.dedup();
        for name in [pair.0, pair.1] {
            if !names.iter().any(|known| known == name) {
                return Err(Error::invalid_argument(format!(
                    "{name:?} is in no vote and no gold row; known are: {}",
                    names.join(", ")
                )));
            }
        }
        let mut data = Self { names, prompts: Vec::new(), comparisons: Vec::new(), counts: BTreeMap::new() };
        let mut rows = HashMap::new();
        if let Some(table) = votes {
            data.count("votes_read", table.counts.read);
            data.count("votes_dropped_null_winner", table.counts.dropped_null_winner);
            data.count("votes_dropped_short", table.counts.dropped_short);
            for vote in &table.votes {
                let (winner, loser) = match vote.winner {
                    Winner::ModelA => (&vote.model_a, &vote.model_b),
                    Winner::ModelB => (&vote.model_b, &vote.model_a),
                    Winner::Tie => {
                        data.count("votes_dropped_tie", 1);
                        continue;
                    }
                };
                let (winner, loser) = (data.index(winner), data.index(loser));
                if winner == loser {
                    data.count("votes_dropped_same_model", 1);
                    continue;
                }
                let prompt = data.prompt(&vote.prompt, &mut rows);
                data.comparisons.push(Comparison { winner, loser, prompt });
                data.count("votes_used", 1);
            }
        }
        if let Some(table) = gold {
            data.count("gold_rows_read", table.rows.len());
            let models: Vec<usize> = table.models.names().iter().map(|name| data.index(name)).collect();
            for row in &table.rows {
                for (i, a) in row.scores.iter().enumerate() {
                    for (j, b) in row.scores.iter().enumerate() {
                        if a > b {
                            let prompt = data.prompt(&row.prompt, &mut rows);
                            data.comparisons.push(Comparison { winner: models[i], loser: models[j], prompt });
                            data.count("gold_comparisons_used", 1);
                        }
                    }
                }
            }
        }
        if data.comparisons.is_empty() {
            return Err(Error::invalid_argument(
                "neither votes nor gold rows hold a comparison with a winner",
            ));
        }
        Ok(data)
    }

    fn index(&self, name: &str) -> usize {
        // Every name was collected before.
        self.names.binary_search_by(|known| known.as_str().cmp(name)).unwrap_or(0)
    }

    fn count(&mut self, what: &'static str, n: usize) {
        *self.counts.entry(what).or_default() += n;
    }

    fn prompt(&mut self, prompt: &str, rows: &mut HashMap<String, usize>) -> usize {
        if let Some(row) = rows.get(prompt) {
            return *row;
        }
        let row = self.prompts.len();
        self.prompts.push(prompt.to_owned());
        rows.insert(prompt.to_owned(), row);
        row
    }

    fn provenance(
        &self,
        options: &MfOptions,
        fit: &MfFit,
        sources: Map<String, Value>,
    ) -> Map<String, Value> {
        let mut map = Map::new();
        map.insert("tool".into(), json!(format!("routellm {}", crate::VERSION)));
        map.insert("trainer".into(), json!("mf: Adam on (winner, loser) comparisons"));
        map.insert("label_kinds".into(), json!({ "votes": "D_arena", "gold": "D_gold" }));
        map.insert("counts".into(), json!(self.counts));
        map.insert("tie_rule".into(), json!("ties are dropped"));
        map.insert("seed".into(), json!(options.seed));
        map.insert(
            "options".into(),
            json!({
                "dim": options.dim, "epochs": options.epochs, "batch": options.batch,
                "learning_rate": options.learning_rate, "weight_decay": options.weight_decay,
                "noise": options.noise, "held_out": options.held_out,
            }),
        );
        map.insert("best_epoch".into(), json!(fit.best_epoch));
        map.insert("held_out_loss".into(), json!(fit.held_out_losses.get(fit.best_epoch)));
        map.extend(sources);
        map
    }
}
