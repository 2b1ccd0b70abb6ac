//! What each key has spent. What a request is expected to cost is set aside before it is sent, so that requests side by side
//! cannot spend a budget twice.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::config::{Budget, Period};

/// What keys have spent, by name.
#[derive(Debug, Default)]
pub(crate) struct Spending(Mutex<BTreeMap<String, Spent>>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Spent {
    /// The day, counted from 1970, that `usd` is of; 0 where it is of all days.
    day: u64,
    usd: f64,
    /// What is set aside.
    #[serde(skip)]
    aside: f64,
}

/// A sum that is set aside. It is given back if nothing is settled.
#[derive(Debug)]
pub(crate) struct Aside {
    spending: Arc<Spending>,
    key: String,
    usd: f64,
}

/// Days since 1970.
pub(crate) fn today() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / 86_400
}

fn file(folder: &Path) -> PathBuf {
    folder.join("spending.json")
}

impl Spending {
    /// Reads what the folder has; nothing if it has nothing yet.
    ///
    /// # Errors
    /// If the file cannot be read, or is something else.
    pub(crate) fn load(folder: &Path) -> Result<Self, String> {
        let path = file(folder);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        let map = serde_json::from_slice(&text)
            .map_err(|error| format!("{}: {error}: move the file away to begin anew", path.display()))?;
        Ok(Self(Mutex::new(map)))
    }

    /// Writes it, by a rename.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn save(&self, folder: &Path) -> std::io::Result<()> {
        let text = serde_json::to_vec(&*self.map())?;
        std::fs::create_dir_all(folder)?;
        let staged = folder.join(".spending.json");
        std::fs::write(&staged, text)?;
        std::fs::rename(staged, file(folder))
    }

    fn map(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Spent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets aside `usd` of a budget; `None` if there is not so much left.
    pub(crate) fn set_aside(
        self: &Arc<Self>,
        key: &str,
        budget: Budget,
        usd: f64,
        day: u64,
    ) -> Option<Aside> {
        let mut map = self.map();
        let spent = map.entry(key.to_owned()).or_default();
        let day = if budget.per == Period::Day { day } else { 0 };
        if spent.day != day {
            *spent = Spent { day, usd: 0.0, aside: spent.aside };
        }
        if spent.usd + spent.aside + usd > budget.usd {
            return None;
        }
        spent.aside += usd;
        Some(Aside { spending: Arc::clone(self), key: key.to_owned(), usd })
    }

    /// What each key has spent.
    pub(crate) fn all(&self) -> Vec<(String, f64)> {
        self.map().iter().map(|(key, spent)| (key.clone(), spent.usd)).collect()
    }
}

impl Aside {
    /// Spends what it really was.
    pub(crate) fn settle(self, usd: f64) {
        if let Some(spent) = self.spending.map().get_mut(&self.key) {
            spent.usd += usd;
        }
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if let Some(spent) = self.spending.map().get_mut(&self.key) {
            spent.aside = (spent.aside - self.usd).max(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_once() {
        let spending = Arc::new(Spending::default());
        let budget = Budget { usd: 1.0, per: Period::Day };
        let first = spending.set_aside("k", budget, 0.6, 5).unwrap();
        assert!(spending.set_aside("k", budget, 0.6, 5).is_none(), "side by side");
        drop(first);
        spending.set_aside("k", budget, 0.6, 5).unwrap().settle(0.9);
        assert!(spending.set_aside("k", budget, 0.2, 5).is_none());
        assert!(spending.set_aside("k", budget, 0.2, 6).is_some(), "the next day");
        let folder = tempfile::tempdir().unwrap();
        let total = Budget { usd: 1.0, per: Period::Total };
        spending.set_aside("t", total, 0.5, 5).unwrap().settle(0.75);
        spending.save(folder.path()).unwrap();
        let again = Arc::new(Spending::load(folder.path()).unwrap());
        assert!(again.set_aside("t", total, 0.5, 9).is_none());
        assert_eq!(again.all(), [("k".to_owned(), 0.0), ("t".to_owned(), 0.75)]);
        std::fs::write(file(folder.path()), "[").unwrap();
        assert!(Spending::load(folder.path()).unwrap_err().contains("spending.json"));
    }
}
