//! Which models can take a request at all.

use super::ModelEntry;
use crate::config::Dialect;
use crate::request::Facts;

impl ModelEntry {
    /// Why this model cannot take such a request; `None` if it can.
    pub(crate) fn lacks(&self, dialect: Dialect, facts: &Facts) -> Option<String> {
        let speaks = self.upstream.config.dialect;
        if speaks != dialect {
            return Some(format!("its upstream speaks {}, not {}", speaks.name(), dialect.name()));
        }
        if let Some(can) = &self.config.capabilities
            && let Some(need) = facts.needs().find(|need| !can.iter().any(|name| name == need))
        {
            return Some(format!("it has no {need}"));
        }
        let context = self.config.context_length?;
        let needed = facts.input_tokens().saturating_add(facts.max_tokens.unwrap_or(0));
        (needed > context).then(|| format!("its context of {context} tokens is shorter than about {needed}"))
    }
}
