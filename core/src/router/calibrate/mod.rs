//! Calibrating a router on one's own requests: another table, another default, the same weights.

mod describe;
mod read;
mod save;
mod target;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use self::describe::Found;
use self::read::{Sampled, Subjects};
use self::target::{Known, chances, share_of};
use super::hooks::Hooks;
use super::info::CalibrationInfo;
use super::notices::Notices;
use super::{Inner, Router};
use crate::calibrate::{
    CalibrateSpec, Calibration, CalibrationFile, CalibrationReport, DefaultPolicy, OfRouter, Target,
};
use crate::choice::{Choice, LARGEST_WEIGHT, Rated, smallest_weight};
use crate::control::Watch;
use crate::fallbacks::Fallbacks;
use crate::files::Json;
use crate::input::Input;
use crate::options::CallOptions;
use crate::{Control, Error, Result};

/// Prompts that are scored between two reports of progress.
const TOGETHER: usize = 256;

impl Router {
    /// A router that is calibrated anew: with the table of win rates of the sample that `spec` names, and with a default that
    /// meets its target there. It shares all models and weights with this one, which stays as it is, and has counters of its
    /// own; the hooks go on hearing. [`save_calibration`](Self::save_calibration) keeps it.
    ///
    /// The report says how far the share is known: of all requests, and of `further_requests` more (as many as the sample has
    /// by default). Prompts that are nearly the same count as one, as a design effect. The scoring of the sample is the stage
    /// `calibration` of `control`.
    ///
    /// ```
    /// use routellm_core::calibrate::CalibrateSpec;
    /// use routellm_core::{CallOptions, Control, Router};
    ///
    /// let router = Router::default_router()?;
    /// let prompts = (0..200).map(|i| format!("Prove theorem {} of chapter {i}.", i * 7)).collect();
    /// let spec = CalibrateSpec::new().prompts(prompts).strong_share(0.2).further_requests(1000);
    /// let (calibrated, report) = router.calibrate(&spec, Control::new())?;
    /// println!("{} of the next 1,000, with 95 %: {:?}", report.strong_share, report.prediction_interval);
    /// assert_eq!(calibrated.route("hi", &CallOptions::new())?.threshold, report.threshold.unwrap());
    /// # Ok::<(), routellm_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `InvalidArgument` for a specification that contradicts itself, a sample of another form or with fewer than two distinct
    /// win rates, and a target that cannot be met; what reading and scoring the sample report; `Cancelled`;
    /// `ResourceExhausted` if the time of `control` is over.
    pub fn calibrate(&self, spec: &CalibrateSpec, control: Control<'_>) -> Result<(Self, CalibrationReport)> {
        let target = spec.target()?;
        spec.check()?;
        let compares = match spec.policy.as_deref() {
            None | Some("threshold") => false,
            Some("cost_weight") => true,
            Some(other) => {
                return Err(Error::invalid_argument(format!(
                    "policy is {other:?}, expected threshold or cost_weight"
                )));
            }
        };
        if compares && !matches!(target, Target::Cost(_)) {
            return Err(Error::invalid_argument(format!(
                "policy cost_weight is calibrated to a cost, not to {}: pass cost, or the policy threshold",
                target.name()
            )));
        }
        let mut watch = control.start()?;
        let inner = &*self.inner;
        let sampled = Sampled::read(spec, inner.read, self.strong(), self.weak())?;
        let rates = self.sample_rates(&sampled.subjects, &mut watch)?;
        let name = spec.name.clone().unwrap_or_else(|| sampled.name.clone());
        let mut table = Calibration::from_win_rates(name, rates.clone())?
            .taken_from(sampled.sha256.clone())
            .dated(spec.date.as_deref())?;
        let costs = self.pair_costs(sampled.tokens.as_deref());
        let success = match (&sampled.labels, target) {
            (Some(labels), Target::PSuccess(_)) => chances(&rates, labels)?,
            _ => None,
        };
        let mode = inner.info.mode;
        let (default_policy, chosen) = if compares {
            let (weight, chosen) = self.weight_of_cost(target.value(), &sampled, &mut watch)?;
            table.default_strong_share = chosen.iter().filter(|one| one.index == inner.pair.strong).count()
                as f64
                / rates.len() as f64;
            (Some(DefaultPolicy::CostWeight(weight)), Some(chosen))
        } else {
            let known = Known {
                rates: &rates,
                costs: costs.as_deref(),
                labels: sampled.labels.as_deref(),
                chances: success.as_deref(),
            };
            table.default_strong_share = share_of(target, &table, &known)?;
            (None, None)
        };
        let threshold = table.shares(mode).resolve(table.default_strong_share).0;
        let sent: Vec<bool> = match &chosen {
            Some(chosen) => chosen.iter().map(|one| one.index == inner.pair.strong).collect(),
            None => rates.iter().map(|rate| *rate >= threshold).collect(),
        };
        let before = inner.recalibration.as_ref().map(|file| &file.calibration);
        let report = Found {
            spec,
            target,
            sampled: &sampled,
            table: &table,
            before: before.or(inner.table.as_deref()),
            sent: &sent,
            costs: costs.as_deref(),
            cost: chosen.map(|chosen| chosen.iter().map(|one| one.cost).sum::<f64>() / rates.len() as f64),
            chances: success.as_deref(),
            default_policy,
            threshold,
            strong: self.strong(),
            weak: self.weak(),
        }
        .report();
        let mut file = CalibrationFile::new(self.of_router(), table);
        file.default_policy = default_policy;
        file.report = Some(Json::of(&report)?);
        Ok((self.recalibrated(file), report))
    }

    /// What the calibration of this router found; `None` unless it was made by [`calibrate`](Self::calibrate) or opened with
    /// the option `calibration`.
    pub fn calibration_report(&self) -> Option<&Json> {
        self.inner.recalibration.as_ref()?.report.as_ref()
    }

    /// The calibration that took the place of the artifact's, if one did.
    pub fn recalibration(&self) -> Option<&CalibrationFile> {
        self.inner.recalibration.as_deref()
    }

    /// By which a calibration knows this router.
    fn of_router(&self) -> OfRouter {
        let name = |index: usize| self.inner.candidates.all[index].name.clone();
        let Inner { pair, scoring_sha256, .. } = &*self.inner;
        OfRouter { sha256: scoring_sha256.clone(), strong: name(pair.strong), weak: name(pair.weak) }
    }

    /// This router with another calibration.
    fn recalibrated(&self, file: CalibrationFile) -> Self {
        let inner = &*self.inner;
        let shares = file.calibration.shares(inner.info.mode);
        let threshold = shares.resolve(file.calibration.default_strong_share).0;
        let mut info = inner.info.clone();
        info.calibration = Some(CalibrationInfo::new(&file.calibration, threshold));
        inner.sharers.fetch_add(1, Ordering::AcqRel);
        let router = Self {
            inner: Arc::new(Inner {
                pipeline: Arc::clone(&inner.pipeline),
                sharers: Arc::clone(&inner.sharers),
                models: inner.models.clone(),
                candidates: inner.candidates.clone(),
                budgets: inner.budgets.again(),
                pair: inner.pair,
                shares: Some(shares),
                table: inner.table.clone(),
                default_threshold: Some(threshold),
                default_policy: file.default_policy,
                scoring_sha256: inner.scoring_sha256.clone(),
                recalibration: Some(Arc::new(file)),
                notices: Notices::again(&inner.notices),
                out_of_distribution: inner.out_of_distribution,
                min_similarity: inner.min_similarity,
                info,
                read: inner.read,
                fallbacks: Fallbacks::new(),
                hooks: Hooks::default(),
                ids: inner.ids,
                decisions: AtomicU64::new(0),
                closed: AtomicBool::new(false),
            }),
        };
        router.inherit_hook(self);
        router
    }

    /// The win rate of each member of the sample.
    fn sample_rates(&self, subjects: &Subjects, watch: &mut Watch<'_>) -> Result<Vec<f64>> {
        of_sample(subjects, watch, |inputs, options| self.win_rates(inputs, options), |rates| rates.clone())
    }

    /// What 1,000 requests like each cost, of the strong and of the weak model; `None` where that is not known.
    fn pair_costs(&self, tokens: Option<&[f64]>) -> Option<Vec<(f64, f64)>> {
        let (inner, output) = (&*self.inner, self.inner.candidates.mean_output_tokens);
        let priced = |index: usize| inner.candidates.all[index].price.is_some();
        let cost = |index: usize, input: f64| inner.cost_of_thousand(index, input, output);
        let pair = inner.pair;
        let known = tokens.filter(|_| priced(pair.strong) && priced(pair.weak))?;
        Some(known.iter().map(|input| (cost(pair.strong, *input), cost(pair.weak, *input))).collect())
    }

    /// The smallest cost weight with which the sample costs at most `usd`, and the candidate that it chooses for each member.
    fn weight_of_cost(
        &self,
        usd: f64,
        sampled: &Sampled,
        watch: &mut Watch<'_>,
    ) -> Result<(f64, Vec<Rated>)> {
        let inner = &*self.inner;
        if matches!(sampled.subjects, Subjects::Rates(_)) {
            return Err(Error::invalid_argument(
                "policy cost_weight compares all candidates, of which win rates tell nothing: pass prompts or embeddings",
            ));
        }
        inner.check_prices("cost", None)?;
        let Some(tokens) = &sampled.tokens else {
            return Err(Error::invalid_argument(
                "cost needs prompts or input_tokens: embeddings tell no tokens",
            ));
        };
        let ask = |inputs: Vec<Input<'_>>, options: &CallOptions| self.qualities_batch(inputs, options);
        let qualities = of_sample(&sampled.subjects, watch, ask, |_| Vec::new())?;
        let output = inner.candidates.mean_output_tokens;
        let rated = |(qualities, input): (Vec<f64>, &f64)| -> Vec<Rated> {
            let one = |(index, quality): (usize, f64)| Rated {
                index,
                quality,
                cost: inner.cost_of_thousand(index, *input, output),
            };
            qualities.into_iter().enumerate().map(one).collect()
        };
        let rows: Vec<Vec<Rated>> = qualities.into_iter().zip(tokens).map(rated).collect();
        let chosen = |weight: f64| -> Vec<Rated> {
            rows.iter().filter_map(|row| Choice::CostWeight(weight).choose(row.iter().copied())).collect()
        };
        let mean = |weight: f64| chosen(weight).iter().map(|one| one.cost).sum::<f64>() / rows.len() as f64;
        let weight = smallest_weight(usd, mean).ok_or_else(|| {
            Error::invalid_argument(format!(
                "cost is {usd} USD per 1,000 requests, and on this sample even the cheapest candidates cost {}: allow more",
                mean(LARGEST_WEIGHT)
            ))
        })?;
        Ok((weight, chosen(weight)))
    }
}

/// What `ask` says of each member, part by part.
fn of_sample<T>(
    subjects: &Subjects,
    watch: &mut Watch<'_>,
    ask: impl Fn(Vec<Input<'_>>, &CallOptions) -> Result<Vec<T>>,
    known: impl Fn(&Vec<f64>) -> Vec<T>,
) -> Result<Vec<T>> {
    let mut options = CallOptions::new();
    options.set_cancel(watch.stop().cloned());
    let total = subjects.len();
    watch.report("calibration", 0, total, None)?;
    let inputs: Vec<Input<'_>> = match subjects {
        Subjects::Rates(rates) => return Ok(known(rates)),
        Subjects::Texts(texts) => texts.iter().map(Input::from).collect(),
        Subjects::Embeddings(rows) => rows.iter().map(Input::from).collect(),
    };
    let mut answers = Vec::with_capacity(total);
    for part in inputs.chunks(TOGETHER) {
        let first = answers.len();
        let part = part.iter().map(Input::from).collect();
        let found = ask(part, &options).map_err(|error| match first {
            0 => error,
            _ => error.context(format!("after the first {first} of the sample")),
        })?;
        answers.extend(found);
        watch.report("calibration", answers.len(), total, None)?;
    }
    Ok(answers)
}
