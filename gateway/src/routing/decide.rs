//! One decision: who can, who should, who did before, and who only would.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use routellm_core::{CallOptions, Decision, Error, ErrorKind, Input, OnError, Side};
use tokio::sync::oneshot;

use super::drift::bin;
use super::{ModelEntry, RouterEntry, SessionKey, options_of};
use crate::config::{self, Dialect, Policy};
use crate::metrics::now_us;
use crate::refusal::Refusal;
use crate::request::Facts;

/// What is asked.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    /// The body, or a chat, in JSON.
    pub(crate) chat: &'a Bytes,
    pub(crate) policy: Option<Policy>,
    pub(crate) facts: &'a Facts,
    /// What the request is in; `None` if it is not going to be sent.
    pub(crate) dialect: Option<Dialect>,
    pub(crate) session: Option<SessionKey>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) decision: Decision,
    /// The model that was decided for.
    pub(crate) decided: Arc<ModelEntry>,
    /// The model that gets the request.
    pub(crate) model: Arc<ModelEntry>,
    /// Who could take it instead.
    pub(crate) others: Vec<Arc<ModelEntry>>,
    /// Whether the conversation stayed with its model against the decision.
    pub(crate) kept: bool,
    pub(crate) shadow: bool,
    pub(crate) micros: u64,
}

impl RouterEntry {
    /// Decides.
    ///
    /// # Errors
    /// Nobody can take the request, it cannot be scored and `on_error` says so, or the policy is none of this router's.
    pub(crate) async fn decide(&self, ask: Ask<'_>) -> Result<Chosen, Refusal> {
        let begun = now_us();
        let eligible = self.eligible(&ask)?;
        let mut options = options_of(ask.policy.or(self.config.policy)).on_error(self.on_error());
        if eligible.iter().any(|can| !can) {
            let names = self.router.models().zip(&eligible).filter_map(|(name, can)| can.then_some(name));
            options = options.candidates(names.map(str::to_owned).collect::<Vec<_>>());
        }
        if self.router.counts_tokens() {
            options = options.input_tokens(ask.facts.input_tokens());
        }
        let decision = self.ask(ask.chat, &options).await?;
        let decided = decision.candidate.unwrap_or(self.strong);
        let kept = self.keep(&ask, &decision, decided, &eligible);
        let sent = match self.config.shadow {
            None => kept.unwrap_or(decided),
            Some(side) => {
                let place = if side == config::Side::Strong { self.strong } else { self.weak };
                if eligible[place] { place } else { decided }
            }
        };
        if let (Some(sessions), Some(session)) = (&self.sessions, ask.session) {
            sessions.set(session, kept.unwrap_or(decided), Instant::now());
        }
        let micros = now_us().saturating_sub(begun);
        self.count(&decision, decided, kept.is_some(), sent != kept.unwrap_or(decided), micros);
        let model = |place: usize| self.targets[place].clone();
        let (Some(decided_model), Some(sent_model)) = (model(decided), model(sent)) else {
            return Err(Refusal::internal("the router chose a candidate without a model; this is a defect"));
        };
        let order = [self.strong, self.weak].into_iter().chain(0..self.targets.len());
        let mut others: Vec<Arc<ModelEntry>> = Vec::new();
        for other in order.filter(|place| eligible[*place]).filter_map(model) {
            if other.name != sent_model.name && !others.iter().any(|known| known.name == other.name) {
                others.push(other);
            }
        }
        let shadow = self.config.shadow.is_some();
        let chosen = Chosen {
            decision,
            decided: decided_model,
            model: sent_model,
            others,
            kept: kept.is_some(),
            shadow,
            micros,
        };
        Ok(chosen)
    }

    /// Which candidates can take the request.
    fn eligible(&self, ask: &Ask<'_>) -> Result<Vec<bool>, Refusal> {
        let mut why = Vec::new();
        let mut can = |target: &Option<Arc<ModelEntry>>| match target {
            None => false,
            Some(model) => {
                let dialect = ask.dialect.unwrap_or(model.upstream.config.dialect);
                let lacks = model.lacks(dialect, ask.facts);
                if let Some(lacks) = &lacks {
                    why.push(format!("{}: {lacks}", model.name));
                }
                lacks.is_none()
            }
        };
        let eligible: Vec<bool> = self.targets.iter().map(&mut can).collect();
        if eligible.contains(&true) {
            return Ok(eligible);
        }
        let message =
            format!("no model of router {:?} can take this request ({})", self.name, why.join("; "));
        Err(Refusal::invalid(message).code("no_candidate"))
    }

    /// Asks the router. What cannot be read decides as what cannot be scored: whoever it is sent to will say what is wrong.
    async fn ask(&self, chat: &Bytes, options: &CallOptions) -> Result<Decision, Refusal> {
        let refuse = |error: &Error| match error.kind() {
            ErrorKind::InvalidArgument | ErrorKind::Unsupported => Refusal::invalid(error.message()),
            _ => Refusal::internal(format!("router {:?}: {}", self.name, error.message())),
        };
        let (send, receive) = oneshot::channel();
        let done = move |decision| drop(send.send(decision));
        let unreadable = match self.router.route_async(Input::Messages(chat), options, done) {
            Ok(()) => {
                let decision =
                    receive.await.map_err(|_| Refusal::internal("the router was closed; try again"))?;
                return decision.map_err(|error| refuse(&error));
            }
            Err(error) => error,
        };
        if self.on_error() == OnError::Raise {
            return Err(refuse(&unreadable));
        }
        self.router.route(Input::Unreadable(unreadable), options).map_err(|error| refuse(&error))
    }

    /// The candidate that the conversation stays with against the decision.
    fn keep(&self, ask: &Ask<'_>, decision: &Decision, decided: usize, eligible: &[bool]) -> Option<usize> {
        let (sticky, sessions) = (self.config.sticky?, self.sessions.as_ref()?);
        let before = sessions.get(ask.session?, Instant::now())?;
        if before == decided || !*eligible.get(before)? {
            return None;
        }
        stays(decision, sticky.switch_cost).then_some(before)
    }

    fn count(&self, decision: &Decision, decided: usize, kept: bool, shadowed: bool, micros: u64) {
        let counters = &self.counters;
        counters.all.add(1);
        if decided == self.strong {
            counters.strong.add(1);
        }
        if let Some(model) = &self.targets[decided] {
            counters.decisions.of(model.name.as_str()).add(1);
        }
        counters.unscored.add(u64::from(decision.fallback.is_some()));
        counters.kept.add(u64::from(kept));
        counters.shadowed.add(u64::from(shadowed));
        counters.decide.observe_us(micros);
        if let (Some((ends, _)), Some(win_rate)) = (&self.bins, decision.win_rate) {
            counters.win_rates[bin(ends, win_rate)].add(1);
        }
    }
}

/// Whether a conversation with another model than the decided one stays with it: a win rate has to be beyond the threshold by
/// more than the cost of a switch. Where no threshold is compared with, it stays.
fn stays(decision: &Decision, switch_cost: f64) -> bool {
    match (decision.win_rate, decision.side) {
        (Some(win_rate), Some(Side::Strong)) => win_rate < decision.threshold + switch_cost,
        (Some(win_rate), Some(Side::Weak)) => win_rate >= decision.threshold - switch_cost,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_costs() {
        let decision = |side, win_rate| {
            let mut decision = Decision::new(side, "m", 0.5);
            decision.win_rate = Some(win_rate);
            decision
        };
        assert!(stays(&decision(Side::Strong, 0.55), 0.1));
        assert!(!stays(&decision(Side::Strong, 0.65), 0.1));
        assert!(stays(&decision(Side::Weak, 0.45), 0.1));
        assert!(!stays(&decision(Side::Weak, 0.35), 0.1));
        assert!(!stays(&decision(Side::Strong, 0.5), 0.0));
        assert!(stays(&Decision::new(None, "m", f64::NAN), 0.1));
    }
}
