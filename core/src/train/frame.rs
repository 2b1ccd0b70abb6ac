//! What every training does around what it does for itself: the destination first, then, at the end, calibration,
//! provenance and the artifact.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::collect::Prompt;
use super::options::TrainOptions;
use super::sources::Origin;
use crate::artifact::{ArtifactWriter, FORMAT_VERSION, Manifest, Models};
use crate::calibrate::{Calibration, CandidateScores, check_date, hash_of_prompts};
use crate::candidates::{Candidate, check_output_tokens, described, estimated_tokens};
use crate::control::{Control, Watch};
use crate::features::FeaturizerSpec;
use crate::files::Json;
use crate::quality::QualityFit;
use crate::scorer::Kind;
use crate::{Error, Result};

/// Prompts of a calibration between two reports of progress.
const REPORT: usize = 64;

/// A training under way.
pub(super) struct Training<'a> {
    pub(super) writer: ArtifactWriter,
    pub(super) watch: Watch<'a>,
    common: &'a TrainOptions,
    /// Of the rows that are scored for the calibration, if they have prompts.
    tokens: Vec<u64>,
    out: PathBuf,
    given: Map<String, Value>,
    origins: &'a [Origin],
}

/// The prompts that a router is calibrated on.
pub(super) struct Rated<'a> {
    /// How the artifact calls them.
    pub(super) name: Cow<'a, str>,
    /// Their hash.
    pub(super) sha256: String,
    /// Their numbers, for whoever scores them.
    pub(super) rows: Vec<usize>,
}

impl<'a> Rated<'a> {
    /// All of these prompts.
    pub(super) fn of_prompts(name: &'a str, prompts: &[Prompt<'_>]) -> Self {
        let texts = prompts.iter().map(|prompt| prompt.text);
        Self { name: name.into(), sha256: hash_of_prompts(texts), rows: (0..prompts.len()).collect() }
    }
}

/// What a training made, beside files and calibration.
pub(super) struct Made {
    pub(super) kind: Kind,
    /// Name of the artifact, unless the options say another.
    pub(super) name: &'static str,
    pub(super) models: Models,
    pub(super) featurizer: FeaturizerSpec,
    /// Parameters of the scorer.
    pub(super) scorer: Json,
    pub(super) calibration: Calibration,
    /// What makes qualities of scores, if there were gold rows for it.
    pub(super) qualities: Option<QualityFit>,
    /// What the provenance says, beside the sources.
    pub(super) facts: Map<String, Value>,
}

impl<'a> Training<'a> {
    /// Begins a training into the folder `out`. One that cannot be written is found before the work, not after it, and
    /// so is what only the manifest needs.
    ///
    /// # Errors
    /// As [`ArtifactWriter::new`]; `InvalidArgument` for a provenance that is no object, or a wrong date.
    pub(super) fn begin(
        out: &Path,
        origins: &'a [Origin],
        common: &'a TrainOptions,
        control: Control<'a>,
    ) -> Result<Self> {
        let given = match common.provenance.clone().map(Json::into_members) {
            None => Map::new(),
            Some(Some(members)) => members,
            Some(None) => return Err(Error::invalid_argument("provenance is no JSON object")),
        };
        common.calibration_date.as_deref().map_or(Ok(()), check_date)?;
        common.candidates.iter().try_for_each(Candidate::check)?;
        common.mean_output_tokens.map_or(Ok(()), check_output_tokens)?;
        let watch = control.start()?;
        let writer = ArtifactWriter::new(out)?;
        Ok(Self { writer, watch, common, tokens: Vec::new(), out: out.to_path_buf(), given, origins })
    }

    /// Says how many tokens the rows have that [`calibrate`](Self::calibrate) is about to score: the artifact then knows what
    /// its sample costs.
    pub(super) fn measure<'p>(&mut self, prompts: impl IntoIterator<Item = &'p str>) {
        self.tokens = prompts.into_iter().map(|prompt| estimated_tokens(prompt.len())).collect();
    }

    /// The file beside the destination that keeps a `part` of the work, so that the same training goes on where one that was
    /// killed or stopped left off. `None` where there is no such place. It is removed when the artifact is there.
    pub(super) fn checkpoint(&self, part: &str) -> Option<PathBuf> {
        checkpoint(&self.out, part)
    }

    /// Calibrates the pair on a sample. `score` gives its win rate for a row and, if it is asked for them, the scores of
    /// all candidates, which are kept for other pairs if `any_pair` says so.
    ///
    /// # Errors
    /// What `score` reports; `InvalidArgument` for fewer than two distinct win rates; `Cancelled`; `Io`.
    pub(super) fn calibrate(
        &mut self,
        rated: Rated<'_>,
        any_pair: bool,
        mut score: impl FnMut(usize, bool) -> Result<(f64, Vec<f64>)>,
    ) -> Result<Calibration> {
        let total = rated.rows.len();
        let mut kept = CandidateScores::places(total).peekable();
        let (mut rates, mut scores) = (Vec::with_capacity(total), CandidateScores::new());
        for (i, row) in rated.rows.into_iter().enumerate() {
            let keep = kept.next_if_eq(&i).is_some() && any_pair;
            let (rate, of_candidates) = score(row, keep)?;
            rates.push(rate);
            if keep {
                scores.push(&of_candidates);
                if let Some(tokens) = self.tokens.get(row) {
                    scores.push_tokens(*tokens);
                }
            }
            if (i + 1).is_multiple_of(REPORT) || i + 1 == total {
                self.watch.report("calibration", i + 1, total, None)?;
            }
        }
        let mut table = Calibration::from_win_rates(rated.name, rates)?
            .taken_from(rated.sha256)
            .dated(self.common.calibration_date.as_deref())?;
        if any_pair {
            table.scores = Some(self.writer.add_scores(&scores)?);
        }
        Ok(table)
    }

    /// Puts the artifact, whose files are written, into its folder.
    ///
    /// # Errors
    /// As [`ArtifactWriter::finish`].
    pub(super) fn finish(self, made: Made) -> Result<()> {
        let mut provenance = made.facts;
        provenance.insert("tool".into(), json!(format!("routellm {}", crate::VERSION)));
        if !self.origins.is_empty() {
            provenance.insert("sources".into(), json!(self.origins));
        }
        provenance.extend(self.given);
        let candidates = described(&made.models.names, &[], &self.common.candidates)?;
        let checkpoints = CHECKPOINTS.map(|part| checkpoint(&self.out, part));
        self.writer.finish(&Manifest {
            format_version: FORMAT_VERSION,
            name: self.common.name.clone().unwrap_or_else(|| made.name.to_owned()),
            kind: made.kind,
            models: made.models,
            featurizer: made.featurizer,
            scorer: made.scorer,
            candidates: candidates.into_iter().filter(Candidate::is_described).collect(),
            mean_output_tokens: self.common.mean_output_tokens,
            qualities: made.qualities,
            files: Vec::new(),
            calibration: Some(made.calibration),
            default_policy: None,
            read: self.common.read,
            provenance: Json::of_members(provenance),
            manifest_sha256: String::new(),
        })?;
        for path in checkpoints.into_iter().flatten() {
            // Mostly there is none.
            let _ = std::fs::remove_file(path);
        }
        Ok(())
    }
}

/// Parts of the work that are kept until the artifact is there.
const CHECKPOINTS: [&str; 2] = [EMBEDDINGS, FIT];
/// Embeddings of a training without a cache.
pub(super) const EMBEDDINGS: &str = "embeddings";
/// Epochs of a fit.
pub(super) const FIT: &str = "fit";

fn checkpoint(out: &Path, part: &str) -> Option<PathBuf> {
    let out = std::path::absolute(out).ok()?;
    let name = out.file_name()?.to_str()?;
    Some(out.parent()?.join(format!(".{name}.{part}.checkpoint")))
}

/// Members of a JSON object.
pub(super) fn members<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
