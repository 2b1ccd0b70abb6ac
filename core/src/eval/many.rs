//! Routers that know the qualities of several models, on the rows that know all of them.

use super::score::Scored;
use super::spec::EvalSpec;
use super::table::{Table, TableKind};
use super::{EvalOptions, ModelsReport};
use crate::Result;
use crate::control::Watch;
use crate::preference::alike;

/// The rows of a table of more than two models that know every one of them.
pub(super) struct Complete {
    pub(super) rows: Vec<usize>,
    prompts: Vec<String>,
    options: EvalOptions,
    /// `rows x models`.
    quality: Vec<f64>,
    /// `rows x models`, in USD per request; of all models or of none.
    costs: Option<Vec<f64>>,
    models: usize,
}

impl Complete {
    /// `None` of a table of two models, of other rows than gold rows, or where no row knows all models.
    pub(super) fn new(table: &Table, spec: &EvalSpec) -> Option<Self> {
        let models = table.models.len();
        if models < 3 || table.kind != TableKind::Gold {
            return None;
        }
        let rows = table.complete_rows(&(0..models).collect::<Vec<_>>());
        if rows.is_empty() {
            return None;
        }
        let pairs = || rows.iter().flat_map(|row| (0..models).map(move |model| (*row, model)));
        Some(Self {
            prompts: rows.iter().map(|row| table.prompts[*row].clone()).collect(),
            quality: pairs().map(|(row, model)| table.quality_of(row, model)).collect(),
            costs: pairs().map(|(row, model)| spec.cost_of(table, row, model)).collect(),
            options: EvalOptions::new()
                .draws(spec.draws)
                .seed(spec.seed)
                .confidence(spec.confidence)
                .groups(rows.iter().map(|row| table.groups[*row]).collect()),
            models,
            rows,
        })
    }

    fn mean(&self, values: &[f64], model: usize) -> f64 {
        values.iter().skip(model).step_by(self.models).sum::<f64>() / self.rows.len() as f64
    }

    /// Mean quality of a model.
    pub(super) fn mean_quality(&self, model: usize) -> f64 {
        self.mean(&self.quality, model)
    }

    /// Mean cost of a model, in USD per request.
    pub(super) fn mean_cost(&self, model: usize) -> Option<f64> {
        self.costs.as_ref().map(|costs| self.mean(costs, model))
    }

    /// The columns of these models only.
    fn columns(&self, values: &[f64], models: &[usize]) -> Vec<f64> {
        values.chunks_exact(self.models).flat_map(|row| models.iter().map(|model| row[*model])).collect()
    }
}

/// The figures of a router on these rows, over the models of the table that it knows; `None` if it knows no
/// qualities, fewer than two of the models, or costs are not known.
///
/// # Errors
/// As scoring.
pub(super) fn figures(
    complete: &Complete,
    table: &Table,
    router: &mut Scored,
    watch: &mut Watch<'_>,
) -> Result<Option<ModelsReport>> {
    let known: Vec<String> = router.router.models().map(str::to_owned).collect();
    let meant = |name: &String| {
        let exact = known.iter().position(|model| model == name);
        exact.or_else(|| known.iter().position(|model| !alike([model.as_str(), name]).is_empty()))
    };
    let pairs = table.models.iter().enumerate().filter_map(|(number, name)| Some((number, meant(name)?)));
    let (numbers, places): (Vec<usize>, Vec<usize>) = pairs.unzip();
    let (Some(costs), true) = (&complete.costs, numbers.len() > 1) else { return Ok(None) };
    let Some(qualities) = router.qualities(&complete.prompts, watch)? else { return Ok(None) };
    let predicted: Vec<f64> =
        qualities.chunks_exact(known.len()).flat_map(|row| places.iter().map(|place| row[*place])).collect();
    let (quality, costs) = (complete.columns(&complete.quality, &numbers), complete.columns(costs, &numbers));
    let names = numbers.iter().map(|number| table.models[*number].clone()).collect();
    Ok(Some(ModelsReport::new(names, &predicted, &quality, &costs, &complete.options)))
}
