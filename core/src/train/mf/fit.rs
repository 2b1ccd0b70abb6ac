//! The optimisation: votes with embeddings in, weights out.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::checkpoint::{Checkpoint, fingerprint};
use super::comparison::Comparison;
use super::options::FitOptions;
use super::parameters::{State, random};
use super::team::Team;
use crate::control::{Control, Watch};
use crate::numeric::Rng;
use crate::preference::{EmbeddedVotes, Split};
use crate::scorer::mf::MfWeights;
use crate::{Error, Result};

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
    /// How many comparisons were learned from.
    pub comparisons: usize,
    /// How many comparisons were held out.
    pub held_out_comparisons: usize,
}

/// Time between two writings of a checkpoint: a training that is killed loses so much work at most.
const WRITE_EVERY: Duration = Duration::from_secs(1);

/// What a fit can be told beside its options.
#[derive(Default)]
pub(super) struct Setup<'a> {
    /// Replaces the random start.
    pub(super) start: Option<&'a MfWeights>,
    /// Whether the comparisons on each prompt are held out; by the embeddings otherwise.
    pub(super) held_out: Option<Vec<bool>>,
    /// A file that keeps each epoch, from which the same fit goes on.
    pub(super) checkpoint: Option<&'a Path>,
}

/// Fits a factorization to votes. Votes between a model and itself say nothing here, nor do ties without a target
/// ([`Votes::with_targets`](crate::preference::Votes::with_targets)). `start` replaces the random start. The result does not
/// depend on the number of threads.
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
    fit_watched(votes, options, Setup { start, ..Setup::default() }, &mut control.start()?)
}

pub(super) fn fit_watched(
    votes: &EmbeddedVotes<'_>,
    options: &FitOptions,
    setup: Setup<'_>,
    watch: &mut Watch<'_>,
) -> Result<MfFit> {
    options.check(votes, setup.start)?;
    let held_out = match setup.held_out {
        Some(held_out) => held_out,
        None => held_out_of(votes, options)?,
    };
    let (train, held_out) = split(votes, &held_out)?;
    let start = setup.start.cloned().unwrap_or_else(|| {
        random(votes.votes.models().len(), options.dim, votes.dim, &mut Rng::new(options.seed))
    });
    let state = State::new(start);
    let file = match setup.checkpoint {
        Some(path) => Some((path, fingerprint(votes, options, &state, &train, &held_out)?)),
        None => None,
    };
    let known = file.as_ref().and_then(|(path, of)| Checkpoint::read(path, of, state.shape));
    let mut at = known.unwrap_or_else(|| Checkpoint::new(state));
    let mut written = Instant::now();
    let mut team = Team::new(&at.state, options, votes.embeddings);
    while at.epochs() < options.epochs && !at.is_over(options.patience) {
        let epoch = at.epochs();
        let mut order = train.clone();
        if options.shuffle {
            // Each epoch's order is its own, so that one that goes on later is the same.
            Rng::new(options.seed ^ (epoch as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
                .shuffle(&mut order);
        }
        let made = team.learn(&order, watch.stop()).and_then(|train_loss| {
            let held_out_loss =
                (!held_out.is_empty()).then(|| team.loss(&held_out, watch.stop())).transpose()?;
            at.add(team.state(), train_loss, held_out_loss);
            watch.report("epoch", epoch + 1, options.epochs, Some(held_out_loss.unwrap_or(train_loss)))
        });
        // Now and then, and at an end that is none; what stopped the fit is what the caller has to hear of.
        if let Some((path, of)) = &file
            && (made.is_err() || written.elapsed() >= WRITE_EVERY)
        {
            let kept = if at.epochs() > 0 { at.write(path, of) } else { Ok(()) };
            written = Instant::now();
            made.and(kept)?;
        } else {
            made?;
        }
    }
    let shape = at.state.shape;
    Ok(MfFit {
        weights: at.best.into_weights(shape),
        train_losses: at.train_losses,
        held_out_losses: at.held_out_losses,
        best_epoch: at.best_epoch,
        comparisons: train.len(),
        held_out_comparisons: held_out.len(),
    })
}

/// Whether each prompt is held out, by a hash of its embedding.
fn held_out_of(votes: &EmbeddedVotes<'_>, options: &FitOptions) -> Result<Vec<bool>> {
    if options.held_out == 0.0 {
        return Ok(vec![false; votes.prompts()?]);
    }
    let split = Split::new(options.held_out, options.seed)?;
    let rows = votes.embeddings.chunks_exact(votes.dim);
    Ok(rows
        .map(|row| {
            let bytes: Vec<u8> = row.iter().flat_map(|x| x.to_le_bytes()).collect();
            split.holds_out_bytes(&bytes)
        })
        .collect())
}

/// The comparisons to learn from, and those that choose the epoch.
fn split(votes: &EmbeddedVotes<'_>, held_out: &[bool]) -> Result<(Vec<Comparison>, Vec<Comparison>)> {
    let all = Comparison::of(votes.votes);
    if all.is_empty() {
        return Err(Error::invalid_argument("there is no comparison to learn from"));
    }
    let (held_out, train): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| held_out[one.prompt]);
    if train.is_empty() {
        return Err(Error::invalid_argument("held_out leaves no comparison to train on"));
    }
    Ok((train, held_out))
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::preference::{Ballot, ModelIndex, Votes, Winner};

    const DIM: usize = 40;

    /// Three models: the first is better where the first coordinate is positive, and the third is the worst.
    fn problem(prompts: usize) -> (Votes, Vec<f32>) {
        let mut rng = Rng::new(11);
        let embeddings: Vec<f32> = (0..prompts * DIM).map(|_| rng.normal() as f32).collect();
        let mut votes = Votes::new(ModelIndex::new(["a", "b", "c"]).unwrap());
        for prompt in 0..prompts {
            let winner = if embeddings[prompt * DIM] > 0.0 { Winner::ModelA } else { Winner::ModelB };
            votes.push(Ballot { model_a: 0, model_b: 1, winner, prompt }).unwrap();
            votes.push(Ballot { model_a: 2, model_b: 1, winner: Winner::ModelB, prompt }).unwrap();
        }
        (votes, embeddings)
    }

    fn options() -> FitOptions {
        FitOptions::new().dim(40).epochs(6).batch(7).learning_rate(3e-3).held_out(0.2)
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let (votes, embeddings) = problem(60);
        let votes = EmbeddedVotes { votes: &votes, embeddings: &embeddings, dim: DIM };
        let fit = |threads| fit(&votes, &options().threads(threads), None, Control::new()).unwrap();
        let one = fit(1);
        assert!(one.train_losses[5] < one.train_losses[0] && one.held_out_comparisons > 0);
        for threads in [2, 3, 8] {
            assert_eq!(fit(threads), one);
        }
    }

    #[test]
    fn a_target_is_learned() {
        // One prompt of two models: the win rate goes to the target, and a weight says whose.
        let mut votes = Votes::new(ModelIndex::new(["a", "b"]).unwrap());
        for _ in 0..2 {
            votes.push(Ballot { model_a: 0, model_b: 1, winner: Winner::Tie, prompt: 0 }).unwrap();
        }
        let embeddings = [1.0, 0.5];
        let rate = |votes: &Votes| {
            let votes = EmbeddedVotes { votes, embeddings: &embeddings, dim: 2 };
            let options = FitOptions::new().dim(8).epochs(2000).learning_rate(1e-2).noise(0.0).held_out(0.0);
            let fit = fit(&votes, &options, None, Control::new())?;
            let pair = crate::scorer::Pair { strong: 0, weak: 1 };
            crate::scorer::MfScorer::new(&fit.weights, pair)?
                .win_rate(crate::features::Features::Dense(&embeddings))
        };
        assert!(rate(&votes).unwrap_err().message().contains("no comparison"));
        let votes = votes.with_targets(vec![0.9, 0.5]).unwrap();
        assert!((rate(&votes).unwrap() - 0.7).abs() < 1e-3);
        let votes = votes.with_weights(vec![3.0, 1.0]).unwrap();
        assert!((rate(&votes).unwrap() - 0.8).abs() < 1e-3);
        assert!(
            votes.clone().with_targets(vec![0.5, 1.5]).is_err() && votes.with_weights(vec![1.0]).is_err()
        );
    }

    #[test]
    fn it_stops_once_the_held_out_loss_rises_and_keeps_the_best_epoch() {
        let (votes, embeddings) = problem(60);
        let votes = EmbeddedVotes { votes: &votes, embeddings: &embeddings, dim: DIM };
        let long = options().epochs(80).learning_rate(2e-2).noise(0.0);
        let whole = fit(&votes, &long, None, Control::new()).unwrap();
        assert!(whole.best_epoch + 4 < 80, "{whole:?}");
        let stopped = fit(&votes, &long.patience(3), None, Control::new()).unwrap();
        assert_eq!(stopped.train_losses.len(), stopped.best_epoch + 4);
        let losses = &stopped.held_out_losses;
        assert!(losses.iter().all(|loss| *loss >= losses[stopped.best_epoch]));
        assert_eq!(whole.held_out_losses[..losses.len()], losses[..]);
    }

    #[test]
    fn a_stopped_fit_goes_on_from_its_last_epoch() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint");
        let (votes, embeddings) = problem(60);
        let votes = EmbeddedVotes { votes: &votes, embeddings: &embeddings, dim: DIM };
        let whole = fit(&votes, &options(), None, Control::new()).unwrap();
        let run = |options: &FitOptions, stop_at: usize| {
            let mut epochs = Vec::new();
            let control = Control::new().progress(|step| {
                epochs.push(step.done);
                if step.done == stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            let setup = Setup { checkpoint: Some(&path), ..Setup::default() };
            let made = fit_watched(&votes, options, setup, &mut control.start().unwrap());
            (made, epochs)
        };
        let (stopped, epochs) = run(&options(), 4);
        assert_eq!((stopped.unwrap_err().kind(), epochs), (crate::ErrorKind::Cancelled, vec![1, 2, 3, 4]));
        let (made, epochs) = run(&options(), 0);
        assert_eq!((made.unwrap(), epochs), (whole, vec![5, 6]));
        // Another fit's file, and what is no file of a fit, are not gone on from.
        std::fs::remove_file(&path).unwrap();
        assert!(run(&options(), 3).0.is_err());
        assert_eq!(run(&options().noise(0.2), 0).1.len(), 6);
        std::fs::write(&path, "junk").unwrap();
        assert_eq!(run(&options(), 0).1.len(), 6);
    }
}
