//! The newest decisions, so that feedback can name one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What is kept of a decision. Its prompt is not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Made {
    pub(crate) router: String,
    /// The model that the decision was for, and the one that got the request.
    pub(crate) decided: String,
    pub(crate) model: String,
    pub(crate) win_rate: Option<f64>,
    pub(crate) propensity: f64,
    /// Whose key asked.
    pub(crate) caller: Option<String>,
}

type Decisions = HashMap<u128, Arc<Made>>;

/// Two generations, as of conversations.
#[derive(Debug)]
pub(crate) struct Recent {
    most: usize,
    /// The newer generation, and the older one.
    made: Mutex<(Decisions, Decisions)>,
}

impl Recent {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, made: Mutex::default() }
    }

    pub(crate) fn add(&self, id: u128, made: Made) {
        let mut generations = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let (newer, older) = &mut *generations;
        if newer.len() >= self.most {
            *older = std::mem::take(newer);
        }
        newer.insert(id, Arc::new(made));
    }

    pub(crate) fn get(&self, id: u128) -> Option<Arc<Made>> {
        let generations = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        generations.0.get(&id).or_else(|| generations.1.get(&id)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept() {
        let recent = Recent::new(10);
        let made = Made {
            router: "r".to_owned(),
            decided: "a".to_owned(),
            model: "b".to_owned(),
            win_rate: None,
            propensity: 1.0,
            caller: None,
        };
        (0..100).for_each(|id| recent.add(id, made.clone()));
        assert!((90..100).all(|id| recent.get(id).is_some()));
        assert_eq!(recent.get(50), None);
    }
}
