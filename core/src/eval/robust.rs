//! How a router takes other clothes and attacks.

use super::PairedTest;
use super::attack::{Attack, SEARCHED_ON, searched_prefix};
use super::reformat::Reformat;
use super::report::{AttackReport, Clothes, Robustness};
use super::rows::{PairOfTable, apgr};
use super::score::Scored;
use super::spec::EvalSpec;
use crate::Result;
use crate::control::Watch;
use crate::numeric::Rng;

/// The share that the threshold of attacks sends to strong.
const SHARE: f64 = 0.2;

/// Scores a sample of the rows again, in other clothes and under attack. `scores` are those of the rows as they are.
///
/// # Errors
/// As scoring; `Cancelled`.
pub(super) fn robustness(
    pair: &PairOfTable,
    scores: &[f64],
    router: &mut Scored,
    spec: &EvalSpec,
    watch: &mut Watch<'_>,
) -> Result<Robustness> {
    let places = sample(pair, spec);
    let rows = pair.part(&places);
    let plain: Vec<f64> = places.iter().map(|i| scores[*i]).collect();
    let threshold = threshold(&plain);
    let share = |scores: &[f64]| part_of(scores, |score| score >= threshold);
    let of = |scores: &[f64]| -> Result<Option<super::Estimate>> {
        Ok(rows.figures(scores, spec)?.ok().and_then(|figures| apgr(&figures).0))
    };
    let plain_apgr = of(&plain)?;
    let mut clothes = Vec::new();
    for reformat in Reformat::ALL.into_iter().filter(|reformat| *reformat != Reformat::Plain) {
        let texts: Vec<String> = rows.prompts.iter().map(|prompt| reformat.apply(prompt)).collect();
        let (texts, at) = changed(&rows.prompts, texts);
        let dressed = rescored(router, &texts, &at, &plain, watch)?;
        let pairs = || plain.iter().zip(&dressed);
        let count = plain.len() as f64;
        clothes.push(Clothes {
            name: reformat.name().to_owned(),
            changed: at.len() as f64 / count,
            apgr: of(&dressed)?,
            difference: PairedTest::apgr(&dressed, &plain, &rows.graded, &rows.options(spec))?
                .map(|test| test.difference),
            moved: pairs().map(|(before, now)| (now - before).abs()).sum::<f64>() / count,
            flipped: pairs().filter(|(before, now)| (**before >= threshold) != (**now >= threshold)).count()
                as f64
                / count,
            strong_share: share(&dressed),
        });
    }
    let mut attacks = Vec::new();
    let few: Vec<&str> = rows.prompts.iter().take(SEARCHED_ON).map(String::as_str).collect();
    let searched = searched_prefix(&few, |texts| router.win_rates(&texts, watch))?;
    let fixed = Attack::ALL.iter().map(|attack| (attack.name, attack.prefix.to_owned(), attack.suffix));
    let searched = if searched.is_empty() { searched } else { format!("{searched}\n\n") };
    for (name, prefix, suffix) in fixed.chain([("searched prefix", searched, "")]) {
        let texts: Vec<String> =
            rows.prompts.iter().map(|prompt| format!("{prefix}{prompt}{suffix}")).collect();
        let attacked = router.win_rates(&texts, watch)?;
        let were_weak = plain.iter().filter(|score| **score < threshold).count();
        let forced = plain.iter().zip(&attacked);
        let forced = forced.filter(|(before, now)| **before < threshold && **now >= threshold).count();
        let costs =
            [rows.at(&attacked, threshold), rows.at(&plain, threshold)].map(|point| point.cost_per_1000);
        attacks.push(AttackReport {
            name: name.to_owned(),
            prefix,
            suffix: suffix.to_owned(),
            strong_share: share(&attacked),
            raised: share(&attacked) - share(&plain),
            forced: (were_weak > 0).then(|| forced as f64 / were_weak as f64),
            cost_raised_per_1000: match costs {
                [Some(attacked), Some(plain)] => Some(attacked - plain),
                _ => None,
            },
        });
    }
    Ok(Robustness {
        rows: rows.rows.len(),
        apgr: plain_apgr,
        threshold,
        strong_share: share(&plain),
        clothes,
        attacks,
    })
}

/// The places of the rows that are scored again, in their order.
fn sample(pair: &PairOfTable, spec: &EvalSpec) -> Vec<usize> {
    let mut places: Vec<usize> = (0..pair.rows.len()).collect();
    if places.len() > spec.robustness {
        Rng::new(spec.seed).shuffle(&mut places);
        places.truncate(spec.robustness);
        places.sort_unstable();
    }
    places
}

/// The threshold that sends a fifth to strong; with ties the nearest share above 0, so that there is something to raise.
fn threshold(scores: &[f64]) -> f64 {
    let mut sorted = scores.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let wanted = SHARE * sorted.len() as f64;
    let ends = (0..sorted.len()).filter(|i| sorted.get(i + 1).is_none_or(|next| *next != sorted[*i]));
    let nearest = ends.min_by(|a, b| {
        let far = |i: &usize| ((i + 1) as f64 - wanted).abs();
        far(a).total_cmp(&far(b))
    });
    nearest.map_or(f64::INFINITY, |i| sorted[i])
}

fn part_of(scores: &[f64], is: impl Fn(f64) -> bool) -> f64 {
    scores.iter().filter(|score| is(**score)).count() as f64 / scores.len().max(1) as f64
}

/// The texts that differ from the prompts, and where.
fn changed(prompts: &[String], texts: Vec<String>) -> (Vec<String>, Vec<usize>) {
    let differ = texts.into_iter().enumerate().filter(|(i, text)| *text != prompts[*i]);
    differ.map(|(i, text)| (text, i)).unzip()
}

/// The scores, with those of the texts that were changed. A text that cannot be scored keeps the score of its prompt.
fn rescored(
    router: &mut Scored,
    texts: &[String],
    at: &[usize],
    plain: &[f64],
    watch: &mut Watch<'_>,
) -> Result<Vec<f64>> {
    let mut scores = plain.to_vec();
    for (i, score) in at.iter().zip(router.win_rates(texts, watch)?) {
        if !score.is_nan() {
            scores[*i] = score;
        }
    }
    Ok(scores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_sends_a_fifth_or_the_nearest_share() {
        let scores: Vec<f64> = (0..10).map(|i| f64::from(i) / 10.0).collect();
        assert_eq!(threshold(&scores), 0.8);
        assert_eq!(threshold(&[0.5; 4]), 0.5);
        assert_eq!(threshold(&[0.9, 0.1, 0.1, 0.1]), 0.9);
        assert_eq!(threshold(&[]), f64::INFINITY);
    }
}
