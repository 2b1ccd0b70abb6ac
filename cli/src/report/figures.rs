//! Figures of a pair, as tables name them.

use routellm_core::eval::{Estimate, PairReport};

/// APGR, where it is defined.
pub(crate) fn apgr(pair: &PairReport) -> Option<&Estimate> {
    pair.router.apgr.as_ref()
}

/// CPT at a level that was asked for, where it is defined.
pub(crate) fn cpt(pair: &PairReport, level: f64) -> Option<&Estimate> {
    pair.router.cpt.iter().find(|cpt| cpt.level == level)?.strong_share.as_ref()
}

/// The cost-saving ratio at a level, where it is defined.
pub(crate) fn saving(pair: &PairReport, level: f64) -> Option<&Estimate> {
    pair.router.cpt.iter().find(|cpt| cpt.level == level)?.saving.as_ref()
}
