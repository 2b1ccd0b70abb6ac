//! The optimisation: votes with embeddings in, weights out.

use serde::{Deserialize, Serialize};

use crate::control::{Control, Watch};
use crate::numeric::{Rng, sigmoid};
use crate::preference::{Ballot, EmbeddedVotes, Votes, Winner};
use crate::scorer::mf::MfWeights;
use crate::setters::options_struct;
use crate::train::adam::Adam;
use crate::{Error, Result};

options_struct! {
    /// Parameters of the optimisation. The defaults are the reference's.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub struct FitOptions {
        /// Dimension of the latent space.
        dim: usize = 128,
        /// Passes over the comparisons.
        epochs: usize = 100,
        /// Comparisons in one step.
        batch: usize = 64,
        /// Adam's step.
        learning_rate: f64 = 3e-4,
        /// L2 penalty, added to the gradient (coupled, as in `torch.optim.Adam`).
        weight_decay: f64 = 1e-5,
        /// Standard deviation of the noise on each prompt embedding in each step.
        noise: f64 = 0.1,
        /// Share of the comparisons that is held out to choose the best epoch, in [0, 1).
        held_out: f64 = 0.05,
        /// Whether each epoch goes over the comparisons in a new order.
        shuffle: bool = true,
        /// Seed of start, order, noise and split.
        @[serde(skip)]
        seed: u64 = 42,
    }
}

/// A vote with a winner, as the optimisation orders and reads it.
#[derive(Debug, Clone, Copy)]
struct Comparison {
    winner: usize,
    loser: usize,
    prompt: usize,
}

impl Comparison {
    /// `None` for a tie, or a model against itself.
    fn of(ballot: &Ballot) -> Option<Self> {
        let &Ballot { model_a, model_b, winner, prompt } = ballot;
        let (winner, loser) = match winner {
            Winner::ModelA => (model_a, model_b),
            Winner::ModelB => (model_b, model_a),
            Winner::Tie => return None,
        };
        (winner != loser).then_some(Self { winner, loser, prompt })
    }
}

/// What a fit found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MfFit {
    /// The weights of the best epoch. They are left out where a report is written as JSON.
    #[serde(skip)]
    pub weights: MfWeights,
    /// Mean loss of each epoch, before each step.
    pub train_losses: Vec<f64>,
    /// Mean loss on the held-out comparisons after each epoch, without noise; empty if none is held out.
    pub held_out_losses: Vec<f64>,
    /// Which epoch was kept, from 0.
    pub best_epoch: usize,
}

/// Weights in double precision while they are trained: `P` `models x dim`, `W` `dim x text_dim`, `c` `dim`.
#[derive(Debug, Clone, PartialEq)]
struct Parameters {
    dim: usize,
    text_dim: usize,
    p: Vec<f64>,
    w: Vec<f64>,
    c: Vec<f64>,
}

/// Smallest length of a row of `P`.
const EPSILON: f64 = 1e-12;

impl Parameters {
    /// `P ~ N(0, 1)`; linear layers uniform in +-1/sqrt(inputs), as torch starts them.
    fn random(models: usize, dim: usize, text_dim: usize, rng: &mut Rng) -> Self {
        let mut uniform = |count: usize, inputs: usize| -> Vec<f64> {
            let bound = 1.0 / (inputs as f64).sqrt();
            (0..count).map(|_| (2.0 * rng.uniform() - 1.0) * bound).collect()
        };
        let w = uniform(dim * text_dim, text_dim);
        let c = uniform(dim, dim);
        let p = (0..models * dim).map(|_| rng.normal()).collect();
        Self { dim, text_dim, p, w, c }
    }

    fn from_weights(weights: &MfWeights) -> Self {
        let double = |values: &[f32]| values.iter().map(|v| f64::from(*v)).collect();
        Self {
            dim: weights.dim,
            text_dim: weights.text_dim,
            p: double(&weights.p),
            w: double(&weights.w),
            c: double(&weights.c),
        }
    }

    fn to_weights(&self) -> MfWeights {
        let single = |values: &[f64]| values.iter().map(|v| *v as f32).collect();
        MfWeights {
            models: self.p.len() / self.dim,
            dim: self.dim,
            text_dim: self.text_dim,
            p: single(&self.p),
            w: single(&self.w),
            c: single(&self.c),
        }
    }

    /// As many zeros.
    fn zeros(&self) -> Self {
        Self { p: vec![0.0; self.p.len()], w: vec![0.0; self.w.len()], c: vec![0.0; self.c.len()], ..*self }
    }

    fn unit_row(&self, model: usize, out: &mut [f64]) -> f64 {
        let row = &self.p[model * self.dim..][..self.dim];
        let norm = row.iter().map(|x| x * x).sum::<f64>().sqrt().max(EPSILON);
        for (out, x) in out.iter_mut().zip(row) {
            *out = x / norm;
        }
        norm
    }
}

/// Buffers of one step.
struct Workspace {
    embedding: Vec<f64>,
    hidden: Vec<f64>,
    winner: Vec<f64>,
    loser: Vec<f64>,
}

impl Workspace {
    fn new(parameters: &Parameters) -> Self {
        let latent = || vec![0.0; parameters.dim];
        Self {
            embedding: vec![0.0; parameters.text_dim],
            hidden: latent(),
            winner: latent(),
            loser: latent(),
        }
    }

    /// Reads the embedding of a comparison's prompt.
    fn read(&mut self, votes: &EmbeddedVotes<'_>, comparison: Comparison) {
        let row = &votes.embeddings[comparison.prompt * votes.dim..][..votes.dim];
        for (e, x) in self.embedding.iter_mut().zip(row) {
            *e = f64::from(*x);
        }
    }

    /// Logit of a comparison on `self.embedding`; leaves hidden state, unit rows and their norms behind.
    fn forward(&mut self, parameters: &Parameters, comparison: Comparison) -> (f64, f64, f64) {
        for (hidden, row) in self.hidden.iter_mut().zip(parameters.w.chunks(parameters.text_dim)) {
            *hidden = dot(row, &self.embedding);
        }
        let winner_norm = parameters.unit_row(comparison.winner, &mut self.winner);
        let loser_norm = parameters.unit_row(comparison.loser, &mut self.loser);
        let logit = (0..parameters.dim)
            .map(|k| parameters.c[k] * (self.winner[k] - self.loser[k]) * self.hidden[k])
            .sum();
        (logit, winner_norm, loser_norm)
    }

    /// Adds `scale * d logit / d parameters` to `gradient`, after [`forward`](Self::forward).
    fn backward(
        &self,
        parameters: &Parameters,
        comparison: Comparison,
        norms: (f64, f64),
        scale: f64,
        gradient: &mut Parameters,
    ) {
        let dim = parameters.dim;
        let (mut along_winner, mut along_loser) = (0.0, 0.0);
        for k in 0..dim {
            let difference = self.winner[k] - self.loser[k];
            gradient.c[k] += scale * difference * self.hidden[k];
            let to_hidden = scale * parameters.c[k] * difference;
            let row = &mut gradient.w[k * parameters.text_dim..][..parameters.text_dim];
            for (g, e) in row.iter_mut().zip(&self.embedding) {
                *g += to_hidden * e;
            }
            let to_unit = scale * parameters.c[k] * self.hidden[k];
            along_winner += to_unit * self.winner[k];
            along_loser += to_unit * self.loser[k];
        }
        // A row of unit length moves only sideways.
        for k in 0..dim {
            let to_unit = scale * parameters.c[k] * self.hidden[k];
            gradient.p[comparison.winner * dim + k] += (to_unit - along_winner * self.winner[k]) / norms.0;
            gradient.p[comparison.loser * dim + k] -= (to_unit - along_loser * self.loser[k]) / norms.1;
        }
    }
}

/// Dot product in eight lanes, so that it runs at vector speed; training has no promise of bits across CPUs.
fn dot(x: &[f64], y: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let (xs, ys) = (x.chunks_exact(8), y.chunks_exact(8));
    let rest: f64 = xs.remainder().iter().zip(ys.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in xs.zip(ys) {
        for lane in 0..8 {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    lanes.iter().sum::<f64>() + rest
}

/// `ln(1 + exp(-logit))`: the loss of a comparison.
fn loss(logit: f64) -> f64 {
    if logit > 0.0 { libm::log1p(libm::exp(-logit)) } else { libm::log1p(libm::exp(logit)) - logit }
}

/// Fits a factorization to votes. Ties and votes between a model and itself say nothing here. `start` replaces the
/// random start.
///
/// # Errors
/// `InvalidArgument` if an option or an embedding is out of range, or there is no vote with a winner; `Cancelled`;
/// `ResourceExhausted` if its time is over.
pub fn fit(
    votes: &EmbeddedVotes<'_>,
    options: &FitOptions,
    start: Option<&MfWeights>,
    control: Control<'_>,
) -> Result<MfFit> {
    fit_watched(votes, options, start, &mut control.start()?)
}

pub(super) fn fit_watched(
    votes: &EmbeddedVotes<'_>,
    options: &FitOptions,
    start: Option<&MfWeights>,
    watch: &mut Watch<'_>,
) -> Result<MfFit> {
    check(votes, options, start)?;
    let mut rng = Rng::new(options.seed);
    let mut parameters = match start {
        Some(weights) => Parameters::from_weights(weights),
        None => Parameters::random(votes.votes.models().len(), options.dim, votes.dim, &mut rng),
    };
    let (mut train, held_out) = split(votes.votes, options, &mut rng)?;
    let mut adam = Adam::new(options.learning_rate, options.weight_decay);
    let mut best = (f64::INFINITY, 0, parameters.clone());
    let (mut train_losses, mut held_out_losses) = (Vec::new(), Vec::new());
    for epoch in 0..options.epochs {
        if options.shuffle {
            rng.shuffle(&mut train);
        }
        let train_loss = pass(&mut parameters, votes, &train, options, &mut adam, &mut rng, watch)?;
        train_losses.push(train_loss);
        let current = if held_out.is_empty() {
            // Nothing to choose by: the last epoch is kept.
            f64::NEG_INFINITY
        } else {
            let value = mean_loss(&parameters, votes, &held_out);
            held_out_losses.push(value);
            value
        };
        if current < best.0 || held_out.is_empty() {
            best = (current, epoch, parameters.clone());
        }
        watch.report("epoch", epoch + 1, options.epochs, Some(train_loss))?;
    }
    Ok(MfFit { weights: best.2.to_weights(), train_losses, held_out_losses, best_epoch: best.1 })
}

/// The comparisons to learn from, and those that choose the epoch.
fn split(votes: &Votes, options: &FitOptions, rng: &mut Rng) -> Result<(Vec<Comparison>, Vec<Comparison>)> {
    let mut train: Vec<Comparison> = votes.ballots().iter().filter_map(Comparison::of).collect();
    if train.is_empty() {
        return Err(Error::invalid_argument("there is no comparison to learn from"));
    }
    let mut held_out = Vec::new();
    if options.held_out > 0.0 {
        rng.shuffle(&mut train);
        held_out = train.split_off((train.len() as f64 * (1.0 - options.held_out)) as usize);
    }
    if train.is_empty() {
        return Err(Error::invalid_argument("held_out leaves no comparison to train on"));
    }
    Ok((train, held_out))
}

/// One pass over the comparisons, a step for each batch; returns their mean loss before the steps.
fn pass(
    parameters: &mut Parameters,
    votes: &EmbeddedVotes<'_>,
    comparisons: &[Comparison],
    options: &FitOptions,
    adam: &mut Adam,
    rng: &mut Rng,
    watch: &Watch<'_>,
) -> Result<f64> {
    let mut workspace = Workspace::new(parameters);
    let mut sum = 0.0;
    for batch in comparisons.chunks(options.batch) {
        watch.check()?;
        let mut gradient = parameters.zeros();
        for &comparison in batch {
            workspace.read(votes, comparison);
            if options.noise > 0.0 {
                for e in &mut workspace.embedding {
                    *e += options.noise * rng.normal();
                }
            }
            let (logit, winner, loser) = workspace.forward(parameters, comparison);
            sum += loss(logit);
            let scale = -sigmoid(-logit) / batch.len() as f64;
            workspace.backward(parameters, comparison, (winner, loser), scale, &mut gradient);
        }
        adam.step(&mut [
            (&mut parameters.p, &gradient.p),
            (&mut parameters.w, &gradient.w),
            (&mut parameters.c, &gradient.c),
        ]);
    }
    Ok(sum / comparisons.len() as f64)
}

/// Mean loss of comparisons, without noise.
fn mean_loss(parameters: &Parameters, votes: &EmbeddedVotes<'_>, comparisons: &[Comparison]) -> f64 {
    let mut workspace = Workspace::new(parameters);
    let sum: f64 = comparisons
        .iter()
        .map(|comparison| {
            workspace.read(votes, *comparison);
            loss(workspace.forward(parameters, *comparison).0)
        })
        .sum();
    sum / comparisons.len() as f64
}

fn check(votes: &EmbeddedVotes<'_>, options: &FitOptions, start: Option<&MfWeights>) -> Result<()> {
    let invalid = |message: String| Err(Error::invalid_argument(message));
    let (embeddings, text_dim) = (votes.embeddings, votes.dim);
    votes.prompts()?;
    if let Some(i) = embeddings.iter().position(|x| !x.is_finite()) {
        return invalid(format!("row {} of the embeddings holds {}", i / text_dim, embeddings[i]));
    }
    if options.dim == 0 || options.epochs == 0 || options.batch == 0 {
        return invalid("dim, epochs and batch must be at least 1".to_owned());
    }
    let numbers = [
        ("learning_rate", options.learning_rate),
        ("weight_decay", options.weight_decay),
        ("noise", options.noise),
    ];
    for (name, value) in numbers {
        if !(value >= 0.0 && value.is_finite()) {
            return invalid(format!("{name} is {value}, expected a number of at least 0"));
        }
    }
    if !(0.0..1.0).contains(&options.held_out) {
        return invalid(format!("held_out is {}, expected a number in [0, 1)", options.held_out));
    }
    if let Some(start) = start
        && (start.models, start.dim, start.text_dim) != (votes.votes.models().len(), options.dim, text_dim)
    {
        return invalid("the start has other dimensions than the problem".to_owned());
    }
    Ok(())
}
