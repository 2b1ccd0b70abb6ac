//! Which two models of a table are the pair.

use super::report::PairChoice;
use super::table::{Table, TableKind};
use crate::preference::alike;
use crate::{Error, Result};

/// The numbers of the strong and of the weak model, and who chose them. `given` is the pair that was asked for, `own` are
/// those of the routers.
///
/// # Errors
/// `InvalidArgument` for an unknown model, a pair of one model, or a table of one.
pub(super) fn choose(
    table: &Table,
    given: Option<(&str, &str)>,
    own: &[(String, String)],
) -> Result<(usize, usize, PairChoice)> {
    if let Some((strong, weak)) = given {
        let (strong, weak) = (table.number(strong)?, table.number(weak)?);
        if strong == weak {
            return Err(Error::invalid_argument(format!(
                "strong and weak are the same model, {:?}",
                table.models[strong]
            )));
        }
        return Ok((strong, weak, PairChoice::Given));
    }
    if table.models.len() < 2 {
        return Err(Error::invalid_argument(format!(
            "{}: only the model {:?} has scores, and a pair needs two: add a column of another one",
            table.name,
            table.models.first().map_or("", String::as_str)
        )));
    }
    let (best, worst) = extremes(table);
    if table.models.len() == 2 {
        return Ok((best, worst, PairChoice::TwoModels));
    }
    for (strong, weak) in own {
        if let (Some(strong), Some(weak)) = (meant(table, strong), meant(table, weak))
            && strong != weak
        {
            return Ok((strong, weak, PairChoice::Router));
        }
    }
    if table.kind == TableKind::Votes {
        let (strong, weak) = most_compared(table);
        return Ok((strong, weak, PairChoice::MostVotes));
    }
    if !table.costs.is_empty() {
        let others = (0..table.models.len()).filter(|model| *model != best);
        let costs = others.map(|model| (table.mean_cost(model).0, model)).filter(|(cost, _)| !cost.is_nan());
        if let Some((_, cheapest)) = costs.min_by(|a, b| a.0.total_cmp(&b.0)) {
            return Ok((best, cheapest, PairChoice::BestAndCheapest));
        }
    }
    Ok((best, worst, PairChoice::BestAndWorst))
}

/// The model of this name, or the only one whose name differs by an organisation or by case.
fn meant(table: &Table, name: &str) -> Option<usize> {
    if let Some(model) = table.models.iter().position(|known| known == name) {
        return Some(model);
    }
    let mut alike =
        table.models.iter().enumerate().filter(|(_, known)| !alike([known.as_str(), name]).is_empty());
    match (alike.next(), alike.next()) {
        (Some((model, _)), None) => Some(model),
        _ => None,
    }
}

/// The models of the highest and of the lowest mean quality; of equally good ones the first.
fn extremes(table: &Table) -> (usize, usize) {
    let means = (0..table.models.len()).map(|model| (model, table.mean_quality(model).0));
    let (mut best, mut worst) = ((0, f64::NEG_INFINITY), (0, f64::INFINITY));
    for (model, mean) in means {
        if mean > best.1 {
            best = (model, mean);
        }
    }
    for model in (0..table.models.len()).filter(|model| *model != best.0) {
        let mean = table.mean_quality(model).0;
        if mean < worst.1 {
            worst = (model, mean);
        }
    }
    // Without a known mean any other model will do.
    if worst.1.is_infinite() {
        worst.0 = usize::from(best.0 == 0);
    }
    (best.0, worst.0)
}

/// The two models that most rows compare, the one that wins more often first.
fn most_compared(table: &Table) -> (usize, usize) {
    let models = table.models.len();
    let mut counts = vec![(0_usize, 0.0_f64); models * models];
    for row in 0..table.prompts.len() {
        let known: Vec<usize> = (0..models).filter(|model| !table.quality_of(row, *model).is_nan()).collect();
        if let [a, b] = known[..] {
            let count = &mut counts[a * models + b];
            (count.0, count.1) = (count.0 + 1, count.1 + table.quality_of(row, a));
        }
    }
    let most =
        counts.iter().enumerate().fold(0, |best, (i, count)| if count.0 > counts[best].0 { i } else { best });
    let (a, b, (rows, won)) = (most / models, most % models, counts[most]);
    if a == b {
        return (0, 1);
    }
    if won * 2.0 >= rows as f64 { (a, b) } else { (b, a) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(models: &[&str], quality: &[f64]) -> Table {
        let mut table =
            Table::empty("t", TableKind::Gold, models.iter().map(|name| (*name).to_owned()).collect());
        table.prompts = (0..quality.len() / models.len()).map(|i| format!("p{i}")).collect();
        table.quality = quality.to_vec();
        table
    }

    #[test]
    fn a_pair_is_found_and_said_who_chose_it() {
        let two = table(&["a", "b"], &[0.0, 1.0, 0.5, 1.0]);
        assert_eq!(choose(&two, None, &[]).unwrap(), (1, 0, PairChoice::TwoModels));
        assert_eq!(choose(&two, Some(("a", "b")), &[]).unwrap(), (0, 1, PairChoice::Given));
        let mut three = table(&["a", "org/B", "c"], &[0.0, 1.0, 0.5, 0.0, 1.0, 0.5]);
        assert_eq!(choose(&three, None, &[]).unwrap(), (1, 0, PairChoice::BestAndWorst));
        let own = [("x".to_owned(), "c".to_owned()), ("c".to_owned(), "b".to_owned())];
        assert_eq!(choose(&three, None, &own).unwrap(), (2, 1, PairChoice::Router));
        three.costs = vec![3.0, 9.0, 1.0, 3.0, 9.0, 1.0];
        assert_eq!(choose(&three, None, &[]).unwrap(), (1, 2, PairChoice::BestAndCheapest));
        let nan = f64::NAN;
        let mut votes = table(&["a", "b", "c"], &[0.0, 1.0, nan, nan, 0.0, 1.0, 0.5, 0.5, nan]);
        votes.kind = TableKind::Votes;
        assert_eq!(choose(&votes, None, &[]).unwrap(), (1, 0, PairChoice::MostVotes));
        for (table, given, what) in [
            (&table(&["a"], &[1.0]), None, "a pair needs two"),
            (&two, Some(("a", "a")), "the same model"),
            (&two, Some(("A", "b")), "no model \"A\" (did you mean \"a\"?)"),
        ] {
            let error = choose(table, given, &[]).unwrap_err();
            assert!(error.message().contains(what), "{error}");
        }
    }
}
