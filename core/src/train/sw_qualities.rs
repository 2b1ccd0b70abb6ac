//! Qualities of similarity-weighted ranking: what it says of gold rows whose votes it does not hold.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::collect::Collected;
use super::qualities::{covers, fit_compared};
use crate::control::Watch;
use crate::preference::{EmbeddedVotes, GoldTable, Split, Votes};
use crate::quality::QualityFit;
use crate::scorer::sw_ranking::{BuildOptions, ScoreOptions, Scratch, SwModel};
use crate::{Error, Result};

/// Share of the gold prompts whose votes are left out, for the curves. The artifact holds all votes.
const HELD_OUT: f64 = 0.2;
/// Prompts between two reports of progress.
const REPORT: usize = 16;

/// The curves of the candidates. A vote on the very prompt that is asked about would give its answer away, so a second
/// ranking, without the votes of some prompts, says what a ranking knows of prompts that are new to it. `None` where the gold
/// rows do not hold every model, or are too few to be parted.
///
/// # Errors
/// As the build and the scores; `Cancelled`; `ResourceExhausted` if the time is over.
pub(super) fn qualities(
    data: &Collected<'_>,
    gold: &GoldTable,
    (embeddings, dim): (&[f32], usize),
    options: &BuildOptions,
    watch: &mut Watch<'_>,
) -> Result<Option<QualityFit>> {
    let names = data.votes.models().names();
    if !covers(gold, names) {
        return Ok(None);
    }
    let split = Split::new(HELD_OUT, options.seed)?;
    let number_of: HashMap<&str, usize> =
        data.prompts.iter().enumerate().map(|(number, prompt)| (prompt.text, number)).collect();
    let rows = gold.rows.iter().filter_map(|row| Some((row, *number_of.get(row.prompt.as_str())?)));
    let held_out: Vec<_> = rows.filter(|(row, _)| split.holds_out(&row.prompt)).collect();
    let mut left = vec![false; data.prompts.len()];
    for (_, number) in &held_out {
        left[*number] = true;
    }
    let mut votes = Votes::new(data.votes.models().clone());
    for ballot in data.votes.ballots().iter().filter(|ballot| !left[ballot.prompt]) {
        votes.push(*ballot)?;
    }
    if held_out.is_empty() || votes.ballots().is_empty() {
        return Ok(None);
    }
    // Tiers come from the same votes as those of the artifact, less those that are left out; an index would only be in the way.
    let kept = |count| data.votes.ballots().iter().take(count).filter(|ballot| !left[ballot.prompt]).count();
    let options = BuildOptions { clusters: None, rated: options.rated.map(kept), ..options.clone() };
    let Some(model) = build(&EmbeddedVotes { votes: &votes, embeddings, dim }, &options, watch)? else {
        return Ok(None);
    };
    let (mut scratch, mut said, total) = (Scratch::default(), Vec::new(), held_out.len());
    for (i, (row, number)) in held_out.into_iter().enumerate() {
        let query = &embeddings[number * dim..][..dim];
        let score = model.score(query, &ScoreOptions::default(), &mut scratch)?;
        said.push((row, move |a: usize, b: usize| score.win_rate(a, b).ok()));
        if (i + 1).is_multiple_of(REPORT) || i + 1 == total {
            watch.report("qualities", i + 1, total, None)?;
        }
    }
    fit_compared(&said, gold, names)
}

/// The second ranking; `None` if the votes that are left make none.
fn build(votes: &EmbeddedVotes<'_>, options: &BuildOptions, watch: &Watch<'_>) -> Result<Option<SwModel>> {
    let mut stopped: Option<Error> = None;
    let built = SwModel::build(votes, options, &mut |_| match watch.check() {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            stopped = Some(error);
            ControlFlow::Break(())
        }
    });
    match (built, stopped) {
        (_, Some(error)) => Err(error),
        (built, None) => Ok(built.ok()),
    }
}
