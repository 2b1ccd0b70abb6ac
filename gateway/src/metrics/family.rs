//! Numbers of one kind, by label.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// A number for each label that occurred.
#[derive(Debug)]
pub(crate) struct Family<K, V>(RwLock<BTreeMap<K, Arc<V>>>);

impl<K, V> Default for Family<K, V> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<K: Ord + Clone, V: Default> Family<K, V> {
    /// The number of a label.
    pub(crate) fn of<Q: Ord + ?Sized + ToOwned<Owned = K>>(&self, label: &Q) -> Arc<V>
    where
        K: Borrow<Q>,
    {
        if let Some(value) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(label) {
            return Arc::clone(value);
        }
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(map.entry(label.to_owned()).or_default())
    }

    /// Every label with its number.
    pub(crate) fn all(&self) -> Vec<(K, Arc<V>)> {
        let map = self.0.read().unwrap_or_else(PoisonError::into_inner);
        map.iter().map(|(label, value)| (label.clone(), Arc::clone(value))).collect()
    }
}
